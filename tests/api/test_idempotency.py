"""Every write takes an Idempotency-Key: what is sent again is answered again, and done once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.core.callers.callers import Role
from chalicelib.core.customers.accounts import Standing
from tests.api.conftest import Contents
from tests.api.shop import Shop, at_once, with_key
from tests.builders import NOON, unique
from tests.conftest import a_key
from tests.http import Api, Reply

DAY = timedelta(days=1)

Write = Callable[[Shop], tuple[str, str, Any]]


def a_customer(shop: Shop) -> tuple[str, str, Any]:
    return "POST", "/v1/customers", {"email": f"{unique('ada').lower()}@example.com"}


def a_reward(shop: Shop) -> tuple[str, str, Any]:
    return "POST", "/v1/rewards", {"name": "A gift", "type": "gift"}


def a_changed_customer(shop: Shop) -> tuple[str, str, Any]:
    return "PATCH", f"/v1/customers/{shop.customer()['id']}", {"first_name": "Ada"}


def a_changed_reward(shop: Shop) -> tuple[str, str, Any]:
    return "PATCH", f"/v1/rewards/{shop.reward()['id']}", {"name": "A better offer"}


def an_activated_reward(shop: Shop) -> tuple[str, str, Any]:
    return "POST", f"/v1/rewards/{shop.reward(status='draft')['id']}/activate", None


def coupons_of_a_reward(shop: Shop) -> tuple[str, str, Any]:
    body = {"coupons": [{"code": unique("CODE-")} for _ in range(3)]}
    return "POST", f"/v1/rewards/{shop.reward()['id']}/coupons", body


def a_claim(shop: Shop) -> tuple[str, str, Any]:
    return "POST", f"/v1/coupons/{shop.coupon()}/claim", {"customer_id": shop.customer()["id"]}


def another_expiry(shop: Shop) -> tuple[str, str, Any]:
    body = {"expires_at": "2098-01-01T00:00:00Z"}
    return "PATCH", f"/v1/coupons/{shop.coupon(customer=shop.customer())}", body


def a_redemption(shop: Shop) -> tuple[str, str, Any]:
    code = shop.coupon(customer=shop.customer())
    body = {"amount_minor": 1000, "order_id": unique("order-"), "comment": "to go"}
    return "POST", f"/v1/coupons/{code}/redemptions", body


def a_reversal(shop: Shop) -> tuple[str, str, Any]:
    code = shop.coupon(customer=shop.customer())
    shop.redeemed(code, amount_minor=1000)
    return "POST", f"/v1/coupons/{code}/unredeem", {"reason": "a mistake"}


def an_invalidation(shop: Shop) -> tuple[str, str, Any]:
    code = shop.coupon(customer=shop.customer())
    return "POST", f"/v1/coupons/{code}/invalidate", {"reason": "lost"}


def a_transfer(shop: Shop) -> tuple[str, str, Any]:
    code, receiver = shop.coupon(customer=shop.customer()), shop.customer()
    return "POST", f"/v1/coupons/{code}/transfer", {"customer_id": receiver["id"]}


def many_claims(shop: Shop) -> tuple[str, str, Any]:
    customer, reward = shop.customer(), shop.reward()
    claims = [{"code": shop.coupon(reward), "customer_id": customer["id"]} for _ in range(3)]
    return "POST", "/v1/bulk/coupons/claim", {"coupons": claims}


def many_redemptions(shop: Shop) -> tuple[str, str, Any]:
    customer, reward = shop.customer(), shop.reward(usage_limit=2)
    codes = [shop.coupon(reward, customer=customer) for _ in range(2)]
    uses = [{"code": code, "amount_minor": 100} for code in (*codes, codes[0])]
    return "POST", "/v1/bulk/coupons/redeem", {"coupons": uses}


def many_reversals(shop: Shop) -> tuple[str, str, Any]:
    customer, reward = shop.customer(), shop.reward()
    codes = [shop.coupon(reward, customer=customer) for _ in range(3)]
    for code in codes:
        shop.redeemed(code, amount_minor=100)
    return "POST", "/v1/bulk/coupons/unredeem", {"coupons": [{"code": code} for code in codes]}


def many_invalidations(shop: Shop) -> tuple[str, str, Any]:
    customer, reward = shop.customer(), shop.reward()
    codes = [shop.coupon(reward, customer=customer) for _ in range(3)]
    return "POST", "/v1/bulk/coupons/invalidate", {"coupons": [{"code": code} for code in codes]}


def new_settings(shop: Shop) -> tuple[str, str, Any]:
    return "PUT", "/v1/settings", shop.find("/v1/settings") | {"business_name": unique("Shop ")}


def a_revoked_key(shop: Shop) -> tuple[str, str, Any]:
    key = shop.api.made("/v1/api-keys", {"name": "till", "role": "cashier"})
    return "DELETE", f"/v1/api-keys/{key['id']}", None


WRITES: list[Write] = [
    a_customer,
    a_reward,
    a_changed_customer,
    a_changed_reward,
    an_activated_reward,
    coupons_of_a_reward,
    a_claim,
    another_expiry,
    a_redemption,
    a_reversal,
    an_invalidation,
    a_transfer,
    many_claims,
    many_redemptions,
    many_reversals,
    many_invalidations,
    new_settings,
    a_revoked_key,
]
every_write = pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)


def send(api: Api, written: tuple[str, str, Any], key: str) -> Reply:
    method, path, body = written
    return api.call(method, path, body, headers=with_key(key))


class TestTheSameRequestAgain:
    @every_write
    def test_gets_the_first_answer_and_changes_nothing(
        self, shop: Shop, contents: Callable[[], Contents], write: Write
    ) -> None:
        written, key = write(shop), unique("key-")
        first = send(shop.api, written, key)
        assert first.status in (200, 201), first.raw
        assert "idempotent-replayed" not in first.headers
        before = contents()

        again = send(shop.api, written, key)

        assert again.headers["idempotent-replayed"] == "true"
        assert (again.status, again.json) == (first.status, first.json)
        assert again.headers.get("location") == first.headers.get("location")
        assert contents() == before

    @every_write
    def test_at_the_same_moment_is_done_once(self, shop: Shop, write: Write) -> None:
        written, key = write(shop), unique("key-")

        replies = at_once(*[lambda: send(shop.api, written, key)] * 3)

        assert {reply.status for reply in replies} <= {200, 201}, [each.raw for each in replies]
        assert len({reply.raw for reply in replies}) == 1
        replayed = sum("idempotent-replayed" in reply.headers for reply in replies)
        assert replayed == 2

    @every_write
    def test_with_its_fields_in_another_order_is_the_same(self, shop: Shop, write: Write) -> None:
        method, path, body = write(shop)
        key = unique("key-")
        send(shop.api, (method, path, body), key)

        turned = None if body is None else dict(reversed(body.items()))
        again = send(shop.api, (method, path, turned), key)

        assert again.headers["idempotent-replayed"] == "true"

    def test_tells_of_a_redemption_that_was_reversed_meanwhile(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())
        first = shop.redeem(code, key="a", amount_minor=100)
        shop.unredeem(code)
        shop.redeemed(code, amount_minor=200)

        again = shop.redeem(code, key="a", amount_minor=100)

        assert again.headers["idempotent-replayed"] == "true"
        assert (again.status, again.json) == (201, first.json)

    def test_tells_of_a_redemption_of_a_customer_who_is_excluded_now(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        first = shop.redeem(code, key="b")
        shop.set_standing(customer, Standing.EXCLUDED)

        assert shop.redeem(code, key="b").json == first.json

    def test_shows_a_new_api_key_no_second_time(self, shop: Shop) -> None:
        body = {"name": "till", "role": "cashier"}
        first = shop.api.post("/v1/api-keys", body, headers=with_key("k"))
        again = shop.api.post("/v1/api-keys", body, headers=with_key("k"))

        assert again.headers["idempotent-replayed"] == "true"
        assert again.json == first.json | {"key": None}


class TestTheKeyWithAnotherRequest:
    @pytest.fixture
    def used(self, shop: Shop) -> str:
        """A coupon of two uses, of which one was made with the key ``once``."""
        code = shop.coupon(shop.reward(usage_limit=2), customer=shop.customer())
        assert shop.redeem(code, key="once", amount_minor=1).status == 201
        return code

    def test_of_another_body_is_refused(self, shop: Shop, used: str) -> None:
        assert shop.redeem(used, key="once", amount_minor=2).code == "idempotency_key_reused"
        assert shop.find_coupon(used)["usages"] == 1

    def test_of_another_path_is_refused(self, shop: Shop, used: str) -> None:
        other = shop.coupon(customer=shop.customer())

        assert shop.redeem(other, key="once", amount_minor=1).code == "idempotency_key_reused"
        assert shop.find_coupon(other)["usages"] == 0

    def test_of_another_action_is_refused(self, shop: Shop, used: str) -> None:
        assert shop.unredeem(used, key="once").code == "idempotency_key_reused"

    def test_of_another_method_is_refused(self, shop: Shop) -> None:
        path = f"/v1/customers/{shop.customer()['id']}"
        assert shop.api.patch(path, {"tags": ["a"]}, headers=with_key("m")).status == 200

        refused = shop.api.post("/v1/customers", {"tags": ["a"]}, headers=with_key("m"))

        assert refused.code == "idempotency_key_reused"

    def test_of_another_caller_is_another_key(self, shop: Shop, used: str) -> None:
        other = shop.api.with_token(a_key(shop.services, Role.CASHIER))
        path = f"/v1/coupons/{used}/redemptions"

        reply = other.post(path, {"amount_minor": 1}, headers=with_key("once"))

        assert reply.status == 201
        assert "idempotent-replayed" not in reply.headers
        assert shop.find_coupon(used)["usages"] == 2

    def test_of_a_refused_request_is_free(self, shop: Shop) -> None:
        reward = shop.reward(status="draft")
        code = shop.coupon(reward, customer=shop.customer())
        assert shop.redeem(code, key="early").code == "reward_not_active"
        shop.api.made(f"/v1/rewards/{reward['id']}/activate", None)

        assert shop.redeem(code, key="early").status == 201

    def test_of_an_archived_reward_adds_no_coupons_the_second_time_either(self, shop: Shop) -> None:
        path = f"/v1/rewards/{shop.reward(status='archived')['id']}/coupons"
        body = {"coupons": [{"code": unique("CODE-")}]}

        for _ in range(2):
            refused = shop.api.post(path, body, headers=with_key("archived"))
            assert refused.code == "reward_not_active"


class TestTheRecord:
    def test_lapses_after_seven_days(self, shop: Shop) -> None:
        clock = shop.stop_clock(NOON)
        code = shop.coupon(shop.reward(usage_limit=2), customer=shop.customer())
        first = shop.redeem(code, key="week")

        clock.moment = NOON + 7 * DAY - timedelta(milliseconds=1)
        assert shop.redeem(code, key="week").json == first.json
        clock.moment = NOON + 7 * DAY
        second = shop.redeem(code, key="week")

        assert second.status == 201
        assert second.json["id"] != first.json["id"]
        assert shop.redeem(code, key="week").json == second.json

    def test_that_has_lapsed_is_free_for_another_request(self, shop: Shop) -> None:
        clock = shop.stop_clock(NOON)
        first = shop.api.post("/v1/customers", {}, headers=with_key("free"))
        assert first.status == 201
        clock.moment = NOON + 7 * DAY

        other = shop.api.post(
            "/v1/rewards", {"name": "x", "type": "gift"}, headers=with_key("free")
        )

        assert other.status == 201

    def test_holds_neither_the_key_nor_anything_personal(
        self, shop: Shop, contents: Callable[[], Contents]
    ) -> None:
        key, email = unique("secret-key-"), f"{unique('ada').lower()}@example.com"
        shop.api.post("/v1/customers", {"email": email}, headers=with_key(key))

        records = [item for (pk, _), item in contents().items() if pk.startswith("IDEM#")]
        assert records
        assert key not in str(contents())
        assert email not in str(records)

    @pytest.mark.parametrize("length", [1, 255])
    def test_is_kept_for_any_key_up_to_255_characters(self, shop: Shop, length: int) -> None:
        key = (unique("~!") + "k" * 255)[-length:] if length > 1 else "~"
        for replayed in (None, "true"):
            reply = shop.api.post("/v1/customers", {"tags": [str(length)]}, headers=with_key(key))
            assert reply.headers.get("idempotent-replayed") == replayed

    @pytest.mark.parametrize("key", ["", "two words", "ü"])
    def test_is_not_made_for_what_is_no_key(self, shop: Shop, key: str) -> None:
        reply = shop.api.post("/v1/customers", {}, headers=with_key(key))

        assert reply.code == "validation_failed"
        assert reply.json["errors"][0]["pointer"] == "/header/Idempotency-Key"


class TestCouponsAddedAgain:
    def test_go_on_where_the_first_request_stopped(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reward = shop.reward()
        taken = shop.coupon()
        path = f"/v1/rewards/{reward['id']}/coupons"
        codes = [unique("CODE-") for _ in range(70)]
        body = {"coupons": [{"code": code} for code in [*codes, taken]]}
        commit, commits = shop.services.store.commit, []

        def commit_until_power_fails(changes: Any) -> None:
            commits.append(changes)
            if len(commits) > 2:
                raise RuntimeError
            commit(changes)

        with monkeypatch.context() as patch:
            patch.setattr(shop.services.store, "commit", commit_until_power_fails)
            assert shop.api.post(path, body, headers=with_key("bulk")).status == 500
        assert 0 < len(shop.find(f"{path}?limit=100")["items"]) < 70

        second = shop.api.post(path, body, headers=with_key("bulk"))
        third = shop.api.post(path, body, headers=with_key("bulk"))

        assert (second.json["created"], second.json["refused"]) == (70, 1)
        assert [item["outcome"] for item in second.json["items"]] == ["created"] * 70 + ["refused"]
        assert without_instance(third.json) == without_instance(second.json)
        assert len(shop.find(f"{path}?limit=100")["items"]) == 70

    def test_answer_alike_when_the_reward_was_archived_meanwhile(self, shop: Shop) -> None:
        reward = shop.reward()
        path = f"/v1/rewards/{reward['id']}/coupons"
        body = {"coupons": [{"code": unique("CODE-")}]}
        first = shop.api.post(path, body, headers=with_key("archive"))
        shop.api.made(f"/v1/rewards/{reward['id']}/archive", None)

        again = shop.api.post(path, body, headers=with_key("archive"))

        assert (again.status, again.json) == (200, first.json)

    def test_claim_for_a_customer_once(self, shop: Shop) -> None:
        customer, reward = shop.customer(), shop.reward()
        body = {"coupons": [{"code": unique("CODE-"), "customer_id": customer["id"]}]}
        path = f"/v1/rewards/{reward['id']}/coupons"
        for _ in range(2):
            assert shop.api.post(path, body, headers=with_key("claims")).json["created"] == 1

        assert shop.find_customer(customer)["activity_count"] == 2
        assert len(shop.history(customer)) == 2


def without_instance(outcomes: Any) -> Any:
    """Return the outcomes without the ids of the requests that they were told in."""
    items = []
    for item in outcomes["items"]:
        error = {k: v for k, v in item.get("error", {}).items() if k != "instance"}
        items.append(item | ({"error": error} if error else {}))
    return outcomes | {"items": items}
