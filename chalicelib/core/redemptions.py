"""Redeeming a coupon at a purchase: the decision, without the doing."""

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from chalicelib.core import (
    accounts,
    activity,
    coupons,
    errors,
    idempotency,
    moments,
    orders,
    rewards,
)
from chalicelib.core import settings as settings_
from chalicelib.core.accounts import Account, AccountChange, NewestVisit, OlderVisit
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import Coupon, CouponStatus, RedemptionRef
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.orders import Order, PurchaseEffect
from chalicelib.core.rewards import Discount, PurchaseAmount, Reward
from chalicelib.core.settings import Settings


class WrongCustomer(errors.Refused):
    """The coupon belongs to another customer."""

    code = "wrong_customer"


class RedemptionNotFound(errors.NotFound):
    """The coupon has no redemption with this id."""

    code = "redemption_not_found"


class RedeemedAtOutOfRange(errors.Invalid):
    """The time of use is in the future, or too long ago for a late upload."""

    code = "redeemed_at_out_of_range"


class PurchaseAmountRequired(errors.Invalid):
    """The reward asks for the amount of the purchase."""

    code = "purchase_amount_required"


class MinimumPurchaseNotMet(errors.Invalid):
    """The purchase is smaller than the reward asks for."""

    code = "minimum_purchase_not_met"


class Line(msgspec.Struct, frozen=True):
    """One line of the purchase; ``amount_minor`` is for the whole quantity."""

    product: str
    category: str | None = None
    quantity: int = 1
    amount_minor: int | None = None


class RedeemCoupon(msgspec.Struct, frozen=True):
    """A request to redeem.

    The ids are made once per request, so that the same attempt is known again when it is decided
    a second time; ``redemption_id`` is a ULID of the time of use. ``redeemed_at`` is given for a
    late upload only. ``amount_minor`` is the purchase before our coupons are taken off.
    """

    code: str
    redemption_id: str
    event_ids: tuple[str, str]
    customer_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    order_id: str | None = None
    comment: str | None = None
    location_id: str | None = None
    redeemed_at: datetime | None = None
    lines: tuple[Line, ...] = ()
    request: KeyedRequest | None = None


class Reversal(msgspec.Struct, frozen=True):
    """That a redemption no longer stands: when, by whom, and why."""

    reversed_at: datetime
    reversed_by: str
    reason: str | None


class Redemption(msgspec.Struct, frozen=True):
    """The record of one use of a coupon, kept for ever; only ``reversal`` is ever added.

    ``counted_minor``, ``counted_visits``, ``newest_visit`` and ``coupon_*`` are what it changed, so
    that its answer can be given again. ``previous`` stood for the coupon before it.
    """

    redemption_id: str
    code: str
    reward_id: str
    customer_id: str
    redeemed_at: datetime
    recorded_at: datetime
    actor: str
    channel: activity.Channel
    currency: str
    discount: Discount
    coupon_status: CouponStatus
    coupon_usages: int
    coupon_claimed: bool = False
    counted_minor: int = 0
    counted_visits: int = 0
    newest_visit: bool = False
    amount_minor: int | None = None
    order_id: str | None = None
    comment: str | None = None
    location_id: str | None = None
    lines: tuple[Line, ...] = ()
    previous: RedemptionRef | None = None
    reversal: Reversal | None = None
    version: int = 0


class RedemptionDecision(msgspec.Struct, frozen=True):
    """What to tell the caller, and what to write before telling them."""

    redemption: Redemption
    coupon: Coupon
    changes: Changes


def decide_redemption(  # noqa: PLR0913
    command: RedeemCoupon,
    *,
    coupon: Coupon,
    reward: Reward,
    settings: Settings,
    order: Order | None,
    account: Account | None,
    origin: Origin,
) -> RedemptionDecision:
    """Decide whether ``coupon`` is redeemed, and what that writes.

    ``account`` None means that nobody has read it: then the usual case is assumed (an active
    customer, joined before, whose newest visit this is) and made a condition of the change.

    The first broken rule wins; the order is from "nothing the customer can do" to "easily fixed",
    so that a till never says "spend more" about a coupon that has expired.

    Raises:
        RedeemedAtOutOfRange, CouponAlreadyRedeemed, CouponExpired, CouponInvalid,
        CouponUnassigned, WrongCustomer, CustomerExcluded, CustomerDeleted, RewardNotActive,
        CurrencyMismatch, OrderOfAnotherCustomer, OrderAmountMismatch, PurchaseAmountRequired,
        MinimumPurchaseNotMet: a rule says no.
    """
    assert order is None or order.order_id == command.order_id, "the caller read another order"
    at = time_of_use(command, settings=settings, now=origin.recorded_at)
    usable = _in_customers_hands(coupon, command, reward=reward, settings=settings, at=at)
    customer_id = usable.customer_id
    assert customer_id is not None, "a claimed coupon has a customer"
    if account is not None:
        assert account.customer_id == customer_id, "the caller read another account"
        accounts.check_active(account)
    rewards.check_usable(reward, at=at, time_zone=settings.time_zone)
    settings_.check_currency(command.currency, settings=settings)
    orders.check(order, customer_id=customer_id, amount_minor=command.amount_minor)
    amount_minor = command.amount_minor
    if amount_minor is None and order is not None and order.standing:
        amount_minor = order.amount_minor
    _check_amount(command, amount_minor, reward=reward, settings=settings)

    counts = account is None or at >= account.joined_at
    purchase = _purchase(command, order, customer_id=customer_id, counts=counts, origin=origin)
    visit = _visit(account, at) if counts else None
    used_up = usable.usages + 1 >= usable.usage_limit
    after = replace(
        usable,
        status=CouponStatus.REDEEMED if used_up else usable.status,
        usages=usable.usages + 1,
        redeemed_at=at,
        last_redemption=RedemptionRef(command.redemption_id, customer_id, command.order_id),
    )
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
        discount=rewards.discount_of(reward, amount_minor=amount_minor),
        coupon_status=after.status,
        coupon_usages=after.usages,
        coupon_claimed=coupon.customer_id is None,
        counted_minor=purchase.lifetime_value_minor,
        counted_visits=purchase.visits,
        newest_visit=isinstance(visit, NewestVisit),
        amount_minor=amount_minor,
        order_id=command.order_id,
        comment=command.comment,
        location_id=command.location_id,
        lines=command.lines,
        previous=coupon.last_redemption,
    )
    events = _events(command, redemption, origin=origin)
    count = AccountChange(
        customer_id,
        activity_count=len(events),
        lifetime_value_minor=purchase.lifetime_value_minor,
        visits=purchase.visits,
        coupons_used=1,
        visit=visit,
        joined_by=at if account is None else None,
    )
    made = (redemption.redemption_id, customer_id)
    record = idempotency.record_of(command.request, made=made, now=origin.recorded_at)
    changes = Changes(
        create=(redemption, *events, *record), update=((coupon, after),), count=(count,)
    )
    if purchase.order is not None:
        stored = order is not None and order.version > 0
        changes += (
            Changes(update=((order, purchase.order),))
            if stored and order is not None
            else Changes(create=(purchase.order,))
        )
    return RedemptionDecision(redemption, after, changes)


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


def _in_customers_hands(
    coupon: Coupon, command: RedeemCoupon, *, reward: Reward, settings: Settings, at: datetime
) -> Coupon:
    """Return ``coupon`` as it can be used at ``at``: claimed, by this very request if need be.

    What ran out unused counts as it was before, so that the outcome of a late upload does not
    depend on when the expiry job ran: its expiry is judged at ``at``.
    """
    status = coupon.status
    if status is CouponStatus.EXPIRED:
        status = CouponStatus.CLAIMED if coupon.customer_id else CouponStatus.UNASSIGNED
    if status in (CouponStatus.INVALID, CouponStatus.REDEEMED):
        raise coupons.refused_by_status(coupon, status)
    if coupon.expires_at is not None and coupon.expires_at <= at:
        raise coupons.refused_by_status(coupon, CouponStatus.EXPIRED)
    if status is CouponStatus.UNASSIGNED:
        return _claimed_by(coupon, command, reward=reward, settings=settings, at=at)
    if command.customer_id not in (None, coupon.customer_id):
        raise WrongCustomer(
            "the coupon belongs to another customer",
            fix="check the customer, or leave customer_id out",
            pointer="/customer_id",
        )
    return coupon


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


def _purchase(
    command: RedeemCoupon, order: Order | None, *, customer_id: str, counts: bool, origin: Origin
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
