"""Webhooks: add, change, list and remove them, change their secrets."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from chalicelib.api.web import bodies, lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.origins import origin_of
from chalicelib.core.activity import EventType
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.webhooks import addresses, webhooks
from chalicelib.core.webhooks.webhooks import TooManyWebhooks, Webhook, WebhookNotFound
from chalicelib.usecases.webhooks import webhooks as usecases

blueprint = JsonBlueprint()

_PATH = "/v1/webhooks"

Url = Annotated[
    str,
    msgspec.Meta(
        min_length=10,
        max_length=addresses.URL_LENGTH_MAX,
        description="of your server, such as https://shop.example/webhooks",
    ),
]
Description = Annotated[str, bodies.text(200)]
EventTypes = Annotated[
    list[EventType],
    msgspec.Meta(
        max_length=len(EventType), description="which events are sent; all if it is empty"
    ),
]


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where events are sent, and which."""

    url: Url
    description: Description | None = None
    event_types: EventTypes = msgspec.field(default_factory=list)


class WebhookPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes: an absent field stays."""

    url: Url | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    event_types: EventTypes | UnsetType = UNSET
    status: webhooks.WebhookStatus | UnsetType = UNSET


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook, without its secret.

    ``failing_since``: nothing has arrived since then. After five days the next delivery that is
    given up disables it. Until ``previous_secret_until`` two secrets sign.
    """

    id: str
    url: str
    description: str | None
    event_types: list[EventType]
    status: webhooks.WebhookStatus
    created_at: datetime
    created_by: str
    failing_since: datetime | None
    disabled_at: datetime | None
    previous_secret_until: datetime | None


class NewSecretView(WebhookView, frozen=True, kw_only=True):
    """``secret`` is shown this once; it is null when the request is sent again."""

    secret: str | None


class WebhookPage(msgspec.Struct, frozen=True):
    items: list[WebhookView]
    next_cursor: str | None


class WebhookQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["created_at", "-created_at"] = "-created_at"


@blueprint.operation(
    "POST",
    _PATH,
    body=WebhookBody,
    answer=NewSecretView,
    status=201,
    refusals=(TooManyWebhooks,),
)
def create_webhook(call: Call[WebhookBody, None]) -> Answer:
    """Send events to an address from now on.

    Each is a `POST` of the event as JSON, with the members of a line of a customer's activity:
    `id`, `type`, `occurred_at`, `recorded_at`, `customer_id` (null for guests), `actor`,
    `channel`, `code`, `reward_id`, `redemption_id`, `detail`. It is signed as
    [Standard Webhooks](https://www.standardwebhooks.com) has it: check `webhook-signature` with
    the secret, and drop what you had by its `webhook-id`. Answer 2xx within 8 seconds; otherwise
    it is sent again, eight times within a day. Events may come in another order than they
    happened: their ids sort in the order of recording. 410 disables the webhook.
    """
    services, body = call.services, call.body
    addresses.check_url(body.url, private_allowed=services.private_addresses)
    secret = webhooks.secret_of(services.new_secret())
    webhook = Webhook(
        webhook_id=services.new_id("whk", call.now),
        url=body.url,
        secret=secret,
        created_at=call.now,
        created_by=call.caller.caller_id,
        description=body.description,
        event_types=tuple(dict.fromkeys(body.event_types)),
    )
    done = usecases.create_webhook(
        services.context, webhook, origin=origin_of(call), request=call.request
    )
    view = _shown(done.result, None if done.replayed else secret)
    return Answer(view, location=f"{_PATH}/{view.id}", replayed=done.replayed)


@blueprint.operation(
    "GET", _PATH, query=WebhookQuery, answer=WebhookPage, refusals=(InvalidCursor,)
)
def list_webhooks(call: Call[None, WebhookQuery]) -> Answer:
    """List webhooks, disabled ones too."""
    request = lists.page_request(call, path=_PATH, sort=call.query.sort)
    page = usecases.list_webhooks(call.services.context, request)
    items, cursor = lists.page_of(call, page, _view, path=_PATH)
    return Answer(WebhookPage(items, cursor))


@blueprint.operation(
    "GET", "/v1/webhooks/{webhook_id}", answer=WebhookView, refusals=(WebhookNotFound,)
)
def get_webhook(call: Call[None, None], webhook_id: str) -> Answer:
    """Return a webhook."""
    return Answer(_view(usecases.get_webhook(call.services.context, webhook_id)))


@blueprint.operation(
    "PATCH",
    "/v1/webhooks/{webhook_id}",
    body=WebhookPatch,
    answer=WebhookView,
    refusals=(WebhookNotFound,),
)
def update_webhook(call: Call[WebhookPatch, None], webhook_id: str) -> Answer:
    """Change a webhook, disable it, or enable it again.

    What happened while it was disabled is not sent to it later.
    """
    body = call.body
    values = {
        name: value
        for name in ("url", "description", "event_types")
        if (value := getattr(body, name)) is not UNSET
    }
    if "url" in values:
        addresses.check_url(values["url"], private_allowed=call.services.private_addresses)
    if "event_types" in values:
        values["event_types"] = tuple(dict.fromkeys(values["event_types"]))

    def change(webhook: Webhook) -> Webhook:
        call.check_match(_view(webhook))
        changed = replace(webhook, **values)
        if body.status is webhooks.WebhookStatus.ACTIVE:
            return webhooks.enabled(changed)
        if body.status is webhooks.WebhookStatus.DISABLED:
            return webhooks.disabled(changed, at=call.now)
        return changed

    done = usecases.update_webhook(
        call.services.context, webhook_id, change, origin=origin_of(call), request=call.request
    )
    return Answer(_view(done.result), replayed=done.replayed)


@blueprint.operation("DELETE", "/v1/webhooks/{webhook_id}", status=204, refusals=(WebhookNotFound,))
def delete_webhook(call: Call[None, None], webhook_id: str) -> Answer:
    """Remove a webhook: nothing more is sent to it, not even what is on its way."""
    done = usecases.delete_webhook(
        call.services.context, webhook_id, origin=origin_of(call), request=call.request
    )
    return Answer(replayed=done.replayed)


@blueprint.operation(
    "POST",
    "/v1/webhooks/{webhook_id}/rotate",
    answer=NewSecretView,
    refusals=(WebhookNotFound,),
)
def rotate_secret(call: Call[None, None], webhook_id: str) -> Answer:
    """Give a webhook a new secret, and show it this once.

    For a day messages carry two signatures, by the new secret and the one before.
    """
    secret = webhooks.secret_of(call.services.new_secret())
    done = usecases.update_webhook(
        call.services.context,
        webhook_id,
        lambda webhook: webhooks.rotated(webhook, secret, at=call.now),
        origin=origin_of(call),
        request=call.request,
    )
    shown = _shown(done.result, None if done.replayed else secret)
    return Answer(shown, replayed=done.replayed)


def _shown(webhook: Webhook, secret: str | None) -> NewSecretView:
    return NewSecretView(**msgspec.structs.asdict(_view(webhook)), secret=secret)


def _view(webhook: Webhook) -> WebhookView:
    return WebhookView(
        id=webhook.webhook_id,
        url=webhook.url,
        description=webhook.description,
        event_types=list(webhook.event_types),
        status=webhook.status,
        created_at=webhook.created_at,
        created_by=webhook.created_by,
        failing_since=webhook.failing_since,
        disabled_at=webhook.disabled_at,
        previous_secret_until=webhook.previous_secret_until,
    )
