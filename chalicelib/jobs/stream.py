"""What follows the table's stream."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalice.app import Blueprint, DynamoDBEvent

from chalicelib import wiring
from chalicelib.jobs import metrics

if TYPE_CHECKING:
    from chalicelib.usecases.stream import Record

blueprint = Blueprint(__name__)

# A text, not a name: template.yaml puts the table's stream in its place, and says which records.
_PLACEHOLDER = "arn:aws:dynamodb:us-east-1:000000000000:table/placeholder/stream/x"


@blueprint.on_dynamodb_record(_PLACEHOLDER, starting_position="TRIM_HORIZON")
def apply_changes(event: DynamoDBEvent) -> dict[str, int]:
    """Let everybody who follows the table have the records, in order for each item.

    A record that cannot be applied is parked, so that it does not stop those behind it. When the
    table is out of reach the whole batch fails and comes again: MiniStack 1.5.33 takes a report of
    partial failure for success, and what was applied is not applied twice anyway.
    """
    from chalicelib.usecases import stream

    services = wiring.services()
    services.capacity.reset()
    now = services.now()
    parked = 0
    records = []
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
    parked += stream.apply(services.context, records, now=now)
    metrics.report(
        "apply_changes",
        {
            "StreamRecords": (len(records), "Count"),
            "StreamParked": (parked, "Count"),
            "StreamLagSeconds": (int((now - oldest).total_seconds()), "Seconds"),
        },
        services,
    )
    return {"applied": len(records), "parked": parked}


def _record(raw: dict[str, Any], services: wiring.Services) -> Record:
    from chalicelib.core.rewards.totals import Change
    from chalicelib.usecases.stream import Record

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
