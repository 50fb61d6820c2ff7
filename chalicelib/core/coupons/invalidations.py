"""Taking a coupon out of use, for good."""

from msgspec.structs import replace

from chalicelib.core.activity import EventType, Origin
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import (
    Coupon,
    CouponDecision,
    CouponStatus,
    CouponUnassigned,
    Invalidation,
)


def decide_invalidation(
    coupon: Coupon, *, reason: str | None, in_bulk: bool, event_id: str, origin: Origin
) -> CouponDecision:
    """Decide that ``coupon`` can never be used again; uses behind it stand.

    In bulk only what somebody has: a slip in a list must not empty a pool. The reason is free text
    about a person as often as not, so it stays with the coupon and out of the customer's history.
    An excluded or deleted customer does not matter: it is a correction.

    Raises:
        CouponAlreadyRedeemed, CouponExpired, CouponInvalid, CouponUnassigned: by its status.
    """
    status = coupons.status_at(coupon, origin.recorded_at)
    if status not in (CouponStatus.UNASSIGNED, CouponStatus.CLAIMED):
        raise coupons.refused_by_status(coupon, status)
    if in_bulk and status is CouponStatus.UNASSIGNED:
        raise CouponUnassigned(
            "nobody has this coupon yet, and a bulk action leaves those alone",
            fix="invalidate it by itself",
            facts={"coupon_status": status},
        )
    after = replace(
        coupon,
        status=CouponStatus.INVALID,
        invalidation=Invalidation(origin.recorded_at, origin.actor, reason),
    )
    return coupons.with_event(
        coupon,
        after,
        EventType.COUPON_INVALIDATED,
        event_id=event_id,
        origin=origin,
        while_active=False,
    )
