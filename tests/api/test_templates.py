"""Card templates: what goes together, and what is refused."""

from typing import Any

import pytest

from tests.api.shop import Shop


class TestTemplate:
    def test_is_shown_as_it_was_made(self, shop: Shop) -> None:
        body = {
            "name": "Coffee",
            "type": "stamp",
            "stamps_needed": 10,
            "reward_id": shop.reward()["id"],
            "valid_days": 90,
            "design": {"background": "#000000", "logo_text": "Café"},
            "custom_fields": [{"key": "size", "label": "Size", "type": "text"}],
            "locations": [{"latitude": 52.5, "longitude": 13.4}],
            "promotions": [{"id": "sale", "title": "Sale", "text": "Now"}],
        }

        made = shop.api.made("/v1/card-templates", body)

        assert made == shop.find(f"/v1/card-templates/{made['id']}")
        assert (made["title"], made["status"]) == ("Coffee", "active")
        assert made["design"]["foreground"] == "#ffffff"
        assert made["custom_fields"][0]["required"] is False

    @pytest.mark.parametrize(
        ("fields", "pointers"),
        [
            ({"type": "coupon", "reward_id": None}, {"/reward_id"}),
            ({"type": "points"}, {"/reward_id"}),
            ({"type": "stamp"}, {"/stamps_needed"}),
            ({"type": "coupon", "stamps_needed": 3}, {"/stamps_needed"}),
            ({"type": "coupon", "valid_days": 3}, {"/valid_days"}),
            ({"type": "coupon", "conversion_credits_visit": True}, {"/conversion_credits_visit"}),
            (
                {
                    "type": "coupon",
                    "custom_fields": [
                        {"key": "a", "label": "A", "type": "choice"},
                        {"key": "a", "label": "A", "type": "text"},
                    ],
                },
                {"/custom_fields/0/choices", "/custom_fields/1/key"},
            ),
        ],
    )
    def test_whose_fields_do_not_go_together_is_refused(
        self, shop: Shop, fields: dict[str, Any], pointers: set[str]
    ) -> None:
        body = {"name": "X", "reward_id": shop.reward()["id"]} | fields

        reply = shop.api.post("/v1/card-templates", body)

        assert (reply.status, reply.code) == (422, "validation_failed")
        assert {error["pointer"] for error in reply.json["errors"]} == pointers

    @pytest.mark.parametrize(
        "kind",
        [
            {"coupon_source": "shared"},
            {"type": "value", "amount_off_minor": 100},
            {"usage_limit": 2},
        ],
    )
    def test_of_coupons_needs_a_reward_of_one_use_each(
        self, shop: Shop, kind: dict[str, Any]
    ) -> None:
        reward = shop.reward(status="draft", **kind)

        reply = shop.api.post(
            "/v1/card-templates", {"name": "X", "type": "coupon", "reward_id": reward["id"]}
        )

        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/reward_id")

    def test_turns_into_a_stamp_or_points_card_only(self, shop: Shop) -> None:
        reward = shop.reward()
        linked = shop.template(reward=reward)["id"]
        body = {"name": "X", "type": "coupon", "reward_id": reward["id"]}

        reply = shop.api.post("/v1/card-templates", body | {"linked_template_id": linked})

        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/linked_template_id")

    def test_changes_what_is_sent_only(self, shop: Shop) -> None:
        template = shop.template("stamp", description="Old")

        reply = shop.api.call("PATCH", f"/v1/card-templates/{template['id']}", {"title": "New"})

        assert reply.json == template | {"title": "New"}

    def test_is_listed_newest_first(self, shop: Shop) -> None:
        made = [shop.template("points")["id"] for _ in range(2)]

        items = shop.find("/v1/card-templates?limit=2")["items"]

        assert [item["id"] for item in items] == made[::-1]
