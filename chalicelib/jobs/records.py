"""Records of the table's stream, as Lambda gives them to what follows it."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
from chalice.app import DynamoDBEvent

from chalicelib import wiring
from chalicelib.core.rewards.totals import Change
from chalicelib.usecases import stream
from chalicelib.usecases.stream import Record


class Batch(msgspec.Struct, frozen=True):
    """What could be read, how many records could not and are parked, how old the oldest is."""

    records: list[Record]
    parked: int
    lag_seconds: int


def read(event: DynamoDBEvent, services: wiring.Services, *, now: datetime) -> Batch:
    """Return the records of ``event``, without those that cannot be read."""
    records = []
    parked = 0
    oldest = now
    for raw in event.to_dict()["Records"]:
        try:
            records.append(_record(raw, services))
        except (KeyError, TypeError, ValueError) as error:
            record_id = str(raw.get("eventID"))
            stream.park(services.context, record_id, raw=_text(raw), error=error, now=now)
            parked += 1
        else:
            oldest = min(oldest, _told_at(raw, now))
    return Batch(records, parked, int((now - oldest).total_seconds()))


def _record(raw: dict[str, Any], services: wiring.Services) -> Record:
    images = raw["dynamodb"]
    before = images.get("OldImage")
    change = Change(
        services.store.decode(before) if before else None,
        services.store.decode(images["NewImage"]),
    )
    return Record(raw["eventID"], change, _text(raw))


def _told_at(raw: dict[str, Any], now: datetime) -> datetime:
    seconds = raw["dynamodb"].get("ApproximateCreationDateTime")
    return now if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _text(raw: dict[str, Any]) -> str:
    return json.dumps(raw, default=str)
