"""Validating: a dry run that says what redeeming would do now."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.core.customers.accounts import Standing
from tests.api.conftest import Contents, books
from tests.api.refusals import REFUSALS, Refusal
from tests.api.shop import Shop
from tests.builders import unique

OF_A_REDEMPTION = [refusal for refusal in REFUSALS if refusal.redeems]


class TestValidate:
    def test_shows_what_redeeming_then_answers(
        self, shop: Shop, contents: Callable[[], Contents]
    ) -> None:
        customer = shop.customer()
        code = shop.coupon(shop.reward(claim_on_redeem=True, usage_limit=2))
        body = {
            "customer_id": customer["id"],
            "amount_minor": 1234,
            "order_id": unique("order-"),
            "channel": "console",
        }
        before = books(contents())

        shown = shop.validate(code, **body)

        assert books(contents()) == before
        redeemed = shop.redeemed(code, **body)
        assert shown["applicable"] is True
        assert shown["refusal"] is None
        assert without_ids(shown["redemption"]) == without_ids(redeemed)

    @pytest.mark.parametrize("refusal", OF_A_REDEMPTION, ids=lambda refusal: refusal.name)
    def test_shows_the_very_refusal_that_redeeming_gets(
        self, shop: Shop, contents: Callable[[], Contents], refusal: Refusal
    ) -> None:
        sent = refusal.provoke(shop)
        code = sent.path.split("/")[-2]
        before = books(contents())

        shown = shop.validate(code, **sent.body)

        assert books(contents()) == before
        assert shown["applicable"] is False
        assert shown["redemption"] is None
        assert same(shown["refusal"]) == same(shop.redeem(code, **sent.body).json)

    @pytest.mark.parametrize(
        "reward",
        [{"status": "paused"}, {"minimum_purchase_minor": 100}, {"purchase_amount": "required"}],
        ids=str,
    )
    @pytest.mark.parametrize("standing", [Standing.EXCLUDED, Standing.DELETED])
    def test_names_the_same_of_two_broken_rules(
        self, shop: Shop, standing: Standing, reward: dict[str, Any]
    ) -> None:
        customer = shop.customer()
        code = shop.coupon(shop.reward(**reward), customer=customer)
        shop.set_standing(customer, standing)

        shown = shop.validate(code)

        assert shown["refusal"]["code"] == shop.redeem(code).code

    def test_of_an_excluded_customer_is_refused(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        shop.set_standing(customer, Standing.EXCLUDED)

        assert shop.validate(code)["refusal"]["code"] == "customer_excluded"

    def test_reads_its_body_as_strictly(self, shop: Shop) -> None:
        reply = shop.api.post("/v1/coupons/ABCD/validate", {"amount_minor": 20.5})

        assert reply.code == "validation_failed"

    def test_keeps_no_key(self, shop: Shop, contents: Callable[[], Contents]) -> None:
        code = shop.coupon(customer=shop.customer())
        before = books(contents())

        for _ in range(2):
            reply = shop.api.post(
                f"/v1/coupons/{code}/validate", {}, headers={"Idempotency-Key": "dry"}
            )
            assert "idempotent-replayed" not in reply.headers

        assert books(contents()) == before
        assert shop.redeem(code, key="dry").status == 201


def without_ids(redemption: Any) -> Any:
    """Return what does not differ between a preview and the redemption a moment later."""
    differs = {"id", "redeemed_at", "recorded_at"}
    rest = {name: value for name, value in redemption.items() if name not in differs}
    changed = redemption["changed"]
    customer = changed["customer"] | {"last_visit_at": None}
    return rest | {"changed": changed | {"customer": customer}}


def same(problem: Any) -> Any:
    """Return a problem without what names the request and its moment."""
    differs = {"instance", "earliest", "latest", "fix", "errors"}
    return {name: value for name, value in problem.items() if name not in differs}
