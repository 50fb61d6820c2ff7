"""Codes that we make: of a pattern or our own form, each with an order that shows how far it is."""

import re
from typing import Any

import pytest

from tests.api.shop import Shop, with_key
from tests.builders import unique
from tests.http import Reply


def generate(shop: Shop, reward: Any, *, key: str | None = None, **body: Any) -> Reply:
    path = f"/v1/rewards/{reward['id']}/coupons/generate"
    return shop.api.post(path, body, headers=with_key(key or unique("key-")))


def codes_of(shop: Shop, reward: Any) -> list[str]:
    page = shop.find(f"/v1/rewards/{reward['id']}/coupons?limit=100")
    return [coupon["code"] for coupon in page["items"]]


class TestGenerate:
    def test_answers_with_the_order_and_where_it_is(self, shop: Shop) -> None:
        reward = shop.reward(status="draft")

        reply = generate(shop, reward, count=30)

        assert reply.status == 201
        made = reply.json
        assert (made["status"], made["count"], made["made"]) == ("completed", 30, 30)
        assert reply.headers["location"].endswith(f"/v1/generations/{made['id']}")
        assert shop.find(f"/v1/generations/{made['id']}") == made
        codes = codes_of(shop, reward)
        assert len(set(codes)) == 30
        assert all(re.fullmatch("[2-9A-HJKMNP-Z]{12}", code) for code in codes)

    @pytest.mark.parametrize(
        ("body", "form"),
        [
            ({"pattern": "SUMMER-####-????"}, "SUMMER-[0-9]{4}-[A-HJKMNP-Z]{4}"),
            ({"prefix": "WINTER-", "length": 9}, "WINTER-[2-9A-HJKMNP-Z]{9}"),
            ({"prefix": "AUTUMN"}, "AUTUMN[2-9A-HJKMNP-Z]{12}"),
            ({"length": 8}, "[2-9A-HJKMNP-Z]{8}"),
        ],
    )
    def test_makes_codes_of_the_form_that_was_asked_for(
        self, shop: Shop, body: dict[str, Any], form: str
    ) -> None:
        reward = shop.reward()

        assert generate(shop, reward, count=10, **body).status == 201

        codes = codes_of(shop, reward)
        assert len(codes) == 10
        assert all(re.fullmatch(form, code) for code in codes)

    def test_makes_codes_of_the_rewards_own_pattern_where_none_is_asked_for(
        self, shop: Shop
    ) -> None:
        reward = shop.reward(code_pattern="SPRING-****-****")

        made = generate(shop, reward, count=3).json

        assert made["pattern"] == "SPRING-****-****"
        assert all(code.startswith("SPRING-") for code in codes_of(shop, reward))

    def test_sent_again_with_the_key_makes_no_more(self, shop: Shop) -> None:
        reward, key = shop.reward(), unique("key-")

        first = generate(shop, reward, count=5, key=key)
        again = generate(shop, reward, count=5, key=key)

        assert again.json == first.json
        assert again.headers["idempotent-replayed"] == "true"
        assert len(codes_of(shop, reward)) == 5

    def test_needs_a_key(self, shop: Shop) -> None:
        path = f"/v1/rewards/{shop.reward()['id']}/coupons/generate"

        reply = shop.api.post(path, {"count": 1})

        assert reply.code == "validation_failed"
        assert reply.json["errors"][0]["pointer"] == "/header/Idempotency-Key"

    @pytest.mark.parametrize("count", [0, -1, 1_000_001, 1.5, "1"])
    def test_makes_between_one_and_a_million_codes(self, shop: Shop, count: object) -> None:
        assert generate(shop, shop.reward(), count=count).code == "validation_failed"

    def test_codes_can_be_claimed_and_redeemed(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        generate(shop, reward, count=1)

        path = f"/v1/rewards/{reward['id']}/claim"
        code = shop.api.made(path, {"customer_id": customer["id"]})["code"]

        shop.redeemed(code.lower())
