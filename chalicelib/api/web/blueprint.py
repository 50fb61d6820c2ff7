"""A Blueprint of operations: the routes of one noun, and what is known of them beforehand.

Chalice turns every foreign exception of a view into a 500 before any middleware sees it, so the
translation of errors wraps each view: ``endpoint.py``; the middleware around it: ``exchange.py``.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, TypeVar

import msgspec
from chalice import Chalice, Response

from chalicelib.api import routes
from chalicelib.api.routes import Route
from chalicelib.api.web import exchange
from chalicelib.api.web.calls import Answer, Call
from chalicelib.api.web.endpoint import Endpoint
from chalicelib.api.web.operations import READS, Operation, doc_of
from chalicelib.core import errors
from chalicelib.core.callers.callers import Role

__all__ = ["Answer", "Call", "JsonBlueprint", "add_application", "add_endpoints", "operations_of"]

AnyView = TypeVar("AnyView", bound=Callable[..., Answer])
Find = Callable[[], Endpoint]
"""Finds an endpoint when it is needed."""

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CONTENT_TYPE: Final = "application/json"


class JsonBlueprint:
    """The operations of one noun: their endpoints, by route."""

    def __init__(self) -> None:
        self.endpoints: dict[Route, Endpoint] = {}

    def operation(  # noqa: PLR0913 # all by name; this is what an operation is
        self,
        method: str,
        path: str,
        *,
        body: type[msgspec.Struct] | None = None,
        query: type[msgspec.Struct] | None = None,
        answer: Any = None,
        page_answer: Any = None,
        status: int = 200,
        further: tuple[int, ...] = (),
        refusals: tuple[type[errors.DomainError], ...] = (),
        key_required: bool = False,
        codes_in_body: bool = False,
        writes: bool | None = None,
        media_type: str = _CONTENT_TYPE,
    ) -> Callable[[AnyView], AnyView]:
        """Register a view ``(call, **path values) -> Answer``; its docstring is documentation.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: the pattern, with names in braces.
            body: what the JSON body must be; None takes none.
            query: what the query may hold; None takes none.
            answer: the type of a success's body; None answers none.
            page_answer: the type where a publishable key calls.
            status: of a success.
            further: other statuses of a success, which have no body.
            refusals: the domain errors that the view can raise, for the documentation.
            key_required: refuse a request without an Idempotency-Key.
            codes_in_body: the body names coupons by their codes.
            writes: False for a dry run; by default everything but GET writes.
            media_type: of a success's body; for other than JSON the body is a str or bytes.

        Raises:
            LookupError: the route has no entry in :mod:`chalicelib.api.routes`.
        """
        roles = routes.roles_for(method, path)

        def register(view: AnyView) -> AnyView:
            operation = Operation(
                method=method,
                path=path,
                name=view.__name__,
                doc=doc_of(view),
                roles=roles,
                body=body,
                query=query,
                answer=answer,
                page_answer=page_answer,
                status=status,
                further=further,
                refusals=refusals,
                key_required=key_required,
                codes_in_body=codes_in_body,
                writes=method not in READS if writes is None else writes,
                media_type=media_type,
            )
            self.endpoints[method, path] = Endpoint(operation, view)
            return view

        return register


def add_application(app: Chalice) -> None:
    """Add every route of :mod:`chalicelib.api.routes`; modules are loaded when they are asked."""
    finds: dict[Route, Find] = {}
    for module, of_module in routes.ROUTES.items():
        for route in of_module:
            finds[route] = _finder(f"chalicelib.api.{module}", route)
    add_endpoints(app, finds)


def _finder(module: str, route: Route) -> Find:
    def find() -> Endpoint:
        blueprint: JsonBlueprint = import_module(module).blueprint
        return blueprint.endpoints[route]

    return find


def add_endpoints(app: Chalice, finds: Mapping[Route, Find]) -> None:
    """Add routes, and the middleware around all of them; other methods of their paths get 405."""
    app.register_middleware(exchange.Edge(app), "http")
    app.api.binary_types += exchange.BINARY_TYPES
    for (method, path), find in finds.items():
        _add(app, path, [method], _answer_of(find))
    for path in {path: None for _, path in finds}:
        # Without a route of its own such a request never reaches us: API Gateway says 403.
        _add(app, path, [m for m in METHODS if (m, path) not in finds], _method_not_allowed)
        for_pages = [m for m, p in finds if p == path and Role.STOREFRONT in routes.ROLES[m, p]]
        if for_pages:
            _add(app, path, ["OPTIONS"], _preflight_of(for_pages))


def operations_of(app: Chalice) -> list[Operation]:
    """Return the operations of ``app``, by path and method; this loads all their modules."""
    return [
        entry.view_function.find().operation
        for _, methods in sorted(app.routes.items())
        for _, entry in sorted(methods.items())
        if hasattr(entry.view_function, "find")
    ]


def _add(app: Chalice, path: str, methods: list[str], view: Callable[..., Response]) -> None:
    # Chalice's own check of the content type answers in another shape than ours.
    app.route(path, methods=methods, content_types=["*/*"])(view)


def _answer_of(find: Find) -> Callable[..., Response]:
    def answer(**arguments: str) -> Response:
        here = exchange.here.exchange
        try:
            endpoint = find()
        except Exception as error:  # noqa: BLE001 # a module that does not load: nothing leaks
            return exchange.failure(error, here)
        return endpoint.answer(arguments)

    answer.find = find  # type: ignore[attr-defined] # found again by the documentation
    return answer


def _method_not_allowed(**_: str) -> Response:
    return exchange.method_not_allowed(exchange.here.exchange)


def _preflight_of(methods: list[str]) -> Callable[..., Response]:
    def preflight(**_: str) -> Response:
        return exchange.preflight(exchange.here.exchange, methods)

    return preflight
