"""Reads carry an ETag; a PATCH or PUT that names a stale one in If-Match is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.shop import Shop, at_once
from tests.builders import unique
from tests.http import Reply

Thing = Callable[[Shop], tuple[str, str, Callable[[int], Any]]]


def a_customer(shop: Shop) -> tuple[str, str, Callable[[int], Any]]:
    return "PATCH", f"/v1/customers/{shop.customer()['id']}", lambda n: {"first_name": f"Ada {n}"}


def a_reward(shop: Shop) -> tuple[str, str, Callable[[int], Any]]:
    return "PATCH", f"/v1/rewards/{shop.reward()['id']}", lambda n: {"name": f"Offer {n}"}


def a_coupon(shop: Shop) -> tuple[str, str, Callable[[int], Any]]:
    path = f"/v1/coupons/{shop.coupon(customer=shop.customer())}"
    return "PATCH", path, lambda n: {"expires_at": f"209{n}-01-01T00:00:00Z"}


def the_settings(shop: Shop) -> tuple[str, str, Callable[[int], Any]]:
    before = shop.find("/v1/settings")
    shop.set_settings(business_name=unique("Shop "))
    return "PUT", "/v1/settings", lambda n: before | {"business_name": f"Shop {n}"}


THINGS: list[Thing] = [a_customer, a_reward, a_coupon, the_settings]


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__)
class TestIfMatch:
    @pytest.fixture
    def write(self, own_shop: Shop, thing: Thing) -> Callable[[int, str | None], Reply]:
        method, self.path, body = thing(own_shop)

        def write(number: int, if_match: str | None) -> Reply:
            headers = {} if if_match is None else {"If-Match": if_match}
            return own_shop.api.call(method, self.path, body(number), headers=headers)

        return write

    def etag(self, shop: Shop) -> str:
        return shop.api.get(self.path).headers["etag"]

    def test_of_what_was_read_lets_it_be_changed(
        self, own_shop: Shop, write: Callable[[int, str | None], Reply]
    ) -> None:
        read = self.etag(own_shop)
        assert read.startswith('"')
        assert self.etag(own_shop) == read

        changed = write(1, read)

        assert changed.status == 200
        assert changed.headers["etag"] == self.etag(own_shop) != read
        assert write(2, changed.headers["etag"]).status == 200

    def test_of_what_has_changed_since_is_refused(
        self, own_shop: Shop, write: Callable[[int, str | None], Reply]
    ) -> None:
        read = self.etag(own_shop)
        write(1, None)
        now = own_shop.find(self.path)

        assert (write(2, read).status, write(2, read).code) == (412, "precondition_failed")
        assert own_shop.find(self.path) == now

    def test_of_anything_and_of_several_matches(
        self, own_shop: Shop, write: Callable[[int, str | None], Reply]
    ) -> None:
        assert write(1, "*").status == 200
        assert write(2, f'"another", {self.etag(own_shop)}').status == 200
        assert write(3, '"another", "and another"').status == 412

    def test_lets_one_of_many_through_who_have_read_the_same(
        self, own_shop: Shop, write: Callable[[int, str | None], Reply]
    ) -> None:
        read = self.etag(own_shop)

        replies = at_once(*[lambda n=n: write(n, read) for n in range(4)])

        assert sorted(reply.status for reply in replies) == [200, 412, 412, 412]

    def test_is_asked_only_once_of_a_request_that_is_repeated(
        self, own_shop: Shop, write: Callable[[int, str | None], Reply], thing: Thing
    ) -> None:
        method, path, body = thing(own_shop)
        headers = {"If-Match": own_shop.api.get(path).headers["etag"], "Idempotency-Key": "k"}

        first, again = (own_shop.api.call(method, path, body(5), headers=headers) for _ in range(2))

        assert (first.status, again.status) == (200, 200)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["etag"] == first.headers["etag"]


class TestReads:
    def test_all_carry_an_etag_of_what_they_say(self, shop: Shop) -> None:
        customer, reward = shop.customer(), shop.reward()
        code = shop.coupon(reward, customer=customer)
        redemption = shop.redeemed(code)
        paths = (
            "/v1/customers",
            f"/v1/customers/{customer['id']}",
            f"/v1/customers/{customer['id']}/coupons",
            f"/v1/customers/{customer['id']}/activity",
            "/v1/rewards",
            f"/v1/rewards/{reward['id']}",
            f"/v1/rewards/{reward['id']}/coupons",
            f"/v1/coupons/{code}",
            f"/v1/coupons/{code}/redemptions",
            f"/v1/coupons/{code}/redemptions/{redemption['id']}",
            "/v1/settings",
            "/v1/api-keys",
        )
        for path in paths:
            replies = [shop.api.get(path) for _ in range(2)]
            assert replies[0].headers["etag"] == replies[1].headers["etag"], path
            assert replies[0].headers["cache-control"] == "no-store"
            assert replies[0].headers["x-request-id"] != replies[1].headers["x-request-id"]
