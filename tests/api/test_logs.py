"""Logs: one line for each request, in which no code, token or person can be found."""

import json
from typing import Any

import pytest

from tests.api import refusals
from tests.api.shop import Shop
from tests.builders import unique
from tests.conftest import a_key


class TestTheLogOfAJourney:
    @pytest.fixture
    def secrets(self, shop: Shop, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
        """Go through everything that the API does with a customer; return what was said."""
        del capsys  # It captures from here on, the journey too.
        name = unique("")
        said = {
            "email": f"ada{name}@example.com",
            "phone": "+493011223344",
            "first_name": f"Augusta{name}",
            "last_name": f"Byron{name}",
            "birthday": "1815-12-10",
            "external_id": f"shop-{name}",
        }
        key = a_key(shop.services)
        shop.api = shop.api.with_token(key)
        customer = shop.customer(**said, address={"line1": f"Square {name}"}, tags=[f"vip{name}"])
        code = shop.coupon(customer=customer)
        body: dict[str, Any] = {
            "comment": f"comment {name}",
            "order_id": f"order-{name}",
            "amount_minor": 998877,
        }
        shop.validate(code, **body)
        shop.redeemed(code, key=f"key-{name}", **body)
        assert shop.redeem(code, **body).status == 409
        shop.unredeem(code, reason=f"reason {name}")
        shop.api.patch(f"/v1/customers/{customer['id']}", {"first_name": f"Ada{name}"})
        shop.api.post("/v1/customers", {"email": said["email"]})
        for field in ("email", "phone", "external_id"):
            shop.api.get(f"/v1/customers?{field}={said[field].replace('+', '%2B')}")
        new = shop.api.made("/v1/api-keys", {"name": f"till {name}", "role": "cashier"})
        shop.api.with_token(new["key"] + "x").get("/v1/rewards")
        refusals.a_mistake_of_ours(shop)
        assert shop.redeem(code).status == 500
        return said | {"code": code, "token": key, "new token": new["key"], "name": name}

    def test_holds_no_code_no_token_and_nothing_personal(
        self, secrets: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        logged = everything(capsys)

        assert '"outcome":"internal_error"' in logged
        for what, said in secrets.items():
            assert said.lower() not in logged.lower(), what
        for token in (secrets["token"], secrets["new token"]):
            assert token.split("_", 2)[2] not in logged
        assert "998877" not in logged

    def test_is_a_line_of_json_for_each_request(
        self, shop: Shop, capsys: pytest.CaptureFixture[str]
    ) -> None:
        shop.services.capacity.reset()
        code = shop.coupon(customer=shop.customer())
        capsys.readouterr()
        replies = [shop.redeem(code), shop.redeem(code)]

        lines = [json.loads(line) for line in everything(capsys).splitlines()]

        ids = [reply.headers["x-request-id"] for reply in replies]
        assert [line["request_id"] for line in lines] == ids
        assert [line["outcome"] for line in lines] == ["ok", "coupon_already_redeemed"]
        assert {line["route"] for line in lines} == {"/v1/coupons/{code}/redemptions"}
        assert {line["actor"] for line in lines} == {replies[0].json["actor"]}
        assert all(line["latency_ms"] > 0 for line in lines)
        # The refused attempt is kept.
        assert lines[0]["write_units"] > lines[1]["write_units"] == 3


def everything(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was written to standard output and standard error."""
    captured = capsys.readouterr()
    return captured.out + captured.err
