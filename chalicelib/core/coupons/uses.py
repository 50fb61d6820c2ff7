"""One use of a coupon: every rule that it must keep, and what it is worth."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from chalicelib.core import activity, errors, moments
from chalicelib.core import settings as settings_
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import baskets, coupons, holds
from chalicelib.core.coupons.baskets import Basket, NotEligible
from chalicelib.core.coupons.coupons import Coupon, CouponStatus, HeldUse, RedemptionRef
from chalicelib.core.coupons.redemptions import (
    MinimumPurchaseNotMet,
    PurchaseAmountRequired,
    RedeemCoupon,
    RedeemedAtOutOfRange,
    Redemption,
)
from chalicelib.core.customers import accounts, orders
from chalicelib.core.customers.accounts import Account, AccountChange, NewestVisit, OlderVisit
from chalicelib.core.customers.orders import Order, PurchaseEffect
from chalicelib.core.rewards import limits, rewards
from chalicelib.core.rewards.limits import NOTHING_KNOWN, Ledger, UnitTaken
from chalicelib.core.rewards.rewards import PurchaseAmount, Reward, Stacking
from chalicelib.core.settings import Settings


class Use(msgspec.Struct, frozen=True):
    """One use that keeps every rule: the coupon before and after, its record, and what it costs.

    ``basket`` is what it leaves for the next coupon, ``visit`` when the customer was there: None
    for a use before they joined, or of a guest. ``units`` are what it takes from the limits.
    """

    before: Coupon
    after: Coupon
    redemption: Redemption
    purchase: PurchaseEffect
    basket: Basket
    visit: NewestVisit | OlderVisit | None
    units: tuple[UnitTaken, ...]


def decide_use(  # noqa: PLR0913
    command: RedeemCoupon,
    *,
    coupon: Coupon,
    reward: Reward,
    settings: Settings,
    order: Order | None,
    account: Account | None,
    origin: Origin,
    known: Ledger = NOTHING_KNOWN,
    basket: Basket | None = None,
) -> Use:
    """Decide whether ``coupon`` can be used, and what that makes of everything.

    ``account`` None: nobody has read it, see :func:`changes_of`. ``basket`` is what earlier coupons
    of the same request left of the purchase.

    The first broken rule wins; the order is from "nothing the customer can do" to "easily fixed",
    so that a till never says "spend more" about a coupon that has expired.

    Raises:
        RedeemedAtOutOfRange, HoldNotFound, HoldLapsed, CouponAlreadyRedeemed, CouponExpired,
        CouponInvalid, CouponUnassigned, CouponHeld, WrongCustomer, CustomerExcluded,
        CustomerDeleted, RewardNotActive, CurrencyMismatch, OrderOfAnotherCustomer,
        OrderAmountMismatch, NotCombinable, NotEligible, PurchaseAmountRequired,
        MinimumPurchaseNotMet, RewardLimitReached, CustomerLimitReached, Invalid: a rule says no.
    """
    assert order is None or order.order_id == command.order_id, "the caller read another order"
    at = time_of_use(command, settings=settings, now=origin.recorded_at)
    if coupon.status in (CouponStatus.INVALID, CouponStatus.REDEEMED):
        raise coupons.refused_by_status(coupon, coupon.status)
    hold = holds.own(
        coupon, hold_id=command.hold_id, order_id=command.order_id, now=origin.recorded_at
    )
    usable = _usable(coupon, command, hold, reward=reward, settings=settings, at=at)
    holds.check_free(usable, own_hold=hold, now=origin.recorded_at)
    customer_id = command.customer_id if coupon.shared else usable.customer_id
    if account is not None:
        assert account.customer_id == customer_id, "the caller read another account"
        accounts.check_active(account)
    rewards.check_usable(reward, at=at, time_zone=settings.time_zone)
    settings_.check_currency(command.currency, settings=settings)
    orders.check(order, customer_id=customer_id, amount_minor=command.amount_minor)
    exclusive = reward.stacking is Stacking.EXCLUSIVE
    orders.check_combination(order, exclusive=exclusive)
    _check_location(command, reward=reward)
    amount_minor = _amount(command, order)
    _check_amount(command, amount_minor, reward=reward, settings=settings)
    applied = baskets.apply(
        reward,
        basket or baskets.basket_of(amount_minor, command.lines, taken_off_minor=_off(order)),
        balance_minor=coupon.balance_minor,
    )
    units = _units(command, coupon, reward, customer_id, known, at=at, settings=settings)

    counts = customer_id is not None and (account is None or at >= account.joined_at)
    off_minor = applied.discount.amount_off_minor or 0
    purchase = _purchase(
        command,
        order,
        customer_id=customer_id,
        counts=counts,
        off_minor=off_minor,
        exclusive=exclusive,
        origin=origin,
    )
    visit = _visit(account, at) if counts else None
    after = _used(usable, command, hold, off_minor=off_minor, at=at, now=origin.recorded_at)
    redemption = Redemption(
        redemption_id=command.redemption_id,
        code=coupon.code,
        reward_id=coupon.reward_id,
        customer_id=customer_id,
        redeemed_at=at,
        recorded_at=origin.recorded_at,
        actor=origin.actor,
        channel=origin.channel,
        currency=settings.currency,
        discount=applied.discount,
        coupon_status=after.status,
        coupon_usages=after.usages,
        coupon_claimed=coupon.customer_id is None and not coupon.shared,
        counted_minor=purchase.lifetime_value_minor,
        counted_visits=purchase.visits,
        newest_visit=isinstance(visit, NewestVisit),
        amount_minor=amount_minor,
        order_id=command.order_id,
        comment=command.comment,
        location_id=command.location_id,
        lines=command.lines,
        previous=coupon.last_redemption,
        # Only what an unredeem gives back: that of a claim stays with the claimed coupon.
        units=units if coupon.shared else (),
        exclusive=exclusive,
        coupon_balance_minor=after.balance_minor,
    )
    return Use(coupon, after, redemption, purchase, applied.basket, visit, units)


def changes_of(
    used: Sequence[tuple[RedeemCoupon, Use]],
    *,
    order: Order | None,
    account: Account | None,
    origin: Origin,
    beside: Changes,
) -> Changes:
    """Return what the uses of one purchase, by one customer, write together.

    ``order`` is as it was before the first of them. ``beside`` is what else comes of them, with its
    events. With ``account`` None the usual case is made a
    condition: the customer takes part, had joined, and was never seen later.
    """
    events = [
        event for command, use in used for event in _events(command, use.redemption, origin=origin)
    ]
    redemptions = [use.redemption for _, use in used]
    changes = Changes(
        create=(*redemptions, *events),
        update=tuple((use.before, use.after) for _, use in used if not use.before.shared),
        add=tuple(unit for _, use in used for unit in use.units),
    )
    first = redemptions[0]
    if first.customer_id is not None:
        count = AccountChange(
            first.customer_id,
            activity_count=len(events) + len(beside.create),
            lifetime_value_minor=sum(use.purchase.lifetime_value_minor for _, use in used),
            visits=sum(use.purchase.visits for _, use in used),
            coupons_used=len(used),
            visit=used[0][1].visit,
            joined_by=first.redeemed_at if account is None else None,
        )
        changes += Changes(count=(count,))
    changes += beside
    after = used[-1][1].purchase.order
    if after is None:
        return changes
    if order is not None and order.version > 0:
        return changes + Changes(update=((order, after),))
    return changes + Changes(create=(after,))


def time_of_use(command: RedeemCoupon, *, settings: Settings, now: datetime) -> datetime:
    """Return when the coupon was used: now, or when the till says, for a late upload.

    Raises:
        RedeemedAtOutOfRange: in the future, or longer ago than the business allows.
    """
    if command.redeemed_at is None:
        return now
    earliest = now - timedelta(hours=settings.late_upload_limit_hours)
    if not earliest <= command.redeemed_at <= now:
        raise RedeemedAtOutOfRange(
            "the time of use is in the future or too long ago",
            fix=f"send a time from {moments.iso(earliest)} to {moments.iso(now)}",
            pointer="/redeemed_at",
            facts={"earliest": moments.iso(earliest), "latest": moments.iso(now)},
        )
    return command.redeemed_at


def _usable(  # noqa: PLR0913
    coupon: Coupon,
    command: RedeemCoupon,
    hold: HeldUse | None,
    *,
    reward: Reward,
    settings: Settings,
    at: datetime,
) -> Coupon:
    """Return ``coupon`` as it can be used at ``at``: claimed, by this very request if need be.

    What ran out unused counts as it was before, so that the outcome of a late upload does not
    depend on when the expiry job ran: its expiry is judged at ``at``. A use that was held before
    the expiry is honoured.
    """
    status = coupon.status
    if status is CouponStatus.EXPIRED:
        status = CouponStatus.CLAIMED if coupon.customer_id else CouponStatus.UNASSIGNED
    if coupon.expires_at is not None and coupon.expires_at <= at and hold is None:
        raise coupons.refused_by_status(coupon, CouponStatus.EXPIRED)
    if coupon.shared:
        _check_guest(command, reward)
        return coupon
    if status is CouponStatus.UNASSIGNED:
        return _claimed_by(coupon, command, reward=reward, settings=settings, at=at)
    coupons.check_holder(coupon, command.customer_id)
    return coupon


def _check_guest(command: RedeemCoupon, reward: Reward) -> None:
    if command.customer_id is None and not reward.guests_allowed:
        raise errors.Invalid(
            "this code is for customers, not for guests",
            fix="send customer_id",
            pointer="/customer_id",
            facts={"guests_allowed": False},
        )


def _claimed_by(
    coupon: Coupon, command: RedeemCoupon, *, reward: Reward, settings: Settings, at: datetime
) -> Coupon:
    if command.customer_id is None or not reward.claim_on_redeem:
        raise coupons.CouponUnassigned(
            "nobody has this coupon yet",
            fix="send customer_id" if reward.claim_on_redeem else "claim it for a customer first",
            pointer="/customer_id" if reward.claim_on_redeem else None,
            facts={
                "coupon_status": CouponStatus.UNASSIGNED,
                "claim_on_redeem": reward.claim_on_redeem,
            },
        )
    held = coupons.claimed(coupon, command.customer_id, reward=reward, settings=settings, at=at)
    # A multi-use coupon whose end was recorded stays so after a late use of one of its uses.
    return replace(held, status=coupon.status) if coupon.status is CouponStatus.EXPIRED else held


def _used(  # noqa: PLR0913
    coupon: Coupon,
    command: RedeemCoupon,
    hold: HeldUse | None,
    *,
    off_minor: int,
    at: datetime,
    now: datetime,
) -> Coupon:
    """Return ``coupon`` after this use of it; a shared one stays as it is."""
    if coupon.shared:
        return coupon
    customer_id = coupon.customer_id
    assert customer_id is not None, "a claimed coupon has a customer"
    balance = None if coupon.balance_minor is None else coupon.balance_minor - off_minor
    after = replace(
        coupon,
        usages=coupon.usages + 1,
        balance_minor=balance,
        redeemed_at=at,
        last_redemption=RedemptionRef(command.redemption_id, customer_id, command.order_id),
        holds=holds.without(coupon, hold, now=now),
    )
    used_up = coupons.uses_left(after) <= 0
    return replace(after, status=CouponStatus.REDEEMED) if used_up else after


def _amount(command: RedeemCoupon, order: Order | None) -> int | None:
    """Return the amount of the purchase, which the order may know from an earlier redemption."""
    if command.amount_minor is None and order is not None and order.standing:
        return order.amount_minor
    return command.amount_minor


def _off(order: Order | None) -> int:
    return order.taken_off_minor if order is not None and order.standing else 0


def _check_location(command: RedeemCoupon, *, reward: Reward) -> None:
    if reward.location_ids and command.location_id not in reward.location_ids:
        raise NotEligible(
            "the reward is for other locations",
            fix="use it at one of its locations"
            if command.location_id
            else "send location_id of one of its locations",
            pointer="/location_id",
            facts={"restriction": "locations"},
        )


def _check_amount(
    command: RedeemCoupon, amount_minor: int | None, *, reward: Reward, settings: Settings
) -> None:
    minimum = reward.minimum_purchase_minor
    required = reward.purchase_amount is PurchaseAmount.REQUIRED and command.amount_minor is None
    if required or (minimum is not None and amount_minor is None):
        raise PurchaseAmountRequired(
            "the reward asks for the amount of the purchase",
            fix="send amount_minor",
            pointer="/amount_minor",
        )
    if minimum is not None and amount_minor is not None and amount_minor < minimum:
        missing = settings_.money(minimum - amount_minor, currency=settings.currency)
        raise MinimumPurchaseNotMet(
            "the purchase is smaller than the reward asks for",
            fix=f"{missing} more needed",
            pointer="/amount_minor",
            facts={
                "minimum_purchase_minor": minimum,
                "missing_minor": minimum - amount_minor,
                "currency": settings.currency,
            },
        )


def _units(  # noqa: PLR0913
    command: RedeemCoupon,
    coupon: Coupon,
    reward: Reward,
    customer_id: str | None,
    known: Ledger,
    *,
    at: datetime,
    settings: Settings,
) -> tuple[UnitTaken, ...]:
    """Return what a claim, or a use of a shared code, takes from the limits of the reward."""
    if coupon.customer_id is not None:
        return ()
    return limits.decide_units(
        reward.reward_id,
        limits=rewards.counted_limits(reward),
        limits_per_customer=reward.limits_per_customer,
        customer_id=customer_id,
        known=known,
        turn=limits.turn_of(command.redemption_id),
        at=at,
        time_zone=settings.time_zone,
    )


def _purchase(  # noqa: PLR0913
    command: RedeemCoupon,
    order: Order | None,
    *,
    customer_id: str | None,
    counts: bool,
    off_minor: int,
    exclusive: bool,
    origin: Origin,
) -> PurchaseEffect:
    """Return what the purchase adds; without an order id it is a purchase of its own."""
    if command.order_id is None:
        value = command.amount_minor or 0
        return PurchaseEffect(None, value if counts else 0, 1 if counts else 0)
    return orders.with_redemption(
        order or Order(command.order_id, customer_id, origin.recorded_at),
        customer_id=customer_id,
        amount_minor=command.amount_minor,
        counts=counts,
        off_minor=off_minor,
        exclusive=exclusive,
    )


def _visit(account: Account | None, at: datetime) -> NewestVisit | OlderVisit:
    if account is None or account.last_visit_at is None or account.last_visit_at <= at:
        return NewestVisit(at)
    return OlderVisit(at)


def _events(
    command: RedeemCoupon, redemption: Redemption, *, origin: Origin
) -> tuple[activity.ActivityEvent, ...]:
    claimed_id, redeemed_id = command.event_ids
    redeemed = activity.event(
        EventType.COUPON_REDEEMED,
        event_id=redeemed_id,
        customer_id=redemption.customer_id,
        origin=origin,
        occurred_at=redemption.redeemed_at,
        code=redemption.code,
        reward_id=redemption.reward_id,
        redemption_id=redemption.redemption_id,
        detail={
            "status": redemption.coupon_status,
            "amount_minor": redemption.amount_minor,
            "amount_off_minor": redemption.discount.amount_off_minor,
            "order_id": redemption.order_id,
        },
    )
    if not redemption.coupon_claimed:
        return (redeemed,)
    claimed = activity.event(
        EventType.COUPON_CLAIMED,
        event_id=claimed_id,
        customer_id=redemption.customer_id,
        origin=origin,
        occurred_at=redemption.redeemed_at,
        code=redemption.code,
        reward_id=redemption.reward_id,
        detail={"status": CouponStatus.CLAIMED},
    )
    return (claimed, redeemed)
