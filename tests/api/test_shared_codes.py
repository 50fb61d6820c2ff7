"""A shared code: one public code that many use, once each by default, up to the limits."""

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.api.conftest import Contents
from tests.api.shop import Shop, at_once
from tests.builders import unique


def _shared(shop: Shop, **fields: Any) -> str:
    """Return the code of a new shared reward."""
    reward = shop.reward(status="draft", coupon_source="shared", **fields)
    code = unique("SUMMER")
    shop.coupons(reward, [{"code": code}])
    shop.api.made(f"/v1/rewards/{reward['id']}/activate", None)
    return code


class TestSharedReward:
    def test_has_one_code_for_everybody(self, shop: Shop) -> None:
        reward = shop.reward(status="draft", coupon_source="shared")
        path = f"/v1/rewards/{reward['id']}/coupons"
        shop.coupons(reward, [{"code": unique("ONE")}])

        second = shop.api.post(path, {"coupons": [{"code": unique("TWO")}]})
        several = shop.api.post(path, {"coupons": [{"code": unique("A")}, {"code": unique("B")}]})

        assert (second.status, second.code) == (422, "validation_failed")
        assert (several.status, several.code) == (422, "validation_failed")

    def test_gives_its_code_to_nobody(self, shop: Shop) -> None:
        customer = shop.customer()
        reward = shop.reward(status="draft", coupon_source="shared")
        path = f"/v1/rewards/{reward['id']}/coupons"
        body = {"coupons": [{"code": unique("ONE"), "customer_id": customer["id"]}]}

        assert shop.api.post(path, body).status == 422
        claim = shop.api.post(f"/v1/coupons/{_shared(shop)}/claim", {"customer_id": customer["id"]})
        assert (claim.status, claim.code) == (409, "coupon_already_claimed")

    def test_is_not_active_without_its_code(self, shop: Shop) -> None:
        reward = shop.reward(status="draft", coupon_source="shared")

        reply = shop.api.post(f"/v1/rewards/{reward['id']}/activate", None)

        assert (reply.status, reply.code) == (409, "pool_empty")

    def test_allows_each_customer_one_use_unless_told_otherwise(self, shop: Shop) -> None:
        once = shop.reward(status="draft", coupon_source="shared")
        often = shop.reward(status="draft", coupon_source="shared", limits_per_customer={})

        assert once["limits_per_customer"]["total"] == 1
        assert often["limits_per_customer"]["total"] is None

    @pytest.mark.parametrize(
        ("field", "fields"),
        [
            ("/guests_allowed", {"guests_allowed": True}),
            ("/claim_on_redeem", {"coupon_source": "shared", "claim_on_redeem": True}),
            ("/usage_limit", {"coupon_source": "shared", "usage_limit": 2}),
            ("/type", {"coupon_source": "shared", "type": "value", "amount_off_minor": 500}),
            (
                "/validity/days_after_claim",
                {"coupon_source": "shared", "validity": {"days_after_claim": 3}},
            ),
        ],
    )
    def test_has_no_fields_of_a_pool(self, shop: Shop, field: str, fields: dict[str, Any]) -> None:
        gift = {"name": "An offer", "type": "gift"}

        reply = shop.api.post("/v1/rewards", gift | fields)

        assert reply.status == 422
        assert [error["pointer"] for error in reply.json["errors"]] == [field]


class TestUseOfASharedCode:
    def test_is_a_redemption_of_its_own(self, shop: Shop) -> None:
        code, ada, bob = _shared(shop), shop.customer(), shop.customer()

        first = shop.redeemed(code, customer_id=ada["id"], amount_minor=2000)
        second = shop.redeemed(code, customer_id=bob["id"], amount_minor=1000)

        assert first["discount"]["amount_off_minor"] == 200
        assert first["changed"]["coupon"]["claimed"] is False
        listed = shop.find(f"/v1/coupons/{code}/redemptions")["items"]
        assert [each["id"] for each in listed] == [second["id"], first["id"]]
        assert shop.find(f"/v1/coupons/{code}/redemptions/{first['id']}")["id"] == first["id"]
        assert shop.find_customer(ada)["lifetime_value_minor"] == 2000
        assert [e["type"] for e in shop.history(ada)] == ["customer.created", "coupon.redeemed"]
        coupon = shop.find_coupon(code)
        assert (coupon["usages"], coupon["customer_id"], coupon["shared"]) == (2, None, True)

    def test_is_refused_a_second_time_to_the_same_customer(self, shop: Shop, contents: Any) -> None:
        code, ada = _shared(shop), shop.customer()
        shop.redeemed(code, customer_id=ada["id"])
        before: Contents = contents()

        reply = shop.redeem(code, customer_id=ada["id"])

        assert (reply.status, reply.code) == (409, "customer_limit_reached")
        assert (reply.json["limit"], reply.json["period"]) == (1, "total")
        changed = {key for key, item in contents().items() if before.get(key) != item}
        assert {key[0][:4] for key in changed} <= {"ATT#"}

    def test_needs_a_customer_unless_guests_are_allowed(self, shop: Shop) -> None:
        reply = shop.redeem(_shared(shop))
        assert (reply.status, reply.code) == (422, "validation_failed")
        assert reply.json["errors"][0]["pointer"] == "/customer_id"

        code = _shared(shop, guests_allowed=True)
        redeemed = shop.redeemed(code, amount_minor=2000, order_id=unique("O"))
        assert redeemed["customer_id"] is None
        assert redeemed["changed"]["customer"] is None
        assert shop.find(f"/v1/coupons/{code}/redemptions")["items"][0]["id"] == redeemed["id"]

    def test_gives_a_guest_the_first_answer_again(self, shop: Shop) -> None:
        code = _shared(shop, guests_allowed=True)

        first = shop.redeem(code, key=unique("k"), amount_minor=2000)
        key = unique("k")
        second = shop.redeem(code, key=key, amount_minor=2000)
        again = shop.redeem(code, key=key, amount_minor=2000)

        assert first.json["id"] != second.json["id"]
        assert again.raw == second.raw
        assert again.headers["idempotent-replayed"] == "true"

    def test_is_given_back_by_unredeem(self, shop: Shop) -> None:
        code, ada = _shared(shop, limits={"total": 1}), shop.customer()
        redeemed = shop.redeemed(code, customer_id=ada["id"], amount_minor=2000)

        unnamed = shop.unredeem(code)
        reply = shop.unredeem(code, redemption_id=redeemed["id"])
        twice = shop.unredeem(code, redemption_id=redeemed["id"])

        assert (unnamed.status, unnamed.code) == (404, "redemption_not_found")
        assert reply.status == 200
        assert (twice.status, twice.code) == (409, "coupon_not_redeemed")
        assert shop.find_customer(ada)["lifetime_value_minor"] == 0
        assert shop.find_coupon(code)["usages"] == 0
        assert shop.redeem(code, customer_id=ada["id"]).status == 201

    def test_of_a_guest_can_be_taken_back(self, shop: Shop) -> None:
        code = _shared(shop, guests_allowed=True, limits={"total": 1})
        redeemed = shop.redeemed(code)

        reply = shop.unredeem(code, redemption_id=redeemed["id"])

        assert (reply.status, reply.json["customer"]) == (200, None)
        assert shop.redeem(code).status == 201

    def test_is_previewed_with_its_limits(self, shop: Shop) -> None:
        code, ada, bob = _shared(shop, limits={"total": 2}), shop.customer(), shop.customer()
        shop.redeemed(code, customer_id=ada["id"])

        own = shop.validate(code, customer_id=ada["id"])
        other = shop.validate(code, customer_id=bob["id"])
        shop.redeemed(code, customer_id=bob["id"])
        late = shop.validate(code, customer_id=shop.customer()["id"])

        assert own["refusal"]["code"] == "customer_limit_reached"
        assert other["applicable"] is True
        assert late["refusal"]["code"] == "reward_limit_reached"

    @pytest.mark.parametrize("limit", [1, 5, 13])
    def test_is_given_exactly_to_the_limit_under_concurrency(self, shop: Shop, limit: int) -> None:
        code = _shared(shop, limits={"total": limit}, guests_allowed=True)
        refused: Counter[str] = Counter()
        given = 0
        for _ in range(3):
            for reply in at_once(*[partial(shop.redeem, code) for _ in range(8)]):
                given += reply.status == 201
                if reply.status != 201:
                    refused[str(reply.code)] += 1

        assert given == limit
        assert set(refused) == {"reward_limit_reached"}
        assert shop.find_coupon(code)["usages"] == limit


class TestLimits:
    def test_count_the_claims_of_a_pool(self, shop: Shop) -> None:
        reward = shop.reward(limits={"total": 2}, limits_per_customer={"total": 1})
        for _ in range(4):
            shop.coupon(reward)
        ada, bob, eve = (shop.customer() for _ in range(3))

        def claim(customer: Any) -> Any:
            path = f"/v1/rewards/{reward['id']}/claim"
            return shop.api.post(path, {"customer_id": customer["id"]})

        assert claim(ada).status in (200, 201)
        assert claim(ada).code == "customer_limit_reached"
        assert claim(bob).status in (200, 201)
        assert claim(eve).code == "reward_limit_reached"

    def test_count_claims_by_code_and_codes_added_with_a_customer(self, shop: Shop) -> None:
        reward = shop.reward(limits={"total": 2})
        ada = shop.customer()
        code, other = shop.coupon(reward), shop.coupon(reward)
        added = shop.coupons(
            reward, [{"code": unique("C"), "customer_id": ada["id"]} for _ in range(1)]
        )
        claimed = shop.api.post(f"/v1/coupons/{code}/claim", {"customer_id": ada["id"]})
        refused = shop.api.post(f"/v1/coupons/{other}/claim", {"customer_id": ada["id"]})
        late = shop.coupons(reward, [{"code": unique("C"), "customer_id": ada["id"]}])

        assert (added["created"], claimed.status) == (1, 200)
        assert (refused.status, refused.code) == (409, "reward_limit_reached")
        assert late["items"][0]["error"]["code"] == "reward_limit_reached"

    def test_count_a_claim_by_redeeming_and_keep_it_after_unredeem(self, shop: Shop) -> None:
        reward = shop.reward(claim_on_redeem=True, limits_per_customer={"total": 1})
        first, second, ada = shop.coupon(reward), shop.coupon(reward), shop.customer()
        shop.redeemed(first, customer_id=ada["id"])

        refused = shop.redeem(second, customer_id=ada["id"])
        shop.unredeem(first)

        assert refused.code == "customer_limit_reached"
        assert shop.redeem(second, customer_id=ada["id"]).code == "customer_limit_reached"
        assert shop.redeem(first).status == 201

    @pytest.mark.parametrize(("then", "more"), [(5, 3), (2, 0), (1, 0), (None, 4)])
    def test_can_be_changed_and_count_what_was_given(
        self, shop: Shop, then: int | None, more: int
    ) -> None:
        reward = shop.reward(
            status="draft",
            coupon_source="shared",
            guests_allowed=True,
            limits={"total": 2},
        )
        code = unique("S")
        shop.coupons(reward, [{"code": code}])
        path = f"/v1/rewards/{reward['id']}"
        shop.api.made(f"{path}/activate", None)
        given = sum(shop.redeem(code).status == 201 for _ in range(3))
        assert given == 2

        assert shop.api.patch(path, {"limits": {"total": then}}).status == 200

        assert sum(shop.redeem(code).status == 201 for _ in range(4)) == more

    def test_of_a_day_end_with_it(self, shop: Shop) -> None:
        code = _shared(shop, limits={"per_day": 1}, guests_allowed=True)
        clock = shop.stop_clock(shop.services.now().replace(hour=12))
        shop.redeemed(code)

        refused = shop.redeem(code)
        clock.moment = clock.moment.replace(hour=23)
        late = shop.redeem(code)
        clock.moment += timedelta(hours=2)
        next_day = shop.redeem(code)

        assert refused.code == late.code == "reward_limit_reached"
        assert refused.json["period"] == "day"
        assert refused.json["until"] is not None
        assert next_day.status == 201
