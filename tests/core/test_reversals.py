from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.activity import ActivityEvent, EventType
from chalicelib.core.coupons import reversals
from chalicelib.core.coupons.coupons import Coupon, CouponStatus, RedemptionRef
from chalicelib.core.coupons.redemptions import Redemption, Reversal
from chalicelib.core.coupons.reversals import ReversalDecision, UnredeemCoupon
from chalicelib.core.customers.accounts import AccountChange, Standing, VisitReset
from chalicelib.core.customers.orders import Order
from chalicelib.core.errors import Refused
from chalicelib.core.idempotency import IdempotencyRecord, KeyedRequest
from tests.builders import NOON, a_coupon, an_account, an_origin
from tests.core.samples import a_redemption

_LATER = NOON + timedelta(hours=1)
_REF = RedemptionRef("rdm_1", "cus_ada", None)
_REDEEMED = a_coupon(status=CouponStatus.REDEEMED, usages=1, redeemed_at=NOON, last_redemption=_REF)


def _decide(
    coupon: Coupon = _REDEEMED,
    redemption: Redemption | None = None,
    *,
    command: dict[str, Any] | None = None,
    **options: Any,
) -> ReversalDecision:
    return reversals.decide_reversal(
        UnredeemCoupon(code=coupon.code, event_id="evt_9", **(command or {})),
        coupon=coupon,
        redemption=redemption or a_redemption(),
        **{
            "standing_before": None,
            "order": None,
            "account": an_account(last_visit_at=NOON, version=5),
            "newest_other_visit": None,
            "origin": an_origin(_LATER, actor="key_2"),
            **options,
        },
    )


class TestCoupon:
    def test_is_claimed_again_with_one_use_fewer(self) -> None:
        coupon = _decide().coupon

        assert coupon == replace(
            _REDEEMED,
            status=CouponStatus.CLAIMED,
            usages=0,
            redeemed_at=None,
            last_redemption=None,
        )

    @pytest.mark.parametrize(
        ("expires_at", "status"),
        [
            (_LATER + timedelta(milliseconds=1), CouponStatus.CLAIMED),
            (_LATER, CouponStatus.EXPIRED),
            (NOON, CouponStatus.EXPIRED),
        ],
    )
    def test_is_expired_if_its_expiry_has_passed_meanwhile(
        self, expires_at: datetime, status: CouponStatus
    ) -> None:
        assert _decide(replace(_REDEEMED, expires_at=expires_at)).coupon.status is status

    def test_with_other_uses_names_the_latest_that_stands(self) -> None:
        before = a_redemption(
            redemption_id="rdm_0", redeemed_at=NOON - timedelta(days=1), order_id="order 0"
        )
        coupon = replace(_REDEEMED, usage_limit=2, usages=2)

        after = _decide(coupon, standing_before=before).coupon

        assert (after.usages, after.status) == (1, CouponStatus.CLAIMED)
        assert after.last_redemption == RedemptionRef("rdm_0", "cus_ada", "order 0")
        assert after.redeemed_at == before.redeemed_at

    def test_stays_its_customers(self) -> None:
        assert _decide().coupon.customer_id == "cus_ada"


class TestRecord:
    def test_is_kept_and_marked_with_who_when_and_why(self) -> None:
        decision = _decide(command={"reason": "returned"})

        assert decision.redemption == replace(
            a_redemption(), reversal=Reversal(_LATER, "key_2", "returned")
        )
        assert (a_redemption(), decision.redemption) in decision.changes.update
        assert decision.changes.delete == ()

    def test_is_told_in_the_history(self) -> None:
        (event,) = (each for each in _decide().changes.create if isinstance(each, ActivityEvent))

        assert event.event_type is EventType.COUPON_UNREDEEMED
        assert (event.customer_id, event.redemption_id) == ("cus_ada", "rdm_1")
        assert event.occurred_at == _LATER

    def test_is_reversed_once(self) -> None:
        reversed_before = a_redemption(reversal=Reversal(NOON, "key_1", None))

        with pytest.raises(Refused) as caught:
            _decide(replace(_REDEEMED, usages=2, usage_limit=2), reversed_before)

        assert caught.value.code == "coupon_not_redeemed"
        assert caught.value.facts == {"redemption_id": "rdm_1"}

    def test_of_the_key_names_what_was_taken_back(self) -> None:
        decision = _decide(command={"request": KeyedRequest("k", "this")})

        (record,) = (
            each for each in decision.changes.create if isinstance(each, IdempotencyRecord)
        )
        assert record.made == ("rdm_1", "cus_ada", "-2000", "-1")


class TestCounters:
    def test_go_back_by_what_they_went_up(self) -> None:
        assert _decide().changes.count == (
            AccountChange(
                "cus_ada",
                activity_count=1,
                lifetime_value_minor=-2000,
                visits=-1,
                coupons_used=-1,
                visit=VisitReset(None),
                while_active=False,
                at_version=5,
            ),
        )

    @pytest.mark.parametrize(
        ("newest_other_visit", "visit"),
        [
            (None, VisitReset(None)),
            (NOON - timedelta(days=1), VisitReset(NOON - timedelta(days=1))),
            # The one that is reversed was not the last visit.
            (NOON, None),
        ],
    )
    def test_leave_the_newest_visit_that_stands(
        self, newest_other_visit: datetime | None, visit: VisitReset | None
    ) -> None:
        (count,) = _decide(newest_other_visit=newest_other_visit).changes.count

        assert count.visit == visit

    def test_take_back_nothing_that_did_not_count(self) -> None:
        from_before_joining = a_redemption(counted_minor=0, counted_visits=0)

        (count,) = _decide(redemption=from_before_joining).changes.count

        assert (count.lifetime_value_minor, count.visits, count.coupons_used) == (0, 0, -1)

    @pytest.mark.parametrize(("standing", "value", "visits"), [(2, 0, 0), (1, -2000, -1)])
    def test_of_an_order_go_back_with_its_last_coupon(
        self, standing: int, value: int, visits: int
    ) -> None:
        order = Order(
            "order 1",
            "cus_ada",
            NOON,
            amount_minor=2000,
            standing=standing,
            counting=standing,
            version=2,
        )

        decision = _decide(redemption=a_redemption(order_id="order 1"), order=order)

        assert (decision.purchase.lifetime_value_minor, decision.purchase.visits) == (
            value,
            visits,
        )
        (after,) = (new for old, new in decision.changes.update if old is order)
        assert isinstance(after, Order)
        assert after.standing == standing - 1

    @pytest.mark.parametrize("standing", [Standing.EXCLUDED, Standing.DELETED])
    def test_are_corrected_whoever_takes_part(self, standing: Standing) -> None:
        (count,) = _decide(account=an_account(standing=standing)).changes.count

        assert not count.while_active
