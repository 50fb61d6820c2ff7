"""What follows the table's stream."""

from chalice.app import Blueprint, DynamoDBEvent

from chalicelib import wiring
from chalicelib.jobs import metrics

blueprint = Blueprint(__name__)

# A text, not a name: template.yaml puts the table's stream in its place, and says which records.
STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/placeholder/stream/x"


@blueprint.on_dynamodb_record(STREAM, starting_position="TRIM_HORIZON")
def apply_changes(event: DynamoDBEvent) -> dict[str, int]:
    """Let everybody who follows the table have the records, in order for each item.

    A record that cannot be applied is parked, so that it does not stop those behind it. When the
    table is out of reach the whole batch fails and comes again: MiniStack 1.5.33 takes a report of
    partial failure for success, and what was applied is not applied twice anyway.
    """
    from chalicelib.jobs import records
    from chalicelib.usecases import stream

    services = wiring.services()
    services.capacity.reset()
    now = services.now()
    batch = records.read(event, services, now=now)
    parked = batch.parked + stream.apply(services.context, batch.records, now=now)
    metrics.report(
        "apply_changes",
        {
            "StreamRecords": (len(batch.records), "Count"),
            "StreamParked": (parked, "Count"),
            "StreamLagSeconds": (batch.lag_seconds, "Seconds"),
        },
        services,
    )
    return {"applied": len(batch.records), "parked": parked}
