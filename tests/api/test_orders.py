"""What purchases add up to: an order counts once, from joining on, as long as it stands."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.shop import Shop, at_once, from_now, moment, text
from tests.builders import NOON, unique

DAY = timedelta(days=1)


@pytest.fixture
def customer(shop: Shop) -> Any:
    return shop.customer()


@pytest.fixture
def codes(shop: Shop, customer: Any) -> list[str]:
    """Three coupons of the customer."""
    reward = shop.reward()
    return [shop.coupon(reward, customer=customer) for _ in range(3)]


def counters(shop: Shop, customer: Any) -> tuple[int, int, int]:
    """Return lifetime value, visits and coupons used."""
    now = shop.find_customer(customer)
    return now["lifetime_value_minor"], now["visits"], now["coupons_used"]


class TestAnOrder:
    def test_counts_amount_and_visit_once_for_several_coupons(
        self, shop: Shop, customer: Any, codes: list[str]
    ) -> None:
        order = {"order_id": unique("order-"), "amount_minor": 5000}

        changes = [shop.redeemed(code, **order)["changed"]["customer"] for code in codes]

        assert [(each["lifetime_value_minor"], each["visits"]) for each in changes] == [
            (5000, 1),
            (0, 0),
            (0, 0),
        ]
        assert counters(shop, customer) == (5000, 1, 3)

    def test_left_unnamed_is_a_purchase_of_its_own(
        self, shop: Shop, customer: Any, codes: list[str]
    ) -> None:
        for code in codes:
            shop.redeemed(code, amount_minor=1000)

        assert counters(shop, customer) == (3000, 3, 3)

    def test_takes_its_amount_later(self, shop: Shop, customer: Any, codes: list[str]) -> None:
        order_id = unique("order-")
        shop.redeemed(codes[0], order_id=order_id)
        assert counters(shop, customer) == (0, 1, 1)

        shop.redeemed(codes[1], order_id=order_id, amount_minor=4200)

        assert counters(shop, customer) == (4200, 1, 2)
        assert shop.redeem(codes[2], order_id=order_id, amount_minor=4201).status == 409

    def test_lends_its_amount_to_a_redemption_without_one(
        self, shop: Shop, customer: Any, codes: list[str]
    ) -> None:
        order_id = unique("order-")
        shop.redeemed(codes[0], order_id=order_id, amount_minor=2000)

        second = shop.redeemed(codes[1], order_id=order_id)

        # A percentage applies to what the earlier one left.
        assert second["discount"]["amount_off_minor"] == 180
        assert counters(shop, customer) == (2000, 1, 2)

    def test_keeps_the_first_amount(self, shop: Shop, customer: Any, codes: list[str]) -> None:
        order_id = unique("order-")
        shop.redeemed(codes[0], order_id=order_id, amount_minor=2000)

        problem = shop.redeem(codes[1], order_id=order_id, amount_minor=1999)

        assert problem.code == "order_amount_mismatch"
        assert problem.json["order_amount_minor"] == 2000
        assert counters(shop, customer) == (2000, 1, 1)

    def test_of_two_tills_at_once_counts_once(
        self, shop: Shop, customer: Any, codes: list[str]
    ) -> None:
        order: dict[str, Any] = {"order_id": unique("order-"), "amount_minor": 800}

        replies = at_once(*[lambda code=code: shop.redeem(code, **order) for code in codes])

        assert [reply.status for reply in replies] == [201, 201, 201]
        assert counters(shop, customer) == (800, 1, 3)


class TestAReversal:
    def test_leaves_the_purchase_while_another_coupon_stands_for_it(
        self, shop: Shop, customer: Any, codes: list[str]
    ) -> None:
        order = {"order_id": unique("order-"), "amount_minor": 5000}
        for code in codes[:2]:
            shop.redeemed(code, **order)

        first = shop.unredeem(codes[0]).json["customer"]
        assert (first["lifetime_value_minor"], first["visits"]) == (0, 0)
        assert counters(shop, customer) == (5000, 1, 1)

        last = shop.unredeem(codes[1]).json["customer"]
        assert (last["lifetime_value_minor"], last["visits"]) == (-5000, -1)
        assert counters(shop, customer) == (0, 0, 0)
        assert shop.find_customer(customer)["last_visit_at"] is None

    def test_and_another_use_on_the_order_count_once(
        self, shop: Shop, customer: Any, codes: list[str]
    ) -> None:
        order = {"order_id": unique("order-"), "amount_minor": 5000}
        shop.redeemed(codes[0], **order)
        shop.unredeem(codes[0])

        shop.redeemed(codes[0], **order)
        shop.redeemed(codes[1], **order)

        assert counters(shop, customer) == (5000, 1, 2)

    def test_of_a_purchase_of_its_own_takes_it_back(
        self, shop: Shop, customer: Any, codes: list[str]
    ) -> None:
        shop.redeemed(codes[0], amount_minor=1000)
        shop.redeemed(codes[1], amount_minor=300)

        shop.unredeem(codes[0])

        assert counters(shop, customer) == (300, 1, 1)

    def test_gives_the_last_visit_back_to_the_newest_that_stands(self, shop: Shop) -> None:
        customer, reward = shop.customer(joined_at="2000-01-01T00:00:00Z"), shop.reward()
        newest, oldest, middle = (shop.coupon(reward, customer=customer) for _ in range(3))
        visits = {newest: from_now(shop, days=-1), middle: from_now(shop, days=-2)}
        visits[oldest] = from_now(shop, hours=-60)
        for code, at in visits.items():
            shop.redeemed(code, redeemed_at=at)

        last_visits = []
        for code in (middle, newest, oldest):
            shop.unredeem(code)
            last_visits.append(shop.find_customer(customer)["last_visit_at"])

        assert last_visits[2] is None
        assert [moment(at) for at in last_visits[:2]] == [
            moment(visits[newest]),
            moment(visits[oldest]),
        ]


class TestJoining:
    def test_starts_the_lifetime_value(self, shop: Shop) -> None:
        shop.stop_clock(NOON)
        joined = NOON - DAY
        customer, reward = shop.customer(joined_at=text(joined)), shop.reward()
        before, at = (shop.coupon(reward, customer=customer) for _ in range(2))

        earlier = shop.redeemed(
            before, amount_minor=100, redeemed_at=text(joined - timedelta(milliseconds=1))
        )
        assert earlier["changed"]["customer"] == {
            "lifetime_value_minor": 0,
            "visits": 0,
            "coupons_used": 1,
            "last_visit_at": None,
        }
        assert shop.find_customer(customer)["last_visit_at"] is None
        shop.redeemed(at, amount_minor=200, redeemed_at=text(joined))

        assert counters(shop, customer) == (200, 1, 2)
        assert moment(shop.find_customer(customer)["last_visit_at"]) == joined

    def test_keeps_what_did_not_count_from_being_taken_back(self, shop: Shop) -> None:
        shop.stop_clock(NOON)
        customer, reward = shop.customer(), shop.reward()
        before, at = (shop.coupon(reward, customer=customer) for _ in range(2))
        shop.redeemed(before, amount_minor=100, redeemed_at=text(NOON - DAY))
        shop.redeemed(at, amount_minor=200)

        shop.unredeem(before)

        assert counters(shop, customer) == (200, 1, 1)

    def test_counts_an_order_that_is_used_again_afterwards(self, shop: Shop) -> None:
        shop.stop_clock(NOON)
        customer, reward, order_id = shop.customer(), shop.reward(), unique("order-")
        before, at = (shop.coupon(reward, customer=customer) for _ in range(2))
        shop.redeemed(before, order_id=order_id, amount_minor=100, redeemed_at=text(NOON - DAY))
        assert counters(shop, customer) == (0, 0, 1)

        shop.redeemed(at, order_id=order_id)

        assert counters(shop, customer) == (100, 1, 2)
