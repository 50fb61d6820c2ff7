"""Parked records of the stream in the table."""

from datetime import timedelta
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.stream import ParkedRecord
from chalicelib.store import keys
from chalicelib.store.engine.attributes import MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem

# There is an alarm; who looks later finds what was missed by recounting. They hold comments.
_KEPT_FOR = timedelta(days=28)


class ParkedRecordItem(TableItem, discriminator="parked_record"):
    record_id = UnicodeAttribute()
    applier = UnicodeAttribute()
    parked_at = MomentAttribute()
    error = UnicodeAttribute()
    record = UnicodeAttribute()


def indexes(record: ParkedRecord) -> dict[str, Any]:
    return {"ttl": int((record.parked_at + _KEPT_FOR).timestamp())}


CODEC = Codec(
    ParkedRecord,
    ParkedRecordItem,
    key=lambda record: keys.parked(record.record_id, record.applier),
    locate=keys.parked,
    indexes=indexes,
)
