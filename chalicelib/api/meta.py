"""The service about itself: whether it works, and how to use it. Nothing here asks for a key."""

from functools import lru_cache
from typing import Any, Literal

import msgspec
from chalice import Chalice

from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint, operations_of
from chalicelib.api.web.exchange import here
from chalicelib.api.web.requests import stage_of
from chalicelib.core.errors import Unavailable

blueprint = JsonBlueprint()

_DOCUMENTATION_KEPT_MAX = 4
"""Documents in memory; one deployment is reached under one or two stages."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """``build`` is the revision of the code."""

    status: Literal["ok"]
    build: str
    table: Literal["reachable"]


@blueprint.operation("GET", "/v1/health", answer=Health, refusals=(Unavailable,))
def get_health(call: Call[None, None]) -> Answer:
    """Say whether the service works.

    Reads one item of the table, so that an answer means that a redemption would be answered too.
    """
    call.services.store.ping()
    return Answer(
        Health(status="ok", build=call.services.build, table="reachable"),
        # It says how things are now; nothing can be changed on condition of it.
        etag=False,
    )


@blueprint.operation("GET", "/openapi.json", answer=dict[str, Any])
def get_openapi(call: Call[None, None]) -> Answer:
    """Get this document.

    OpenAPI 3.1, generated from the types that validate requests.
    """
    return Answer(msgspec.Raw(_openapi(here.exchange.app, call.services.build, _server())))


@blueprint.operation("GET", "/docs", answer=str, media_type="text/html; charset=utf-8")
def get_docs(call: Call[None, None]) -> Answer:
    """Read this document as a page."""
    return Answer(
        _page(here.exchange.app, call.services.build, _server()),
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def _server() -> str:
    return stage_of(here.exchange.request) or "/"


@lru_cache(_DOCUMENTATION_KEPT_MAX)
def _document(app: Chalice, build: str, server: str) -> dict[str, Any]:
    from chalicelib.api.web import openapi  # noqa: PLC0415 # a redemption needs none of it

    return openapi.document(operations_of(app), build=build, server=server)


@lru_cache(_DOCUMENTATION_KEPT_MAX)
def _openapi(app: Chalice, build: str, server: str) -> bytes:
    return msgspec.json.encode(_document(app, build, server))


@lru_cache(_DOCUMENTATION_KEPT_MAX)
def _page(app: Chalice, build: str, server: str) -> str:
    from chalicelib.api.web import docs  # noqa: PLC0415 # a redemption needs none of it

    return docs.page(_document(app, build, server))
