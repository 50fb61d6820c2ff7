"""The subscriber that sends to webhooks."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.outbox import messages
from chalicelib.core.outbox.deliveries import Attempt, Delivery, Outcome
from chalicelib.core.outbox.messages import Message, Subscriber
from chalicelib.core.pages import PageRequest
from chalicelib.core.webhooks import signatures, webhooks
from chalicelib.core.webhooks.webhooks import RETRY_AFTER, WEBHOOKS_MAX, Webhook, WebhookStatus
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.ports import Posts


class WebhookChannel:
    """Implements :class:`chalicelib.usecases.outbox.delivering.Channel`. Made for one run."""

    name = Subscriber.WEBHOOKS
    retry_after = RETRY_AFTER

    def __init__(self, context: Context, posts: Posts) -> None:
        self._context = context
        self._posts = posts

    @cached_property
    def _webhooks(self) -> Sequence[Webhook]:
        return self._context.store.webhooks(PageRequest(limit=WEBHOOKS_MAX * 2)).items

    def targets(self, message: Message) -> Sequence[str]:
        return [each.webhook_id for each in self._webhooks if webhooks.wants(each, message.type)]

    def send(self, delivery: Delivery, *, at: datetime) -> Outcome:
        webhook = _find(self._context, delivery.target)
        if webhook is None:
            return _unsent("webhook_deleted", at=at)
        if webhook.status is not WebhookStatus.ACTIVE:
            return _unsent("webhook_disabled", at=at)
        body = messages.encoded(delivery.message).encode()
        headers = signatures.headers_of(
            delivery.event_id, body, webhooks.secrets_of(webhook, at=at), at=at
        )
        posted = self._posts.post(
            webhook.url, body, {"content-type": "application/json", **headers}
        )
        attempt = Attempt(at, posted.status, posted.error, posted.duration_ms)
        delivered = posted.status is not None and 200 <= posted.status < 300  # noqa: PLR2004
        return Outcome(attempt, delivered=delivered, final=posted.status == webhooks.GONE)

    def settled(self, delivery: Delivery) -> None:
        def attempt(_: Contention | None) -> None:
            webhook = _find(self._context, delivery.target)
            if webhook is None:
                return
            after = webhooks.after_attempt(webhook, delivery)
            if after != webhook:
                self._context.store.commit(Changes(update=((webhook, after),)))

        transact(self._context, attempt)


def _find(context: Context, webhook_id: str) -> Webhook | None:
    name = ref(Webhook, webhook_id)
    return context.store.read(name).find(name)


def _unsent(error: str, *, at: datetime) -> Outcome:
    return Outcome(Attempt(at, None, error, 0), delivered=False, final=True)
