"""Publishable keys: for the pages of a shop, in everybody's hands, and told no reasons."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from app import app
from chalicelib.api import routes
from chalicelib.api.web import requests
from chalicelib.api.web.lookups import BEAT_SECONDS
from chalicelib.core.callers.callers import Role
from tests.api.refusals import REFUSALS, Refusal
from tests.api.shop import Shop, from_now, with_key
from tests.builders import unique
from tests.conftest import ORIGIN, a_key
from tests.http import Api, Reply

ELSEWHERE = "https://evil.example"
CORS = {"access-control-allow-origin", "access-control-expose-headers"}
# A time of use is nothing that a page may send; every other refusal it can provoke.
OF_A_COUPON = [each for each in REFUSALS if each.redeems and "redeemed_at" not in each.code]


class Page:
    """A page of the shop, or whoever took the key from its source."""

    def __init__(self, api: Api, origin: str | None = ORIGIN) -> None:
        self.api = api
        self.headers = {} if origin is None else {"Origin": origin}

    def redeem(self, code: str, *, key: str | None = None, **body: Any) -> Reply:
        path = f"/v1/coupons/{code}/redemptions"
        return self.api.post(path, body, headers=self.headers | with_key(key))

    def validate(self, code: str, **body: Any) -> Reply:
        return self.api.post(f"/v1/coupons/{code}/validate", body, headers=self.headers)


@pytest.fixture(autouse=True)
def rests(shop: Shop) -> list[float]:
    """How long strangers were made to wait; nobody waits for it here."""
    seconds: list[float] = []
    shop.use(replace(shop.services, rest=seconds.append))
    return seconds


@pytest.fixture
def page(shop: Shop) -> Page:
    return Page(shop.api.with_token(a_key(shop.services, Role.STOREFRONT)))


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the next requests come from another address than those before."""

    def move() -> None:
        address = unique("address-")
        monkeypatch.setattr(requests, "network_of", lambda _: address)

    move()
    return move


def said(problem: Any) -> str:
    """Return all that a problem says but which request it answers."""
    return str({name: value for name, value in sorted(problem.items()) if name != "instance"})


class TestAKey:
    def test_is_told_from_a_secret_one_by_how_it_begins(self, shop: Shop) -> None:
        body = {"name": "shop", "role": "storefront", "origins": ["https://Shop.example:443"]}

        made = shop.api.made("/v1/api-keys", body)

        assert made["key"].startswith("pk_")
        assert made["origins"] == ["https://shop.example"]
        listed = shop.find("/v1/api-keys?limit=100")["items"]
        assert next(e for e in listed if e["id"] == made["id"])["origins"] == made["origins"]
        code = shop.coupon(customer=shop.customer())
        assert Page(shop.api.with_token(made["key"])).redeem(code).status == 201

    def test_is_another_key_with_the_beginning_of_a_secret_one(self, shop: Shop) -> None:
        token = a_key(shop.services, Role.STOREFRONT)

        reply = Page(shop.api.with_token(f"c{token}")).validate("CODE")

        assert reply.code == "unauthenticated"

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"role": "storefront"}, "/origins"),
            ({"role": "storefront", "origins": []}, "/origins"),
            ({"role": "cashier", "origins": [ORIGIN]}, "/origins"),
            ({"role": "storefront", "origins": [ORIGIN, "http://shop.example"]}, "/origins/1"),
            ({"role": "storefront", "origins": ["https://*.example"]}, "/origins/0"),
        ],
    )
    def test_names_the_origins_of_its_pages(self, shop: Shop, body: Any, pointer: str) -> None:
        reply = shop.api.post("/v1/api-keys", {"name": "shop"} | body)

        assert reply.code == "validation_failed"
        assert [fault["pointer"] for fault in reply.json["errors"]] == [pointer]

    @pytest.mark.parametrize("origin", [None, ELSEWHERE, "null", ORIGIN + ".evil.example"])
    def test_works_on_its_own_pages_only(self, shop: Shop, page: Page, origin: str | None) -> None:
        code = shop.coupon(customer=shop.customer())

        reply = Page(page.api, origin).redeem(code)

        assert (reply.status, reply.code) == (403, "forbidden")
        assert not CORS & set(reply.headers)
        assert shop.find_coupon(code)["status"] == "claimed"

    def test_does_nothing_but_validate_and_redeem(self, page: Page) -> None:
        for (method, path), roles in routes.ROLES.items():
            if roles and Role.STOREFRONT not in roles:
                reply = page.api.call(method, path.replace("{", "").replace("}", ""), {},
                                      headers=page.headers)  # fmt: skip
                assert (reply.status, reply.code) == (403, "forbidden"), (method, path)


class TestCors:
    def test_lets_a_page_read_every_answer(self, shop: Shop, page: Page) -> None:
        code = shop.coupon(customer=shop.customer())
        path = f"/v1/coupons/{code}/redemptions"

        replies = [
            page.validate(code),
            page.redeem(code),
            page.redeem(code),
            page.redeem(code, amount_minor=-1),
            page.api.post(path, raw=b"{", headers=page.headers),
            page.api.get("/v1/rewards", headers=page.headers),
        ]

        assert [reply.status for reply in replies] == [200, 201, 409, 422, 400, 403]
        for reply in replies:
            assert reply.headers["access-control-allow-origin"] == ORIGIN
            assert reply.headers["vary"] == "Origin"
            exposed = reply.headers["access-control-expose-headers"].split(", ")
            assert set(exposed) == {"Idempotent-Replayed", "X-Request-Id", "Retry-After"}

    def test_says_nothing_to_the_pages_of_a_secret_key(self, shop: Shop) -> None:
        """Who puts a secret key into a page shall see it fail."""
        reply = shop.api.get("/v1/rewards", headers={"Origin": ORIGIN})

        assert reply.status == 200
        assert not CORS & set(reply.headers)

    @pytest.mark.parametrize("action", ["validate", "redemptions"])
    def test_tells_a_browser_beforehand_what_a_page_may_send(self, shop: Shop, action: str) -> None:
        asked = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        }

        reply = shop.api.with_token(None).call(
            "OPTIONS", f"/v1/coupons/CODE/{action}", headers=asked
        )

        assert (reply.status, reply.raw) == (204, b"")
        assert reply.headers["access-control-allow-origin"] == ORIGIN
        assert reply.headers["access-control-allow-methods"] == "POST"
        allowed = set(reply.headers["access-control-allow-headers"].lower().split(", "))
        assert allowed == {"authorization", "content-type", "idempotency-key"}
        assert int(reply.headers["access-control-max-age"]) > 0
        assert reply.headers["vary"] == "Origin"

    def test_opens_no_other_path(self) -> None:
        """API Gateway asks us only where there is a route."""
        opened = {path for path, methods in app.routes.items() if "OPTIONS" in methods}

        assert opened == {"/v1/coupons/{code}/validate", "/v1/coupons/{code}/redemptions"}


class TestASuccess:
    def test_tells_what_a_page_shows_and_nothing_of_the_customer(
        self, shop: Shop, page: Page
    ) -> None:
        customer = shop.customer(first_name="Ada", email=f"{unique('ada').lower()}@example.com")
        code = shop.coupon(shop.reward(description="for staff"), customer=customer)
        body: dict[str, Any] = {"amount_minor": 2000, "order_id": unique("order-")}

        validated = page.validate(code, **body).json
        redeemed = page.redeem(code, **body).json

        assert redeemed == {
            "id": redeemed["id"],
            "code": code,
            "redeemed_at": redeemed["redeemed_at"],
            "currency": "USD",
            "discount": {"type": "percentage_discount", "value": 1000, "amount_off_minor": 200},
            "coupon_status": "redeemed",
            "balance_minor": None,
        }
        assert set(validated) == {"applicable", "redemption", "refusal"}
        assert validated["applicable"] is True
        assert set(validated["redemption"]) == set(redeemed)
        kept = shop.find(f"/v1/coupons/{code}/redemptions/{redeemed['id']}")
        assert (kept["channel"], kept["customer_id"]) == ("checkout", customer["id"])

    def test_is_given_again_to_the_same_request(self, shop: Shop, page: Page) -> None:
        code, key = shop.coupon(customer=shop.customer()), unique("key-")

        first, again = (page.redeem(code, key=key) for _ in range(2))

        assert (again.status, again.json) == (201, first.json)
        assert again.headers["idempotent-replayed"] == "true"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("comment", "call me"),
            ("location_id", "loc_1"),
            ("redeemed_at", "an hour ago"),
            ("channel", "scanner"),
        ],
    )
    def test_needs_nothing_that_only_a_till_can_know(
        self, shop: Shop, page: Page, name: str, value: str
    ) -> None:
        sent = {name: from_now(shop, hours=-1) if name == "redeemed_at" else value}
        code = shop.coupon(customer=shop.customer())

        for reply in (page.redeem(code, **sent), page.validate(code, **sent)):
            assert reply.code == "validation_failed"
            assert [fault["pointer"] for fault in reply.json["errors"]] == [f"/{name}"]


class TestARefusal:
    @pytest.mark.parametrize("refusal", OF_A_COUPON, ids=lambda refusal: refusal.name)
    def test_is_the_same_whatever_the_reason(
        self, shop: Shop, page: Page, moves: Callable[[], None], refusal: Refusal
    ) -> None:
        sent = refusal.provoke(shop)
        code = sent.path.split("/")[3]
        unknown = unique("NOBODYS-")

        redeemed = [page.redeem(code, **sent.body), page.redeem(unknown, **sent.body)]
        validated = [page.validate(code, **sent.body), page.validate(unknown, **sent.body)]

        assert {(reply.status, reply.code) for reply in redeemed} == {(409, "coupon_not_usable")}
        assert {reply.status for reply in validated} == {200}
        problems = [reply.json for reply in redeemed]
        problems += [reply.json["refusal"] for reply in validated]
        assert len({said(problem) for problem in problems}) == 1
        assert {len(reply.raw) for reply in redeemed} == {len(redeemed[0].raw)}
        assert len({tuple(sorted(reply.headers)) for reply in redeemed}) == 1

    def test_of_a_guest_by_a_code_for_members_is_the_same(self, shop: Shop, page: Page) -> None:
        """To tills it is a fault of a field, but only of those who know the code."""
        reward = shop.reward(status="draft", coupon_source="shared", guests_allowed=False)
        code = unique("MEMBERS")
        shop.coupons(reward, [{"code": code}])
        shop.api.made(f"/v1/rewards/{reward['id']}/activate", None)
        assert shop.redeem(code).code == "validation_failed"

        replies = [page.redeem(code), page.redeem(unique("NOBODYS"))]

        assert len({said(reply.json) for reply in replies}) == 1
        kept = shop.find(f"/v1/coupons/{code}/attempts")["items"]
        assert [attempt["refusal"] for attempt in kept] == ["validation_failed"] * 2

    def test_comes_on_the_beat(self, shop: Shop, page: Page, rests: list[float]) -> None:
        """Answers cannot be told apart by how long they took."""
        used = shop.coupon(customer=shop.customer())
        page.redeem(used)
        assert rests == []

        for code in (used, unique("NOBODYS-")):
            page.redeem(code)
            page.validate(code)

        assert len(rests) == 4
        assert all(0 <= seconds < BEAT_SECONDS for seconds in rests)

    def test_is_kept_with_its_true_reason_for_staff(self, shop: Shop, page: Page) -> None:
        code = shop.coupon(shop.reward(status="paused"), customer=shop.customer())

        page.redeem(code)

        (attempt,) = shop.find(f"/v1/coupons/{code}/attempts")["items"]
        assert (attempt["refusal"], attempt["channel"]) == ("reward_not_active", "checkout")

    def test_of_the_request_itself_says_what_is_wrong(self, page: Page) -> None:
        assert page.redeem(unique("ANY"), amount_minor=0.5).code == "validation_failed"
