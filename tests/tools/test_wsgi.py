import io
import json
from typing import Any

import pytest
from chalice import Chalice, Response

from tools import wsgi


@pytest.fixture(scope="module")
def app() -> wsgi.WsgiApp:
    chalice_app = Chalice(app_name="wsgi")

    @chalice_app.route("/things/{name}", methods=["POST"])
    def create_thing(name: str) -> Response:
        request = chalice_app.current_request
        assert request is not None
        seen = {"name": name, "body": request.json_body, "query": request.query_params}
        return Response(seen, status_code=201, headers={"Set-Cookie": ["a=1", "b=2"]})

    return wsgi.make_app(chalice_app)


def _call(app: wsgi.WsgiApp, method: str, path: str, body: bytes = b"") -> tuple[str, Any, Any]:
    started: list[Any] = []
    environ = {
        "REQUEST_METHOD": method,
        "RAW_URI": path,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    content = b"".join(app(environ, lambda status, headers: started.extend([status, headers])))
    return started[0], started[1], json.loads(content)


class TestWsgi:
    def test_answers_as_the_app_does(self, app: wsgi.WsgiApp) -> None:
        status, headers, body = _call(app, "POST", "/things/a%2Fb?x=1", b'{"name":"\xc3\xbc"}')

        assert status == "201 Created"
        assert body == {"name": "a%2Fb", "body": {"name": "ü"}, "query": {"x": "1"}}
        assert [value for name, value in headers if name == "Set-Cookie"] == ["a=1", "b=2"]

    def test_a_missing_route_is_a_problem(self, app: wsgi.WsgiApp) -> None:
        status, headers, body = _call(app, "GET", "/nowhere")

        assert status == "404 Not Found"
        assert dict(headers)["Content-Type"] == "application/problem+json"
        assert body["code"] == "route_not_found"
        assert body["instance"] == dict(headers)["X-Request-Id"]

    def test_a_body_above_the_gateways_limit_is_refused(self, app: wsgi.WsgiApp) -> None:
        status, _, body = _call(app, "POST", "/things/a", b" " * (10 * 1024 * 1024 + 1))

        assert status.startswith("413")
        assert body["code"] == "payload_too_large"

    def test_says_nothing_of_what_went_wrong_inside(self, app: wsgi.WsgiApp) -> None:
        status, _, body = _call(app, "POST", "/things/%zz" + "?" * 3, b"\xff")

        assert status.startswith(("400", "500"))
        assert "Traceback" not in json.dumps(body)
