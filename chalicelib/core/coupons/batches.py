"""Batches: what one transaction created, so that a million new coupons are counted by the chunk."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from chalicelib.core.coupons.coupons import Coupon, CouponStatus


class CouponBatch(msgspec.Struct, frozen=True):
    """The coupons of one reward that one transaction created, by the status they began with.

    Written by whatever creates coupons, in the same transaction, and read by the totals of the
    reward alone: they take creations from here, and every later change from the coupon itself.
    ``claims`` is how many began in a customer's hands at some time, ``used`` how many with a use.
    ``counted``: the totals have it.
    """

    batch_id: str
    reward_id: str
    created_at: datetime
    created: Mapping[CouponStatus, int]
    claims: int = 0
    used: int = 0
    counted: bool = False
    version: int = 0


def of(coupons: Sequence[Coupon], *, batch_id: str, at: datetime) -> CouponBatch:
    """Return the batch of ``coupons``, which are all that one transaction creates of a reward."""
    assert coupons, "an empty batch says nothing"
    (reward_id,) = {coupon.reward_id for coupon in coupons}
    return CouponBatch(
        batch_id=batch_id,
        reward_id=reward_id,
        created_at=at,
        created=dict(Counter(coupon.status for coupon in coupons)),
        claims=sum(coupon.claimed_at is not None for coupon in coupons),
        used=sum(coupon.usages > 0 for coupon in coupons),
    )
