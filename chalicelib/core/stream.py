"""Records of the table's stream that could not be applied: put aside, so that the rest goes on."""

from datetime import datetime

import msgspec


class ParkedRecord(msgspec.Struct, frozen=True):
    """A record that ``applier`` failed on, and with which error. ``record`` is its JSON."""

    record_id: str
    applier: str
    parked_at: datetime
    error: str
    record: str
    version: int = 0
