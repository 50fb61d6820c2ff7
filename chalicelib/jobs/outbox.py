"""The outbox: what happened is published for everybody outside."""

from chalice.app import Blueprint, DynamoDBEvent

from chalicelib import wiring
from chalicelib.jobs import metrics
from chalicelib.jobs.stream import STREAM

blueprint = Blueprint(__name__)


@blueprint.on_dynamodb_record(STREAM, starting_position="TRIM_HORIZON")
def publish_events(event: DynamoDBEvent) -> dict[str, int]:
    """Publish new activity events to the topic, in order for each customer, at least once.

    What cannot be published is parked, and the batch comes again while the topic is out
    of reach.
    """
    from chalicelib.jobs import records
    from chalicelib.usecases.outbox import publishing

    services = wiring.services()
    services.capacity.reset()
    now = services.now()
    batch = records.read(event, services, now=now)
    refused = publishing.publish(services.context, services.topic, batch.records, now=now)
    published, parked = len(batch.records) - refused, batch.parked + refused
    metrics.report(
        "publish_events",
        {
            "EventsPublished": (published, "Count"),
            "EventsParked": (parked, "Count"),
            "OutboxLagSeconds": (batch.lag_seconds, "Seconds"),
        },
        services,
    )
    return {"published": published, "parked": parked}
