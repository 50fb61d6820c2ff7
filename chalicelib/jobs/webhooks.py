"""The subscriber that sends to webhooks: from its queue, and again where that failed."""

import json
from collections.abc import Callable
from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Rate, SQSEvent

from chalicelib import wiring
from chalicelib.jobs import metrics

blueprint = Blueprint(__name__)

# A text, not a name: template.yaml puts the queue in its place.
_QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"
_PERIOD_SECONDS = 60
# What the slowest server can take, and enough to record and to report.
_RESERVE_MILLIS = 20_000


@blueprint.on_sqs_message(queue_arn=_QUEUE, batch_size=10)
def deliver_webhooks(event: SQSEvent) -> dict[str, list[dict[str, str]]]:
    """Send each message to the webhooks that want it, or leave it to the job below.

    What fails here comes again, by itself, and ends in the dead-letter queue: a message that cannot
    be read, a table out of reach. A server that does not answer is no failure of the message.
    """
    from chalicelib.core.outbox import messages
    from chalicelib.usecases.outbox import delivering

    services = wiring.services()
    services.capacity.reset()
    courier = services.webhook_courier(_has_time(event.context))
    failed = []
    records = event.to_dict()["Records"]
    for record in records:
        try:
            delivering.accept(courier, messages.decoded(record["body"]))
        except Exception as error:  # noqa: BLE001 # one message must not take the others with it
            line = {"event": "message.failed", "id": record["messageId"], "error": repr(error)}
            print(json.dumps(line))  # noqa: T201
            failed.append({"itemIdentifier": record["messageId"]})
    metrics.report(
        "deliver_webhooks",
        {
            "MessagesAccepted": (len(records) - len(failed), "Count"),
            "MessagesFailed": (len(failed), "Count"),
        },
        services,
    )
    return {"batchItemFailures": failed}


@blueprint.schedule(Rate(_PERIOD_SECONDS // 60, unit=Rate.MINUTES))
def retry_webhooks(event: CloudWatchEvent) -> dict[str, int]:
    """Send the deliveries that are due: for the second time and on, or left by a sender who died.

    Goes by the clock, not by the time of the event: a run that comes late has no more to send.
    """
    from chalicelib.usecases.outbox import delivering

    services = wiring.services()
    services.capacity.reset()
    courier = services.webhook_courier(_has_time(event.context))
    # Another one each run, so that a lasting backlog starves none.
    first_shard = int(services.now().timestamp()) // _PERIOD_SECONDS
    done = delivering.send_due(courier, first_shard=first_shard)
    metrics.report(
        "retry_webhooks",
        {
            "WebhooksDelivered": (done.delivered, "Count"),
            "WebhooksFailed": (done.failed, "Count"),
            "WebhooksLagSeconds": (done.lag_seconds, "Seconds"),
        },
        services,
    )
    return {"delivered": done.delivered, "failed": done.failed, "lag_seconds": done.lag_seconds}


def _has_time(context: Any) -> Callable[[], bool]:
    # Chalice types the context as a dict; Lambda gives an object.
    def has_time() -> bool:
        remaining: int = context.get_remaining_time_in_millis()
        return remaining > _RESERVE_MILLIS

    return has_time
