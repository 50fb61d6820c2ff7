from datetime import timedelta

import pytest

from chalicelib.core.coupons import pools
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.rewards.rewards import Reward, RewardNotActive, RewardStatus
from tests.builders import NOON, a_coupon, a_reward, an_unassigned_coupon, some_settings

HOUR = timedelta(hours=1)


class TestClaimable:
    def test_is_what_nobody_has_and_has_not_run_out(self) -> None:
        free = an_unassigned_coupon(code="FREE")
        until_later = an_unassigned_coupon(code="LATER", expires_at=NOON + HOUR)
        others = [
            an_unassigned_coupon(code="DUE", expires_at=NOON),
            a_coupon(code="CLAIMED"),
            an_unassigned_coupon(code="EXPIRED", status=CouponStatus.EXPIRED),
            an_unassigned_coupon(code="INVALID", status=CouponStatus.INVALID),
        ]

        found = pools.claimable([others[0], free, *others[1:], until_later], now=NOON)

        assert found == [free, until_later]


class TestCheckGives:
    @pytest.mark.parametrize(
        "reward",
        [
            pytest.param(a_reward(status=RewardStatus.DRAFT), id="a draft"),
            pytest.param(a_reward(status=RewardStatus.PAUSED), id="paused"),
            pytest.param(a_reward(active_from=NOON + HOUR), id="not yet active"),
            pytest.param(a_reward(active_until=NOON), id="no longer active"),
        ],
    )
    def test_lets_staff_give_what_others_cannot_take(self, reward: Reward) -> None:
        pools.check_gives(reward, by_staff=True, settings=some_settings(), now=NOON)
        with pytest.raises(RewardNotActive):
            pools.check_gives(reward, by_staff=False, settings=some_settings(), now=NOON)

    @pytest.mark.parametrize("by_staff", [True, False])
    def test_lets_nobody_take_from_an_archived_reward(self, *, by_staff: bool) -> None:
        reward = a_reward(status=RewardStatus.ARCHIVED)

        with pytest.raises(RewardNotActive):
            pools.check_gives(reward, by_staff=by_staff, settings=some_settings(), now=NOON)

    @pytest.mark.parametrize("by_staff", [True, False])
    def test_lets_everybody_take_from_an_active_one(self, *, by_staff: bool) -> None:
        pools.check_gives(a_reward(), by_staff=by_staff, settings=some_settings(), now=NOON)
