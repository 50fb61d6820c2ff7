"""Refused attempts are kept with their reason, and listed by coupon and by customer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.api import refusals
from tests.api.conftest import Contents
from tests.api.refusals import REFUSALS, Refusal
from tests.api.shop import Shop, moment, with_key
from tests.builders import NOON, unique

# A code that names no coupon leaves nothing to keep an attempt with.
BY_A_RULE = [each for each in REFUSALS if each.redeems and each.code != "coupon_not_found"]


def of_coupon(shop: Shop, code: str, query: str = "") -> Any:
    return shop.find(f"/v1/coupons/{code}/attempts{query}")


def of_customer(shop: Shop, customer: Any) -> list[Any]:
    return list(shop.find(f"/v1/customers/{customer['id']}/attempts")["items"])


def kept(contents: Contents) -> set[tuple[str, str]]:
    return {key for key in contents if key[0].startswith("ATT#")}


class TestARefusedRedemption:
    @pytest.mark.parametrize("refusal", BY_A_RULE, ids=lambda refusal: refusal.name)
    def test_is_kept_with_its_reason_and_facts(self, shop: Shop, refusal: Refusal) -> None:
        sent = refusal.provoke(shop)
        code = sent.path.split("/")[3]

        problem = sent.send(shop).json

        (attempt,) = of_coupon(shop, code)["items"]
        assert attempt["refusal"] == refusal.code
        assert attempt["facts"] == {name: problem[name] for name in attempt["facts"]}
        assert set(attempt["facts"]) >= set(refusal.facts)

    def test_says_who_tried_where_and_when(self, shop: Shop) -> None:
        shop.stop_clock(NOON)
        holder, other = shop.customer(), shop.customer()
        code = shop.coupon(customer=holder)

        shop.redeem(code, customer_id=other["id"], location_id="loc_7", channel="scanner")

        (attempt,) = of_coupon(shop, code)["items"]
        assert attempt["id"].startswith("att_")
        assert moment(attempt["attempted_at"]) == NOON
        assert attempt["code"] == code.replace("-", "")
        assert (attempt["customer_id"], attempt["held_by"]) == (other["id"], holder["id"])
        assert (attempt["channel"], attempt["location_id"]) == ("scanner", "loc_7")
        assert attempt["actor"].startswith("key_")

    def test_is_listed_with_the_customer_named_or_else_with_the_holder(self, shop: Shop) -> None:
        holder, other = shop.customer(), shop.customer()
        code = shop.coupon(shop.reward(status="paused"), customer=holder)

        shop.redeem(code, customer_id=other["id"])
        shop.redeem(code)

        assert [each["refusal"] for each in of_customer(shop, other)] == ["wrong_customer"]
        assert [each["refusal"] for each in of_customer(shop, holder)] == ["reward_not_active"]

    def test_is_one_attempt_however_often_it_is_sent_with_its_key(self, shop: Shop) -> None:
        code, key = refusals.a_coupon_used_before(shop).path.split("/")[3], unique("key-")

        answers = {shop.redeem(code, key=key).code for _ in range(3)}

        assert answers == {"coupon_already_redeemed"}
        assert len(of_coupon(shop, code)["items"]) == 1

    def test_of_an_order_is_one_attempt_for_each_coupon_that_was_refused(self, shop: Shop) -> None:
        used, paused = (
            refuse(shop).path.split("/")[3]
            for refuse in (refusals.a_coupon_used_before, refusals.the_reward_is_paused)
        )
        body = {"coupons": [{"code": used}, {"code": paused}]}
        path, key = f"/v1/orders/{unique('order-')}/redemptions", unique("key-")

        for _ in range(2):
            assert shop.api.post(path, body, headers=with_key(key)).status == 409

        assert len(of_coupon(shop, used)["items"]) == 1
        assert len(of_coupon(shop, paused)["items"]) == 1

    def test_is_an_attempt_each_time_without_a_key_or_with_another(self, shop: Shop) -> None:
        code = refusals.a_coupon_used_before(shop).path.split("/")[3]

        for key in (None, None, unique("key-"), unique("key-")):
            shop.redeem(code, key=key)

        assert len(of_coupon(shop, code)["items"]) == 4

    def test_is_answered_also_when_it_cannot_be_kept(self, shop: Shop) -> None:
        code = refusals.a_coupon_used_before(shop).path.split("/")[3]
        client = shop.services.store._table._client  # type: ignore[attr-defined] # noqa: SLF001

        def fail(**_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="nowhere")

        client.meta.events.register_first("before-call.dynamodb.PutItem", fail)
        reply = shop.redeem(code)

        assert (reply.status, reply.code) == (409, "coupon_already_redeemed")

    def test_is_removed_by_the_table_after_400_days(
        self, shop: Shop, contents: Callable[[], Contents]
    ) -> None:
        shop.stop_clock(NOON)
        code = shop.coupon(shop.reward(status="paused"), customer=shop.customer())
        before = contents()

        shop.redeem(code)

        after: dict[Any, Any] = dict(contents())
        (new,) = after.keys() - before.keys()
        gone_at = NOON + timedelta(days=400)
        assert after[new]["ttl"]["N"] == str(int(gone_at.timestamp()))


class TestNothingIsKept:
    @pytest.fixture(autouse=True)
    def _compared(self, contents: Callable[[], Contents]) -> Any:
        before = kept(contents())
        yield
        assert kept(contents()) == before

    def test_of_a_dry_run(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(status="paused"), customer=shop.customer())

        assert not shop.validate(code)["applicable"]

    def test_of_an_unknown_code(self, shop: Shop) -> None:
        assert shop.redeem(unique("NOBODYS-")).status == 404

    def test_of_what_is_wrong_with_the_request(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())

        assert shop.redeem(code, amount_minor=-1).code == "validation_failed"

    def test_of_a_key_used_for_another_request(self, shop: Shop) -> None:
        sent = refusals.the_key_of_another_request(shop)

        assert sent.send(shop).code == "idempotency_key_reused"

    def test_of_a_race_that_was_lost(self, shop: Shop) -> None:
        assert refusals.every_race_is_lost(shop).send(shop).code == "conflict_retry"

    def test_of_a_repeated_success(self, shop: Shop) -> None:
        code, key = shop.coupon(customer=shop.customer()), unique("key-")

        assert [shop.redeem(code, key=key).status for _ in range(2)] == [201, 201]


class TestTheList:
    def test_is_newest_first_and_pages(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(status="paused"), customer=shop.customer())
        clock = shop.stop_clock(NOON)
        for minute in range(5):
            clock.moment = NOON + timedelta(minutes=minute)
            shop.redeem(code)

        found, cursor = [], ""
        for _ in range(3):
            page = of_coupon(shop, code, f"?limit=2{cursor}")
            found += [moment(each["attempted_at"]).minute for each in page["items"]]
            cursor = f"&cursor={page['next_cursor']}"

        assert found == [4, 3, 2, 1, 0]
        assert page["next_cursor"] is None
        oldest = of_coupon(shop, code, "?limit=1&sort=attempted_at")["items"][0]
        assert moment(oldest["attempted_at"]) == NOON

    def test_of_a_coupon_or_customer_that_is_not_there_is_not_found(self, shop: Shop) -> None:
        assert shop.api.get("/v1/coupons/NOBODYS/attempts").code == "coupon_not_found"
        assert shop.api.get("/v1/customers/cus_nobody/attempts").code == "customer_not_found"

    def test_does_not_take_the_cursor_of_another(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(shop.reward(status="paused"), customer=customer)
        for _ in range(2):
            shop.redeem(code)
        cursor = of_coupon(shop, code, "?limit=1")["next_cursor"]

        path = f"/v1/customers/{customer['id']}/attempts?limit=1&cursor={cursor}"

        assert shop.api.get(path).code == "invalid_cursor"
