"""What was sent to a webhook: a log, a message to try it with, and sending again."""

from datetime import datetime
from typing import Literal

import msgspec

from chalicelib.api.web import lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.origins import origin_of
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.outbox.deliveries import (
    Delivery,
    DeliveryNotFound,
    DeliveryStatus,
    DeliveryUnderWay,
)
from chalicelib.core.webhooks.webhooks import WebhookDisabled, WebhookNotFound
from chalicelib.usecases.webhooks import webhooks as usecases

blueprint = JsonBlueprint()


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One try: the status that the server answered, or why there was no answer."""

    at: datetime
    answer_status: int | None
    error: str | None
    duration_ms: int


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one webhook. ``event_id`` is sent as `webhook-id`."""

    id: str
    event_id: str
    event_type: str
    status: DeliveryStatus
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None
    attempts: list[AttemptView]


class DeliveryPage(msgspec.Struct, frozen=True):
    items: list[DeliveryView]
    next_cursor: str | None


class DeliveryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["event_id", "-event_id"] = "-event_id"
    status: tuple[DeliveryStatus, ...] = ()


@blueprint.operation(
    "POST",
    "/v1/webhooks/{webhook_id}/test",
    answer=DeliveryView,
    refusals=(WebhookNotFound, WebhookDisabled),
)
def test_webhook(call: Call[None, None], webhook_id: str) -> Answer:
    """Send a message of type `webhook.test` now, and answer what came of it."""
    done = usecases.test_webhook(
        call.services.webhook_courier(_always),
        webhook_id,
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(_view(done.result), replayed=done.replayed)


@blueprint.operation(
    "GET",
    "/v1/webhooks/{webhook_id}/deliveries",
    query=DeliveryQuery,
    answer=DeliveryPage,
    refusals=(WebhookNotFound, InvalidCursor),
)
def list_deliveries(call: Call[None, DeliveryQuery], webhook_id: str) -> Answer:
    """List what was sent to a webhook in the last 30 days, in the order of the events."""
    path = f"/v1/webhooks/{webhook_id}/deliveries"
    request = lists.page_request(call, path=path, sort=call.query.sort)
    page = usecases.list_deliveries(call.services.context, webhook_id, request)
    chosen = lists.chosen(call.query.status, DeliveryStatus)
    wanted = tuple(each for each in page.items if each.status in chosen)
    page = msgspec.structs.replace(page, items=wanted)
    items, cursor = lists.page_of(call, page, _view, path=path)
    return Answer(DeliveryPage(items, cursor))


@blueprint.operation(
    "POST",
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    answer=DeliveryView,
    refusals=(WebhookNotFound, WebhookDisabled, DeliveryNotFound, DeliveryUnderWay),
)
def replay_delivery(call: Call[None, None], webhook_id: str, delivery_id: str) -> Answer:
    """Send a delivery again now, and answer what came of it.

    Also one that has arrived; `webhook-id` stays the same. If it fails it is tried for another
    day.
    """
    done = usecases.replay_delivery(
        call.services.webhook_courier(_always),
        webhook_id,
        f"evt_{delivery_id.removeprefix('dlv_')}",
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(_view(done.result), replayed=done.replayed)


def _always() -> bool:
    return True


def _view(delivery: Delivery) -> DeliveryView:
    return DeliveryView(
        id=f"dlv_{delivery.event_id.removeprefix('evt_')}",
        event_id=delivery.event_id,
        event_type=delivery.message.type,
        status=delivery.status,
        created_at=delivery.created_at,
        next_attempt_at=delivery.due_at,
        finished_at=delivery.finished_at,
        attempts=[
            msgspec.convert(attempt, AttemptView, from_attributes=True)
            for attempt in delivery.attempts
        ],
    )
