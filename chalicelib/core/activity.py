"""Activity events: what happened to a customer, in the past tense. History and outbox at once."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec


class EventType(StrEnum):
    """What can happen to a customer. Values are public."""

    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_UPDATED = "customer.updated"
    COUPON_CLAIMED = "coupon.claimed"
    COUPON_REDEEMED = "coupon.redeemed"
    COUPON_UNREDEEMED = "coupon.unredeemed"
    COUPON_EXPIRED = "coupon.expired"
    COUPON_EXPIRY_CHANGED = "coupon.expiry_changed"
    COUPON_INVALIDATED = "coupon.invalidated"
    COUPON_TRANSFERRED = "coupon.transferred"
    COUPON_RECEIVED = "coupon.received"
    CARD_ISSUED = "card.issued"
    CARD_INSTALLED = "card.installed"
    CARD_REMOVED = "card.removed"
    CARD_DELETED = "card.deleted"
    CARD_EXPIRY_CHANGED = "card.expiry_changed"
    CARD_CONVERTED = "card.converted"
    CARD_STAMPED = "card.stamped"


class Channel(StrEnum):
    """Through what something was done. Values are public."""

    API = "api"
    CONSOLE = "console"
    SCANNER = "scanner"
    CHECKOUT = "checkout"
    EVENT = "event"
    WALLET = "wallet"
    CLI = "cli"
    JOB = "job"


class Origin(msgspec.Struct, frozen=True):
    """Who does something, through what, and when it is recorded."""

    actor: str
    channel: Channel
    recorded_at: datetime


class ActivityEvent(msgspec.Struct, frozen=True):
    """One immutable line of a customer's history.

    ``event_id`` is a ULID of the moment of recording: lines are listed in that order. What a guest
    did has no customer. ``detail`` holds the values that changed, no personal data.
    """

    event_id: str
    event_type: EventType
    customer_id: str | None
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    channel: Channel
    code: str | None = None
    reward_id: str | None = None
    redemption_id: str | None = None
    detail: Mapping[str, str | int | None] = msgspec.field(default_factory=dict)
    version: int = 0


def event(  # noqa: PLR0913
    event_type: EventType,
    *,
    event_id: str,
    customer_id: str | None,
    origin: Origin,
    occurred_at: datetime | None = None,
    code: str | None = None,
    reward_id: str | None = None,
    redemption_id: str | None = None,
    detail: Mapping[str, str | int | None] | None = None,
) -> ActivityEvent:
    """Return the line that says ``event_type`` happened, by default at the time of recording."""
    return ActivityEvent(
        event_id=event_id,
        event_type=event_type,
        customer_id=customer_id,
        occurred_at=occurred_at or origin.recorded_at,
        recorded_at=origin.recorded_at,
        actor=origin.actor,
        channel=origin.channel,
        code=code,
        reward_id=reward_id,
        redemption_id=redemption_id,
        detail=dict(detail or {}),
    )
