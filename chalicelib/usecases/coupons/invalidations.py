"""Take coupons out of use."""

from chalicelib.core.activity import Origin
from chalicelib.core.changes import Contention
from chalicelib.core.coupons import invalidations
from chalicelib.core.coupons.coupons import Coupon, CouponDecision
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.coupons.coupons import change_once
from chalicelib.usecases.keyed import Done


def invalidate(  # noqa: PLR0913
    context: Context,
    code: str,
    *,
    reason: str | None,
    in_bulk: bool,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Coupon]:
    """Take the coupon out of use.

    Raises:
        CouponNotFound, ConflictRetry, and what
        :func:`chalicelib.core.coupons.invalidations.decide_invalidation` refuses.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def decide(coupon: Coupon, _: Contention | None) -> CouponDecision:
        return invalidations.decide_invalidation(
            coupon, reason=reason, in_bulk=in_bulk, event_id=event_id, origin=origin
        )

    return change_once(context, code, decide, origin=origin, request=request)
