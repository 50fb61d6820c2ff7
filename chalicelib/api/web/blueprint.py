"""A Blueprint of operations: the routes, who may call them, and what is known of them beforehand.

Chalice turns every foreign exception of a view into a 500 before any middleware sees it, so the
translation of errors wraps each view: ``endpoint.py``; the middleware around it: ``exchange.py``.
"""

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from chalice import Blueprint, Chalice, Response

from chalicelib.api import access
from chalicelib.api.web import exchange
from chalicelib.api.web.calls import Answer, Call
from chalicelib.api.web.endpoint import Endpoint
from chalicelib.api.web.operations import READS, Operation, doc_of
from chalicelib.core import errors

__all__ = ["Answer", "Call", "JsonBlueprint", "close_methods", "open_to_pages"]

AnyView = TypeVar("AnyView", bound=Callable[..., Answer])

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CONTENT_TYPE: Final = "application/json"


class JsonBlueprint(Blueprint):
    """The operations of one noun."""

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
            refusals: the domain errors that the view can raise, for the documentation.
            key_required: refuse a request without an Idempotency-Key.
            codes_in_body: the body names coupons by their codes.
            writes: False for a dry run; by default everything but GET writes.
            media_type: of a success's body; for other than JSON the body is a str.

        Raises:
            LookupError: the route has no entry in :mod:`chalicelib.api.access`.
        """
        roles = access.roles_for(method, path)

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
                refusals=refusals,
                key_required=key_required,
                codes_in_body=codes_in_body,
                writes=method not in READS if writes is None else writes,
                media_type=media_type,
            )
            self._add(path, (method,), Endpoint(operation, view).answer, view, operation)
            return view

        return register

    def register(self, app: Chalice, options: dict[str, Any]) -> None:
        """Add the operations to ``app``, and the middleware around all of them once."""
        super().register(app, options)
        if not any(isinstance(handler, exchange.Edge) for handler, _ in app.middleware_handlers):
            app.register_middleware(exchange.Edge(app), "http")

    def _add(
        self,
        path: str,
        methods: tuple[str, ...],
        answer: Callable[..., Response],
        view: Callable[..., Any],
        operation: Operation,
    ) -> None:
        @functools.wraps(view)
        def routed(**arguments: str) -> Response:
            return answer(arguments)

        routed.operation = operation  # type: ignore[attr-defined] # found again by the documentation
        # Chalice's own check of the content type answers in another shape than ours.
        self.route(path, methods=list(methods), content_types=["*/*"], name=view.__name__)(routed)


def operations_of(app: Chalice) -> list[Operation]:
    """Return the operations of ``app``, by path and method."""
    return [
        entry.view_function.operation
        for _, methods in sorted(app.routes.items())
        for _, entry in sorted(methods.items())
        if hasattr(entry.view_function, "operation")
    ]


def close_methods(app: Chalice) -> None:
    """Answer 405 to the methods that no operation of a path takes; call it after registration.

    Without a route of its own such a request never reaches us: API Gateway says 403.
    """

    def method_not_allowed(**_: str) -> Response:
        return exchange.method_not_allowed(exchange.here.exchange, app)

    for path, methods in list(app.routes.items()):
        missing = [method for method in METHODS if method not in methods]
        if missing:
            app.route(path, methods=missing, content_types=["*/*"])(method_not_allowed)


def open_to_pages(app: Chalice) -> None:
    """Answer browsers that ask what a page may call; call it after registration."""
    by_path: dict[str, list[str]] = {}
    for operation in operations_of(app):
        if operation.is_for_pages:
            by_path.setdefault(operation.path, []).append(operation.method)

    def preflight(**_: str) -> Response:
        asked = exchange.here.exchange
        return exchange.preflight(asked, by_path[asked.request.path])

    for path in by_path:
        app.route(path, methods=["OPTIONS"], content_types=["*/*"])(preflight)
