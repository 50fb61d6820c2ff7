"""Add, change, list and remove webhooks; look at what was sent to them, and send it again."""

from collections.abc import Callable

from msgspec.structs import replace

from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.outbox import deliveries
from chalicelib.core.outbox.deliveries import Delivery
from chalicelib.core.outbox.messages import Subscriber
from chalicelib.core.pages import Page, PageRequest
from chalicelib.core.webhooks import webhooks
from chalicelib.core.webhooks.webhooks import WEBHOOKS_MAX, TooManyWebhooks, Webhook
from chalicelib.usecases.context import Context
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.outbox import delivering
from chalicelib.usecases.outbox.delivering import Courier


def create_webhook(
    context: Context, webhook: Webhook, *, origin: Origin, request: KeyedRequest | None
) -> Done[Webhook]:
    """Add a webhook.

    Raises:
        TooManyWebhooks: there are twenty. Of several that are added at once, some more may be.
    """

    def decide(_: Contention | None) -> tuple[Webhook, tuple[str, ...], Changes]:
        if len(list_webhooks(context, PageRequest(limit=WEBHOOKS_MAX)).items) >= WEBHOOKS_MAX:
            raise TooManyWebhooks(
                f"there are {WEBHOOKS_MAX} webhooks already",
                fix="delete one that is not needed",
                facts={"webhooks_max": WEBHOOKS_MAX},
            )
        return webhook, (webhook.webhook_id,), Changes(create=(webhook,))

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: get_webhook(context, made[0]),
    )


def get_webhook(context: Context, webhook_id: str) -> Webhook:
    """Return the webhook.

    Raises:
        WebhookNotFound: there is none, or it was deleted.
    """
    name = ref(Webhook, webhook_id)
    found = context.store.read(name).find(name)
    if found is None:
        raise webhooks.not_found()
    return found


def list_webhooks(context: Context, request: PageRequest) -> Page[Webhook]:
    """Return a page of all webhooks, disabled ones too."""
    return context.store.webhooks(request)


def update_webhook(
    context: Context,
    webhook_id: str,
    change: Callable[[Webhook], Webhook],
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Webhook]:
    """Change the webhook as ``change``, which may raise, says.

    Raises:
        WebhookNotFound, ConflictRetry.
    """

    def decide(_: Contention | None) -> tuple[Webhook, tuple[str, ...], Changes]:
        before = get_webhook(context, webhook_id)
        after = change(before)
        changes = Changes() if after == before else Changes(update=((before, after),))
        return after, (webhook_id,), changes

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda _: get_webhook(context, webhook_id),
    )


def delete_webhook(
    context: Context, webhook_id: str, *, origin: Origin, request: KeyedRequest | None
) -> Done[None]:
    """Remove the webhook; what is on its way to it is given up.

    Raises:
        WebhookNotFound, ConflictRetry.
    """

    def decide(_: Contention | None) -> tuple[None, tuple[str, ...], Changes]:
        webhook = get_webhook(context, webhook_id)
        return None, (webhook_id,), Changes(delete=(webhook,))

    return once(context, request, now=origin.recorded_at, decide=decide, again=lambda _: None)


def test_webhook(
    courier: Courier, webhook_id: str, *, origin: Origin, request: KeyedRequest | None
) -> Done[Delivery]:
    """Send the webhook a message that tells of nothing, and return what came of it.

    Raises:
        WebhookNotFound, WebhookDisabled.
    """
    context = courier.context
    now = origin.recorded_at
    message = webhooks.test_message(
        context.new_id("evt", now), actor=origin.actor, channel=origin.channel, at=now
    )
    delivery = deliveries.taken(
        deliveries.delivery_of(message, Subscriber.WEBHOOKS, webhook_id, at=now), at=now
    )
    assert delivery is not None, "a new delivery is due"

    def decide(_: Contention | None) -> tuple[Delivery, tuple[str, ...], Changes]:
        webhooks.check_active(get_webhook(context, webhook_id))
        return delivery, (delivery.event_id,), Changes(create=(delivery,))

    done = once(
        context,
        request,
        now=now,
        decide=decide,
        again=lambda made: get_delivery(context, webhook_id, made[0]),
    )
    return _sent(courier, done)


def list_deliveries(context: Context, webhook_id: str, request: PageRequest) -> Page[Delivery]:
    """Return what was sent to the webhook in the last thirty days, or is on its way.

    Raises:
        WebhookNotFound.
    """
    get_webhook(context, webhook_id)
    return context.store.deliveries(Subscriber.WEBHOOKS, webhook_id, request)


def get_delivery(context: Context, webhook_id: str, event_id: str) -> Delivery:
    """Return the delivery of the event to the webhook.

    Raises:
        DeliveryNotFound: there was none, or it is too long ago.
    """
    name = ref(Delivery, event_id, Subscriber.WEBHOOKS, webhook_id)
    found = context.store.read(name).find(name)
    if found is None:
        raise deliveries.not_found()
    return found


def replay_delivery(
    courier: Courier,
    webhook_id: str,
    event_id: str,
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Delivery]:
    """Send the delivery again, whatever has become of it, and return what came of it.

    Raises:
        WebhookNotFound, WebhookDisabled, DeliveryNotFound, DeliveryUnderWay.
    """
    context = courier.context

    def decide(_: Contention | None) -> tuple[Delivery, tuple[str, ...], Changes]:
        webhooks.check_active(get_webhook(context, webhook_id))
        before = get_delivery(context, webhook_id, event_id)
        after = deliveries.replayed(before, at=origin.recorded_at)
        return after, (event_id,), Changes(update=((before, after),))

    done = once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: get_delivery(context, webhook_id, made[0]),
    )
    return _sent(courier, done)


def _sent(courier: Courier, done: Done[Delivery]) -> Done[Delivery]:
    if done.replayed:
        return done
    stored = replace(done.result, version=done.result.version + 1)
    return Done(delivering.send(courier, stored), replayed=False)
