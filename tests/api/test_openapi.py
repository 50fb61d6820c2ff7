"""The generated document and its page, and that they say what the API does."""

import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app
from chalicelib.api import meta, routes
from chalicelib.api.web import bodies, openapi
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint, operations_of
from chalicelib.core import errors
from tests.api.plumbing import Api, ThingNotFound

PATH = "/v1/coupons/{code}"

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True):
    items: list[Item]
    next_cursor: str | None


class CouponBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a coupon is <made> of."""

    name: Annotated[str, bodies.text(5, description="shown to <customers>")]
    expires_at: bodies.Moment | None | msgspec.UnsetType = msgspec.UNSET  # noqa: RUF036


class CouponQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 25
    email: str | None = None
    status: tuple[str, ...] = ()


class CouponView(msgspec.Struct, frozen=True, kw_only=True):
    code: str


class Gone(errors.Refused):
    """The coupon is <gone>. HTTP 409."""

    code = "coupon_expired"


class Store:
    is_reachable = True

    def ping(self) -> None:
        if not self.is_reachable:
            raise errors.Unavailable("the table is out of reach", facts={"retry_after": 2})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    blueprint = JsonBlueprint()

    @blueprint.operation(
        "GET", PATH, query=CouponQuery, answer=Page[CouponView], refusals=(ThingNotFound,)
    )
    def list_coupons(call: Call[None, CouponQuery], code: str) -> Answer:
        """List coupons.

        With `limit`, and <b>no</b> markup.
        """
        return Answer(Page(items=[CouponView(code=code)], next_cursor=None))

    @blueprint.operation("PATCH", PATH, body=CouponBody, answer=CouponView, refusals=(Gone,))
    def change_coupon(call: Call[CouponBody, None], code: str) -> Answer:
        """Change a coupon."""
        return Answer(CouponView(code=code))

    @blueprint.operation(
        "POST", "/v1/rewards/{reward_id}/coupons", body=CouponBody, status=201, key_required=True
    )
    def create_coupons(call: Call[CouponBody, None], reward_id: str) -> Answer:
        """Create coupons."""
        return Answer()

    api = Api(monkeypatch, blueprint, meta.blueprint)
    api.services.store = Store()
    return api


def document_of(api: Api) -> Any:
    reply = api.call("GET", "/openapi.json", role=None)
    assert reply.status == 200, reply.text
    return reply.json


class TestDocument:
    def test_is_valid_openapi(self, api: Api) -> None:
        document = document_of(api)

        assert document["openapi"].startswith("3.1")
        OpenAPIV31SpecValidator(document).validate()

    def test_is_valid_before_it_is_written_too(self, api: Api) -> None:
        OpenAPIV31SpecValidator(openapi.document(operations_of(api.app), build="x")).validate()

    def test_of_the_application_is_valid(self) -> None:
        OpenAPIV31SpecValidator(openapi.document(operations_of(app), build="x")).validate()

    def test_has_every_operation_and_no_other(self, api: Api) -> None:
        paths = document_of(api)["paths"]

        assert {
            (method.upper(), path) for path, methods in paths.items() for method in methods
        } == {(operation.method, operation.path) for operation in operations_of(api.app)}

    def test_takes_limits_from_the_types_that_validate(self, api: Api) -> None:
        document = document_of(api)

        assert document["components"]["schemas"]["CouponBody"]["properties"]["name"] == {
            "type": "string",
            "minLength": 1,
            "maxLength": 5,
            "pattern": bodies.NO_CONTROLS,
            "description": "shown to <customers>",
        }
        assert document["components"]["schemas"]["CouponBody"]["additionalProperties"] is False

    def test_turns_a_query_into_parameters(self, api: Api) -> None:
        document = document_of(api)
        parameters = {
            parameter["name"]: parameter
            for parameter in document["paths"][PATH]["get"]["parameters"]
        }

        assert parameters["limit"]["schema"] == {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "default": 25,
        }
        assert parameters["email"]["schema"] == {"type": "string"}
        assert parameters["status"]["explode"] is False
        assert parameters["code"]["required"] is True
        assert "CouponQuery" not in document["components"]["schemas"]

    def test_lists_the_codes_of_each_status(self, api: Api) -> None:
        operation = document_of(api)["paths"][PATH]["patch"]

        codes = {
            status: response["content"]["application/problem+json"]["schema"]["properties"]["code"][
                "enum"
            ]
            for status, response in operation["responses"].items()
            if status != "200"
        }
        assert codes == {
            "400": ["malformed_body"],
            "401": ["unauthenticated"],
            "403": ["forbidden"],
            "409": ["coupon_expired", "idempotency_key_reused", "conflict_retry"],
            "412": ["precondition_failed"],
            "413": ["payload_too_large"],
            "415": ["unsupported_media_type"],
            "422": ["validation_failed"],
            "429": ["rate_limited"],
            "503": ["temporarily_unavailable"],
        }

    def test_asks_for_a_key_unless_public(self, api: Api) -> None:
        document = document_of(api)

        assert document["security"] == [{"key": []}]
        assert document["paths"]["/v1/health"]["get"]["security"] == []
        assert "security" not in document["paths"][PATH]["get"]

    def test_starts_at_the_stage_it_was_asked_under(self, api: Api) -> None:
        event = {
            "requestContext": {
                "httpMethod": "GET",
                "resourcePath": "/openapi.json",
                "path": "/dev/openapi.json",
            },
            "path": "/openapi.json",
            "headers": {},
            "pathParameters": None,
            "stageVariables": None,
            "multiValueQueryStringParameters": None,
            "body": None,
        }

        document = msgspec.json.decode(api.app(event, None)["body"])
        assert document["servers"] == [{"url": "/dev"}]

    def test_refuses_two_operations_of_one_name(self, api: Api) -> None:
        operations = operations_of(api.app)

        with pytest.raises(ValueError, match="share a name"):
            openapi.document([*operations, operations[0]], build="x")

    def test_costs_a_redemption_nothing(self) -> None:
        script = "import sys, chalicelib.api.meta; print(*sys.modules)"
        loaded = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True
        ).stdout.split()

        names = ("openapi", "openapi_parts", "docs", "faults")
        lazy = {f"chalicelib.api.web.{name}" for name in names}
        assert all(find_spec(name) for name in lazy)
        assert "chalicelib.api.meta" in loaded
        assert lazy.isdisjoint(loaded)


class TestPage:
    def test_shows_every_operation_and_error(self, api: Api) -> None:
        page = api.call("GET", "/docs", role=None)

        assert page.headers["content-type"] == "text/html; charset=utf-8"
        for operation in operations_of(api.app):
            assert f'id="{operation.name}"' in page.text
        for code in document_of(api)["x-errors"]:
            assert f'id="error-{code}"' in page.text

    def test_has_a_place_for_every_link(self, api: Api) -> None:
        page = api.call("GET", "/docs", role=None).text

        links = set(anchors_linked(page))
        assert links
        assert {link for link in links if f'id="{link}"' not in page} == set()

    def test_runs_nothing_and_loads_nothing(self, api: Api) -> None:
        page = api.call("GET", "/docs", role=None)

        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "<script" not in page.text
        assert "http:" not in page.text
        assert "https:" not in page.text

    def test_escapes(self, api: Api) -> None:
        page = api.call("GET", "/docs", role=None).text

        for raw in ("<gone>", "<made>", "<b>no</b>", "<customers>"):
            assert raw not in page
        assert "&lt;gone&gt;" in page


class TestHealth:
    def test_says_that_the_table_answers(self, api: Api) -> None:
        reply = api.call("GET", "/v1/health", role=None)

        assert reply.json == {"status": "ok", "build": "abc1234", "table": "reachable"}

    def test_says_that_it_does_not(self, api: Api) -> None:
        api.services.store.is_reachable = False

        reply = api.call("GET", "/v1/health", role=None)

        assert (reply.status, reply.json["code"]) == (503, "temporarily_unavailable")
        assert reply.headers["retry-after"] == "2"


def test_every_public_route_is_about_the_service_or_for_phones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    about = operations_of(Api(monkeypatch, meta.blueprint).app)

    public = {path for (_, path), roles in routes.ROLES.items() if not roles}
    assert {path for path in public if not path.startswith("/v1/wallets/")} == {
        operation.path for operation in about
    }


def anchors_linked(page: str) -> list[str]:
    return [part.partition('"')[0] for part in page.split('href="#')[1:]]
