"""Unredeeming: a correction that is always on the record."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.core.customers.accounts import Standing
from tests.api.conftest import Contents
from tests.api.shop import Shop, at_once, moment, text
from tests.builders import NOON, unique

HOUR = timedelta(hours=1)


class TestUnredeem:
    def test_restores_the_coupon_and_the_counters(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        before = shop.find_coupon(code), shop.find_customer(customer)
        shop.redeemed(code, amount_minor=1500)

        reply = shop.unredeem(code)

        assert reply.status == 200
        after = shop.find_coupon(code), shop.find_customer(customer)
        assert after[0] == before[0] == reply.json["coupon"]
        assert after[1] | {"activity_count": 2} == before[1]
        assert reply.json["customer"] == {
            "lifetime_value_minor": -1500,
            "visits": -1,
            "coupons_used": -1,
            "last_visit_at": None,
        }

    def test_keeps_the_redemption_marked_with_who_when_and_why(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        redeemed = shop.redeemed(code, amount_minor=1500)
        clock = shop.stop_clock(shop.services.now() + HOUR)

        reply = shop.unredeem(code, reason="wrong till")

        kept = shop.find(f"/v1/coupons/{code}/redemptions/{redeemed['id']}")
        assert kept == reply.json["redemption"]
        assert kept["amount_minor"] == 1500
        assert kept["reversal"]["reason"] == "wrong till"
        assert kept["reversal"]["reversed_by"] == redeemed["actor"]
        assert moment(kept["reversal"]["reversed_at"]) == clock.moment.replace(
            microsecond=clock.moment.microsecond // 1000 * 1000
        )
        assert shop.find(f"/v1/coupons/{code}/redemptions")["items"] == [kept]

    def test_is_a_line_of_the_history(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        redeemed = shop.redeemed(code)

        shop.unredeem(code)

        history = shop.history(customer)
        assert history[-1]["type"] == "coupon.unredeemed"
        assert history[-1]["redemption_id"] == redeemed["id"]
        assert shop.find_customer(customer)["activity_count"] == len(history) == 4

    def test_lets_the_coupon_be_used_again(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        first = shop.redeemed(code)
        shop.unredeem(code)

        second = shop.redeemed(code)

        assert second["id"] != first["id"]
        listed = shop.find(f"/v1/coupons/{code}/redemptions")["items"]
        assert [each["id"] for each in listed] == [second["id"], first["id"]]
        assert [each["reversal"] is None for each in listed] == [True, False]
        assert shop.find_customer(customer)["visits"] == 1

    def test_makes_a_coupon_expired_whose_expiry_has_passed_meanwhile(self, own_shop: Shop) -> None:
        shop, customer = own_shop, own_shop.customer()
        clock = shop.stop_clock(NOON)
        code = shop.coupon(customer=customer, expires_at=text(NOON + HOUR))
        shop.redeemed(code, amount_minor=100)
        clock.moment = NOON + HOUR

        assert shop.unredeem(code).json["coupon"]["status"] == "expired"
        assert shop.redeem(code).code == "coupon_expired"
        assert shop.find_customer(customer)["lifetime_value_minor"] == 0
        assert shop.run_expiry_job(clock.moment)["expired"] == 0

    def test_is_a_correction_also_for_an_excluded_customer(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        shop.redeemed(code, amount_minor=100)
        shop.set_standing(customer, Standing.EXCLUDED)

        assert shop.unredeem(code).status == 200
        assert shop.find_customer(customer)["lifetime_value_minor"] == 0

    def test_happens_once_however_many_ask_at_the_same_moment(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        shop.redeemed(code, amount_minor=100)

        replies = at_once(*[lambda: shop.unredeem(code)] * 4)

        assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]
        now = shop.find_customer(customer)
        assert (now["lifetime_value_minor"], now["visits"], now["coupons_used"]) == (0, 0, 0)


class TestOfACouponOfThreeUses:
    @pytest.fixture
    def customer(self, shop: Shop) -> Any:
        return shop.customer()

    @pytest.fixture
    def code(self, shop: Shop, customer: Any) -> str:
        return shop.coupon(shop.reward(usage_limit=3), customer=customer)

    def test_takes_back_the_latest_by_default(self, shop: Shop, code: str) -> None:
        ids = [shop.redeemed(code)["id"] for _ in range(3)]

        reversed_ids, last_ids = [], []
        for _ in ids:
            answer = shop.unredeem(code).json
            reversed_ids.append(answer["redemption"]["id"])
            last = answer["coupon"]["last_redemption"]
            last_ids.append(last and last["redemption_id"])

        assert reversed_ids == ids[::-1]
        assert last_ids == [ids[1], ids[0], None]

    def test_takes_back_the_one_that_is_named(self, shop: Shop, customer: Any, code: str) -> None:
        first, second, third = (shop.redeemed(code, amount_minor=10**n)["id"] for n in range(3))

        answer = shop.unredeem(code, redemption_id=second).json

        assert answer["redemption"]["id"] == second
        assert answer["coupon"]["status"] == "claimed"
        assert answer["coupon"]["usages"] == 2
        assert answer["coupon"]["last_redemption"]["redemption_id"] == third
        assert shop.find_customer(customer)["lifetime_value_minor"] == 101
        # The latest that stands without the third is now the first.
        after = shop.unredeem(code).json["coupon"]["last_redemption"]
        assert after["redemption_id"] == first

    def test_gives_back_one_use(self, shop: Shop, code: str) -> None:
        for _ in range(3):
            shop.redeemed(code)
        assert shop.redeem(code).code == "coupon_already_redeemed"

        shop.unredeem(code)

        assert shop.redeem(code).status == 201
        assert shop.redeem(code).code == "coupon_already_redeemed"

    def test_changes_nothing_where_nothing_stands(
        self, shop: Shop, code: str, contents: Callable[[], Contents]
    ) -> None:
        shop.redeemed(code)
        shop.unredeem(code)
        before = contents()

        assert shop.unredeem(code).code == "coupon_not_redeemed"
        assert contents() == before

    def test_leaves_what_has_expired(self, shop: Shop, code: str) -> None:
        shop.redeemed(code)
        assert shop.api.patch(f"/v1/coupons/{code}", {"expires_at": text(NOON)}).status == 200

        assert shop.unredeem(code).code == "coupon_expired"

    def test_does_not_find_a_redemption_of_another_coupon(self, shop: Shop, code: str) -> None:
        shop.redeemed(code)
        other = shop.redeemed(shop.coupon(customer=shop.customer(), code=unique("OTHER")))

        assert shop.unredeem(code, redemption_id=other["id"]).code == "redemption_not_found"
        assert shop.find_coupon(code)["usages"] == 1
