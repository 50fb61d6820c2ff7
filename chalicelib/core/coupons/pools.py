"""Pools: the unassigned coupons of a reward, of which any will do for a claim."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.rewards import PoolEmpty, Reward
from chalicelib.core.settings import Settings

PLACES = 2**64
"""How many places a pool has to start at: the codes lie at random ones."""


class Sight(msgspec.Struct, frozen=True):
    """What one look at a shard of a pool found: coupons as they are now, and if that was all.

    The look may have been led by notes that are a moment old, so some may be claimed already.
    """

    coupons: tuple[Coupon, ...]
    whole: bool


def claimable(found: Iterable[Coupon], *, now: datetime) -> list[Coupon]:
    """Return those that can be claimed at ``now``: nobody has them, and they have not run out."""
    return [coupon for coupon in found if coupons.status_at(coupon, now) is CouponStatus.UNASSIGNED]


def check_gives(reward: Reward, *, by_staff: bool, settings: Settings, now: datetime) -> None:
    """Raise unless the pool of ``reward`` may be drawn on.

    Staff give coupons of a reward from draft on and outside its active period; others cannot.

    Raises:
        RewardNotActive: it may not.
    """
    if by_staff:
        coupons.check_may_be_issued(reward)
    else:
        rewards.check_usable(reward, at=now, time_zone=settings.time_zone)


def empty(reward: Reward) -> PoolEmpty:
    """Return the refusal of a claim when there is nothing left to claim."""
    return PoolEmpty(
        "the reward has no codes left to give",
        fix="add codes to the reward",
        facts={"reward_status": reward.status},
    )
