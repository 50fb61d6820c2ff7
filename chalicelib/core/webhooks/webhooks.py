"""Webhooks: addresses of a shop's own servers that are told what happens."""

import base64
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.activity import EventType
from chalicelib.core.outbox.deliveries import Delivery, DeliveryStatus
from chalicelib.core.outbox.messages import Message

WEBHOOKS_MAX: Final = 20
"""Each event goes to all of them that want it."""

RETRY_AFTER: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 300, 480, 480))
"""After each failed attempt; together a few minutes short of a day."""

DISABLED_AFTER: Final = timedelta(days=5)
"""How long nothing may have arrived before a delivery that is given up disables its webhook."""

SECRET_OVERLAP: Final = timedelta(hours=24)
"""How long a secret that was rotated away still signs, beside the new one."""

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 # what every secret begins with
TEST_TYPE: Final = "webhook.test"
GONE: Final = 410


class WebhookNotFound(errors.NotFound):
    """No webhook has this id."""

    code = "webhook_not_found"


class WebhookDisabled(errors.Refused):
    """The webhook is disabled, so that nothing is sent to it."""

    code = "webhook_disabled"


class TooManyWebhooks(errors.Refused):
    """There are as many webhooks as there may be."""

    code = "too_many_webhooks"


class WebhookStatus(StrEnum):
    """Whether a webhook is told of events. Values are public."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Webhook(msgspec.Struct, frozen=True):
    """One address, and which events it wants: all where ``event_types`` is empty.

    ``failing_since``: the first failed attempt after the last one that succeeded.
    """

    webhook_id: str
    url: str
    secret: str
    created_at: datetime
    created_by: str
    description: str | None = None
    event_types: tuple[EventType, ...] = ()
    status: WebhookStatus = WebhookStatus.ACTIVE
    previous_secret: str | None = None
    previous_secret_until: datetime | None = None
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    version: int = 0


def secret_of(random: str) -> str:
    """Return a secret as Standard Webhooks writes it, from 256 random bits in base64url."""
    bits = base64.urlsafe_b64decode(random + "=" * (-len(random) % 4))
    return SECRET_PREFIX + base64.b64encode(bits).decode()


def wants(webhook: Webhook, event_type: str) -> bool:
    """Whether events of this type are sent to it."""
    if webhook.status is not WebhookStatus.ACTIVE:
        return False
    return not webhook.event_types or event_type in webhook.event_types


def secrets_of(webhook: Webhook, *, at: datetime) -> tuple[str, ...]:
    """Return what its messages are signed with at this moment."""
    until = webhook.previous_secret_until
    if webhook.previous_secret is None or until is None or at >= until:
        return (webhook.secret,)
    return (webhook.secret, webhook.previous_secret)


def rotated(webhook: Webhook, secret: str, *, at: datetime) -> Webhook:
    """Return the webhook with a new secret; the one before signs for a day more."""
    return replace(
        webhook,
        secret=secret,
        previous_secret=webhook.secret,
        previous_secret_until=at + SECRET_OVERLAP,
    )


def enabled(webhook: Webhook) -> Webhook:
    """Return the webhook as one that is told of events, with its failures forgotten."""
    return replace(webhook, status=WebhookStatus.ACTIVE, disabled_at=None, failing_since=None)


def disabled(webhook: Webhook, *, at: datetime) -> Webhook:
    """Return the webhook as one that nothing is sent to; again changes nothing."""
    if webhook.status is WebhookStatus.DISABLED:
        return webhook
    return replace(webhook, status=WebhookStatus.DISABLED, disabled_at=at)


def after_attempt(webhook: Webhook, delivery: Delivery) -> Webhook:
    """Return the webhook after the last attempt of ``delivery``; mostly it is the same.

    One that says 410 is disabled at once; one to which nothing has arrived for five days when a
    delivery is given up.
    """
    attempt = delivery.attempts[-1]
    if delivery.status is DeliveryStatus.DELIVERED:
        return replace(webhook, failing_since=None)
    failing_since = webhook.failing_since or attempt.at
    failing = replace(webhook, failing_since=failing_since)
    lasts = attempt.at - failing_since >= DISABLED_AFTER
    given_up = delivery.status is DeliveryStatus.FAILED
    if attempt.answer_status == GONE or (given_up and lasts):
        return disabled(failing, at=attempt.at)
    return failing


def check_active(webhook: Webhook) -> None:
    """Raise WebhookDisabled unless something may be sent to it."""
    if webhook.status is not WebhookStatus.ACTIVE:
        raise WebhookDisabled(
            "the webhook is disabled",
            fix="enable it first: PATCH it with status active",
            facts={"disabled_at": str(webhook.disabled_at)},
        )


def test_message(event_id: str, *, actor: str, channel: str, at: datetime) -> Message:
    """Return a message that tells of nothing but that somebody asked for it."""
    return Message(
        id=event_id,
        type=TEST_TYPE,
        occurred_at=at,
        recorded_at=at,
        customer_id=None,
        actor=actor,
        channel=channel,
    )


def not_found() -> WebhookNotFound:
    """Return the error for an id that names no webhook."""
    return WebhookNotFound("no webhook has this id", fix="list the webhooks to find its id")
