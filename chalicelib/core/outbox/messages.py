"""Messages: what everybody outside is told of an activity event. The shape is public."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.core.activity import ActivityEvent


class Subscriber(StrEnum):
    """Who listens: each has a queue, and one for what it failed on. Values are public."""

    WEBHOOKS = "webhooks"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An activity event as it is told. Its ``id`` is the event's, also in a repetition.

    Ids sort in the order of recording. ``type`` and ``channel`` are texts: a subscriber may be
    older than the event. What a guest did has no customer.
    """

    id: str
    type: str
    occurred_at: datetime
    recorded_at: datetime
    customer_id: str | None
    actor: str
    channel: str
    code: str | None = None
    reward_id: str | None = None
    redemption_id: str | None = None
    detail: Mapping[str, str | int | None] = msgspec.field(default_factory=dict)

    @property
    def attributes(self) -> dict[str, str]:
        """By what subscribers choose; nothing is empty."""
        found = {"event_type": self.type, "channel": self.channel}
        if self.customer_id is not None:
            found["customer_id"] = self.customer_id
        return found


def message_of(event: ActivityEvent) -> Message:
    """Return what is told of ``event``."""
    return Message(
        id=event.event_id,
        type=event.event_type.value,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        customer_id=event.customer_id,
        actor=event.actor,
        channel=event.channel.value,
        code=event.code,
        reward_id=event.reward_id,
        redemption_id=event.redemption_id,
        detail=event.detail,
    )


def encoded(message: Message) -> str:
    """Return the message as JSON."""
    return msgspec.json.encode(message).decode()


def decoded(text: str) -> Message:
    """Return the message that the JSON holds.

    Raises:
        ValueError: it is none of ours.
    """
    return msgspec.json.decode(text, type=Message)
