"""Codes cannot be guessed by trying: tries that lead nowhere are counted in the table."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from chalice.app import Request
from msgspec.structs import replace

from chalicelib.api.web import requests
from chalicelib.core.callers import tries
from chalicelib.core.callers.callers import Role
from tests.api.shop import Shop, at_once, with_key
from tests.api.test_storefront import Page
from tests.builders import NOON, unique
from tests.conftest import a_key, services_on
from tests.http import Api, Reply

CASHIERS = tries.TRIES_MAX[Role.CASHIER]
STRANGERS = tries.TRIES_MAX[Role.STOREFRONT]


@pytest.fixture(autouse=True)
def _nobody_waits(shop: Shop) -> None:
    shop.use(replace(shop.services, rest=lambda _: None))


@pytest.fixture
def stand_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let requests come from an address."""

    def stand(address: str) -> None:
        monkeypatch.setattr(requests, "network_of", lambda _: address)

    return stand


@pytest.fixture
def page(shop: Shop) -> Page:
    return Page(shop.api.with_token(a_key(shop.services, Role.STOREFRONT)))


def tried(shop: Shop, token: str, times: int) -> None:
    """Count tries of a server key that led nowhere."""
    caller = shop.services.authenticate(token)
    assert caller is not None
    guesser = tries.guesser_of(caller, network="")
    for _ in range(times):
        assert not shop.services.watch.missed(guesser, 1, now=shop.services.now())


def a_usable_code(shop: Shop) -> str:
    return shop.coupon(customer=shop.customer())


class TestAServerKey:
    @pytest.fixture
    def token(self, shop: Shop) -> str:
        return a_key(shop.services, Role.CASHIER)

    @pytest.fixture
    def till(self, shop: Shop, token: str) -> Api:
        shop.stop_clock(NOON)
        return shop.api.with_token(token)

    @pytest.mark.parametrize(
        "look_up",
        [
            lambda till, code: till.get(f"/v1/coupons/{code}"),
            lambda till, code: till.get(f"/v1/coupons/{code}/redemptions"),
            lambda till, code: till.post(f"/v1/coupons/{code}/validate", {}),
            lambda till, code: till.post(f"/v1/coupons/{code}/redemptions", {}),
        ],
        ids=["get", "list", "validate", "redeem"],
    )
    def test_is_stopped_after_too_many_codes_that_nobody_has(
        self, shop: Shop, token: str, till: Api, look_up: Callable[[Api, str], Reply]
    ) -> None:
        known = a_usable_code(shop)
        tried(shop, token, CASHIERS - 1)
        assert look_up(till, unique("NOBODYS")).status in {200, 404}

        for code in (unique("NOBODYS"), known):
            reply = look_up(till, code)
            assert (reply.status, reply.code) == (429, "rate_limited")
            assert 0 < int(reply.headers["retry-after"]) <= 600

    def test_is_not_counted_for_codes_that_are_found(self, shop: Shop, till: Api) -> None:
        code = a_usable_code(shop)
        assert till.post(f"/v1/coupons/{code}/redemptions", {}).status == 201

        for _ in range(CASHIERS + 1):
            assert till.post(f"/v1/coupons/{code}/redemptions", {}).status == 409

    def test_is_counted_for_each_code_of_a_bulk_call(
        self, shop: Shop, token: str, till: Api
    ) -> None:
        tried(shop, token, CASHIERS - 2)
        body = {"coupons": [{"code": unique("NOBODYS")} for _ in range(2)]}

        first, then = (
            till.post("/v1/bulk/coupons/redeem", body, headers=with_key(unique("key-")))
            for _ in range(2)
        )

        assert {item["error"]["code"] for item in first.json["items"]} == {"coupon_not_found"}
        assert then.code == "rate_limited"

    @pytest.mark.parametrize("action", ["redemptions", "validate"])
    def test_is_counted_for_each_code_of_an_order(
        self, shop: Shop, token: str, till: Api, action: str
    ) -> None:
        tried(shop, token, CASHIERS - 2)
        path = f"/v1/orders/{unique('order-')}/{action}"
        codes = [{"code": unique("NOBODYS")} for _ in range(2)]

        first, then = (till.post(path, {"coupons": codes, "partial": True}) for _ in range(2))

        assert {item["error"]["code"] for item in first.json["items"]} == {"coupon_not_found"}
        assert then.code == "rate_limited"

    def test_is_let_in_again_when_the_window_is_over(
        self, shop: Shop, token: str, till: Api
    ) -> None:
        clock = shop.stop_clock(NOON)
        tried(shop, token, CASHIERS)
        code = a_usable_code(shop)
        assert till.get(f"/v1/coupons/{code}").code == "rate_limited"

        clock.moment = NOON + tries.WINDOW

        assert till.get(f"/v1/coupons/{code}").status == 200

    def test_stops_no_other_key(self, shop: Shop, token: str, till: Api) -> None:
        tried(shop, token, CASHIERS)
        other = shop.api.with_token(a_key(shop.services, Role.CASHIER))

        assert other.get(f"/v1/coupons/{a_usable_code(shop)}").status == 200
        assert other.get(f"/v1/coupons/{unique('NOBODYS')}").status == 404

    def test_is_stopped_by_every_function_within_30_seconds(
        self, shop: Shop, table_name: str, token: str, till: Api
    ) -> None:
        code = a_usable_code(shop)
        here = shop.services
        there = replace(services_on(table_name), rest=lambda _: None)
        shop.use(there)
        clock = shop.stop_clock(NOON)
        assert till.get(f"/v1/coupons/{code}").status == 200
        tried(SimpleNamespace(services=here), token, CASHIERS)  # type: ignore[arg-type]

        clock.moment = NOON + timedelta(seconds=30)

        assert till.get(f"/v1/coupons/{code}").code == "rate_limited"

    def test_is_stopped_by_another_function_with_its_next_miss(
        self, shop: Shop, table_name: str, token: str, till: Api
    ) -> None:
        shop.use(services_on(table_name))
        shop.stop_clock(NOON)
        assert till.get(f"/v1/coupons/{unique('NOBODYS')}").status == 404
        elsewhere = services_on(table_name)
        caller = elsewhere.gate.authenticate(token, now=NOON)
        assert caller is not None
        guesser = tries.guesser_of(caller, network="")
        for _ in range(CASHIERS - 1):
            elsewhere.watch.missed(guesser, 1, now=NOON)

        assert till.get(f"/v1/coupons/{unique('NOBODYS')}").code == "rate_limited"

    def test_does_other_work_meanwhile(self, shop: Shop, token: str, till: Api) -> None:
        tried(shop, token, CASHIERS)

        assert till.get("/v1/rewards").status == 200

    def test_costs_a_good_redemption_nothing(self, shop: Shop, till: Api) -> None:
        reward, customer = shop.reward(), shop.customer()
        first, second = (shop.coupon(reward, customer=customer) for _ in range(2))
        assert till.post(f"/v1/coupons/{first}/redemptions", {}).status == 201

        assert till.post(f"/v1/coupons/{second}/redemptions", {}).status == 201

        assert shop.services.capacity.round_trips == 2

    def test_is_answered_while_the_table_is_too_busy_to_count(self, shop: Shop, till: Api) -> None:
        assert till.get("/v1/coupons/NOBODYS").status == 404
        client = shop.services.store._table._client  # type: ignore[attr-defined] # noqa: SLF001

        def throttle(**_: Any) -> None:
            error = {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}
            raise client.exceptions.ClientError(error, "UpdateItem")

        client.meta.events.register_first("before-call.dynamodb.UpdateItem", throttle)

        assert till.get("/v1/coupons/NOBODYS").code == "coupon_not_found"


class TestAStranger:
    @pytest.fixture(autouse=True)
    def _in_one_window(self, shop: Shop, stand_at: Callable[[str], None]) -> None:
        shop.stop_clock(NOON)
        stand_at(unique("address-"))

    def test_is_stopped_after_ten_codes_known_and_unknown_alike(
        self, shop: Shop, page: Page
    ) -> None:
        used, usable = a_usable_code(shop), a_usable_code(shop)
        shop.redeemed(used)

        codes = [used, unique("NOBODYS")] * (STRANGERS // 2)
        before = [page.redeem(code).code for code in codes]
        after = [page.redeem(code) for code in (used, unique("NOBODYS"), usable)]

        assert before == ["coupon_not_usable"] * STRANGERS
        assert [reply.code for reply in after] == ["rate_limited"] * 3
        assert {reply.headers["retry-after"] for reply in after} == {"600"}
        assert page.validate(usable).code == "rate_limited"
        assert shop.find_coupon(usable)["status"] == "claimed"

    def test_is_not_counted_for_codes_that_can_be_used(self, shop: Shop, page: Page) -> None:
        codes = [a_usable_code(shop) for _ in range(3)]

        for _ in range(STRANGERS + 1):
            assert page.validate(codes[0]).json["applicable"] is True
        for code in codes:
            assert page.redeem(code).status == 201

        assert page.redeem(codes[0]).code == "coupon_not_usable"

    def test_is_not_counted_for_a_request_that_cannot_be_read(self, shop: Shop, page: Page) -> None:
        for _ in range(STRANGERS + 1):
            assert page.redeem("CODE", amount_minor=-1).code == "validation_failed"
            assert page.redeem("CODE", comment="x").code == "validation_failed"

        assert page.redeem(a_usable_code(shop)).status == 201

    def test_is_counted_for_a_key_that_was_used_for_another_request(
        self, shop: Shop, page: Page
    ) -> None:
        """It is refused the same for every code, but a good one takes longer to refuse."""
        key = unique("key-")
        assert page.redeem(a_usable_code(shop), key=key).status == 201

        told = [page.redeem(a_usable_code(shop), key=key).code for _ in range(STRANGERS + 1)]

        assert told == ["idempotency_key_reused"] * STRANGERS + ["rate_limited"]

    def test_learns_no_more_from_many_tries_at_the_same_moment(
        self, shop: Shop, page: Page
    ) -> None:
        used = a_usable_code(shop)
        shop.redeemed(used)

        def tries_a_code(number: int) -> Callable[[], str]:
            return lambda: page.redeem(used if number % 2 else unique("NOBODYS")).code

        told = Counter(at_once(*map(tries_a_code, range(3 * STRANGERS))))

        assert told == {"coupon_not_usable": STRANGERS, "rate_limited": 2 * STRANGERS}

    def test_is_stopped_by_every_function_at_once(
        self, shop: Shop, page: Page, table_name: str
    ) -> None:
        for _ in range(STRANGERS):
            page.redeem(unique("NOBODYS"))
        shop.use(services_on(table_name))
        shop.stop_clock(NOON)

        assert page.redeem(unique("NOBODYS")).code == "rate_limited"

    def test_stops_neither_the_till_beside_him_nor_another_address(
        self, shop: Shop, page: Page, stand_at: Callable[[str], None]
    ) -> None:
        for _ in range(STRANGERS + 1):
            page.redeem(unique("NOBODYS"))
        codes = [a_usable_code(shop) for _ in range(2)]

        shop.redeemed(codes[0])
        stand_at(unique("address-"))

        assert page.redeem(codes[1]).status == 201

    def test_is_let_in_again_when_the_window_is_over(self, shop: Shop, page: Page) -> None:
        clock = shop.stop_clock(NOON)
        for _ in range(STRANGERS + 1):
            page.redeem(unique("NOBODYS"))

        clock.moment = NOON + tries.WINDOW

        assert page.redeem(a_usable_code(shop)).status == 201


def came_from(context: dict[str, Any]) -> Request:
    event = {
        "multiValueQueryStringParameters": None,
        "headers": {},
        "pathParameters": {},
        "requestContext": {"httpMethod": "GET", "resourcePath": "/"} | context,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
    return Request(event)


class TestNetwork:
    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("not an address", "unknown"),
            (None, "unknown"),
        ],
    )
    def test_is_an_address_or_what_one_home_has_of_them(
        self, address: str | None, network: str
    ) -> None:
        request = came_from({"identity": {"sourceIp": address}})

        assert requests.network_of(request) == network

    def test_is_not_what_the_caller_says(self) -> None:
        assert requests.network_of(came_from({})) == "unknown"
