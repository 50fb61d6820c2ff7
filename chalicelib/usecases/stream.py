"""Follow the table's stream: what is to happen after a change, and not in its transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from chalicelib.core.changes import Changes, Contention
from chalicelib.core.errors import ConflictRetry, Unavailable
from chalicelib.core.rewards.totals import Change
from chalicelib.core.stream import ParkedRecord
from chalicelib.usecases.context import Context
from chalicelib.usecases.rewards import totals


class Record(msgspec.Struct, frozen=True):
    """One record of the stream: its id, the change that it tells, and its JSON."""

    record_id: str
    change: Change[Any]
    raw: str


Applier = Callable[[Context, Sequence[Change[Any]], datetime], None]

APPLIERS: dict[str, Applier] = {"totals": totals.keep}
"""Each is given all records, in order for each item, some of them more than once."""


def apply(
    context: Context,
    records: Sequence[Record],
    *,
    now: datetime,
    appliers: Mapping[str, Applier] = APPLIERS,
) -> int:
    """Let each applier have ``records``; return how many were parked because one failed on them.

    Raises:
        Unavailable, ConflictRetry: give all of them again; what was applied is not applied twice.
    """
    return sum(
        _apply(context, name, applier, records, now=now) for name, applier in appliers.items()
    )


def park(context: Context, record_id: str, *, raw: str, error: Exception, now: datetime) -> None:
    """Put aside a record that cannot be read."""
    _park(context, record_id, "read", raw=raw, error=error, now=now)


def _apply(
    context: Context, name: str, applier: Applier, records: Sequence[Record], *, now: datetime
) -> int:
    if not records:
        return 0
    try:
        applier(context, [record.change for record in records], now)
    except (Unavailable, ConflictRetry):
        raise
    except Exception as error:  # noqa: BLE001 # one that always fails would stop all behind it
        if len(records) > 1:
            middle = len(records) // 2
            return sum(
                _apply(context, name, applier, half, now=now)
                for half in (records[:middle], records[middle:])
            )
        (record,) = records
        _park(context, record.record_id, name, raw=record.raw, error=error, now=now)
        return 1
    return 0


def _park(  # noqa: PLR0913
    context: Context, record_id: str, applier: str, *, raw: str, error: Exception, now: datetime
) -> None:
    parked = ParkedRecord(record_id, applier, now, type(error).__name__, raw)
    try:
        context.store.commit(Changes(create=(parked,)))
    except Contention as lost:
        if lost.stored(ParkedRecord) is None:
            raise Unavailable("the record is being parked by another run") from lost
