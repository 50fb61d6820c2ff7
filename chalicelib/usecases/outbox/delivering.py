"""Deliver messages, for every subscriber in the same way: once to each target, or again for a day.

A message is done when there is a delivery for each of its targets; these are sent at once where
time allows, and the job of the subscriber sends what is left, failed, or was in the hands of a
sender who died.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec
from msgspec.structs import replace

from chalicelib.core.changes import Changes, Contention
from chalicelib.core.errors import Unavailable
from chalicelib.core.outbox import deliveries
from chalicelib.core.outbox.deliveries import (
    NOT_TRIED,
    Attempt,
    Delivery,
    DeliveryStatus,
    Outcome,
)
from chalicelib.core.outbox.messages import Message, Subscriber
from chalicelib.usecases.context import Context

_PAGE = 50
_WRITES_MAX = 3


class Channel(Protocol):
    """What is a subscriber's own: whom a message is for, and how it gets there.

    ``retry_after`` says how long after each failed attempt the next one is due.
    """

    @property
    def name(self) -> Subscriber: ...

    @property
    def retry_after(self) -> Sequence[timedelta]: ...

    def targets(self, message: Message) -> Sequence[str]:
        """Return whom the message is for; may raise, then it is asked again later."""
        ...

    def send(self, delivery: Delivery, *, at: datetime) -> Outcome:
        """Send, and return what came of it; takes less than the lease of a delivery."""
        ...

    def settled(self, delivery: Delivery) -> None:
        """Take note of the last attempt, which is on record."""
        ...


class Courier(msgspec.Struct, frozen=True):
    """One run of a function that delivers. ``clock`` tells the time; ``has_time`` to send one."""

    context: Context
    channel: Channel
    clock: Callable[[], datetime]
    has_time: Callable[[], bool]


class Round(msgspec.Struct, frozen=True):
    """What a run of the job did, and how long the longest due delivery had been waiting."""

    delivered: int
    failed: int
    lag_seconds: int


def accept(courier: Courier, message: Message) -> None:
    """See to it that the message gets to each of its targets, now or later.

    Raises:
        Unavailable: the table is busy; give the message again.
    """
    for target in courier.channel.targets(message):
        now = courier.clock()
        delivery = deliveries.delivery_of(message, courier.channel.name, target, at=now)
        sent_now = deliveries.taken(delivery, at=now) if courier.has_time() else None
        if _create(courier, sent_now or delivery) and sent_now is not None:
            send(courier, replace(sent_now, version=1))


def send(courier: Courier, delivery: Delivery) -> Delivery:
    """Send a delivery that was taken, and return it as it is on record then."""
    return _record(courier, delivery, courier.channel.send(delivery, at=courier.clock()))


def send_due(courier: Courier, *, first_shard: int = 0) -> Round:
    """Send what is due, the longest due first, while there is time.

    Can stop anywhere, run again and run twice at once. A target that does not answer is asked once
    in a run, so that it keeps nobody else waiting; what else is due for it counts as tried.
    """
    shards = courier.context.store.delivery_shards
    now = courier.clock()
    delivered = failed = 0
    oldest = now
    silent: set[str] = set()
    for number in range(shards):
        shard = (first_shard + number) % shards
        after: str | None = None
        while courier.has_time():  # Ends: `after` moves through what was due at the start.
            page = courier.context.store.due_deliveries(
                courier.channel.name, shard, now=now, limit=_PAGE, after=after
            )
            for delivery in page.items:
                if not courier.has_time():
                    break
                oldest = min(oldest, delivery.due_at or now)
                tried = _send_again(courier, delivery, silent)
                delivered += tried is not None and tried.status is DeliveryStatus.DELIVERED
                failed += tried is not None and tried.status is not DeliveryStatus.DELIVERED
            after = page.end
            if after is None:
                break
    return Round(delivered, failed, int((now - oldest).total_seconds()))


def _send_again(courier: Courier, delivery: Delivery, silent: set[str]) -> Delivery | None:
    """Return the delivery as it is after an attempt, or None if somebody else has it.

    Adds its target to ``silent`` if there was no answer.
    """
    taken = deliveries.taken(delivery, at=courier.clock())
    if taken is None:
        return None
    try:
        courier.context.store.commit(Changes(update=((delivery, taken),)))
    except Contention:
        return None
    ours = replace(taken, version=delivery.version + 1)
    if delivery.target in silent:
        attempt = Attempt(courier.clock(), None, NOT_TRIED, 0)
        return _record(courier, ours, Outcome(attempt, delivered=False))
    sent = send(courier, ours)
    if sent.attempts and sent.attempts[-1].answer_status is None:
        silent.add(delivery.target)
    return sent


def _record(courier: Courier, delivery: Delivery, outcome: Outcome) -> Delivery:
    """Write what came of an attempt, and return the delivery as it is on record then."""
    after = deliveries.recorded(
        delivery, outcome, at=courier.clock(), retry_after=courier.channel.retry_after
    )
    for number in range(_WRITES_MAX):
        try:
            courier.context.store.commit(Changes(update=((delivery, after),)))
        except Contention as lost:
            stored = lost.stored(Delivery)
            if stored is not None:
                # It took longer than its lease, and somebody else has it.
                return stored
            courier.context.pause(number)
        else:
            courier.channel.settled(after)
            return replace(after, version=delivery.version + 1)
    raise _busy()


def _create(courier: Courier, delivery: Delivery) -> bool:
    """Return whether there was no such delivery yet."""
    for number in range(_WRITES_MAX):
        try:
            courier.context.store.commit(Changes(create=(delivery,)))
        except Contention as lost:
            if lost.clashes:
                return False
            courier.context.pause(number)
        else:
            return True
    raise _busy()


def _busy() -> Unavailable:
    return Unavailable("the delivery is being written by another run")
