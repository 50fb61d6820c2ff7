"""Requests that nobody thought of, made by Schemathesis from the document that the API serves.

``COUPONRY_FUZZ_CASES`` says how many are sent in all: some hundreds in continuous integration and
2,000 in ``make proof``. They are derived from the document alone, so that a failure comes again.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from chalice.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app import app
from chalicelib import wiring
from chalicelib.api.web.blueprint import operations_of
from chalicelib.api.web.operations import Operation
from chalicelib.core.coupons import generations
from tests.api.shop import Shop
from tests.conftest import a_key, services_on
from tests.http import Api
from tools import wsgi
from tools.proof import figures

CASES = int(os.environ.get("COUPONRY_FUZZ_CASES") or 600)
OPERATIONS = operations_of(app)
# Of what takes nothing at all there is but one request.
VARIED = [each for each in OPERATIONS if each.path_names or each.query or each.writes]
CASES_AN_OPERATION = -(-CASES // len(VARIED))

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

_AN_ID = re.compile("[A-Za-z0-9_-]{1,64}")

pytestmark = pytest.mark.xdist_group("fuzz")


@dataclass
class Fuzzed:
    """The API, what exists in it, and what it has answered."""

    schema: Any
    token: str
    things: dict[str, list[str]]
    redemptions: list[tuple[str, str]]
    answers: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)

    def strategy(self, operation: Operation) -> SearchStrategy[Any]:
        """Return requests as the document has them, and others that it has not."""
        described = self.schema[operation.path][operation.method]
        right, wrong = (
            described.as_strategy(generation_mode=mode)
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        )
        return st.one_of(right, wrong) if operation in VARIED else st.one_of(right)

    def point(self, case: Any, number: int) -> None:
        """Let the request mean things that exist, as most requests do."""
        for name in case.path_parameters:
            if name in self.things:
                case.path_parameters[name] = self.things[name][number % len(self.things[name])]
        if "redemption_id" in case.path_parameters:
            code, redemption_id = self.redemptions[number % len(self.redemptions)]
            case.path_parameters.update(code=code, redemption_id=redemption_id)
        body = case.body if isinstance(case.body, dict) else {}
        each = body.get("coupons")
        for part in [body, *(each if isinstance(each, list) else ())]:
            # What is wrong stays wrong.
            if isinstance(part, dict) and _is_an_id(part.get("customer_id")):
                customers = self.things["customer_id"]
                part["customer_id"] = customers[number % len(customers)]
        count = body.get("count")
        if type(count) is int and 1 <= count <= generations.COUNT_MAX:
            # An order for very many codes takes its time, and says no more.
            body["count"] = 1 + count % 100


def _is_an_id(value: object) -> bool:
    return isinstance(value, str) and _AN_ID.fullmatch(value) is not None


@pytest.fixture(scope="module")
def fuzzed(table_name: str) -> Iterator[Fuzzed]:
    services = services_on(table_name)
    kind = type(app)
    with pytest.MonkeyPatch.context() as patch, Client(app) as client:
        patch.setattr(wiring, "services", lambda: services)
        shop = Shop(Api(client, a_key(services)), services, patch)
        things, redemptions = stock(shop)
        schema = schemathesis.openapi.from_wsgi("/openapi.json", as_gunicorn(wsgi.make_app(app)))
        # Every request carries our key; who may call is tested elsewhere.
        schema.config.generation.update(with_security_parameters=False)
        yield Fuzzed(schema, a_key(services), things, redemptions)
    app.__class__ = kind


def as_gunicorn(server: wsgi.WsgiApp) -> wsgi.WsgiApp:
    """Return ``server`` given the raw address as by gunicorn: Werkzeug leaves out the query."""

    def serve(environ: dict[str, Any], start_response: wsgi.StartResponse) -> Iterable[bytes]:
        if environ["QUERY_STRING"] and "?" not in environ["RAW_URI"]:
            environ["RAW_URI"] += "?" + environ["QUERY_STRING"]
        return server(environ, start_response)

    return serve


def stock(shop: Shop) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Return ids of things in every state by the names of path parameters, and redemptions."""
    customers = [shop.customer() for _ in range(3)]
    rewards = [shop.reward(status=each) for each in ("draft", "active", "paused", "archived")]
    lasting = shop.reward(usage_limit=1000)
    printed = shop.reward(claim_on_redeem=True, usage_limit=1000)
    codes = [shop.coupon(lasting, customer=customer) for customer in customers]
    codes += [shop.coupon(printed) for _ in range(3)]
    codes += [shop.coupon(lasting), shop.coupon(customer=customers[0])]
    codes += [shop.coupon(lasting, customer=customers[0], expires_at="2020-01-01T00:00:00Z")]
    redemptions = [(code, shop.redeemed(code)["id"]) for code in codes[:3]]
    body = {"name": "till", "role": "cashier"}
    keys = [shop.api.made("/v1/api-keys", body)["id"] for _ in range(3)]
    things = {
        "customer_id": [each["id"] for each in customers],
        "reward_id": [each["id"] for each in [*rewards, lasting, printed]],
        "code": codes,
        "key_id": keys,
    }
    return things, redemptions


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_answers_as_documented(fuzzed: Fuzzed, operation: Operation) -> None:
    sent = 0

    @settings(
        max_examples=CASES_AN_OPERATION,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=fuzzed.strategy(operation), known=st.integers(0, 3), number=st.integers(0, 999))
    def answers(case: Any, known: int, number: int) -> None:
        nonlocal sent
        sent += 1
        if known:
            fuzzed.point(case, number)
        reply = case.call(headers={"Authorization": f"Bearer {fuzzed.token}"})
        fuzzed.answers[reply.status_code] += 1
        case.validate_response(reply, checks=CHECKS)

    answers()
    assert sent >= (CASES_AN_OPERATION if operation in VARIED else 1)
    fuzzed.operations.add(operation.name)


def test_went_past_validation_too(fuzzed: Fuzzed) -> None:
    if fuzzed.operations != {operation.name for operation in OPERATIONS}:
        pytest.skip("some operations were not called")
    sent, answers = fuzzed.answers.total(), fuzzed.answers
    figures.record(
        "fuzz",
        {"cases": sent} | {f"answered {status}": n for status, n in sorted(answers.items())},
    )
    assert sent >= CASES
    # Wallets and pages have tokens of their own, which no case guesses.
    assert answers[200] + answers[201] >= sent / 10
    assert sum(answers[status] for status in (200, 201, 204, 404, 409, 412)) >= sent * 2 / 5
    assert {201, 404, 409, 422} <= set(answers)
