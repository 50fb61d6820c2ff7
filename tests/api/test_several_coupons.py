"""Several coupons in one order: one change, all or those that can be, to the cent."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.api.conftest import Contents, books
from tests.api.shop import Shop, at_once, with_key
from tests.builders import unique
from tests.http import Reply


def _redeem(
    shop: Shop, codes: list[str], *, order: str | None = None, key: str | None = None, **body: Any
) -> Reply:
    coupons = [{"code": code} for code in codes]
    path = f"/v1/orders/{order or unique('O')}/redemptions"
    return shop.api.post(path, {"coupons": coupons, **body}, headers=with_key(key))


class TestSeveralCoupons:
    def test_are_redeemed_as_one_purchase(self, shop: Shop) -> None:
        ada = shop.customer()
        codes = [
            shop.coupon(shop.reward(), customer=ada),
            shop.coupon(shop.reward(type="discount", amount_off_minor=500), customer=ada),
            shop.coupon(shop.reward(type="gift"), customer=ada),
        ]

        reply = _redeem(shop, codes, amount_minor=10_001)

        assert reply.status == 200
        offs = [item["redemption"]["discount"]["amount_off_minor"] for item in reply.json["items"]]
        assert offs == [1000, 500, None]
        assert reply.json["total_off_minor"] == 1500
        assert reply.json["left_minor"] == 8501
        assert [item["code"] for item in reply.json["items"]] == codes
        customer = shop.find_customer(ada)
        assert (customer["lifetime_value_minor"], customer["visits"]) == (10_001, 1)
        assert customer["coupons_used"] == 3
        assert [e["type"] for e in shop.history(ada)].count("coupon.redeemed") == 3
        assert {shop.find_coupon(code)["status"] for code in codes} == {"redeemed"}

    def test_are_applied_by_the_order_of_their_rewards(self, shop: Shop) -> None:
        ada = shop.customer()
        late = shop.coupon(shop.reward(application_order=2), customer=ada)
        early = shop.coupon(
            shop.reward(type="discount", amount_off_minor=5000, application_order=1), customer=ada
        )

        reply = _redeem(shop, [late, early], amount_minor=10_000)

        offs = [item["redemption"]["discount"]["amount_off_minor"] for item in reply.json["items"]]
        assert offs == [500, 5000]

    def test_are_all_redeemed_or_none_is(
        self, shop: Shop, contents: Callable[[], Contents]
    ) -> None:
        ada, order = shop.customer(), unique("O")
        good, used = (shop.coupon(shop.reward(), customer=ada) for _ in range(2))
        shop.redeemed(used)
        before = contents()

        reply = _redeem(shop, [good, used], order=order, amount_minor=1000)

        assert (reply.status, reply.code) == (409, "coupon_already_redeemed")
        assert reply.json["errors"][0]["pointer"] == "/coupons/1"
        changed = {key[0][:4] for key, item in contents().items() if before.get(key) != item}
        assert changed <= {"ATT#"}

    def test_are_redeemed_as_far_as_they_can_be_if_told_so(self, shop: Shop) -> None:
        ada, key, order = shop.customer(), unique("k"), unique("O")
        good, used = (shop.coupon(shop.reward(), customer=ada) for _ in range(2))
        shop.redeemed(used)
        codes = [used, good, "NOBODY-HAS-THIS"]
        again = partial(_redeem, shop, codes, order=order, key=key, partial=True, amount_minor=1000)

        reply = again()
        replay = again()

        outcomes = [
            (item["outcome"], item.get("error", {}).get("code")) for item in reply.json["items"]
        ]
        assert outcomes == [
            ("refused", "coupon_already_redeemed"),
            ("redeemed", None),
            ("refused", "coupon_not_found"),
        ]
        assert (reply.json["redeemed"], reply.json["refused"]) == (1, 2)
        assert replay.headers["idempotent-replayed"] == "true"
        without = [_without_instance(each.json) for each in (reply, replay)]
        assert without[0] == without[1]
        attempts = shop.find(f"/v1/coupons/{used}/attempts")["items"]
        assert [each["refusal"] for each in attempts] == ["coupon_already_redeemed"]

    def test_are_one_redemption_each_under_one_key(self, shop: Shop) -> None:
        ada, key, order = shop.customer(), unique("k"), unique("O")
        codes = [shop.coupon(shop.reward(), customer=ada) for _ in range(3)]
        send = partial(_redeem, shop, codes, order=order, key=key, amount_minor=1000)

        replies = at_once(*[send for _ in range(4)])

        assert {reply.status for reply in replies} == {200}
        assert len({reply.raw for reply in replies}) == 1
        customer = shop.find_customer(ada)
        assert (customer["coupons_used"], customer["lifetime_value_minor"]) == (3, 1000)

    def test_race_for_a_coupon_and_one_order_wins(self, shop: Shop) -> None:
        ada = shop.customer()
        shared, *others = (shop.coupon(shop.reward(), customer=ada) for _ in range(4))

        replies = at_once(*[partial(_redeem, shop, [shared, other]) for other in others])

        assert sorted(reply.status for reply in replies) == [200, 409, 409]
        assert shop.find_customer(ada)["coupons_used"] == 2

    def test_are_at_most_fifteen(self, shop: Shop) -> None:
        reply = _redeem(shop, [unique("C") for _ in range(16)])

        assert (reply.status, reply.code) == (409, "too_many_coupons")
        assert reply.json["coupons_max"] == 15

    def test_are_each_sent_once(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())

        reply = _redeem(shop, [code, code.lower().replace("-", " ")])

        assert (reply.status, reply.code) == (422, "validation_failed")
        assert reply.json["errors"][0]["pointer"] == "/coupons/1/code"

    def test_of_two_customers_are_refused(self, shop: Shop) -> None:
        codes = [shop.coupon(customer=shop.customer()) for _ in range(2)]

        reply = _redeem(shop, codes)

        assert (reply.status, reply.code) == (409, "wrong_customer")

    def test_beside_an_exclusive_one_are_refused(self, shop: Shop) -> None:
        ada = shop.customer()
        codes = [
            shop.coupon(shop.reward(), customer=ada),
            shop.coupon(shop.reward(stacking="exclusive"), customer=ada),
        ]

        reply = _redeem(shop, codes)

        assert (reply.status, reply.code) == (422, "not_combinable")
        assert reply.json["errors"][0]["pointer"] == "/coupons/1"

    def test_with_shared_and_pooled_codes_are_one_change(self, shop: Shop) -> None:
        ada = shop.customer()
        shared = shop.reward(status="draft", coupon_source="shared")
        code = shop.coupon(shared)
        shop.api.made(f"/v1/rewards/{shared['id']}/activate", None)
        pooled = shop.coupon(shop.reward(claim_on_redeem=True, limits={"total": 1}))
        own = shop.coupon(shop.reward(), customer=ada)

        reply = _redeem(shop, [code, pooled, own], amount_minor=1000)

        assert reply.json["redeemed"] == 3, reply.raw
        assert reply.json["total_off_minor"] == 100 + 90 + 81
        assert [e["type"] for e in shop.history(ada)].count("coupon.claimed") == 2

    def test_are_previewed_without_a_trace(
        self, shop: Shop, contents: Callable[[], Contents]
    ) -> None:
        ada, order = shop.customer(), unique("O")
        codes = [shop.coupon(shop.reward(), customer=ada), "NOBODY-HAS-THIS"]
        body = {"coupons": [{"code": code} for code in codes], "amount_minor": 1000}
        before = books(contents())

        reply = shop.api.post(f"/v1/orders/{order}/validate", body)

        assert reply.status == 200
        assert [item["outcome"] for item in reply.json["items"]] == ["redeemed", "refused"]
        assert reply.json["total_off_minor"] == 100
        assert books(contents()) == before


class TestApplicable:
    def test_are_the_customers_coupons_best_deal_first(self, shop: Shop) -> None:
        ada = shop.customer()
        small = shop.coupon(shop.reward(type="discount", amount_off_minor=50), customer=ada)
        best = shop.coupon(shop.reward(), customer=ada)
        costly = shop.coupon(shop.reward(minimum_purchase_minor=5000), customer=ada)
        used = shop.coupon(shop.reward(), customer=ada)
        shop.redeemed(used)

        reply = shop.api.post(f"/v1/customers/{ada['id']}/applicable", {"amount_minor": 2000})

        assert reply.status == 200
        items = reply.json["items"]
        assert [item["coupon"]["code"] for item in items] == [best, small, costly]
        assert [item["applicable"] for item in items] == [True, True, False]
        assert items[0]["discount"]["amount_off_minor"] == 200
        assert items[2]["refusal"]["code"] == "minimum_purchase_not_met"
        assert items[2]["refusal"]["missing_minor"] == 3000

    def test_of_nobody_is_not_found(self, shop: Shop) -> None:
        reply = shop.api.post("/v1/customers/cus_nobody/applicable", {})

        assert (reply.status, reply.code) == (404, "customer_not_found")


def _without_instance(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_instance(v) for name, v in value.items() if name != "instance"}
    return [_without_instance(each) for each in value] if isinstance(value, list) else value
