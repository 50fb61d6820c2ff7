"""The way of a request, with small views."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import msgspec
import pytest

from chalicelib.api import routes
from chalicelib.api.web import bodies, requests
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.core import errors
from chalicelib.core.callers.callers import Role
from tests.api.plumbing import Api, Reply, ThingNotFound

PATH = "/v1/things/{thing_id}"


class ThingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, bodies.text(20)] = "x"


class ThingQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 25
    status: tuple[str, ...] = ()
    flag: bool = False


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    thing_id: str
    name: str = "x"
    limit: int = 0
    status: tuple[str, ...] = ()
    flag: bool = False


class Seen:
    call: Call[Any, Any]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    for method in ("GET", "PATCH", "POST", "DELETE"):
        monkeypatch.setitem(routes.ROLES, (method, PATH), frozenset({Role.OWNER, Role.CASHIER}))
    monkeypatch.setitem(routes.ROLES, ("GET", "/v1/open"), routes.PUBLIC)
    blueprint = JsonBlueprint()

    @blueprint.operation("GET", PATH, query=ThingQuery, answer=Thing, refusals=(ThingNotFound,))
    def get_thing(call: Call[None, ThingQuery], thing_id: str) -> Answer:
        """Get a thing."""
        Seen.call = call
        if thing_id == "missing":
            raise ThingNotFound("no such thing", facts={"status": "gone", "since": 3})
        if thing_id == "broken":
            raise KeyError("anna@example.com")
        if thing_id == "stray":
            raise errors.DomainError("of no family")
        query = call.query
        return Answer(
            Thing(thing_id=thing_id, limit=query.limit, status=query.status, flag=query.flag)
        )

    @blueprint.operation("POST", PATH, body=ThingBody, answer=Thing, status=201, key_required=True)
    def create_thing(call: Call[ThingBody, None], thing_id: str) -> Answer:
        """Create a thing."""
        Seen.call = call
        return Answer(
            Thing(thing_id=thing_id, name=call.body.name),
            location=f"/v1/things/{thing_id}",
            replayed=call.body.name == "again",
        )

    @blueprint.operation("PATCH", PATH, body=ThingBody, answer=Thing)
    def change_thing(call: Call[ThingBody, None], thing_id: str) -> Answer:
        """Change a thing."""
        Seen.call = call
        call.check_match(Thing(thing_id=thing_id))
        return Answer(Thing(thing_id=thing_id, name=call.body.name))

    @blueprint.operation("DELETE", PATH, status=204)
    def delete_thing(call: Call[None, None], thing_id: str) -> Answer:
        """Delete a thing."""
        return Answer()

    @blueprint.operation("GET", "/v1/open", answer=Thing)
    def get_open(call: Call[None, None]) -> Answer:
        """Get without a key."""
        return Answer(Thing(thing_id="open"))

    return Api(monkeypatch, blueprint)


def post(api: Api, body: Any = None, *, path: str = "/v1/things/t1", key: str = "k1") -> Reply:
    return api.call("POST", path, body=body, headers={"Idempotency-Key": key})


def key_of(api: Api, body: Any = None, **options: Any) -> Any:
    reply = post(api, {} if body is None else body, **options)
    assert reply.status == 201, reply.text
    return Seen.call.request


class TestAnswers:
    def test_every_answer_has_a_request_id_and_is_not_kept_by_caches(self, api: Api) -> None:
        for reply in (api.call("GET", "/v1/things/t1"), api.call("GET", "/v1/things/missing")):
            assert reply.headers["x-request-id"]
            assert reply.headers["cache-control"] == "no-store"

    def test_a_created_thing_has_its_place(self, api: Api) -> None:
        reply = post(api, {"name": "é"})

        assert (reply.status, reply.json["name"]) == (201, "é")
        assert reply.headers["location"] == "/v1/things/t1"
        assert reply.headers["content-type"] == "application/json"
        assert "idempotent-replayed" not in reply.headers

    def test_a_place_behind_a_stage_has_the_stage(self, api: Api) -> None:
        event = an_event(method="POST", stage="/dev")

        assert api.app(event, None)["headers"]["Location"] == "/dev/v1/things/t1"

    def test_a_replay_says_so(self, api: Api) -> None:
        assert post(api, {"name": "again"}).headers["idempotent-replayed"] == "true"

    def test_nothing_is_answered_with_nothing(self, api: Api) -> None:
        reply = api.call("DELETE", "/v1/things/t1")

        assert (reply.status, reply.text) == (204, "")


class TestAuthentication:
    @pytest.mark.parametrize(
        "value", [None, "", "Bearer", "Bearer ", "Basic owner", "Bearer nobody"]
    )
    def test_refuses_without_a_known_key(self, api: Api, value: str | None) -> None:
        headers = {} if value is None else {"Authorization": value}

        reply = api.call("GET", "/v1/things/t1", role=None, headers=headers)

        assert (reply.status, reply.json["code"]) == (401, "unauthenticated")
        assert reply.headers["www-authenticate"].startswith("Bearer")

    def test_refuses_a_role_that_is_not_in_the_table(self, api: Api) -> None:
        reply = api.call("GET", "/v1/things/t1", role="analyst")

        assert (reply.status, reply.json["code"]) == (403, "forbidden")
        assert reply.json["fix"] == "use a key of: cashier, owner"

    def test_decides_before_it_reads(self, api: Api) -> None:
        assert api.call("POST", "/v1/things/t1", raw=b"{", role="analyst").status == 403

    def test_a_public_operation_asks_for_no_key(self, api: Api) -> None:
        assert api.call("GET", "/v1/open", role=None).status == 200
        assert api.services.authenticated == []

    def test_an_endless_key_is_not_looked_up(self, api: Api) -> None:
        assert api.call("GET", "/v1/things/t1", role="x" * 5000).status == 401
        assert api.services.authenticated == []


class TestPath:
    def test_is_decoded_once(self, api: Api) -> None:
        assert api.call("GET", "/v1/things/a%20b%2525").json["thing_id"] == "a b%25"

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            ("%ff", "bad_format"),
            ("a%00", "bad_format"),
            ("%0a", "bad_format"),
            ("x" * 129, "too_long"),
        ],
    )
    def test_refuses_what_no_id_can_be(self, api: Api, value: str, code: str) -> None:
        reply = api.call("GET", f"/v1/things/{value}")

        assert (reply.status, reply.faults) == (422, {("/path/thing_id", code)})

    @pytest.mark.parametrize("value", ["%", "%zz", "%e2%82", "%ed%a0%80"])
    def test_a_broken_encoding_is_never_our_fault(self, api: Api, value: str) -> None:
        assert api.call("GET", f"/v1/things/{value}").status < 500


class TestQuery:
    def test_converts(self, api: Api) -> None:
        reply = api.call("GET", "/v1/things/t1?limit=7&status=a,b&flag=true")

        assert reply.json["limit"] == 7
        assert reply.json["status"] == ["a", "b"]
        assert reply.json["flag"] is True

    @pytest.mark.parametrize(
        ("query", "fault"),
        [
            ("limit=0", ("/query/limit", "out_of_range")),
            ("limit=", ("/query/limit", "wrong_type")),
            ("limit=1.0", ("/query/limit", "wrong_type")),
            ("limit=%D9%A1", ("/query/limit", "wrong_type")),
            ("limit=" + "9" * 5000, ("/query/limit", "wrong_type")),
            ("flag=1", ("/query/flag", "wrong_type")),
            ("other=1", ("/query/other", "unknown_field")),
            ("a%2Fb~=1", ("/query/a~1b~0", "unknown_field")),
            ("limit=1&limit=2", ("/query/limit", "not_allowed")),
        ],
    )
    def test_names_the_parameter(self, api: Api, query: str, fault: tuple[str, str]) -> None:
        reply = api.call("GET", f"/v1/things/t1?{query}")

        assert (reply.status, reply.json["code"]) == (422, "validation_failed")
        assert reply.faults == {fault}

    def test_is_refused_where_there_is_none(self, api: Api) -> None:
        assert api.call("DELETE", "/v1/things/t1?force=1").faults == {
            ("/query/force", "unknown_field")
        }


class TestBody:
    @pytest.mark.parametrize(
        "media_type",
        ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"'],
    )
    def test_is_json(self, api: Api, media_type: str) -> None:
        headers = {"Content-Type": media_type, "Idempotency-Key": "k"}

        assert api.call("POST", "/v1/things/t1", raw=b"{}", headers=headers).status == 201

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/json; charset=utf-16"},
            {"Content-Type": "application/jsonp"},
            {"Content-Type": "application/octet-stream"},
            {"Content-Encoding": "gzip"},
        ],
    )
    def test_refuses_another_type(self, api: Api, headers: dict[str, str]) -> None:
        reply = api.call("POST", "/v1/things/t1", raw=b"{}", headers=headers)

        assert (reply.status, reply.json["code"]) == (415, "unsupported_media_type")

    def test_has_a_size(self, api: Api) -> None:
        fits = b'{"name":"x"}'.ljust(bodies.SIZE_MAX)

        assert post_raw(api, fits).status == 201
        assert post_raw(api, fits + b" ").status == 413

    @pytest.mark.parametrize(
        "event",
        [
            pytest.param({"body": "abc", "isBase64Encoded": True}, id="no base64"),
            pytest.param({"body": "\ud800"}, id="half a character"),
            pytest.param({"body": '{"name":"\ud800"}'}, id="half a character in a name"),
        ],
    )
    def test_survives_what_no_gateway_should_send(self, api: Api, event: dict[str, Any]) -> None:
        assert api.app(an_event(method="POST") | event, None)["statusCode"] == 400

    def test_is_ignored_where_there_is_none(self, api: Api) -> None:
        assert api.call("DELETE", "/v1/things/t1", raw=b"{").status == 204


class TestIdempotencyKey:
    def test_is_required_where_the_operation_says_so(self, api: Api) -> None:
        reply = api.call("POST", "/v1/things/t1", body={})

        assert reply.faults == {("/header/Idempotency-Key", "required")}

    @pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
    def test_is_visible_ascii(self, api: Api, key: str) -> None:
        assert post(api, {}, key=key).faults == {("/header/Idempotency-Key", "bad_format")}

    def test_is_none_without_one_and_for_reads(self, api: Api) -> None:
        api.call("PATCH", "/v1/things/t1", body={})
        assert Seen.call.request is None
        api.call("GET", "/v1/things/t1", headers={"Idempotency-Key": "k"})
        assert Seen.call.request is None

    def test_stands_for_the_same_request_in_another_spelling(self, api: Api) -> None:
        api.call(
            "POST",
            "/v1/things/t%31",
            raw=b' { "name" : "\\u0041" } ',
            headers={"Idempotency-Key": "k1"},
        )

        assert Seen.call.request == key_of(api, {"name": "A"})

    def test_tells_requests_apart(self, api: Api) -> None:
        first = key_of(api, {"name": "A"})
        others = [
            key_of(api, {"name": "B"}),
            key_of(api, {}),
            key_of(api, {"name": "A"}, path="/v1/things/t2"),
        ]

        assert all(other.key_hash == first.key_hash for other in others)
        assert first.fingerprint not in {other.fingerprint for other in others}
        assert key_of(api, {"name": "A"}, key="k2").key_hash != first.key_hash

    def test_belongs_to_the_caller(self, api: Api) -> None:
        first = key_of(api)
        api.call(
            "POST", "/v1/things/t1", body={}, role="cashier", headers={"Idempotency-Key": "k1"}
        )

        assert Seen.call.request is not None
        assert Seen.call.request.key_hash != first.key_hash


class TestEntityTag:
    def test_of_what_was_read_allows_the_change(self, api: Api) -> None:
        tag = api.call("GET", "/v1/open").headers["etag"]
        read = api.call("GET", "/v1/things/t1?limit=1").headers["etag"]

        assert tag != read
        assert tag.startswith('"')

    @pytest.mark.parametrize("of", ["*", "{tag}", '"other", {tag}'])
    def test_matches(self, api: Api, of: str) -> None:
        tag = api.call("PATCH", "/v1/things/t1", body={"name": "x"}).headers["etag"]

        reply = api.call(
            "PATCH", "/v1/things/t1", body={"name": "y"}, headers={"If-Match": of.format(tag=tag)}
        )

        assert reply.status == 200

    @pytest.mark.parametrize("of", ['"other"', "W/{tag}", "", "nonsense"])
    def test_refuses_a_stale_one(self, api: Api, of: str) -> None:
        tag = api.call("PATCH", "/v1/things/t1", body={"name": "x"}).headers["etag"]

        reply = api.call(
            "PATCH", "/v1/things/t1", body={"name": "y"}, headers={"If-Match": of.format(tag=tag)}
        )

        assert (reply.status, reply.json["code"]) == (412, "precondition_failed")


class TestMethods:
    @pytest.mark.parametrize("method", ["PUT", "HEAD", "TRACE"])
    def test_that_no_operation_takes_are_refused(self, api: Api, method: str) -> None:
        reply = api.call(method, "/v1/things/t1", role=None)

        assert reply.status == 405
        assert reply.headers["allow"] == "DELETE, GET, PATCH, POST"
        assert reply.headers["content-type"] == "application/problem+json"


class TestFailures:
    def test_tell_the_caller_nothing(self, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
        reply = api.call("GET", "/v1/things/broken")

        assert (reply.status, reply.json["code"]) == (500, "internal_error")
        assert "anna" not in reply.text
        assert "KeyError" not in reply.text
        failed, request = map(json.loads, capsys.readouterr().out.splitlines())
        assert failed["errors"][0]["type"] == "builtins.KeyError"
        assert "get_thing" in failed["errors"][0]["frames"][-1]
        assert "anna" not in json.dumps(failed)
        assert (request["level"], request["status"]) == ("error", 500)

    def test_of_chalice_itself_are_problems_too(self, api: Api) -> None:
        reply = api.app(an_event(method="GET") | {"pathParameters": None}, None)

        assert reply["statusCode"] == 500
        assert json.loads(reply["body"])["code"] == "internal_error"

    def test_of_the_core_without_a_family_are_bugs(self, api: Api) -> None:
        assert api.call("GET", "/v1/things/stray").json["code"] == "internal_error"

    def test_of_our_services_are_problems_too(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api.services, "authenticate", None)

        assert api.call("GET", "/v1/things/t1").json["code"] == "internal_error"


class TestLogLine:
    def test_says_who_did_what_without_saying_to_whom(
        self, api: Api, capsys: pytest.CaptureFixture[str]
    ) -> None:
        reply = api.call("GET", "/v1/things/SECRET-CODE?limit=3", role="cashier")

        line = json.loads(capsys.readouterr().out)
        assert line.pop("latency_ms") >= 0
        assert line == {
            "event": "request",
            "level": "info",
            "request_id": reply.headers["x-request-id"],
            "method": "GET",
            "route": PATH,
            "actor": "key_cashier",
            "role": "cashier",
            "status": 200,
            "outcome": "ok",
            "replayed": False,
            "read_units": 1.5,
            "write_units": 10,
            "round_trips": 2,
        }

    def test_counts_from_the_start_of_the_request(self, api: Api) -> None:
        counted: list[str] = []
        api.services.capacity.reset = lambda: counted.append("reset")

        api.call("GET", "/v1/things/t1", role=None)

        assert counted == ["reset"]

    def test_names_the_refusal(self, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
        api.call("GET", "/v1/things/missing")

        assert json.loads(capsys.readouterr().out)["outcome"] == "coupon_not_found"


class TestThreads:
    def test_do_not_see_the_requests_of_one_another(self, api: Api) -> None:
        """Chalice keeps the current request on the app, where threads overwrite it."""
        both_are_inside = threading.Barrier(2, timeout=10)

        def wait(request: Any, get_response: Callable[[Any], Any]) -> Any:
            both_are_inside.wait()
            return get_response(request)

        api.app.register_middleware(wait, "http")

        def send(body: str) -> str:
            event = an_event(method="POST", body=json.dumps({"name": body}))
            return str(json.loads(api.app(event, None)["body"])["name"])

        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(send, ["one", "two"])) == ["one", "two"]


class TestRegistration:
    def test_needs_an_entry_in_the_table_of_roles(self) -> None:
        with pytest.raises(LookupError, match="/v1/nowhere"):
            JsonBlueprint().operation("GET", "/v1/nowhere")

    def test_needs_a_docstring(self, api: Api) -> None:
        def undocumented() -> Answer:
            return Answer()

        with pytest.raises(ValueError, match="docstring"):
            JsonBlueprint().operation("GET", PATH)(undocumented)


def post_raw(api: Api, raw: bytes) -> Reply:
    return api.call("POST", "/v1/things/t1", raw=raw, headers={"Idempotency-Key": "k"})


def an_event(*, method: str, stage: str = "", body: str | None = "{}") -> dict[str, Any]:
    return {
        "requestContext": {
            "httpMethod": method,
            "resourcePath": PATH,
            "path": f"{stage}/v1/things/t1",
            "requestId": "req-1",
        },
        "path": "/v1/things/t1",
        "headers": {
            "Authorization": "Bearer owner",
            "Content-Type": "application/json",
            "Idempotency-Key": "k",
        },
        "pathParameters": {"thing_id": "t1"},
        "stageVariables": None,
        "multiValueQueryStringParameters": None,
        "body": body,
        "isBase64Encoded": False,
    }


def test_a_path_value_fits_into_a_key_of_the_table() -> None:
    assert requests.PATH_VALUE_LENGTH_MAX * 4 < 1024
