from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.activity import ActivityEvent, EventType
from chalicelib.core.coupons.baskets import Line
from chalicelib.core.coupons.coupons import CouponStatus, RedemptionRef
from chalicelib.core.coupons.redeeming import RedemptionDecision
from chalicelib.core.customers.accounts import (
    AccountChange,
    NewestVisit,
    OlderVisit,
)
from chalicelib.core.customers.orders import Order
from chalicelib.core.idempotency import IdempotencyRecord, KeyedRequest
from chalicelib.core.rewards.rewards import Discount, RewardType
from tests.builders import (
    NOON,
    a_coupon,
    a_redeem_coupon,
    a_reward,
    an_account,
    an_unassigned_coupon,
)
from tests.core.samples import count_of, created_of, decided, refusal_of

_INSTANT = timedelta(milliseconds=1)
_HOUR = timedelta(hours=1)
_USED = RedemptionRef("rdm_0", "cus_ada", "order 0")


class TestDecideRedemption:
    def test_is_one_change_of_everything(self) -> None:
        coupon = a_coupon(version=7)
        command = a_redeem_coupon(
            order_id="order 1", request=KeyedRequest("k", "this"), amount_minor=1999
        )

        decision = decided(command, coupon=coupon)

        assert decision.changes.update == ((coupon, decision.coupon),)
        assert [type(each).__name__ for each in decision.changes.create] == [
            "Redemption",
            "ActivityEvent",
            "Order",
            "IdempotencyRecord",
        ]
        assert decision.changes.count == (
            AccountChange(
                "cus_ada",
                activity_count=1,
                lifetime_value_minor=1999,
                visits=1,
                coupons_used=1,
                visit=NewestVisit(NOON),
                joined_by=NOON,
            ),
        )

    def test_records_all_that_was_said(self) -> None:
        command = a_redeem_coupon(
            comment="two left",
            location_id="loc_1",
            order_id="order 1",
            lines=(Line("tea", "drinks", 2, 800),),
            currency="USD",
        )

        redemption = decided(command).redemption

        assert (redemption.comment, redemption.location_id) == ("two left", "loc_1")
        assert (redemption.order_id, redemption.lines) == ("order 1", command.lines)
        assert (redemption.redeemed_at, redemption.recorded_at) == (NOON, NOON)
        assert redemption.discount == Discount(RewardType.PERCENTAGE_DISCOUNT, 1000, 200)

    def test_keeps_its_id_on_the_coupon(self) -> None:
        """Whoever lost the answer is told of their own success, as long as the coupon is kept."""
        coupon = decided(a_redeem_coupon(order_id="order 1")).coupon

        assert coupon.last_redemption == RedemptionRef("rdm_1", "cus_ada", "order 1")

    def test_names_in_the_record_of_the_key_what_was_made_and_nobodys_data(self) -> None:
        command = a_redeem_coupon(request=KeyedRequest("k", "this"), comment="for Ada")

        (record,) = created_of(decided(command).changes, IdempotencyRecord)

        assert record == IdempotencyRecord("k", "this", ("rdm_1", "cus_ada"), NOON)

    def test_keeps_the_comment_out_of_the_history_of_the_customer(self) -> None:
        (event,) = created_of(
            decided(a_redeem_coupon(comment="for staff only")).changes, ActivityEvent
        )

        assert "for staff only" not in repr(event)

    @pytest.mark.parametrize(
        ("usages", "status", "after"),
        [
            (0, CouponStatus.CLAIMED, CouponStatus.CLAIMED),
            (1, CouponStatus.CLAIMED, CouponStatus.CLAIMED),
            (2, CouponStatus.CLAIMED, CouponStatus.REDEEMED),
        ],
    )
    def test_of_a_coupon_with_three_uses_takes_one(
        self, usages: int, status: CouponStatus, after: CouponStatus
    ) -> None:
        coupon = a_coupon(
            usage_limit=3, usages=usages, status=status, last_redemption=_USED if usages else None
        )

        decision = decided(coupon=coupon)

        assert (decision.coupon.usages, decision.coupon.status) == (usages + 1, after)
        assert decision.redemption.previous == coupon.last_redemption

    @pytest.mark.parametrize("amount", [None, 0])
    def test_of_a_purchase_of_nothing_is_a_visit(self, amount: int | None) -> None:
        count = count_of(decided(a_redeem_coupon(amount_minor=amount)))

        assert (count.visits, count.lifetime_value_minor) == (1, 0)


class TestAtTheCheckout:
    """A printed code, presented together with a customer."""

    def _decide(self, **changes: Any) -> RedemptionDecision:
        return decided(
            a_redeem_coupon(customer_id="cus_bob", **changes.pop("command", {})),
            coupon=an_unassigned_coupon(**changes.pop("coupon", {})),
            reward=a_reward(claim_on_redeem=True, **changes.pop("reward", {})),
            **changes,
        )

    def test_claims_and_redeems_in_one_step(self) -> None:
        decision = self._decide()

        assert decision.coupon.customer_id == "cus_bob"
        assert decision.coupon.claimed_at == NOON
        assert decision.coupon.status is CouponStatus.REDEEMED
        assert decision.redemption.coupon_claimed
        events = created_of(decision.changes, ActivityEvent)
        assert [(event.event_id, event.event_type) for event in events] == [
            ("evt_1", EventType.COUPON_CLAIMED),
            ("evt_2", EventType.COUPON_REDEEMED),
        ]
        assert count_of(decision).activity_count == 2
        assert count_of(decision).customer_id == "cus_bob"

    def test_of_a_coupon_with_several_uses_is_the_customers_from_then_on(self) -> None:
        decision = self._decide(
            coupon={"usage_limit": 3}, reward={"usage_limit": 3, "valid_days_after_claim": 2}
        )

        assert decision.coupon.status is CouponStatus.CLAIMED
        assert decision.coupon.expires_at == datetime.fromisoformat("2026-04-01T00:00Z")

    def test_late_claims_at_the_time_of_use(self) -> None:
        used_at = NOON - _HOUR

        decision = self._decide(
            command={"redeemed_at": used_at}, coupon={"expires_at": used_at + _INSTANT}
        )

        assert decision.coupon.claimed_at == used_at
        assert decision.coupon.status is CouponStatus.REDEEMED

    def test_late_does_not_depend_on_the_job(self) -> None:
        """What ran out unused in the pool counts as it was at the time of use."""
        used_at = NOON - _HOUR
        before_job = self._decide(
            command={"redeemed_at": used_at}, coupon={"expires_at": used_at + _INSTANT}
        )

        after_job = self._decide(
            command={"redeemed_at": used_at},
            coupon={"expires_at": used_at + _INSTANT, "status": CouponStatus.EXPIRED},
        )

        assert after_job.coupon == before_job.coupon
        assert after_job.redemption == before_job.redemption


class TestPurchase:
    def test_from_before_joining_does_not_count(self) -> None:
        account = an_account(joined_at=NOON)

        decision = decided(a_redeem_coupon(redeemed_at=NOON - _INSTANT), account=account)

        count = count_of(decision)
        assert (count.lifetime_value_minor, count.visits, count.visit) == (0, 0, None)
        assert count.coupons_used == 1
        assert decision.redemption.counted_minor == 0

    def test_at_the_moment_of_joining_counts(self) -> None:
        count = count_of(decided(account=an_account(joined_at=NOON)))

        assert (count.lifetime_value_minor, count.visits) == (2000, 1)

    @pytest.mark.parametrize(
        ("last_visit_at", "visit"),
        [
            (None, NewestVisit(NOON)),
            (NOON - _INSTANT, NewestVisit(NOON)),
            (NOON, NewestVisit(NOON)),
            (NOON + _INSTANT, OlderVisit(NOON)),
        ],
    )
    def test_is_the_last_visit_unless_a_newer_one_stands(
        self, last_visit_at: datetime | None, visit: NewestVisit | OlderVisit
    ) -> None:
        decision = decided(account=an_account(last_visit_at=last_visit_at))

        assert count_of(decision).visit == visit
        assert decision.redemption.newest_visit == isinstance(visit, NewestVisit)

    def test_on_a_known_order_counts_no_second_time(self) -> None:
        order = Order(
            "order 1", "cus_ada", NOON, amount_minor=2000, standing=1, counting=1, version=1
        )

        decision = decided(a_redeem_coupon(order_id="order 1"), order=order)

        count = count_of(decision)
        assert (count.lifetime_value_minor, count.visits, count.coupons_used) == (0, 0, 1)
        after = replace(order, standing=2, counting=2, taken_off_minor=200)
        assert (order, after) in decision.changes.update

    def test_takes_the_amount_of_its_order_where_it_is_left_out(self) -> None:
        order = Order(
            "order 1", "cus_ada", NOON, amount_minor=4000, standing=1, counting=1, version=1
        )

        decision = decided(a_redeem_coupon(order_id="order 1", amount_minor=None), order=order)

        assert decision.redemption.discount.amount_off_minor == 400

    def test_on_an_order_of_another_customer_is_refused(self) -> None:
        order = Order("order 1", "cus_bob", NOON, amount_minor=2000, standing=1, version=1)

        refusal = refusal_of(a_redeem_coupon(order_id="order 1"), order=order)

        assert refusal.code == "order_of_another_customer"
        assert "cus_bob" not in repr((refusal.args, refusal.fix, refusal.facts))
