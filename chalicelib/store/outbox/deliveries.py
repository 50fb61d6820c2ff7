"""Deliveries in the table; the table removes them when nobody can ask for them any more."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.outbox.deliveries import KEPT_FOR, Attempt, Delivery, DeliveryStatus
from chalicelib.core.outbox.messages import Message, Subscriber
from chalicelib.store import keys
from chalicelib.store.engine.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.engine.items import Codec, TableItem


class DeliveryItem(TableItem, discriminator="delivery"):
    event_id = UnicodeAttribute()
    subscriber = EnumAttribute(Subscriber)
    target = UnicodeAttribute()
    created_at = MomentAttribute()
    message = JsonAttribute(Message)
    status = EnumAttribute(DeliveryStatus)
    due_at = MomentAttribute(null=True)
    tries = IntegerAttribute()
    attempts = JsonAttribute(tuple[Attempt, ...], null=True)
    finished_at = MomentAttribute(null=True)


def indexes(delivery: Delivery) -> dict[str, Any]:
    """Deliveries are listed by target, and due until they have arrived or are given up."""
    shard = keys.shard_of(delivery.event_id, keys.DELIVERY_SHARDS)
    found: dict[str, Any] = {
        "list_pk": keys.deliveries(delivery.subscriber, delivery.target, shard),
        "list_sk": delivery.event_id,
        "ttl": int((delivery.created_at + KEPT_FOR).timestamp()),
    }
    if delivery.due_at is not None:
        found["due_pk"] = keys.due_deliveries(delivery.subscriber, shard)
        found["due_sk"] = keys.at(delivery.due_at, f"{delivery.event_id}#{delivery.target}")
    return found


CODEC = Codec(
    Delivery,
    DeliveryItem,
    key=lambda delivery: keys.delivery(delivery.event_id, delivery.subscriber, delivery.target),
    locate=keys.delivery,
    indexes=indexes,
)
