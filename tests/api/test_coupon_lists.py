"""The list of a reward's coupons: filters, sorting, ranges and the exact code."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from tests import streams
from tests.api.shop import Shop, text
from tests.api.test_lists import HOUR, pages
from tests.builders import NOON

Follow = Callable[[], None]


@pytest.fixture
def fresh_table_name(followed_table_name: str) -> str:
    """The table of ``own_shop`` has a stream here."""
    return followed_table_name


@pytest.fixture
def follow(engine: str, followed_table_name: str) -> Follow:
    """Return a function that gives the stream's records to the function that follows it."""
    import app  # noqa: PLC0415 # as tests/conftest.py does

    def run() -> None:
        records = streams.records(engine, followed_table_name)
        answer = app.app.handler_map["apply_changes"](streams.event(records), SimpleNamespace())
        assert answer["parked"] == 0

    return run


def _codes(shop: Shop, reward: Any, **query: str | int) -> list[str]:
    path = f"/v1/rewards/{reward['id']}/coupons"
    return [
        entry["code"] for page in pages(shop, path, limit=2, **query) for entry in page["items"]
    ]


class TestSorts:
    def test_by_use_and_expiry_put_what_has_none_last(self, own_shop: Shop, follow: Follow) -> None:
        shop = own_shop
        clock = shop.stop_clock(NOON)
        reward, customer = shop.reward(), shop.customer()
        pool = shop.coupon(reward)
        ends = [
            shop.coupon(reward, customer=owner, expires_at=text(NOON + hours * HOUR))
            for hours, owner in ((9, None), (7, customer), (8, None))
        ]
        used = [shop.coupon(reward, customer=customer) for _ in range(3)]
        for code in (used[1], used[2], used[0]):
            clock.moment += HOUR
            shop.redeemed(code)
        follow()

        by_use = _codes(shop, reward, sort="-redeemed_at")
        assert by_use[:4] == [used[0], used[2], used[1], ends[1]]
        assert set(by_use[4:]) == {pool, ends[0], ends[2]}
        assert _codes(shop, reward, sort="redeemed_at")[:3] == [used[1], used[2], used[0]]
        by_expiry = _codes(shop, reward, sort="expires_at")
        assert by_expiry[:3] == [ends[1], ends[2], ends[0]]
        assert set(by_expiry[3:6]) == set(used)
        assert by_expiry[6:] == [pool]

    def test_show_a_reversal_in_its_place(self, own_shop: Shop, follow: Follow) -> None:
        shop, reward, customer = own_shop, own_shop.reward(), own_shop.customer()
        codes = [shop.coupon(reward, customer=customer) for _ in range(2)]
        for code in codes:
            shop.redeemed(code)
        shop.api.made(f"/v1/coupons/{codes[1]}/unredeem", {})
        follow()

        assert _codes(shop, reward, sort="-redeemed_at") == [codes[0], codes[1]]
        assert _codes(shop, reward, sort="-redeemed_at", status="redeemed") == [codes[0]]


class TestRanges:
    @pytest.mark.parametrize("kind", ["claimed", "redeemed", "expires"])
    def test_include_their_start_and_exclude_their_end(
        self, own_shop: Shop, follow: Follow, kind: str
    ) -> None:
        shop = own_shop
        clock = shop.stop_clock(NOON)
        reward, customer = shop.reward(), shop.customer()
        shop.coupon(reward)
        codes = []
        for hours in range(4):
            clock.moment = NOON + hours * HOUR
            expires_at = text(NOON + hours * HOUR) if kind == "expires" else None
            codes.append(shop.coupon(reward, customer=customer, expires_at=expires_at))
            if kind == "redeemed":
                shop.redeemed(codes[-1])
        follow()

        found = _codes(
            shop,
            reward,
            sort=f"{kind}_at",
            **{f"{kind}_from": text(NOON + HOUR), f"{kind}_until": text(NOON + 3 * HOUR)},
        )

        assert found == codes[1:3]

    @pytest.mark.parametrize(
        ("query", "wrong"),
        [
            ({"redeemed_from": text(NOON)}, ["redeemed_from"]),
            ({"sort": "redeemed_at", "claimed_until": text(NOON)}, ["claimed_until"]),
            (
                {"sort": "-expires_at", "expires_from": text(NOON), "claimed_from": text(NOON)},
                ["claimed_from"],
            ),
            ({"code": "ABCD", "claimed_from": text(NOON)}, ["claimed_from"]),
        ],
    )
    def test_of_anything_but_what_it_is_sorted_by_are_refused(
        self, shop: Shop, query: dict[str, str], wrong: list[str]
    ) -> None:
        reply = shop.api.get(f"/v1/rewards/{shop.reward()['id']}/coupons?{urlencode(query)}")

        assert reply.code == "validation_failed"
        assert [fault["pointer"] for fault in reply.json["errors"]] == [
            f"/query/{name}" for name in wrong
        ]

    def test_that_end_before_they_start_are_refused(self, shop: Shop) -> None:
        query = urlencode(
            {"sort": "expires_at", "expires_from": text(NOON), "expires_until": text(NOON)}
        )
        reply = shop.api.get(f"/v1/rewards/{shop.reward()['id']}/coupons?{query}")

        assert reply.code == "validation_failed"
        assert reply.json["errors"][0]["pointer"] == "/query/expires_until"


class TestTheExactCode:
    def test_is_found_however_it_is_typed(self, shop: Shop) -> None:
        reward = shop.reward()
        code = shop.coupon(reward)
        shop.coupon(reward)

        assert _codes(shop, reward, code=code.lower().replace("-", " ")) == [code]
        assert _codes(shop, reward, code=code, status="unassigned") == [code]

    def test_of_another_reward_state_or_of_nothing_is_an_empty_page(self, shop: Shop) -> None:
        reward = shop.reward()
        code = shop.coupon(reward)

        assert _codes(shop, shop.reward(), code=code) == []
        assert _codes(shop, reward, code=code, status="claimed") == []
        assert _codes(shop, reward, code="NO-SUCH-CODE") == []
        assert _codes(shop, reward, code="!") == []


class TestRows:
    def test_show_what_a_back_office_lists(self, shop: Shop) -> None:
        reward = shop.reward()
        code = shop.coupon(reward)

        (row,) = shop.find(f"/v1/rewards/{reward['id']}/coupons")["items"]

        assert (row["code"], row["status"], row["usages"]) == (code, "unassigned", 0)
        assert (row["customer_id"], row["claimed_at"], row["expires_at"]) == (None, None, None)
