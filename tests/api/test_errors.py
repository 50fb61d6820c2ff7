"""Every refusal that the API documents, raised through HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.api import refusals
from tests.api.conftest import Contents, books
from tests.api.refusals import REFUSALS, Refusal, Sent
from tests.api.shop import Shop, moment
from tests.builders import unique
from tests.http import Reply

THROTTLES = (
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
)


def check(problem: Any, refusal: Refusal) -> None:
    """Check what RFC 9457 and our own manners ask of a problem."""
    assert (problem["code"], problem["status"]) == (refusal.code, refusal.status)
    assert problem["type"].endswith(f"#error-{refusal.code}")
    assert problem["title"]
    assert problem["detail"]
    assert problem["fix"]
    pointers = {fault["pointer"] for fault in problem.get("errors", [])}
    assert pointers == ({refusal.pointer} if refusal.pointer else set())
    assert all(fault["code"] and fault["detail"] for fault in problem.get("errors", []))
    assert set(refusal.facts) <= set(problem)


class TestRefusal:
    @pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
    def test_says_why_and_changes_nothing(
        self, shop: Shop, contents: Callable[[], Contents], refusal: Refusal
    ) -> None:
        sent = refusal.provoke(shop)
        before = books(contents())

        reply = sent.send(shop)

        assert reply.status == refusal.status, reply.raw
        assert reply.headers["content-type"] == "application/problem+json"
        check(reply.json, refusal)
        assert reply.json["instance"] == reply.headers["x-request-id"]
        assert set(refusal.headers) <= set(reply.headers)
        assert refusal.code in documented(shop, sent, refusal.status)
        assert books(contents()) == before

    def test_of_one_code_among_many_is_its_outcome(self, shop: Shop) -> None:
        reward, code = shop.reward(), unique("TAKEN-")
        shop.coupon(code=code)

        outcomes = shop.coupons(reward, [{"code": unique("NEW-")}, {"code": code.lower()}])

        assert [item["outcome"] for item in outcomes["items"]] == ["created", "refused"]
        check(outcomes["items"][1]["error"], DUPLICATE_CODE)

    @pytest.mark.parametrize("code", THROTTLES)
    def test_by_a_busy_table_says_when_to_come_again(self, shop: Shop, code: str) -> None:
        coupon = shop.coupon(customer=shop.customer())
        client = shop.services.store._table._client  # type: ignore[attr-defined] # noqa: SLF001
        # It may be the key that is read first, or the coupon: whatever comes first is throttled.
        with Stubber(client) as table:
            table.add_client_error("get_item", code)
            reply = shop.redeem(coupon)

        assert (reply.status, reply.code) == (503, "temporarily_unavailable")
        assert int(reply.headers["retry-after"]) == reply.json["retry_after"] == 1

    def test_by_a_throttled_transaction_is_no_conflict(self, shop: Shop) -> None:
        coupon = shop.coupon(customer=shop.customer())
        shop.validate(coupon)
        client = shop.services.store._table._client  # type: ignore[attr-defined] # noqa: SLF001

        def refuse(**_: Any) -> Any:
            reasons = [{"Code": "None"}, {"Code": "ThrottlingError"}]
            error = {"Code": "TransactionCanceledException", "Message": "cancelled"}
            answer = {"Error": error, "CancellationReasons": reasons}
            raise client.exceptions.TransactionCanceledException(answer, "TransactWriteItems")

        client.meta.events.register_first("before-call.dynamodb.TransactWriteItems", refuse)
        reply = shop.redeem(coupon)

        assert (reply.status, reply.code) == (503, "temporarily_unavailable")


class TestCodes:
    def test_that_are_documented_are_the_codes_that_are_tested(self, shop: Shop) -> None:
        documented = shop.find("/openapi.json")["x-errors"]

        tested = {refusal.code: refusal.status for refusal in (*REFUSALS, DUPLICATE_CODE)}
        assert {code: row["status"] for code, row in documented.items()} == tested

    def test_of_part_one_are_all_there(self) -> None:
        assert {refusal.code for refusal in (*REFUSALS, DUPLICATE_CODE)} >= PART_ONE


class TestProblem:
    @pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html"])
    def test_is_one_whatever_is_accepted(self, shop: Shop, accept: str) -> None:
        reply = shop.api.get("/v1/rewards/rwd_none", headers={"Accept": accept})

        assert (reply.status, reply.code) == (404, "reward_not_found")

    def test_names_every_fault_at_once(self, shop: Shop) -> None:
        body = {"amount_minor": 1.5, "comment": "x" * 501, "lines": [{"quantity": 0}], "x": 1}
        reply = shop.api.post("/v1/coupons/CODE/redemptions", body)

        assert pointers(reply) == {
            "/amount_minor",
            "/comment",
            "/lines/0/product",
            "/lines/0/quantity",
            "/x",
        }

    def test_says_how_much_more_is_needed(self, shop: Shop) -> None:
        sent = refusals.a_purchase_that_is_too_small(shop)

        problem = sent.send(shop).json

        assert problem["missing_minor"] == 800
        assert problem["fix"] == "8.00 more needed"

    def test_says_from_when_on_in_the_time_of_the_business(self, own_shop: Shop) -> None:
        shop = own_shop
        shop.set_settings(time_zone="Europe/Berlin")
        reward = shop.reward(active_from="2098-07-01T07:00:00Z")
        code = shop.coupon(reward, customer=shop.customer())

        assert shop.redeem(code).json["fix"] == "valid from Tue 2098-07-01 09:00"

    def test_says_where_the_coupon_was_used(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())
        redeemed = shop.redeemed(code, order_id="1234")

        problem = shop.redeem(code).json

        assert "used on order 1234" in problem["fix"]
        assert problem["redemption_id"] == redeemed["id"]
        assert moment(problem["redeemed_at"]) == moment(redeemed["redeemed_at"])

    def test_leaks_nothing_internal(self, shop: Shop) -> None:
        reply = refusals.a_mistake_of_ours(shop).send(shop)

        assert b"secret" not in reply.raw
        assert b"RuntimeError" not in reply.raw
        assert set(reply.json) == {"type", "title", "status", "detail", "code", "instance", "fix"}


def pointers(reply: Reply) -> set[str]:
    return {fault["pointer"] for fault in reply.json["errors"]}


def documented(shop: Shop, sent: Sent, status: int) -> list[str]:
    """Return the codes that the document says the operation behind a request may answer."""
    document = shop.find("/openapi.json")
    if status in {405, 500}:  # No operation lists them.
        return [code for code, row in document["x-errors"].items() if row["status"] == status]
    parts = sent.path.partition("?")[0].split("/")
    for pattern, methods in document["paths"].items():
        known = pattern.split("/")
        fits = len(known) == len(parts) and all(
            expected.startswith("{") or expected == part
            for expected, part in zip(known, parts, strict=True)
        )
        if fits and sent.method.lower() in methods:
            answer = methods[sent.method.lower()]["responses"][str(status)]
            schema = answer["content"]["application/problem+json"]["schema"]
            codes: list[str] = schema["properties"]["code"]["enum"]
            return codes
    raise AssertionError((sent.method, sent.path))


DUPLICATE_CODE = Refusal(
    code="duplicate_code",
    status=409,
    case="a code that is taken",
    provoke=refusals.no_key,
    pointer="/coupons/1/code",
    facts=(),
    headers=(),
    redeems=False,
)
PART_ONE = set(
    """
    malformed_body invalid_cursor unauthenticated forbidden method_not_allowed precondition_failed
    customer_not_found coupon_not_found reward_not_found redemption_not_found
    coupon_already_redeemed coupon_expired coupon_invalid coupon_unassigned coupon_not_redeemed
    coupon_already_claimed wrong_customer customer_excluded customer_deleted reward_not_active
    pool_empty duplicate_code duplicate_customer order_amount_mismatch order_of_another_customer
    idempotency_key_reused conflict_retry payload_too_large unsupported_media_type
    validation_failed currency_mismatch purchase_amount_required minimum_purchase_not_met
    redeemed_at_out_of_range temporarily_unavailable
    """.split()  # noqa: SIM905
)
