"""A request on its way through the API, and what surrounds every view: a Chalice middleware.

It keeps the request where threads do not mix (Chalice's own ``current_request`` belongs to the
app), writes the log line, and turns answers that Chalice makes by itself into problems.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Final

from chalice import Chalice, Response
from chalice.app import Request

from chalicelib import wiring
from chalicelib.api.web import cors, logs, problems, requests
from chalicelib.api.web.calls import encode
from chalicelib.core import errors
from chalicelib.core.callers.callers import Caller

BINARY_TYPES: Final = ("application/vnd.apple.pkpass",)
"""What is answered as bytes: on its way through API Gateway it is in Base64."""

Headers = dict[str, str | list[str]]
"""As Chalice types them; ours have one value each."""


class Exchange:
    """A request on its way, and what its log line will say.

    ``app``: who was asked. ``origin``: the web page that may read the answer. ``started``: when it
    came, by the timer. ``binary_type``: what the answer is, where it is bytes.
    """

    __slots__ = (
        "app",
        "binary_type",
        "caller",
        "origin",
        "outcome",
        "replayed",
        "request",
        "request_id",
        "route",
        "services",
        "started",
    )

    def __init__(self, request: Request, app: Chalice) -> None:
        self.app = app
        self.started = wiring.timer()
        self.request = request
        self.request_id = requests.id_of(request)
        self.route: str = request.path
        self.caller: Caller | None = None
        self.services: wiring.Services | None = None
        self.origin: str | None = None
        self.outcome = "ok"
        self.replayed = False
        self.binary_type: str | None = None


class _Here(threading.local):
    exchange: Exchange


here = _Here()


class Edge:
    """The middleware of one app; every request to it passes here first and last."""

    def __init__(self, app: Chalice) -> None:
        self._app = app

    def __call__(self, request: Request, get_response: Callable[[Request], Response]) -> Response:
        """Answer ``request``, whatever happens, and log that it was."""
        exchange = here.exchange = Exchange(request, self._app)
        try:
            response = get_response(request)
            if "X-Request-Id" not in response.headers:
                response = self._in_our_shape(response, exchange)
            elif exchange.binary_type is not None:
                # Said this late because Chalice 1.34.0 refuses clients that accept nothing by name.
                response.headers["Content-Type"] = exchange.binary_type
        except Exception as error:  # noqa: BLE001 # Chalice's own code failed on a strange event
            response = failure(error, exchange)
        _log(exchange, status=response.status_code)
        return response

    def _in_our_shape(self, response: Response, exchange: Exchange) -> Response:
        """Return what Chalice answered by itself as a problem."""
        if response.status_code == 405:  # noqa: PLR2004
            return method_not_allowed(exchange)
        return failure(RuntimeError(f"Chalice said {response.status_code}"), exchange)


def method_not_allowed(exchange: Exchange) -> Response:
    """Return the answer to a method that no operation of the path takes."""
    entries = exchange.app.routes.get(exchange.request.path, {})
    allow = ", ".join(
        sorted(method for method, e in entries.items() if hasattr(e.view_function, "find"))
    )
    error = problems.MethodNotAllowed(
        f"{exchange.request.method} is not among the methods of this path", fix=f"use {allow}"
    )
    response = refusal(error, exchange)
    response.headers["Allow"] = allow
    return response


def failure(error: Exception, exchange: Exchange) -> Response:
    """Return the answer to an error that nobody expected; the log has where it came from."""
    logs.unexpected(error, request_id=exchange.request_id, route=exchange.route)
    told = problems.InternalError(
        "something went wrong on our side", fix="report it with this request id"
    )
    return refusal(told, exchange)


def refusal(error: errors.DomainError, exchange: Exchange) -> Response:
    """Return the answer to a domain error."""
    try:
        problem = problems.to_problem(error, exchange.request_id)
    except LookupError:
        return failure(error, exchange)
    exchange.outcome = error.code
    return Response(
        body=encode(problem).decode(),
        status_code=problem["status"],
        headers=headers_of(exchange) | problems.headers_of(error),
    )


def headers_of(exchange: Exchange) -> Headers:
    """Return the headers of every answer."""
    headers: Headers = {"X-Request-Id": exchange.request_id, "Cache-Control": "no-store"}
    if exchange.origin is not None:
        headers.update(cors.answer_headers(exchange.origin))
    return headers


def preflight(exchange: Exchange, methods: Iterable[str]) -> Response:
    """Return the answer to a browser that asks whether a page may call one of ``methods``."""
    headers = headers_of(exchange)
    origin = exchange.request.headers.get("origin")
    if origin is not None:
        headers.update(cors.preflight_headers(origin, methods))
    return Response(body="", status_code=204, headers=headers)


def _log(exchange: Exchange, *, status: int) -> None:
    capacity = exchange.services.capacity if exchange.services else None
    logs.write(
        "request",
        level=logs.level_of(status),
        request_id=exchange.request_id,
        method=exchange.request.method,
        route=exchange.route,
        actor=exchange.caller.caller_id if exchange.caller else None,
        role=exchange.caller.role if exchange.caller else None,
        status=status,
        outcome=exchange.outcome,
        replayed=exchange.replayed,
        latency_ms=round((wiring.timer() - exchange.started) * 1000, 2),
        read_units=capacity.reads if capacity else 0,
        write_units=capacity.writes if capacity else 0,
        round_trips=capacity.round_trips if capacity else 0,
    )
