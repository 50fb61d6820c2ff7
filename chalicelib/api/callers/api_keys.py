"""API keys: make, list and revoke."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from chalicelib.api.web import bodies, lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.bodies import Moment
from chalicelib.core import errors
from chalicelib.core.callers import api_keys
from chalicelib.core.callers.api_keys import (
    ORIGIN_LENGTH_MAX,
    ORIGINS_MAX,
    ApiKey,
    ApiKeyNotFound,
)
from chalicelib.core.callers.callers import Role
from chalicelib.core.cursors import InvalidCursor
from chalicelib.usecases.callers import api_keys as usecases

blueprint = JsonBlueprint()


WebOrigin = Annotated[
    str, bodies.text(ORIGIN_LENGTH_MAX, min_length=8, description="such as https://shop.example")
]


class ApiKeyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new key. ``name`` says who or what uses it.

    A key of the role `storefront` is publishable: it names the ``origins`` of the web pages that
    may use it. Other keys are secrets and have none.
    """

    name: Annotated[str, bodies.text(120)]
    role: Role
    expires_at: Moment | None = None
    origins: Annotated[tuple[WebOrigin, ...], msgspec.Meta(max_length=ORIGINS_MAX)] = ()


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: str
    name: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    origins: tuple[str, ...]


class NewApiKeyView(ApiKeyView, frozen=True, kw_only=True):
    """A new key. ``key`` is shown this once; it is null when the request is sent again."""

    key: str | None


class ApiKeyPage(msgspec.Struct, frozen=True):
    items: list[ApiKeyView]
    next_cursor: str | None


class ApiKeyQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["created_at", "-created_at"] = "-created_at"


@blueprint.operation("POST", "/v1/api-keys", body=ApiKeyBody, answer=NewApiKeyView, status=201)
def create_api_key(call: Call[ApiKeyBody, None]) -> Answer:
    """Make an API key, and show it this once."""
    services, body = call.services, call.body
    if body.expires_at is not None and body.expires_at <= call.now:
        raise errors.Invalid(
            "the key would have expired already", fix="send a later time", pointer="/expires_at"
        )
    origins = _origins(body)
    key_id = services.new_id("key", call.now)
    token = usecases.token_of(
        key_id, services.new_secret(), publishable=body.role is Role.STOREFRONT
    )
    key = ApiKey(
        key_id=key_id,
        secret_hash=usecases.hash_of(token),
        name=body.name,
        role=body.role,
        created_at=call.now,
        created_by=call.caller.caller_id,
        expires_at=body.expires_at,
        origins=origins,
    )
    done = usecases.create_key(services.context, key, now=call.now, request=call.request)
    view = _view(done.result)
    shown = NewApiKeyView(**msgspec.structs.asdict(view), key=None if done.replayed else token)
    return Answer(shown, location=f"/v1/api-keys/{view.id}", replayed=done.replayed)


@blueprint.operation(
    "GET", "/v1/api-keys", query=ApiKeyQuery, answer=ApiKeyPage, refusals=(InvalidCursor,)
)
def list_api_keys(call: Call[None, ApiKeyQuery]) -> Answer:
    """List API keys, revoked ones too."""
    request = lists.page_request(call, path="/v1/api-keys", sort=call.query.sort)
    page = usecases.list_keys(call.services.context, request)
    items, cursor = lists.page_of(call, page, _view, path="/v1/api-keys")
    return Answer(ApiKeyPage(items, cursor))


@blueprint.operation(
    "DELETE", "/v1/api-keys/{key_id}", answer=ApiKeyView, refusals=(ApiKeyNotFound,)
)
def revoke_api_key(call: Call[None, None], key_id: str) -> Answer:
    """Revoke an API key; it stops working everywhere within 30 seconds."""
    services = call.services
    done = usecases.revoke_key(services.context, key_id, now=call.now, request=call.request)
    services.gate.forget()
    return Answer(_view(done.result), replayed=done.replayed)


def _origins(body: ApiKeyBody) -> tuple[str, ...]:
    """Return the origins as browsers send them.

    Raises:
        Invalid: there are none for a publishable key, some for another, or one is no origin.
    """
    if (body.role is Role.STOREFRONT) != bool(body.origins):
        raise errors.Invalid(
            "a publishable key names the origins of its pages, and no other key does",
            fix="send origins with the role storefront, and only with it",
            pointer="/origins",
        )
    found = [api_keys.web_origin(typed) for typed in body.origins]
    faults = tuple(
        errors.Fault(f"/origins/{place}", "bad_format", "must be https://host, without a path")
        for place, origin in enumerate(found)
        if origin is None
    )
    if faults:
        raise errors.Invalid(
            "these are no origins of web pages",
            fix="send https://host, or http://localhost for a developer's machine",
            faults=faults,
        )
    return tuple(dict.fromkeys(origin for origin in found if origin is not None))


def _view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(
        id=key.key_id,
        name=key.name,
        role=key.role,
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        origins=key.origins,
    )
