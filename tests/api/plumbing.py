"""A small app with stand-ins for the services: what the plumbing's own tests call."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from chalice import Chalice
from chalice.test import Client, HTTPResponse

from chalicelib import wiring
from chalicelib.api.web.blueprint import JsonBlueprint, add_endpoints
from chalicelib.core import errors
from chalicelib.core.callers.callers import Caller, Role

ORIGIN = "https://shop.example"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Services:
    """Keys are the names of roles: ``Bearer owner`` is an owner."""

    store: Any = None
    build: str = "abc1234"
    authenticated: list[str] = field(default_factory=list)
    capacity: Any = field(
        default_factory=lambda: SimpleNamespace(
            reads=1.5, writes=10, round_trips=2, reset=lambda: None
        )
    )

    def now(self) -> datetime:
        return NOON

    watch: Any = field(
        default_factory=lambda: SimpleNamespace(
            begin=lambda *_, **__: None, give_back=lambda *_, **__: None
        )
    )

    def authenticate(self, token: str) -> Caller | None:
        self.authenticated.append(token)
        return Caller(f"key_{token}", Role(token), (ORIGIN,)) if token in list(Role) else None


@dataclass
class Reply:
    """An answer, read."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def faults(self) -> set[tuple[str, str]]:
        return {(fault["pointer"], fault["code"]) for fault in self.json["errors"]}


class Api:
    """An app of some blueprints, and a client of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *blueprints: JsonBlueprint) -> None:
        self.services = Services()
        monkeypatch.setattr(wiring, "services", lambda: self.services)
        self.app = Chalice("plumbing", configure_logs=False)
        endpoints = {
            route: (lambda endpoint=endpoint: endpoint)
            for blueprint in blueprints
            for route, endpoint in blueprint.endpoints.items()
        }
        add_endpoints(self.app, endpoints)

    def call(  # noqa: PLR0913 # a request has as many parts
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        raw: bytes | None = None,
        role: str | None = "owner",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request; ``role`` None sends no key."""
        sent = dict(headers or {})
        if role == Role.STOREFRONT:
            sent.setdefault("Origin", ORIGIN)
        if role is not None:
            sent.setdefault("Authorization", f"Bearer {role}")
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        with Client(self.app) as client:
            response: HTTPResponse = client.http.request(method, path, sent, raw or b"")
        return Reply(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            text=response.body.decode(),
        )


class ThingNotFound(errors.NotFound):
    """There is no such thing."""

    code = "coupon_not_found"
