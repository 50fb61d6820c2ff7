"""Records that decisions are made on, beyond what :mod:`tests.builders` has."""

from dataclasses import replace
from typing import Any

from chalicelib.core.activity import Channel
from chalicelib.core.coupons import CouponStatus
from chalicelib.core.redemptions import Redemption
from chalicelib.core.rewards import Discount, RewardType
from tests.builders import NOON


def a_redemption(**changes: Any) -> Redemption:
    """Ada's use of a coupon at a purchase of 20.00, which counted."""
    redemption = Redemption(
        redemption_id="rdm_1",
        code="SPRING-10",
        reward_id="rwd_1",
        customer_id="cus_ada",
        redeemed_at=NOON,
        recorded_at=NOON,
        actor="key_1",
        channel=Channel.SCANNER,
        currency="USD",
        discount=Discount(RewardType.PERCENTAGE_DISCOUNT, 1000, 200),
        coupon_status=CouponStatus.REDEEMED,
        coupon_usages=1,
        counted_minor=2000,
        counted_visits=1,
        newest_visit=True,
        amount_minor=2000,
        version=1,
    )
    return replace(redemption, **changes)
