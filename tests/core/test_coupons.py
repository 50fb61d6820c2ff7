from datetime import datetime, timedelta

import pytest

from chalicelib.core.activity import ActivityEvent, Channel, EventType
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import (
    CouponDecision,
    CouponNotFound,
    CouponStatus,
    RedemptionRef,
)
from chalicelib.core.customers.accounts import AccountChange
from chalicelib.core.rewards.rewards import Reward, RewardNotActive, RewardStatus
from tests.builders import (
    NOON,
    a_coupon,
    a_reward,
    an_origin,
    an_unassigned_coupon,
    some_settings,
)

_PAST, _FUTURE = NOON - timedelta(days=1), NOON + timedelta(days=1)


def _issue(
    reward: Reward | None = None,
    *,
    customer_id: str | None = None,
    expires_at: datetime | None = None,
    time_zone: str = "UTC",
) -> CouponDecision:
    return coupons.issue(
        "Spring-10",
        reward=reward or a_reward(),
        settings=some_settings(time_zone=time_zone),
        customer_id=customer_id,
        expires_at=expires_at,
        made_by=None,
        event_id="evt_1",
        origin=an_origin(),
    )


def _event(changes: Changes) -> ActivityEvent:
    (event,) = (each for each in changes.create if isinstance(each, ActivityEvent))
    return event


class TestIssue:
    def test_without_a_customer_goes_to_the_pool_and_nobodys_history(self) -> None:
        decision = _issue()

        assert decision.coupon.status is CouponStatus.UNASSIGNED
        assert decision.changes == Changes(create=(decision.coupon,))

    def test_with_a_customer_starts_claimed(self) -> None:
        decision = _issue(customer_id="cus_ada")

        coupon = decision.coupon
        assert (coupon.status, coupon.customer_id) == (CouponStatus.CLAIMED, "cus_ada")
        assert coupon.claimed_at == NOON
        assert _event(decision.changes).event_type is EventType.COUPON_CLAIMED
        assert decision.changes.count == (AccountChange("cus_ada", activity_count=1),)

    def test_shows_the_code_as_issued(self) -> None:
        assert _issue().coupon.code == "Spring-10"

    def test_takes_the_usage_limit_of_the_reward(self) -> None:
        assert _issue(a_reward(usage_limit=7)).coupon.usage_limit == 7

    @pytest.mark.parametrize("expires_at", [_PAST, _FUTURE])
    def test_puts_an_expiry_of_its_own_before_the_validity_of_the_reward(
        self, expires_at: datetime
    ) -> None:
        """One that has passed is fine: the coupon is simply due."""
        reward = a_reward(valid_until=NOON + timedelta(days=90))

        for customer_id in (None, "cus_ada"):
            coupon = _issue(reward, customer_id=customer_id, expires_at=expires_at).coupon
            assert coupon.expires_at == expires_at

    def test_ends_with_the_validity_of_the_reward(self) -> None:
        coupon = _issue(a_reward(valid_until=_FUTURE)).coupon

        assert coupon.expires_at == _FUTURE

    def test_counts_days_from_the_claim_not_from_the_upload(self) -> None:
        reward = a_reward(valid_days_after_claim=1)

        assert _issue(reward).coupon.expires_at is None
        claimed = _issue(reward, customer_id="cus_ada", time_zone="Europe/Berlin").coupon
        assert claimed.expires_at == datetime.fromisoformat("2026-03-31T00:00+02:00")

    @pytest.mark.parametrize("active_from", [_PAST, _FUTURE])
    def test_does_not_look_at_the_active_period(self, active_from: datetime) -> None:
        reward = a_reward(active_from=active_from, active_until=active_from + timedelta(1))

        assert _issue(reward, customer_id="cus_ada").coupon.status is CouponStatus.CLAIMED

    @pytest.mark.parametrize(
        "status", [RewardStatus.DRAFT, RewardStatus.ACTIVE, RewardStatus.PAUSED]
    )
    def test_is_allowed_from_draft_on(self, status: RewardStatus) -> None:
        coupons.check_may_be_issued(a_reward(status=status))

    def test_is_refused_once_the_reward_is_archived(self) -> None:
        with pytest.raises(RewardNotActive):
            coupons.check_may_be_issued(a_reward(status=RewardStatus.ARCHIVED))


class TestClaim:
    def _claim(self, reward: Reward, expires_at: datetime | None = None) -> CouponDecision:
        return coupons.decide_claim(
            an_unassigned_coupon(expires_at=expires_at),
            "cus_bob",
            reward=reward,
            settings=some_settings(time_zone="Asia/Tokyo"),
            event_id="evt_1",
            origin=an_origin(),
        )

    def test_says_who_has_it_since_when(self) -> None:
        decision = self._claim(a_reward())

        assert (decision.coupon.customer_id, decision.coupon.claimed_at) == ("cus_bob", NOON)
        event = _event(decision.changes)
        assert (event.customer_id, event.event_type) == ("cus_bob", EventType.COUPON_CLAIMED)
        assert (event.code, event.reward_id) == ("SPRING-10", "rwd_1")

    def test_runs_out_at_the_end_of_a_day_of_the_business(self) -> None:
        decision = self._claim(a_reward(valid_days_after_claim=30))

        assert decision.coupon.expires_at == datetime.fromisoformat("2026-04-29T00:00+09:00")

    def test_leaves_an_expiry_of_its_own(self) -> None:
        decision = self._claim(a_reward(valid_days_after_claim=30), _FUTURE)

        assert decision.coupon.expires_at == _FUTURE

    @pytest.mark.parametrize("status", [RewardStatus.DRAFT, RewardStatus.PAUSED])
    def test_by_staff_does_not_look_at_the_active_period(self, status: RewardStatus) -> None:
        reward = a_reward(status=status, active_from=_FUTURE)

        assert self._claim(reward).coupon.status is CouponStatus.CLAIMED

    def test_of_an_archived_reward_is_refused(self) -> None:
        with pytest.raises(RewardNotActive):
            self._claim(a_reward(status=RewardStatus.ARCHIVED))


class TestExpiryChange:
    def _change(self, expires_at: datetime | None) -> CouponDecision:
        return coupons.decide_expiry_change(
            a_coupon(expires_at=_FUTURE), expires_at, event_id="evt_1", origin=an_origin()
        )

    @pytest.mark.parametrize(
        ("expires_at", "said"),
        [
            (NOON + timedelta(days=2), "2026-03-31T12:00:00.000Z"),
            (None, None),
            (_PAST, "2026-03-28T12:00:00.000Z"),
        ],
    )
    def test_tells_of_both_ends(self, expires_at: datetime | None, said: str | None) -> None:
        decision = self._change(expires_at)

        assert decision.coupon.expires_at == expires_at
        detail = _event(decision.changes).detail
        assert (detail["expires_at"], detail["expires_at_before"]) == (
            said,
            "2026-03-30T12:00:00.000Z",
        )

    def test_to_what_it_is_writes_nothing(self) -> None:
        assert self._change(_FUTURE).changes == Changes()

    def test_does_not_ask_whether_the_customer_takes_part(self) -> None:
        (count,) = self._change(None).changes.count

        assert not count.while_active


class TestExpiry:
    def test_happened_when_it_passed_however_late_it_is_recorded(self) -> None:
        coupon = a_coupon(expires_at=_PAST)

        decision = coupons.decide_expiry(
            coupon, event_id="evt_1", origin=an_origin(channel=Channel.JOB)
        )

        assert decision is not None
        event = _event(decision.changes)
        assert (event.occurred_at, event.recorded_at) == (_PAST, NOON)
        assert event.channel is Channel.JOB

    @pytest.mark.parametrize(
        ("expires_at", "expired"),
        [
            (NOON + timedelta(milliseconds=1), False),
            (NOON, True),
            (NOON - timedelta(milliseconds=1), True),
            (None, False),
        ],
    )
    def test_is_exact_to_the_instant(self, expires_at: datetime | None, *, expired: bool) -> None:
        decision = coupons.decide_expiry(
            a_coupon(expires_at=expires_at), event_id="evt_1", origin=an_origin()
        )

        assert (decision is not None) == expired


class TestRefusedByStatus:
    def test_says_on_which_order_it_was_used(self) -> None:
        used = a_coupon(
            status=CouponStatus.REDEEMED,
            redeemed_at=_PAST,
            last_redemption=RedemptionRef("rdm_0", "cus_ada", "1234"),
        )

        refusal = coupons.refused_by_status(used, CouponStatus.REDEEMED)

        assert "used on order 1234" in refusal.fix
        assert refusal.facts == {
            "coupon_status": "redeemed",
            "redeemed_at": "2026-03-28T12:00:00.000Z",
            "redemption_id": "rdm_0",
            "order_id": "1234",
        }

    def test_says_when_it_ran_out(self) -> None:
        refusal = coupons.refused_by_status(a_coupon(expires_at=_PAST), CouponStatus.EXPIRED)

        assert refusal.facts["expires_at"] == "2026-03-28T12:00:00.000Z"


class TestKeyOf:
    def test_of_what_no_code_looks_like_is_not_found(self) -> None:
        with pytest.raises(CouponNotFound):
            coupons.key_of("!")
