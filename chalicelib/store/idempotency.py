"""Idempotency records in the table; the table removes them some time after they lapse."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.idempotency import IdempotencyRecord
from chalicelib.store import keys
from chalicelib.store.engine.attributes import JsonAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class IdempotencyItem(TableItem, discriminator="idempotency"):
    key_hash = UnicodeAttribute()
    fingerprint = UnicodeAttribute()
    made = JsonAttribute(tuple[str, ...])
    recorded_at = MomentAttribute()
    lapses_at = MomentAttribute()


def indexes(record: IdempotencyRecord) -> dict[str, Any]:
    return {"lapses_at": record.lapses_at, "ttl": int(record.lapses_at.timestamp())}


CODEC = Codec(
    IdempotencyRecord,
    IdempotencyItem,
    key=lambda record: keys.idempotency(record.key_hash),
    locate=keys.idempotency,
    indexes=indexes,
)
