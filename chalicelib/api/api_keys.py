"""API keys: make, list and revoke."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from chalicelib.api import bodies, lists
from chalicelib.api.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.bodies import Moment
from chalicelib.core import errors
from chalicelib.core.api_keys import ApiKey, ApiKeyNotFound
from chalicelib.core.callers import Role
from chalicelib.core.cursors import InvalidCursor
from chalicelib.usecases import api_keys as usecases

blueprint = JsonBlueprint(__name__)


class ApiKeyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new key. ``name`` says who or what uses it."""

    name: Annotated[str, bodies.text(120)]
    role: Role
    expires_at: Moment | None = None


class ApiKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: str
    name: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None


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
    key_id = services.new_id("key", call.now)
    token = usecases.token_of(key_id, services.new_secret())
    key = ApiKey(
        key_id=key_id,
        secret_hash=usecases.hash_of(token),
        name=body.name,
        role=body.role,
        created_at=call.now,
        created_by=call.caller.caller_id,
        expires_at=body.expires_at,
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


def _view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView(
        id=key.key_id,
        name=key.name,
        role=key.role,
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
