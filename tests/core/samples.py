"""Records that decisions are made on, beyond what :mod:`tests.builders` has."""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.activity import Channel
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import redeeming
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.redeeming import RedemptionDecision
from chalicelib.core.coupons.redemptions import RedeemCoupon, Redemption
from chalicelib.core.customers.accounts import (
    Account,
    AccountChange,
)
from chalicelib.core.customers.orders import Order
from chalicelib.core.errors import DomainError
from chalicelib.core.rewards.rewards import Discount, Reward, RewardType
from chalicelib.core.settings import Settings
from tests.builders import (
    NOON,
    a_coupon,
    a_redeem_coupon,
    a_reward,
    an_origin,
    some_settings,
)


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


def decided(  # noqa: PLR0913 # everything that a redemption depends on
    command: RedeemCoupon | None = None,
    *,
    coupon: Coupon | None = None,
    reward: Reward | None = None,
    settings: Settings | None = None,
    order: Order | None = None,
    account: Account | None = None,
    now: datetime = NOON,
) -> RedemptionDecision:
    return redeeming.decide_redemption(
        command or a_redeem_coupon(),
        coupon=coupon or a_coupon(),
        reward=reward or a_reward(),
        settings=settings or some_settings(),
        order=order,
        account=account,
        origin=an_origin(now),
    )


def refusal_of(*arguments: Any, **options: Any) -> DomainError:
    with pytest.raises(DomainError) as caught:
        decided(*arguments, **options)
    return caught.value


def outcome_of(*arguments: Any, **options: Any) -> RedemptionDecision | str:
    """Return the decision, or the code of the refusal."""
    try:
        return decided(*arguments, **options)
    except DomainError as refusal:
        return refusal.code


def created_of(changes: Changes, kind: type[Any]) -> list[Any]:
    return [each for each in changes.create if isinstance(each, kind)]


def count_of(decision: RedemptionDecision) -> AccountChange:
    (count,) = decision.changes.count
    return count
