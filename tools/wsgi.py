"""The deployed API under any WSGI server, for development and load tests: ``tools.wsgi:app``.

Every request becomes the event that API Gateway would send, so that it is the same app with the
same code; what is missing is the gateway itself (throttling, its time limit) and function
processes. ``chalice local`` does the same, 40 ms slower per request and with other error bodies.
"""

import base64
import json
import sys
import traceback
import uuid
from collections.abc import Callable, Iterable
from http.client import responses
from typing import Any

from chalice import Chalice
from chalice.local import LambdaContext, LambdaEventConverter, LocalChalice, RouteMatcher

_TIMEOUT_MS = 29_000
# API Gateway's own limit.
_BODY_BYTES_MAX = 10 * 1024 * 1024
_FUNCTION_NAME = "couponry-wsgi"

StartResponse = Callable[[str, list[tuple[str, str]]], object]
WsgiApp = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


def make_app(chalice_app: Chalice) -> WsgiApp:
    """Return a WSGI application that answers as ``chalice_app`` does when it is deployed."""
    # Chalice keeps the current request on the app; this keeps it where threads do not mix.
    kind = type(chalice_app)
    chalice_app.__class__ = type(kind.__name__, (LocalChalice, kind), {})
    converter = LambdaEventConverter(
        RouteMatcher(list(chalice_app.routes)), chalice_app.api.binary_types
    )

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request_id = str(uuid.uuid4())
        try:
            answer = _answer(chalice_app, converter, environ, request_id)
        except Exception:  # noqa: BLE001 - what API Gateway answers when a function fails
            traceback.print_exc(file=sys.stderr)
            answer = _problem(500, "internal_error", "Something went wrong.", request_id)
        status, headers, body = answer
        headers.append(("Content-Length", str(len(body))))
        start_response(f"{status} {responses.get(status, '')}", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return serve


_Answer = tuple[int, list[tuple[str, str]], bytes]


def _answer(
    chalice_app: Chalice, converter: LambdaEventConverter, environ: dict[str, Any], request_id: str
) -> _Answer:
    body = _body(environ)
    if len(body) > _BODY_BYTES_MAX:
        return _problem(413, "payload_too_large", "The body is too large.", request_id)
    try:
        event = converter.create_lambda_event(
            environ["REQUEST_METHOD"], _target(environ), _headers(environ), None
        )
    except ValueError:
        detail = "There is no such path, or not with this method."
        return _problem(404, "route_not_found", detail, request_id)
    event["requestContext"]["requestId"] = request_id
    event["requestContext"]["identity"]["sourceIp"] = environ.get("REMOTE_ADDR", "127.0.0.1")
    # As with API Gateway, which takes every type for binary: template.yaml says so.
    event["body"] = base64.b64encode(body).decode() if body else None
    event["isBase64Encoded"] = bool(body)
    context = LambdaContext(_FUNCTION_NAME, 1024, max_runtime_ms=_TIMEOUT_MS)
    return _from_gateway(chalice_app(event, context))


def _body(environ: dict[str, Any]) -> bytes:
    """Return the body, or one byte more than is allowed of it."""
    # Not every server ends the stream after the body: without a length there is none to read,
    # unless it comes in chunks, which the server puts together.
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    length = _BODY_BYTES_MAX + 1 if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    body: bytes = environ["wsgi.input"].read(min(length, _BODY_BYTES_MAX + 1))
    return body


def _target(environ: dict[str, Any]) -> str:
    """Return path and query as they were sent: API Gateway does not decode them either."""
    raw: str | None = environ.get("RAW_URI")
    if raw is not None:
        return raw
    query = environ.get("QUERY_STRING")
    path: str = environ["PATH_INFO"].encode("latin-1").decode()
    return f"{path}?{query}" if query else path


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def _from_gateway(response: dict[str, Any]) -> _Answer:
    body = response.get("body") or ""
    content = base64.b64decode(body) if response.get("isBase64Encoded") else body.encode()
    headers = list(response.get("headers", {}).items())
    for name, values in response.get("multiValueHeaders", {}).items():
        headers += [(name, value) for value in values]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))  # As the gateway does.
    return response["statusCode"], headers, content


def _problem(status: int, code: str, detail: str, request_id: str) -> _Answer:
    """Return what API Gateway answers by itself; ``template.yaml`` has its words."""
    document = {
        "type": f"/docs#error-{code}",
        "title": responses[status],
        "status": status,
        "detail": detail,
        "code": code,
        "instance": request_id,
    }
    headers = [("Content-Type", "application/problem+json"), ("X-Request-Id", request_id)]
    return status, headers, json.dumps(document).encode()


def __getattr__(name: str) -> Any:
    """Make ``tools.wsgi:app`` of this project's app when a server asks for it."""
    if name != "app":
        raise AttributeError(name)
    import app  # noqa: PLC0415 - tests wrap other apps and need not import this one

    return make_app(app.app)
