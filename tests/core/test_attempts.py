"""What is kept of a refused attempt."""

import pytest

from chalicelib.core.activity import Channel
from chalicelib.core.coupons import attempts, coupons
from chalicelib.core.coupons.redemptions import MinimumPurchaseNotMet
from chalicelib.core.idempotency import KeyedRequest
from tests.builders import NOON, a_coupon, a_redeem_coupon, an_origin


class TestAttempt:
    def test_says_who_tried_what_and_why_not(self) -> None:
        attempt = attempts.attempt_of(
            a_redeem_coupon(
                code="spring 10",
                customer_id="cus_bob",
                location_id="loc_1",
                request=KeyedRequest("hash", "fingerprint"),
            ),
            coupon=a_coupon(code="Spring-10", customer_id="cus_ada"),
            refusal=MinimumPurchaseNotMet("too small", facts={"missing_minor": 800}),
            attempt_id="att_1",
            origin=an_origin(),
        )

        assert attempt == attempts.Attempt(
            attempt_id="att_1",
            code="SPRING10",
            reward_id="rwd_1",
            refusal="minimum_purchase_not_met",
            attempted_at=NOON,
            actor="key_1",
            channel=Channel.SCANNER,
            facts={"missing_minor": 800},
            customer_named="cus_bob",
            customer_holding="cus_ada",
            location_id="loc_1",
            key_hash="hash",
        )

    @pytest.mark.parametrize(
        ("named", "holding", "whose"),
        [
            ("cus_bob", "cus_ada", "cus_bob"),
            (None, "cus_ada", "cus_ada"),
            ("cus_bob", None, "cus_bob"),
            (None, None, None),
        ],
    )
    def test_is_that_of_the_customer_named_else_of_the_holder(
        self, named: str | None, holding: str | None, whose: str | None
    ) -> None:
        attempt = attempts.attempt_of(
            a_redeem_coupon(customer_id=named),
            coupon=a_coupon(customer_id=holding),
            refusal=coupons.CouponExpired("x"),
            attempt_id="att_1",
            origin=an_origin(),
        )

        assert attempt.customer_id == whose
