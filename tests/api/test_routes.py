"""The table of roles, and that it is what decides."""

import pytest

from app import app
from chalicelib.api import routes
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint, operations_of
from chalicelib.core.callers.callers import Role
from tests.api.plumbing import Api

ROUTES = sorted(routes.ROLES)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """Every route of the table, each with a view that does nothing."""
    blueprint = JsonBlueprint()
    for method, path in ROUTES:

        @blueprint.operation(method, path, status=204)
        def view(_call: Call[None, None], **_values: str) -> Answer:
            """Do nothing."""
            return Answer()

    return Api(monkeypatch, blueprint)


class TestTable:
    def test_has_the_routes_of_the_application_and_no_other(self) -> None:
        assert {(each.method, each.path) for each in operations_of(app)} == set(routes.ROLES)

    def test_decides_for_every_route_and_role(self, api: Api) -> None:
        for method, path in ROUTES:
            roles = routes.ROLES[method, path]
            for role in Role:
                status = api.call(method, path.replace("{", "").replace("}", ""), role=role).status
                allowed = roles == routes.PUBLIC or role in roles
                assert status == (204 if allowed else 403), (method, path, role)

    def test_opens_nothing_but_health_and_documentation_to_everybody(self, api: Api) -> None:
        public = {route for route in ROUTES if api.call(*route, role=None).status != 401}

        # Phones have the token of a card instead of a key.
        assert {route for route in public if not route[1].startswith("/v1/wallets/")} == {
            ("GET", "/v1/health"),
            ("GET", "/openapi.json"),
            ("GET", "/docs"),
        }

    def test_gives_the_owner_everything(self) -> None:
        assert all(roles == routes.PUBLIC or Role.OWNER in roles for roles in routes.ROLES.values())

    def test_keeps_api_keys_to_the_owner(self) -> None:
        assert {
            roles for (_, path), roles in routes.ROLES.items() if path.startswith("/v1/api-keys")
        } == {frozenset({Role.OWNER})}

    def test_lets_a_cashier_change_nothing_but_by_redeeming(self) -> None:
        assert {
            route
            for route, roles in routes.ROLES.items()
            if Role.CASHIER in roles and route[0] != "GET"
        } == {
            ("POST", "/v1/coupons/{code}/validate"),
            ("POST", "/v1/coupons/{code}/redemptions"),
            ("POST", "/v1/bulk/coupons/redeem"),
            ("POST", "/v1/orders/{order_id}/redemptions"),
            ("POST", "/v1/orders/{order_id}/validate"),
            ("POST", "/v1/customers/{customer_id}/applicable"),
            ("POST", "/v1/coupons/{code}/holds"),
            ("POST", "/v1/cards/{serial}/stamps"),
            ("PATCH", "/v1/holds/{hold_id}"),
            ("DELETE", "/v1/holds/{hold_id}"),
        }

    def test_lets_the_pages_of_a_shop_validate_and_redeem_only(self) -> None:
        assert {route for route, roles in routes.ROLES.items() if Role.STOREFRONT in roles} == {
            ("POST", "/v1/coupons/{code}/validate"),
            ("POST", "/v1/coupons/{code}/redemptions"),
        }

    def test_lets_an_analyst_read_only_also_as_files(self) -> None:
        assert {
            route
            for route, roles in routes.ROLES.items()
            if Role.ANALYST in roles and route[0] != "GET"
        } == {("POST", "/v1/exports")}
