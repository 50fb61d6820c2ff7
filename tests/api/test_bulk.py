"""One action on many coupons: an outcome for each, and a call that can be sent again."""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.errors import Unavailable
from tests.api.conftest import Contents
from tests.api.shop import Shop, at_once, with_key
from tests.builders import NOON, unique
from tests.http import Reply


def bulk(shop: Shop, action: str, coupons: Sequence[Any], *, key: str | None = None) -> Reply:
    body = {"coupons": [{"code": each} if isinstance(each, str) else each for each in coupons]}
    path = f"/v1/bulk/coupons/{action}"
    return shop.api.post(path, body, headers=with_key(key or unique("key-")))


def outcomes(reply: Reply) -> list[str]:
    """Return what became of each code: ``done``, or the code of the refusal."""
    assert reply.status == 200, reply.raw
    return [
        item["error"]["code"] if "error" in item else item["outcome"]
        for item in reply.json["items"]
    ]


def without_instance(reply: Reply) -> Any:
    """Return the outcomes without the ids of the requests that they were told in."""
    items = []
    for item in reply.json["items"]:
        error = {k: v for k, v in item.get("error", {}).items() if k != "instance"}
        items.append(item | ({"error": error} if error else {}))
    return reply.json | {"items": items}


def some_claimed(shop: Shop, count: int, **reward: Any) -> tuple[Any, list[str]]:
    """Return a customer and the codes of so many coupons of theirs."""
    customer, prefix = shop.customer(), unique("BULK-")
    codes = [f"{prefix}-{number:03}" for number in range(count)]
    fields = [{"code": code, "customer_id": customer["id"]} for code in codes]
    assert shop.coupons(shop.reward(**reward), fields)["created"] == count
    return customer, codes


class TestOutcomes:
    def test_are_one_for_each_code_in_the_order_given(self, shop: Shop) -> None:
        customer, (one, used, invalid, three) = some_claimed(shop, 4)
        shop.redeemed(used)
        shop.set_coupon(invalid, status=CouponStatus.INVALID)
        free = shop.coupon()
        order = [three, used, unique("NO-"), free, invalid, "###", one.lower()]

        reply = bulk(shop, "redeem", order)

        assert outcomes(reply) == [
            "done",
            "coupon_already_redeemed",
            "coupon_not_found",
            "coupon_unassigned",
            "coupon_invalid",
            "coupon_not_found",
            "done",
        ]
        assert [item["code"] for item in reply.json["items"]] == order
        assert (reply.json["done"], reply.json["refused"]) == (2, 5)
        assert shop.find_customer(customer)["coupons_used"] == 3

    def test_show_what_the_single_action_shows(self, shop: Shop) -> None:
        customer, (code, other) = some_claimed(shop, 2)
        free = shop.coupon()

        claimed = bulk(shop, "claim", [{"code": free, "customer_id": customer["id"]}])
        assert claimed.json["items"][0]["coupon"] == shop.find_coupon(free)
        redeemed = bulk(shop, "redeem", [{"code": code, "amount_minor": 700, "order_id": "B-1"}])
        redemption = redeemed.json["items"][0]["redemption"]
        assert (redemption["amount_minor"], redemption["order_id"]) == (700, "B-1")
        assert redemption["changed"]["customer"]["lifetime_value_minor"] == 700
        taken_back = bulk(shop, "unredeem", [{"code": code, "reason": "a mistake"}])
        reversal = taken_back.json["items"][0]["reversal"]
        assert reversal["redemption"]["reversal"]["reason"] == "a mistake"
        assert reversal["coupon"] == shop.find_coupon(code)
        ended = bulk(shop, "invalidate", [{"code": other, "reason": "lost"}])
        assert ended.json["items"][0]["coupon"] == shop.find_coupon(other)
        assert shop.find_coupon(other)["invalidation"]["reason"] == "lost"

    def test_of_a_refused_code_is_the_problem_that_it_would_get_alone(self, shop: Shop) -> None:
        code, body = shop.coupon(customer=shop.customer()), {"customer_id": "cus_nobody"}
        reply = bulk(shop, "claim", [{"code": code, **body}])

        alone = shop.api.post(f"/v1/coupons/{code}/claim", body).json
        problem = reply.json["items"][0]["error"]
        assert problem == alone | {"instance": reply.headers["x-request-id"]}

    def test_of_the_same_code_twice_are_what_it_deserves_the_second_time(self, shop: Shop) -> None:
        customer, (code,) = some_claimed(shop, 1)
        _, (twice,) = some_claimed(shop, 1, usage_limit=2)
        free = {"code": shop.coupon(), "customer_id": customer["id"]}

        assert outcomes(bulk(shop, "claim", [free, free])) == ["done", "coupon_already_claimed"]
        reply = bulk(shop, "redeem", [code, code.lower(), twice, twice, twice])
        again, third = "coupon_already_redeemed", "coupon_already_redeemed"
        assert outcomes(reply) == ["done", again, "done", "done", third]
        reply = bulk(shop, "unredeem", [code, code])
        assert outcomes(reply) == ["done", "coupon_not_redeemed"]
        reply = bulk(shop, "invalidate", [code, code])
        assert outcomes(reply) == ["done", "coupon_invalid"]

    def test_of_invalidating_leave_the_pool_alone(self, shop: Shop) -> None:
        code = shop.coupon()

        assert outcomes(bulk(shop, "invalidate", [code])) == ["coupon_unassigned"]
        assert shop.find_coupon(code)["status"] == "unassigned"


class TestRequest:
    def test_needs_a_key(self, shop: Shop) -> None:
        reply = shop.api.post("/v1/bulk/coupons/redeem", {"coupons": [{"code": "ABCD"}]})

        assert (reply.status, reply.code) == (422, "validation_failed")
        assert reply.json["errors"][0]["pointer"] == "/header/Idempotency-Key"

    def test_takes_500_codes_and_no_more(self, shop: Shop) -> None:
        _, codes = some_claimed(shop, 500)

        assert bulk(shop, "invalidate", [*codes, codes[0]]).code == "validation_failed"
        assert bulk(shop, "invalidate", []).code == "validation_failed"
        key = unique("key-")
        reply = bulk(shop, "invalidate", codes, key=key)
        while reply.status == 503:  # Ends: each call does some more of them.
            reply = bulk(shop, "invalidate", codes, key=key)
        assert reply.json["done"] == 500

    def test_that_is_wrong_for_one_code_is_not_begun(self, shop: Shop) -> None:
        _, (code,) = some_claimed(shop, 1)

        reply = bulk(shop, "redeem", [code, {"code": code, "amount_minor": 1.5}])

        assert reply.code == "validation_failed"
        assert reply.json["errors"][0]["pointer"] == "/coupons/1/amount_minor"
        assert shop.find_coupon(code)["usages"] == 0

    def test_of_another_body_with_the_same_key_is_refused(self, shop: Shop) -> None:
        _, (code, other) = some_claimed(shop, 2)
        shop.redeemed(code)
        # Nothing was done: the key is taken all the same.
        assert outcomes(bulk(shop, "redeem", [code], key="taken")) == ["coupon_already_redeemed"]

        assert bulk(shop, "redeem", [other], key="taken").code == "idempotency_key_reused"
        assert bulk(shop, "invalidate", [code], key="taken").code == "idempotency_key_reused"
        assert shop.find_coupon(other)["status"] == "claimed"

    def test_by_its_word_takes_no_code_from_anybody(self, shop: Shop) -> None:
        code = shop.coupon(code="BULK", customer=shop.customer())

        assert shop.find_coupon(code)["code"] == "BULK"
        assert shop.redeem(code).status == 201


class TestSentAgain:
    @pytest.mark.parametrize("action", ["redeem", "invalidate", "unredeem", "claim"])
    def test_after_a_crash_in_the_middle_carries_out_the_rest(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, action: str
    ) -> None:
        customer, codes = some_claimed(shop, 8)
        wanted: list[Any] = list(codes)
        if action == "unredeem":
            for code in codes:
                shop.redeemed(code, amount_minor=100)
        if action == "claim":
            reward = shop.reward()
            wanted = [
                {"code": shop.coupon(reward), "customer_id": customer["id"]} for _ in range(8)
            ]
        wanted.insert(2, unique("NO-"))
        if action == "claim":
            wanted[2] = {"code": wanted[2], "customer_id": customer["id"]}
        before = shop.find_customer(customer)["activity_count"]
        commit, numbers = shop.services.store.commit, itertools.count()

        def commit_until_power_fails(changes: Any) -> None:
            if next(numbers) > 4:
                raise RuntimeError
            commit(changes)

        key = unique("crash-")
        with monkeypatch.context() as patch:
            patch.setattr(shop.services.store, "commit", commit_until_power_fails)
            assert bulk(shop, action, wanted, key=key).status == 500
        assert 0 < shop.find_customer(customer)["activity_count"] - before < 8

        second = bulk(shop, action, wanted, key=key)
        third = bulk(shop, action, wanted, key=key)

        assert outcomes(second) == ["done", "done", "coupon_not_found", *["done"] * 6]
        assert without_instance(third) == without_instance(second)
        assert third.headers["idempotent-replayed"] == "true"
        after = shop.find_customer(customer)
        assert after["activity_count"] - before == 8
        assert after["activity_count"] == len(shop.history(customer))

    def test_changes_nothing_when_all_was_done(self, shop: Shop, contents: Any) -> None:
        _, codes = some_claimed(shop, 3, usage_limit=5)
        bulk(shop, "redeem", codes, key="all-done")
        before: Contents = contents()

        bulk(shop, "redeem", codes, key="all-done")

        assert contents() == before

    def test_at_the_same_moment_does_each_once(self, shop: Shop) -> None:
        customer, codes = some_claimed(shop, 10, usage_limit=9)

        replies = at_once(*[lambda: bulk(shop, "redeem", codes, key="twins")] * 3)

        assert [outcomes(reply) for reply in replies] == [["done"] * 10] * 3
        assert len({str(reply.json["items"]) for reply in replies}) == 1
        assert shop.find_customer(customer)["coupons_used"] == 10

    def test_tells_what_was_done_then_whatever_happened_since(self, shop: Shop) -> None:
        _, (code,) = some_claimed(shop, 1)
        first = bulk(shop, "redeem", [code], key="since")
        shop.unredeem(code)

        assert bulk(shop, "redeem", [code], key="since").json == first.json
        assert shop.find_coupon(code)["status"] == "claimed"

    def test_decides_anew_what_was_refused(self, shop: Shop) -> None:
        reward = shop.reward(status="draft")
        code = shop.coupon(reward, customer=shop.customer())
        assert outcomes(bulk(shop, "redeem", [code], key="anew")) == ["reward_not_active"]
        shop.api.made(f"/v1/rewards/{reward['id']}/activate", None)

        assert outcomes(bulk(shop, "redeem", [code], key="anew")) == ["done"]


class TestTime:
    def test_that_is_up_asks_for_the_same_request_again(self, shop: Shop) -> None:
        customer, codes = some_claimed(shop, 20)
        seconds = itertools.count()

        def each_look_a_second_later() -> Any:
            return NOON + timedelta(seconds=next(seconds))

        shop.use(replace(shop.services, clock=each_look_a_second_later))
        key = unique("slow-")
        first = bulk(shop, "redeem", codes, key=key)

        assert (first.status, first.code) == (503, "temporarily_unavailable")
        assert first.headers["retry-after"] == "1"
        left = first.json["codes_left"]
        assert 0 < left < 20
        assert shop.find_customer(customer)["coupons_used"] == 20 - left

        second = bulk(shop, "redeem", codes, key=key)

        assert outcomes(second) == ["done"] * 20
        assert second.headers["idempotent-replayed"] == "true"
        assert shop.find_customer(customer)["coupons_used"] == 20

    def test_lost_to_a_busy_table_is_no_outcome(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        customer, codes = some_claimed(shop, 5)
        commit, numbers = shop.services.store.commit, itertools.count()

        def commit_until_throttled(changes: Any) -> None:
            if next(numbers) > 2:
                raise Unavailable("busy", fix="wait", facts={"retry_after": 1})
            commit(changes)

        with monkeypatch.context() as patch:
            patch.setattr(shop.services.store, "commit", commit_until_throttled)
            reply = bulk(shop, "redeem", codes, key="busy")
        assert (reply.status, reply.code) == (503, "temporarily_unavailable")
        assert shop.find_customer(customer)["coupons_used"] == 2

        assert outcomes(bulk(shop, "redeem", codes, key="busy")) == ["done"] * 5
        assert shop.find_customer(customer)["coupons_used"] == 5
