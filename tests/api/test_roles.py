"""Who may call what, by the application itself: deny by default."""

import re

import pytest

from chalicelib.api import routes
from chalicelib.core.callers.callers import Role
from tests.api.shop import Shop
from tests.conftest import ORIGIN, a_key

# What phones call asks for the token of a card: see test_apple.py.
ROUTES = sorted(route for route in routes.ROLES if not route[1].startswith("/v1/wallets/"))


def concrete(path: str) -> str:
    path = re.sub(r"{\w+}", "none", path)
    # A cashier looks a customer up, and does not list them all.
    return path + "?external_id=none" if path == "/v1/customers" else path


class TestEveryRoute:
    @pytest.mark.parametrize("role", list(Role))
    def test_lets_in_the_roles_of_the_table_and_no_other(self, shop: Shop, role: Role) -> None:
        caller = shop.api.with_token(a_key(shop.services, role))
        answers = {
            (method, path): caller.call(
                method,
                concrete(path),
                {} if method != "GET" else None,
                headers={"Origin": ORIGIN},
            )
            for method, path in ROUTES
        }

        for route, reply in answers.items():
            roles = routes.ROLES[route]
            if roles == routes.PUBLIC or role in roles:
                assert reply.status not in {401, 403}, (route, role)
                assert reply.status < 500, (route, reply.raw)
            else:
                assert (reply.status, reply.code) == (403, "forbidden"), (route, role)

    @pytest.mark.parametrize("token", [None, "cpk_unknown_key"])
    def test_lets_in_nobody_without_a_key(self, shop: Shop, token: str | None) -> None:
        stranger = shop.api.with_token(token)

        for method, path in ROUTES:
            reply = stranger.call(method, concrete(path))
            if routes.ROLES[method, path] == routes.PUBLIC:
                assert reply.status == 200, path
            else:
                assert reply.code == "unauthenticated", path

    def test_asks_who_calls_before_it_reads_what_they_send(self, shop: Shop) -> None:
        stranger = shop.api.with_token(None)

        assert stranger.post("/v1/customers", raw=b"{").code == "unauthenticated"
        cashier = shop.api.with_token(a_key(shop.services, Role.CASHIER))
        assert cashier.post("/v1/customers", raw=b"{").code == "forbidden"


class TestACashier:
    def test_looks_up_and_redeems(self, shop: Shop) -> None:
        customer = shop.customer(external_id="shop-1")
        code = shop.coupon(customer=customer)
        shop.api = shop.api.with_token(a_key(shop.services, Role.CASHIER))

        found = shop.find("/v1/customers?external_id=shop-1")["items"][0]
        assert found["id"] == customer["id"]
        assert shop.find(f"/v1/customers/{customer['id']}/coupons")["items"][0]["code"] == code
        assert shop.validate(code)["applicable"] is True
        assert shop.redeem(code).status == 201

    def test_takes_nothing_back_and_gives_nothing_away(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        code = shop.coupon(reward, customer=customer)
        shop.redeemed(code)
        shop.api = shop.api.with_token(a_key(shop.services, Role.CASHIER))

        assert shop.unredeem(code).code == "forbidden"
        claim = shop.api.post(f"/v1/coupons/{code}/claim", {"customer_id": customer["id"]})
        assert claim.code == "forbidden"
        codes = {"coupons": [{"code": "ABCD"}]}
        assert shop.api.post(f"/v1/rewards/{reward['id']}/coupons", codes).code == "forbidden"

    def test_does_not_browse_the_customers(self, shop: Shop) -> None:
        cashier = shop.api.with_token(a_key(shop.services, Role.CASHIER))

        for query in ("", "?limit=1", "?sort=created_at"):
            assert cashier.get(f"/v1/customers{query}").code == "forbidden"


class TestAnAnalyst:
    def test_reads_and_changes_nothing(self, shop: Shop) -> None:
        analyst = shop.api.with_token(a_key(shop.services, Role.ANALYST))

        for method, path in ROUTES:
            reply = analyst.call(method, concrete(path), {} if method != "GET" else None)
            assert method == "GET" or path == "/v1/exports" or reply.status == 403, (method, path)
