"""What a coupon is good for: lines, locations, caps, balances, and others beside it."""

from typing import Any

import pytest

from tests.api.shop import Shop
from tests.builders import unique

_LINES = [
    {"product": "tea", "category": "drinks", "amount_minor": 600},
    {"product": "cup", "category": "ware", "amount_minor": 400},
]


class TestRestrictions:
    def test_apply_the_discount_to_the_lines_that_the_reward_is_for(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(products=["tea"]), customer=shop.customer())

        redeemed = shop.redeemed(code, amount_minor=1500, lines=_LINES)

        assert redeemed["discount"]["amount_off_minor"] == 60

    @pytest.mark.parametrize(
        ("fields", "body", "pointer"),
        [
            ({"products": ["milk"]}, {"lines": _LINES}, "/lines"),
            ({"categories": ["food"]}, {}, "/lines"),
            ({"location_ids": ["loc_1"]}, {"location_id": "loc_2"}, "/location_id"),
            ({"location_ids": ["loc_1"]}, {}, "/location_id"),
        ],
    )
    def test_refuse_what_the_reward_is_not_for(
        self, shop: Shop, fields: dict[str, Any], body: dict[str, Any], pointer: str
    ) -> None:
        code = shop.coupon(shop.reward(**fields), customer=shop.customer())

        reply = shop.redeem(code, amount_minor=1500, **body)

        assert (reply.status, reply.code) == (422, "not_eligible")
        assert reply.json["errors"][0]["pointer"] == pointer
        assert reply.json["fix"]
        assert shop.find_coupon(code)["usages"] == 0

    def test_let_in_its_own_location(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(location_ids=["loc_1"]), customer=shop.customer())

        assert shop.redeem(code, location_id="loc_1").status == 201

    def test_refuse_lines_that_are_more_than_the_purchase(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())

        reply = shop.redeem(code, amount_minor=999, lines=_LINES)

        assert (reply.status, reply.code) == (422, "validation_failed")
        assert reply.json["errors"][0]["pointer"] == "/lines"

    def test_cap_a_percentage(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(maximum_discount_minor=150), customer=shop.customer())

        assert shop.redeemed(code, amount_minor=5000)["discount"]["amount_off_minor"] == 150

    def test_cap_only_percentages(self, shop: Shop) -> None:
        body = {"name": "x", "type": "gift", "maximum_discount_minor": 1}

        reply = shop.api.post("/v1/rewards", body)

        assert (reply.status, reply.code) == (422, "validation_failed")


class TestBalance:
    def test_of_a_value_coupon_is_kept_until_it_is_gone(self, shop: Shop) -> None:
        ada = shop.customer()
        code = shop.coupon(shop.reward(type="value", amount_off_minor=1000), customer=ada)

        first = shop.redeemed(code, amount_minor=700)
        second = shop.redeemed(code, amount_minor=700)
        third = shop.redeem(code, amount_minor=700)

        assert [each["discount"]["amount_off_minor"] for each in (first, second)] == [700, 300]
        assert first["changed"]["coupon"] == {
            "status": "claimed",
            "usages": 1,
            "claimed": False,
            "balance_minor": 300,
        }
        assert second["changed"]["coupon"]["status"] == "redeemed"
        assert third.code == "coupon_already_redeemed"
        assert shop.find_coupon(code)["balance_minor"] == 0

    def test_comes_back_with_unredeem(self, shop: Shop) -> None:
        code = shop.coupon(
            shop.reward(type="value", amount_off_minor=1000), customer=shop.customer()
        )
        first = shop.redeemed(code, amount_minor=700)
        shop.redeemed(code, amount_minor=700)

        shop.unredeem(code, redemption_id=first["id"])

        coupon = shop.find_coupon(code)
        assert (coupon["balance_minor"], coupon["status"], coupon["usages"]) == (700, "claimed", 1)

    def test_is_used_whole_where_the_purchase_is_not_known(self, shop: Shop) -> None:
        code = shop.coupon(
            shop.reward(type="value", amount_off_minor=1000), customer=shop.customer()
        )

        redeemed = shop.redeemed(code)

        assert redeemed["discount"]["amount_off_minor"] == 1000
        assert redeemed["changed"]["coupon"]["status"] == "redeemed"


class TestCouponsOneAfterAnother:
    def test_take_percentages_of_what_the_earlier_ones_left(self, shop: Shop) -> None:
        ada, order = shop.customer(), unique("O")
        amount = shop.coupon(shop.reward(type="discount", amount_off_minor=500), customer=ada)
        percent = shop.coupon(shop.reward(), customer=ada)

        shop.redeemed(amount, order_id=order, amount_minor=10_000)
        redeemed = shop.redeemed(percent, order_id=order)

        assert redeemed["discount"]["amount_off_minor"] == 950
        assert shop.find_customer(ada)["lifetime_value_minor"] == 10_000

    @pytest.mark.parametrize("first", [0, 1])
    def test_are_refused_beside_an_exclusive_one(self, shop: Shop, first: int) -> None:
        ada, order = shop.customer(), unique("O")
        codes = [
            shop.coupon(shop.reward(stacking="exclusive"), customer=ada),
            shop.coupon(shop.reward(), customer=ada),
        ]
        used, other = codes[first], codes[1 - first]
        shop.redeemed(used, order_id=order, amount_minor=10_000)

        refused = shop.redeem(other, order_id=order)
        shop.unredeem(used)

        assert (refused.status, refused.code) == (422, "not_combinable")
        assert shop.redeem(other, order_id=order).status == 201
