"""Deliveries: one message on its way to one target, tried until it arrives or is given up.

A delivery is named by its message, its subscriber and its target, so that a message that comes
again makes no second one. Whoever sends takes it first, for a while; who finds it taken leaves it.
So it arrives a second time only where a sender died after sending and before recording it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.outbox.messages import Message, Subscriber

LEASE: Final = timedelta(seconds=60)
"""How long a silent sender keeps others away: longer than any sending takes."""

KEPT_FOR: Final = timedelta(days=30)
"""Longer than a message can lie in a stream, a queue and a dead-letter queue together."""

ATTEMPTS_KEPT: Final = 20

NOT_TRIED: Final = "not_tried"
"""The error of an attempt that was spared: the target had just failed to answer another one."""


class DeliveryNotFound(errors.NotFound):
    """No delivery to this target has this id, or it is too long ago."""

    code = "delivery_not_found"


class DeliveryUnderWay(errors.Refused):
    """The delivery is being sent at this very moment."""

    code = "delivery_under_way"


class DeliveryStatus(StrEnum):
    """Where a delivery is in its life. Values are public."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Attempt(msgspec.Struct, frozen=True):
    """One try: what the target answered, or why there was no answer, and how long it took."""

    at: datetime
    answer_status: int | None
    error: str | None
    duration_ms: int


class Outcome(msgspec.Struct, frozen=True):
    """What came of sending. ``final``: it did not arrive, and trying again is no use."""

    attempt: Attempt
    delivered: bool
    final: bool = False


class Delivery(msgspec.Struct, frozen=True):
    """A message for a target.

    ``due_at`` is when it is to be sent; while it is ``sending``, when the sender counts as dead.
    ``tries`` counts since the start or the last replay; ``attempts`` are the last ones of all.
    """

    event_id: str
    subscriber: Subscriber
    target: str
    created_at: datetime
    message: Message
    status: DeliveryStatus = DeliveryStatus.WAITING
    due_at: datetime | None = None
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    finished_at: datetime | None = None
    version: int = 0


def delivery_of(message: Message, subscriber: Subscriber, target: str, *, at: datetime) -> Delivery:
    """Return a new delivery, due at once."""
    return Delivery(message.id, subscriber, target, at, message, due_at=at)


def taken(delivery: Delivery, *, at: datetime) -> Delivery | None:
    """Return the delivery in the hands of a sender, or None if it is not due."""
    if delivery.due_at is None or delivery.due_at > at:
        return None
    return replace(delivery, status=DeliveryStatus.SENDING, due_at=at + LEASE)


def recorded(
    delivery: Delivery, outcome: Outcome, *, at: datetime, retry_after: Sequence[timedelta]
) -> Delivery:
    """Return the delivery after an attempt: arrived, to be tried again, or given up.

    ``retry_after`` says how long after each attempt the next one is due.
    """
    attempts = (*delivery.attempts, outcome.attempt)[-ATTEMPTS_KEPT:]
    tried = replace(delivery, tries=delivery.tries + 1, attempts=attempts)
    if outcome.delivered:
        return replace(tried, status=DeliveryStatus.DELIVERED, due_at=None, finished_at=at)
    if outcome.final or delivery.tries >= len(retry_after):
        return replace(tried, status=DeliveryStatus.FAILED, due_at=None, finished_at=at)
    due_at = at + retry_after[delivery.tries]
    return replace(tried, status=DeliveryStatus.WAITING, due_at=due_at)


def replayed(delivery: Delivery, *, at: datetime) -> Delivery:
    """Return the delivery in the hands of a sender, with all its tries before it.

    Raises:
        DeliveryUnderWay: another sender has it.
    """
    if delivery.status is DeliveryStatus.SENDING and taken(delivery, at=at) is None:
        raise DeliveryUnderWay(
            "the delivery is being sent at this moment", fix="look at its outcome in a minute"
        )
    return replace(
        delivery,
        status=DeliveryStatus.SENDING,
        due_at=at + LEASE,
        tries=0,
        finished_at=None,
    )


def not_found() -> DeliveryNotFound:
    """Return the error for an id that names no delivery."""
    return DeliveryNotFound(
        "no delivery has this id", fix="list the deliveries of the webhook to find its id"
    )
