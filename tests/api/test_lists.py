"""Lists: a cursor goes through everything exactly once, and belongs to its list and filters."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.api.shop import Shop, text
from tests.builders import NOON, unique

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Listing:
    """A list: where it is, what adds an entry and returns its id, and what its entries go by."""

    path: str
    add: Callable[[], str]
    name: str
    sort: str

    def ids(self, page: Any) -> list[str]:
        return [str(entry[self.name]) for entry in page["items"]]


Make = Callable[[Shop], Listing]


def customers(shop: Shop) -> Listing:
    return Listing("/v1/customers", lambda: str(shop.customer()["id"]), "id", "created_at")


def rewards(shop: Shop) -> Listing:
    return Listing("/v1/rewards", lambda: str(shop.reward()["id"]), "id", "created_at")


def api_keys(shop: Shop) -> Listing:
    body = {"name": "till", "role": "cashier"}
    return Listing(
        "/v1/api-keys", lambda: str(shop.api.made("/v1/api-keys", body)["id"]), "id", "created_at"
    )


def coupons_of_a_reward(shop: Shop) -> Listing:
    # Those of the pool have no order in time.
    reward, customer = shop.reward(), shop.customer()
    path = f"/v1/rewards/{reward['id']}/coupons"
    return Listing(path, lambda: shop.coupon(reward, customer=customer), "code", "claimed_at")


def coupons_of_a_customer(shop: Shop) -> Listing:
    reward, customer = shop.reward(), shop.customer()
    path = f"/v1/customers/{customer['id']}/coupons"
    return Listing(path, lambda: shop.coupon(reward, customer=customer), "code", "claimed_at")


def redemptions_of_a_coupon(shop: Shop) -> Listing:
    code = shop.coupon(shop.reward(usage_limit=1000), customer=shop.customer())
    path = f"/v1/coupons/{code}/redemptions"
    return Listing(path, lambda: str(shop.redeemed(code)["id"]), "id", "redeemed_at")


def activity_of_a_customer(shop: Shop) -> Listing:
    reward, customer = shop.reward(), shop.customer()

    def add() -> str:
        shop.coupon(reward, customer=customer)
        return str(shop.history(customer)[-1]["id"])

    return Listing(f"/v1/customers/{customer['id']}/activity", add, "id", "recorded_at")


LISTS: list[Make] = [
    customers,
    rewards,
    api_keys,
    coupons_of_a_reward,
    coupons_of_a_customer,
    redemptions_of_a_coupon,
    activity_of_a_customer,
]
every_list = pytest.mark.parametrize("make", LISTS, ids=lambda make: make.__name__)


def pages(shop: Shop, path: str, **query: Any) -> Iterator[Any]:
    """Yield the pages of the list, by its cursors."""
    cursor = None
    for _ in range(1000):
        sent = query | ({"cursor": cursor} if cursor else {})
        page = shop.find(f"{path}?{urlencode(sent)}")
        yield page
        cursor = page["next_cursor"]
        if cursor is None:
            return
    raise AssertionError("the list has no end")


@every_list
@pytest.mark.parametrize("descending", [False, True], ids=["first first", "last first"])
class TestACursor:
    def test_goes_through_everything_exactly_once(
        self, own_shop: Shop, make: Make, *, descending: bool
    ) -> None:
        listing = make(own_shop)
        before = listing.ids(own_shop.find(f"{listing.path}?limit=100&sort={listing.sort}"))
        added = [listing.add() for _ in range(7)]
        sort = ("-" if descending else "") + listing.sort

        found = [
            each
            for page in pages(own_shop, listing.path, limit=2, sort=sort)
            for each in listing.ids(page)
        ]

        assert found == (before + added)[:: -1 if descending else 1]

    def test_goes_through_it_also_while_entries_are_added(
        self, own_shop: Shop, make: Make, *, descending: bool
    ) -> None:
        listing = make(own_shop)
        there = [listing.add() for _ in range(5)]
        sort = ("-" if descending else "") + listing.sort

        found: list[str] = []
        added: list[str] = []
        for page in pages(own_shop, listing.path, limit=2, sort=sort):
            found += listing.ids(page)
            if len(added) < 3:
                added.append(listing.add())

        assert len(found) == len(set(found))
        assert [each for each in found if each in there] == there[:: -1 if descending else 1]
        # What is added at the end is still to come; what is added at the start has gone by.
        assert [each for each in found if each in added] == ([] if descending else added)


class TestACursorThatDoesNotBelong:
    @pytest.fixture
    def listing(self, own_shop: Shop) -> Listing:
        listing = coupons_of_a_customer(own_shop)
        for _ in range(3):
            listing.add()
        return listing

    @pytest.fixture
    def cursor(self, own_shop: Shop, listing: Listing) -> str:
        return str(own_shop.find(f"{listing.path}?limit=1")["next_cursor"])

    @pytest.mark.parametrize(
        "query",
        [
            "sort=claimed_at",
            "status=claimed",
            "claimed_from=2000-01-01T00:00:00Z",
            "claimed_until=2100-01-01T00:00:00Z",
        ],
    )
    def test_to_the_filters_is_refused(
        self, own_shop: Shop, listing: Listing, cursor: str, query: str
    ) -> None:
        reply = own_shop.api.get(f"{listing.path}?limit=1&cursor={cursor}&{query}")

        assert reply.code == "invalid_cursor"

    def test_to_the_list_is_refused(self, own_shop: Shop, cursor: str) -> None:
        other = coupons_of_a_customer(own_shop)

        assert own_shop.api.get(f"{other.path}?cursor={cursor}").code == "invalid_cursor"
        assert own_shop.api.get(f"/v1/customers?cursor={cursor}").code == "invalid_cursor"

    @pytest.mark.parametrize(
        "damage",
        [
            lambda cursor: cursor[:-4],
            lambda cursor: cursor[4:],
            lambda cursor: cursor + "AAAA",
            lambda cursor: cursor.swapcase(),
            lambda cursor: "AAAA",
            lambda cursor: "ü",
            lambda cursor: "%00",
            lambda cursor: "{}",
        ],
        ids=["cut", "beheaded", "longer", "swapped", "short", "foreign", "encoded", "JSON"],
    )
    def test_to_anything_is_refused(
        self, own_shop: Shop, listing: Listing, cursor: str, damage: Callable[[str], str]
    ) -> None:
        reply = own_shop.api.get(f"{listing.path}?cursor={quote(damage(cursor))}")

        assert reply.code == "invalid_cursor"

    def test_is_told_apart_from_one_with_another_limit(
        self, own_shop: Shop, listing: Listing, cursor: str
    ) -> None:
        assert len(own_shop.find(f"{listing.path}?limit=5&cursor={cursor}")["items"]) == 2


class TestThePoolOfAReward:
    def test_is_listed_after_what_has_been_claimed_each_once(self, own_shop: Shop) -> None:
        shop, reward, customer = own_shop, own_shop.reward(), own_shop.customer()
        pool = {shop.coupon(reward) for _ in range(5)}
        claimed = [shop.coupon(reward, customer=customer) for _ in range(4)]
        path = f"/v1/rewards/{reward['id']}/coupons"

        for limit in (1, 2, 5, 9):
            found = [
                entry["code"] for page in pages(shop, path, limit=limit) for entry in page["items"]
            ]
            assert found[:4] == claimed[::-1]
            assert len(found) == 9
            assert set(found[4:]) == pool


class TestThePageSize:
    def test_is_25_unless_asked_for_and_at_most_100(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        codes = [{"code": unique("C-"), "customer_id": customer["id"]} for _ in range(101)]
        shop.coupons(reward, codes)

        for path in (
            f"/v1/rewards/{reward['id']}/coupons",
            f"/v1/customers/{customer['id']}/coupons",
            f"/v1/customers/{customer['id']}/activity",
        ):
            assert len(shop.find(path)["items"]) == 25
            assert len(shop.find(f"{path}?limit=1")["items"]) == 1
            page = shop.find(f"{path}?limit=100")
            assert len(page["items"]) == 100
            assert page["next_cursor"]

    @pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "ten", "1e1", "\uff19"])
    def test_is_a_number_from_1_to_100(self, shop: Shop, limit: str) -> None:
        reply = shop.api.get(f"/v1/rewards?limit={quote(limit)}")

        assert reply.code == "validation_failed"
        assert reply.json["errors"][0]["pointer"] == "/query/limit"

    def test_that_fits_exactly_has_no_next_page(self, shop: Shop) -> None:
        listing = coupons_of_a_customer(shop)
        for _ in range(2):
            listing.add()

        assert shop.find(f"{listing.path}?limit=2")["next_cursor"] is None

    def test_of_nothing_is_an_empty_page(self, shop: Shop) -> None:
        path = coupons_of_a_customer(shop).path

        assert shop.find(path) == {"items": [], "next_cursor": None}


class TestFilters:
    def test_by_status_name_one_or_several(self, own_shop: Shop) -> None:
        shop, customer, reward = own_shop, own_shop.customer(), own_shop.reward()
        codes = {
            "unassigned": shop.coupon(reward),
            "claimed": shop.coupon(reward, customer=customer),
            "redeemed": shop.coupon(reward, customer=customer),
            "expired": shop.coupon(reward, customer=customer, expires_at=text(NOON)),
        }
        shop.redeemed(codes["redeemed"])

        def listed(of: str, statuses: str) -> set[str]:
            page = shop.find(f"/v1/{of}/coupons?status={statuses}")
            return {entry["code"] for entry in page["items"]}

        for job in (False, True):
            if job:  # The list is right before and after the job has recorded what ran out.
                assert shop.run_expiry_job(shop.services.now())["expired"] == 1
            for status, code in codes.items():
                assert listed(f"rewards/{reward['id']}", status) == {code}
                owned = {code} - {codes["unassigned"]}
                assert listed(f"customers/{customer['id']}", status) == owned
            both = {codes["claimed"], codes["redeemed"]}
            assert listed(f"rewards/{reward['id']}", "claimed,redeemed") == both
            assert listed(f"customers/{customer['id']}", "claimed,redeemed") == both

    def test_by_status_leave_nothing_out_on_the_way(self, own_shop: Shop) -> None:
        shop, customer, reward = own_shop, own_shop.customer(), own_shop.reward()
        codes = [shop.coupon(reward, customer=customer) for _ in range(6)]
        for code in codes[::2]:
            shop.redeemed(code)

        for of in (f"customers/{customer['id']}", f"rewards/{reward['id']}"):
            path = f"/v1/{of}/coupons"
            found = [
                entry["code"]
                for page in pages(shop, path, limit=1, status="redeemed")
                for entry in page["items"]
            ]
            assert found == codes[::2][::-1]

    def test_of_rewards_by_status(self, own_shop: Shop) -> None:
        made = {
            status: own_shop.reward(status=status)["id"]
            for status in ("draft", "active", "paused", "archived")
        }

        for status, reward_id in made.items():
            found = own_shop.find(f"/v1/rewards?status={status}")["items"]
            assert [reward["id"] for reward in found] == [reward_id]
        several = own_shop.find("/v1/rewards?status=draft,archived")["items"]
        assert [reward["id"] for reward in several] == [made["archived"], made["draft"]]

    @pytest.mark.parametrize("status", ["used", "claimed,", "claimed,used", "CLAIMED"])
    def test_by_an_unknown_status_are_refused(self, shop: Shop, status: str) -> None:
        reply = shop.api.get(f"/v1/customers/{shop.customer()['id']}/coupons?status={status}")

        assert reply.code == "validation_failed"

    @pytest.mark.parametrize("sort", ["claimed_at", "-claimed_at"])
    def test_by_a_range_include_its_start_and_exclude_its_end(self, shop: Shop, sort: str) -> None:
        clock = shop.stop_clock(NOON)
        customer, reward = shop.customer(), shop.reward()
        codes = []
        for hours in range(4):
            clock.moment = NOON + hours * HOUR
            codes.append(shop.coupon(reward, customer=customer))

        def listed(**query: str) -> list[str]:
            path = f"/v1/customers/{customer['id']}/coupons"
            walked = pages(shop, path, limit=1, sort=sort, **query)
            found = [entry["code"] for page in walked for entry in page["items"]]
            return found if sort == "claimed_at" else found[::-1]

        second, fourth = text(NOON + HOUR), text(NOON + 3 * HOUR)
        assert listed(claimed_from=second) == codes[1:]
        assert listed(claimed_until=fourth) == codes[:3]
        assert listed(claimed_from=second, claimed_until=fourth) == codes[1:3]

    def test_by_a_range_that_ends_before_it_starts_are_refused(self, shop: Shop) -> None:
        path = f"/v1/customers/{shop.customer()['id']}/coupons"
        query = f"claimed_from={text(NOON)}&claimed_until={text(NOON)}"

        assert shop.api.get(f"{path}?{query}").code == "validation_failed"

    def test_that_are_given_twice_are_refused(self, shop: Shop) -> None:
        assert shop.api.get("/v1/rewards?limit=1&limit=2").code == "validation_failed"


class TestOrder:
    def test_is_newest_first_by_default(self, own_shop: Shop) -> None:
        for make in LISTS:
            listing = make(own_shop)
            added = [listing.add() for _ in range(3)]

            assert listing.ids(own_shop.find(listing.path))[:3] == added[::-1]

    def test_by_anything_else_is_refused(self, shop: Shop) -> None:
        assert shop.api.get("/v1/customers?sort=email").code == "validation_failed"

    def test_of_redemptions_is_that_of_their_use(self, shop: Shop) -> None:
        clock = shop.stop_clock(NOON)
        code = shop.coupon(shop.reward(usage_limit=3), customer=shop.customer())
        clock.moment = NOON + 2 * HOUR
        now = shop.redeemed(code)["id"]
        late = shop.redeemed(code, redeemed_at=text(NOON + HOUR))["id"]

        listed = shop.find(f"/v1/coupons/{code}/redemptions")["items"]

        assert [redemption["id"] for redemption in listed] == [now, late]
