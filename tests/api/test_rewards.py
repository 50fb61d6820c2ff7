"""Rewards: what they are, their life, and how soon a change is in force."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.wiring import Services
from tests.api.shop import Shop, moment, text
from tests.builders import NOON, unique
from tests.conftest import at, services_on
from tests.http import Reply

EVERYTHING = {
    "name": "Spring",
    "description": "Ten percent\noff",
    "image_url": "https://example.com/spring.png",
    "type": "percentage_discount",
    "percent_off_basis_points": 1000,
    "amount_off_minor": None,
    "currency": "USD",
    "coupon_source": "uploaded",
    "usage_limit": 2,
    "validity": {"ends_at": None, "days_after_claim": 30},
    "active_from": "2026-01-01T00:00:00Z",
    "active_until": "2027-01-01T00:00:00Z",
    "purchase_amount": "required",
    "minimum_purchase_minor": 2000,
    "claim_on_redeem": True,
    "cost_in_points": 100,
    "tax_value_minor": 250,
    "code_pattern": None,
    "low_stock_at": 100,
    "top_up_to": None,
}


def change(shop: Shop, reward: Any, **fields: Any) -> Reply:
    return shop.api.patch(f"/v1/rewards/{reward['id']}", fields)


def move(shop: Shop, reward: Any, verb: str) -> Reply:
    return shop.api.post(f"/v1/rewards/{reward['id']}/{verb}")


class TestCreate:
    def test_answers_with_itself_and_where_it_is(self, shop: Shop) -> None:
        reply = shop.api.post("/v1/rewards", EVERYTHING)

        assert reply.status == 201
        assert {name: reply.json[name] for name in EVERYTHING} == EVERYTHING
        assert reply.json["id"].startswith("rwd_")
        assert reply.headers["location"].endswith(f"/v1/rewards/{reply.json['id']}")
        assert shop.find(reply.headers["location"]) == reply.json

    def test_is_a_draft(self, shop: Shop) -> None:
        assert shop.api.made("/v1/rewards", {"name": "A", "type": "gift"})["status"] == "draft"

    @pytest.mark.parametrize(
        ("fields", "pointer"),
        [
            ({"type": "discount"}, "/amount_off_minor"),
            ({"type": "value"}, "/amount_off_minor"),
            ({"type": "gift", "amount_off_minor": 1}, "/amount_off_minor"),
            ({"type": "gift", "percent_off_basis_points": 1}, "/percent_off_basis_points"),
            (
                {"type": "percentage_discount", "percent_off_basis_points": 10_001},
                "/percent_off_basis_points",
            ),
            (
                {
                    "type": "gift",
                    "active_from": "2026-01-01T00:00:00Z",
                    "active_until": "2026-01-01T00:00:00Z",
                },
                "/active_until",
            ),
            (
                {
                    "type": "gift",
                    "validity": {"ends_at": "2026-01-01T00:00:00Z", "days_after_claim": 1},
                },
                "/validity",
            ),
            ({"type": "gift", "image_url": "javascript:alert(1)"}, "/image_url"),
            ({"type": "gift", "usage_limit": 0}, "/usage_limit"),
            ({"type": "shared"}, "/type"),
            ({"type": "gift", "coupon_source": "shared", "low_stock_at": 1}, "/low_stock_at"),
            ({"type": "gift", "top_up_to": 100}, "/top_up_to"),
            ({"type": "gift", "low_stock_at": 100, "top_up_to": 100}, "/top_up_to"),
            (
                {
                    "type": "gift",
                    "coupon_source": "uploaded",
                    "low_stock_at": 100,
                    "top_up_to": 1000,
                },
                "/top_up_to",
            ),
            (
                {"type": "gift", "coupon_source": "uploaded", "code_pattern": "********"},
                "/code_pattern",
            ),
            ({"type": "gift", "code_pattern": "SUMMER"}, "/code_pattern"),
            ({"type": "gift", "code_pattern": "SUMMER-####"}, "/code_pattern"),
        ],
    )
    def test_refuses_what_does_not_go_together(
        self, shop: Shop, fields: dict[str, Any], pointer: str
    ) -> None:
        reply = shop.api.post("/v1/rewards", {"name": "An offer"} | fields)

        assert reply.code == "validation_failed"
        assert [fault["pointer"] for fault in reply.json["errors"]] == [pointer]


class TestChange:
    def test_leaves_what_is_absent(self, shop: Shop) -> None:
        reward = shop.api.made("/v1/rewards", EVERYTHING)

        changed = change(shop, reward, name="Summer").json

        assert changed == reward | {"name": "Summer"}
        assert shop.find(f"/v1/rewards/{reward['id']}") == changed

    @pytest.mark.parametrize(
        "field",
        [
            "description",
            "image_url",
            "validity",
            "active_from",
            "active_until",
            "minimum_purchase_minor",
            "cost_in_points",
            "tax_value_minor",
            "low_stock_at",
        ],
    )
    def test_clears_what_is_null(self, shop: Shop, field: str) -> None:
        reward = shop.api.made("/v1/rewards", EVERYTHING)

        assert change(shop, reward, **{field: None}).json == reward | {field: None}

    def test_must_leave_the_fields_together(self, shop: Shop) -> None:
        reward = shop.reward()

        refused = change(shop, reward, percent_off_basis_points=None)

        assert refused.code == "validation_failed"
        assert shop.find(f"/v1/rewards/{reward['id']}") == reward

    def test_of_the_kind_is_for_drafts(self, shop: Shop) -> None:
        kind = {"type": "gift", "percent_off_basis_points": None}

        assert change(shop, shop.reward(status="draft"), **kind).json["type"] == "gift"
        assert change(shop, shop.reward(), **kind).code == "validation_failed"

    def test_of_the_usage_limit_leaves_coupons_that_are_out(self, shop: Shop) -> None:
        reward = shop.reward(usage_limit=2)
        code = shop.coupon(reward, customer=shop.customer())

        change(shop, reward, usage_limit=1)

        assert [shop.redeem(code).status for _ in range(3)] == [201, 201, 409]


class TestItsLife:
    @pytest.mark.parametrize(
        ("before", "verb", "after"),
        [
            ("draft", "activate", "active"),
            ("draft", "pause", None),
            ("draft", "archive", "archived"),
            ("active", "activate", "active"),
            ("active", "pause", "paused"),
            ("active", "archive", "archived"),
            ("paused", "activate", "active"),
            ("paused", "pause", "paused"),
            ("paused", "archive", "archived"),
            ("archived", "activate", None),
            ("archived", "pause", None),
            ("archived", "archive", "archived"),
        ],
    )
    def test_goes_from_draft_to_active_and_paused_and_ends_archived(
        self, shop: Shop, before: str, verb: str, after: str | None
    ) -> None:
        reward = shop.reward(status=before)

        reply = move(shop, reward, verb)

        if after is None:
            assert reply.code == "reward_not_active"
        else:
            assert reply.json["status"] == after
        now = shop.find(f"/v1/rewards/{reward['id']}")
        assert now["status"] == (after or before)

    def test_of_uploaded_codes_begins_when_there_are_some(self, shop: Shop) -> None:
        reward = shop.reward(status="draft", coupon_source="uploaded")
        assert move(shop, reward, "activate").code == "pool_empty"
        shop.coupon(reward)

        assert move(shop, reward, "activate").json["status"] == "active"

    def test_of_uploaded_codes_does_not_begin_with_refused_ones(self, shop: Shop) -> None:
        reward, taken = shop.reward(status="draft", coupon_source="uploaded"), shop.coupon()
        shop.coupons(reward, [{"code": taken}, {"code": "#"}])

        assert move(shop, reward, "activate").code == "pool_empty"


class TestAChange:
    """Of a reward or a setting: in force here at once, and everywhere within 60 seconds."""

    @pytest.fixture
    def code(self, shop: Shop, reward: Any) -> str:
        return shop.coupon(reward, customer=shop.customer())

    @pytest.fixture
    def reward(self, shop: Shop) -> Any:
        shop.stop_clock(NOON)
        return shop.reward(usage_limit=9)

    @pytest.fixture
    def elsewhere(self, shop: Shop, table_name: str, code: str) -> Services:
        """Another instance, which has just redeemed and so knows the reward as it was."""
        there = services_on(table_name)
        assert self.redeem_at(shop, there, code, 0).status == 201
        return there

    def redeem_at(self, shop: Shop, elsewhere: Services, code: str, seconds: float) -> Reply:
        here = shop.services
        shop.use(at(elsewhere, NOON + timedelta(seconds=seconds)))
        reply = shop.redeem(code)
        shop.use(here)
        return reply

    def test_that_pauses_is_in_force_here_at_once(self, shop: Shop, reward: Any, code: str) -> None:
        shop.redeemed(code)
        move(shop, reward, "pause")

        assert shop.redeem(code).code == "reward_not_active"

    def test_that_pauses_is_in_force_everywhere_within_60_seconds(
        self, shop: Shop, reward: Any, code: str, elsewhere: Services
    ) -> None:
        move(shop, reward, "pause")

        assert self.redeem_at(shop, elsewhere, code, 60).code == "reward_not_active"

    def test_that_allows_is_in_force_everywhere_at_once(
        self, shop: Shop, reward: Any, code: str, elsewhere: Services
    ) -> None:
        move(shop, reward, "pause")
        assert self.redeem_at(shop, elsewhere, code, 60).code == "reward_not_active"
        move(shop, reward, "activate")

        assert self.redeem_at(shop, elsewhere, code, 60.001).status == 201

    def test_that_asks_for_less_is_in_force_everywhere_at_once(
        self, shop: Shop, reward: Any, code: str, elsewhere: Services
    ) -> None:
        change(shop, reward, minimum_purchase_minor=100)
        assert self.redeem_at(shop, elsewhere, code, 60).code == "purchase_amount_required"
        change(shop, reward, minimum_purchase_minor=None)

        assert self.redeem_at(shop, elsewhere, code, 60.001).status == 201

    def test_of_a_setting_is_in_force_everywhere_within_60_seconds(
        self, own_shop: Shop, fresh_table_name: str
    ) -> None:
        shop, here = own_shop, own_shop.services
        shop.stop_clock(NOON)
        code = shop.coupon(shop.reward(usage_limit=9), customer=shop.customer())
        there = services_on(fresh_table_name)
        shop.use(at(there, NOON))
        shop.redeemed(code, amount_minor=1, currency="USD")
        shop.use(at(here, NOON))
        shop.set_settings(currency="EUR")

        shop.use(at(there, NOON + timedelta(seconds=60)))

        assert shop.redeem(code, amount_minor=1, currency="USD").code == "currency_mismatch"
        assert shop.redeemed(code, amount_minor=1, currency="EUR")["currency"] == "EUR"


class TestArchived:
    def test_keeps_its_coupons_from_being_used_or_given(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        claimed, pooled = shop.coupon(reward, customer=customer), shop.coupon(reward)
        move(shop, reward, "archive")

        claim = {"customer_id": customer["id"]}
        assert shop.redeem(claimed).code == "reward_not_active"
        assert shop.api.post(f"/v1/coupons/{pooled}/claim", claim).code == "reward_not_active"

    def test_stays_to_be_seen(self, shop: Shop) -> None:
        reward = shop.reward(status="archived", name=unique("Old "))

        assert shop.find(f"/v1/rewards/{reward['id']}")["status"] == "archived"


def test_moments_arrive_in_utc(shop: Shop) -> None:
    reward = shop.reward(active_from="2026-03-29T14:00:00+02:00")

    assert moment(reward["active_from"]) == NOON
    assert reward["active_from"].endswith("Z")
    assert text(NOON) == "2026-03-29T12:00:00.000Z"
