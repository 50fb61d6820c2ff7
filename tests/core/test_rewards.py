from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.errors import Invalid, Refused
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.rewards import (
    CouponSource,
    PoolEmpty,
    Reward,
    RewardNotActive,
    RewardStatus,
    RewardType,
)
from tests.builders import NOON, a_reward

_INSTANT = timedelta(milliseconds=1)
_MONEY = (RewardType.DISCOUNT, RewardType.VALUE)
_amounts = st.integers(0, 10**12)


def _a_reward_of(reward_type: RewardType, **changes: Any) -> Reward:
    """Return a reward of the type, with the one value that the type has."""
    percent = 1000 if reward_type is RewardType.PERCENTAGE_DISCOUNT else None
    amount = 500 if reward_type in _MONEY else None
    return a_reward(
        **{
            "reward_type": reward_type,
            "percent_off_basis_points": percent,
            "amount_off_minor": amount,
            **changes,
        }
    )


class TestCheck:
    @pytest.mark.parametrize("reward_type", list(RewardType))
    def test_takes_every_type_with_its_own_value(self, reward_type: RewardType) -> None:
        rewards.check(_a_reward_of(reward_type))

    @pytest.mark.parametrize(
        ("reward_type", "changes", "pointers"),
        [
            pytest.param(
                RewardType.PERCENTAGE_DISCOUNT,
                {"percent_off_basis_points": None},
                ["/percent_off_basis_points"],
                id="a percentage of what",
            ),
            pytest.param(
                RewardType.DISCOUNT,
                {"amount_off_minor": None},
                ["/amount_off_minor"],
                id="no amount",
            ),
            pytest.param(
                RewardType.VALUE, {"amount_off_minor": None}, ["/amount_off_minor"], id="no value"
            ),
            pytest.param(
                RewardType.GIFT,
                {"amount_off_minor": 5},
                ["/amount_off_minor"],
                id="a gift of money",
            ),
            pytest.param(
                RewardType.PERCENTAGE_DISCOUNT,
                {"amount_off_minor": 5},
                ["/amount_off_minor"],
                id="percent and amount",
            ),
            pytest.param(
                RewardType.DISCOUNT,
                {"percent_off_basis_points": 5, "amount_off_minor": None},
                ["/percent_off_basis_points", "/amount_off_minor"],
                id="the other's value: both faults are named",
            ),
            pytest.param(
                RewardType.GIFT,
                {"valid_until": NOON, "valid_days_after_claim": 3},
                ["/validity"],
                id="two validities",
            ),
            pytest.param(
                RewardType.GIFT,
                {"active_from": NOON, "active_until": NOON},
                ["/active_until"],
                id="active for no time",
            ),
            pytest.param(
                RewardType.GIFT,
                {"active_from": NOON, "active_until": NOON - _INSTANT},
                ["/active_until"],
                id="ends before it starts",
            ),
        ],
    )
    def test_names_every_fault(
        self, reward_type: RewardType, changes: dict[str, Any], pointers: list[str]
    ) -> None:
        with pytest.raises(Invalid) as caught:
            rewards.check(_a_reward_of(reward_type, **changes))

        assert caught.value.code == "validation_failed"
        assert [fault.pointer for fault in caught.value.faults] == pointers

    def test_takes_a_period_of_one_instant(self) -> None:
        rewards.check(a_reward(active_from=NOON, active_until=NOON + _INSTANT))


class TestKind:
    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"reward_type": RewardType.GIFT}, "/type"),
            ({"coupon_source": CouponSource.UPLOADED}, "/coupon_source"),
        ],
    )
    def test_stays_once_it_is_no_draft(self, changes: dict[str, Any], pointer: str) -> None:
        active = a_reward()
        with pytest.raises(Invalid) as caught:
            rewards.check_unchanged_kind(active, replace(active, **changes))

        assert [fault.pointer for fault in caught.value.faults] == [pointer]
        draft = replace(active, status=RewardStatus.DRAFT)
        rewards.check_unchanged_kind(draft, replace(draft, **changes))


_DRAFT, _ACTIVE, _PAUSED, _ARCHIVED = RewardStatus
_MOVES = {
    (_DRAFT, _ACTIVE): True,
    (_DRAFT, _PAUSED): False,
    (_DRAFT, _ARCHIVED): True,
    (_ACTIVE, _PAUSED): True,
    (_ACTIVE, _ARCHIVED): True,
    (_PAUSED, _ACTIVE): True,
    (_PAUSED, _ARCHIVED): True,
    (_ARCHIVED, _ACTIVE): False,
    (_ARCHIVED, _PAUSED): False,
}


class TestMovedTo:
    @pytest.mark.parametrize(("start", "end"), [move for move, may in _MOVES.items() if may])
    def test_follows_the_life_of_a_reward(self, start: RewardStatus, end: RewardStatus) -> None:
        before = a_reward(status=start)

        assert rewards.moved_to(before, end) == replace(before, status=end)

    @pytest.mark.parametrize(("start", "end"), [move for move, may in _MOVES.items() if not may])
    def test_refuses_other_moves(self, start: RewardStatus, end: RewardStatus) -> None:
        with pytest.raises(RewardNotActive) as caught:
            rewards.moved_to(a_reward(status=start), end)

        assert caught.value.facts == {"reward_status": start}
        assert caught.value.fix

    @pytest.mark.parametrize("status", [_ACTIVE, _PAUSED, _ARCHIVED])
    def test_to_where_it_is_changes_nothing(self, status: RewardStatus) -> None:
        reward = a_reward(status=status)

        assert rewards.moved_to(reward, status) == reward

    def test_needs_codes_where_they_are_uploaded(self) -> None:
        empty = a_reward(status=_DRAFT, coupon_source=CouponSource.UPLOADED)

        with pytest.raises(PoolEmpty):
            rewards.moved_to(empty, _ACTIVE)
        assert rewards.moved_to(rewards.stocked(empty), _ACTIVE).status is _ACTIVE

    def test_can_be_archived_with_an_empty_pool(self) -> None:
        empty = a_reward(status=_DRAFT, coupon_source=CouponSource.UPLOADED)

        assert rewards.moved_to(empty, _ARCHIVED).status is _ARCHIVED


class TestUsable:
    @pytest.mark.parametrize("status", [_DRAFT, _PAUSED, _ARCHIVED])
    def test_not_unless_it_is_active(self, status: RewardStatus) -> None:
        with pytest.raises(RewardNotActive) as caught:
            rewards.check_usable(a_reward(status=status), at=NOON, time_zone="UTC")

        assert caught.value.facts["reward_status"] == status

    @pytest.mark.parametrize("at", [NOON, NOON + timedelta(hours=1) - _INSTANT])
    def test_from_the_start_of_its_period_to_before_its_end(self, at: datetime) -> None:
        reward = a_reward(active_from=NOON, active_until=NOON + timedelta(hours=1))

        rewards.check_usable(reward, at=at, time_zone="UTC")

    @pytest.mark.parametrize(
        ("at", "fix"),
        [
            pytest.param(
                NOON - _INSTANT, "valid from Sun 2026-03-29 14:00", id="an instant too early"
            ),
            pytest.param(
                NOON + timedelta(hours=1),
                "it ended Sun 2026-03-29 15:00",
                id="the end is excluded",
            ),
        ],
    )
    def test_not_outside_its_period(self, at: datetime, fix: str) -> None:
        reward = a_reward(active_from=NOON, active_until=NOON + timedelta(hours=1))

        with pytest.raises(Refused) as caught:
            rewards.check_usable(reward, at=at, time_zone="Europe/Berlin")

        assert caught.value.code == "reward_not_active"
        assert caught.value.fix == fix
        assert caught.value.facts["active_from"] == "2026-03-29T12:00:00.000Z"


class TestExpiryOfClaim:
    def test_is_the_fixed_end(self) -> None:
        reward = a_reward(valid_until=NOON)

        assert rewards.expiry_of_claim(reward, claimed_at=NOON, time_zone="UTC") == NOON

    def test_is_the_end_of_the_last_day_in_the_zone_of_the_business(self) -> None:
        reward = a_reward(valid_days_after_claim=1)

        end = rewards.expiry_of_claim(reward, claimed_at=NOON, time_zone="Europe/Berlin")

        assert end == datetime.fromisoformat("2026-03-31T00:00+02:00")

    def test_of_no_days_is_the_end_of_today(self) -> None:
        reward = a_reward(valid_days_after_claim=0)

        end = rewards.expiry_of_claim(reward, claimed_at=NOON, time_zone="UTC")

        assert end == datetime.fromisoformat("2026-03-30T00:00Z")

    def test_is_never_without_a_validity(self) -> None:
        assert rewards.expiry_of_claim(a_reward(), claimed_at=NOON, time_zone="UTC") is None
