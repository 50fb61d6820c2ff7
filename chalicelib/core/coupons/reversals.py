"""Unredeeming: a correction that takes back a redemption and everything it counted."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from chalicelib.core import activity, errors, idempotency
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon, CouponStatus, RedemptionRef
from chalicelib.core.coupons.redemptions import Redemption, Reversal
from chalicelib.core.customers import orders
from chalicelib.core.customers.accounts import Account, AccountChange, VisitReset
from chalicelib.core.customers.orders import Order, PurchaseEffect
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.rewards import limits


class CouponNotRedeemed(errors.Refused):
    """There is no redemption to reverse."""

    code = "coupon_not_redeemed"


class LinkedCardInUse(errors.Refused):
    """What the redemption turned a card into has been used since, so it cannot be taken back."""

    code = "linked_card_in_use"


class UnredeemCoupon(msgspec.Struct, frozen=True):
    """A request to reverse a redemption of the coupon: the named one, or the latest.

    ``card_event_id`` is for the card that turns back.
    """

    code: str
    event_id: str
    redemption_id: str | None = None
    reason: str | None = None
    request: KeyedRequest | None = None
    card_event_id: str = ""


NOTHING_BESIDE: Final = Changes()


class ReversalDecision(msgspec.Struct, frozen=True):
    """What the reversal leaves, and what it writes. ``purchase`` is what it took back."""

    redemption: Redemption
    coupon: Coupon
    purchase: PurchaseEffect
    changes: Changes


def check_reversible(coupon: Coupon, *, now: datetime) -> None:
    """Raise unless some use of ``coupon`` can be taken back at ``now``.

    Redeemed, or claimed with uses behind it; what has expired stays expired.

    Raises:
        CouponNotRedeemed, CouponUnassigned, CouponExpired, CouponInvalid: by its status.
    """
    status = coupons.status_at(coupon, now)
    if coupon.shared:
        return  # Each of its uses stands by itself, whatever became of the code.
    if status is CouponStatus.CLAIMED and coupon.usages == 0:
        raise CouponNotRedeemed(
            "the coupon has not been used",
            fix="nothing to take back",
            facts={"coupon_status": status, "usages": 0},
        )
    if status not in (CouponStatus.REDEEMED, CouponStatus.CLAIMED):
        raise coupons.refused_by_status(coupon, status)


def decide_reversal(  # noqa: PLR0913
    command: UnredeemCoupon,
    *,
    coupon: Coupon,
    redemption: Redemption,
    standing_before: Redemption | None,
    order: Order | None,
    account: Account | None,
    newest_other_visit: datetime | None,
    origin: Origin,
    beside: Changes = NOTHING_BESIDE,
) -> ReversalDecision:
    """Decide that ``redemption`` no longer stands.

    ``standing_before`` is the redemption of the coupon that is the latest once this one is gone,
    ``newest_other_visit`` the newest use by the customer that stands without it. An excluded or
    deleted customer does not matter: it is a correction. ``account`` is None for a guest's.
    ``beside`` is what becomes of the coupon's card, with its event.

    What a use of a shared code took from the limits is given back: the use never was. A claim that
    was made by redeeming stays one.

    Raises:
        CouponNotRedeemed: the redemption was reversed before, or no use can be taken back.
    """
    now = origin.recorded_at
    check_reversible(coupon, now=now)
    if redemption.reversal is not None:
        raise CouponNotRedeemed(
            "this redemption was reversed before",
            fix="name a redemption that stands",
            pointer="/redemption_id",
            facts={"redemption_id": redemption.redemption_id},
        )
    after = _after(coupon, redemption, standing_before, now=now)
    reversed_ = replace(redemption, reversal=Reversal(now, origin.actor, command.reason))
    counts = account is not None and redemption.redeemed_at >= account.joined_at
    purchase = _purchase_without(redemption, order, counts=counts)
    event = activity.event(
        EventType.COUPON_UNREDEEMED,
        event_id=command.event_id,
        customer_id=redemption.customer_id,
        origin=origin,
        code=coupon.code,
        reward_id=coupon.reward_id,
        redemption_id=redemption.redemption_id,
        detail={"status": after.status, "lifetime_value_minor": purchase.lifetime_value_minor},
    )
    made = (
        redemption.redemption_id,
        redemption.customer_id or "",
        str(purchase.lifetime_value_minor),
        str(purchase.visits),
    )
    record = idempotency.record_of(command.request, made=made, now=now)
    changes = Changes(
        create=(event, *record),
        update=((redemption, reversed_),),
        add=limits.given_back(redemption.units),
    )
    if not coupon.shared:
        changes += Changes(update=((coupon, after),))
    if account is not None:
        moved = account.last_visit_at != newest_other_visit
        count = AccountChange(
            account.customer_id,
            activity_count=1 + len(beside.create),
            lifetime_value_minor=purchase.lifetime_value_minor,
            visits=purchase.visits,
            coupons_used=-1,
            visit=VisitReset(newest_other_visit) if moved else None,
            while_active=False,
            at_version=account.version,
        )
        changes += Changes(count=(count,))
    if order is not None and purchase.order is not None:
        changes += Changes(update=((order, purchase.order),))
    return ReversalDecision(reversed_, after, purchase, changes + beside)


def _purchase_without(
    redemption: Redemption, order: Order | None, *, counts: bool
) -> PurchaseEffect:
    if order is None:
        return PurchaseEffect(None, -redemption.counted_minor, -redemption.counted_visits)
    return orders.without_redemption(
        order,
        counts=counts,
        off_minor=redemption.discount.amount_off_minor or 0,
        exclusive=redemption.exclusive,
    )


def _after(
    coupon: Coupon, redemption: Redemption, latest: Redemption | None, *, now: datetime
) -> Coupon:
    """Return ``coupon`` without the use; ``latest`` is then the last that stands."""
    if coupon.shared:
        return coupon
    expired = coupon.expires_at is not None and coupon.expires_at <= now
    last = None
    if latest is not None:
        assert latest.customer_id is not None, "a coupon that is not shared has a customer"
        last = RedemptionRef(latest.redemption_id, latest.customer_id, latest.order_id)
    balance = coupon.balance_minor
    if balance is not None:
        balance += redemption.discount.amount_off_minor or 0
    return replace(
        coupon,
        status=CouponStatus.EXPIRED if expired else CouponStatus.CLAIMED,
        usages=coupon.usages - 1,
        balance_minor=balance,
        redeemed_at=None if latest is None else latest.redeemed_at,
        last_redemption=last,
    )
