"""The scheduled work on coupons."""

import json
from datetime import UTC, datetime
from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib import wiring
from chalicelib.core.activity import Channel, Origin

blueprint = Blueprint(__name__)

_PERIOD_SECONDS = 300
# Enough to finish the batch in hand, to pay for it at the slowest pace, and to report.
_RESERVE_MILLIS = 15_000


@blueprint.schedule(Rate(_PERIOD_SECONDS // 60, unit=Rate.MINUTES))
def expire_coupons(event: CloudWatchEvent) -> dict[str, int]:
    """Record the end of every coupon whose expiry has passed by the time of the event.

    Decides as of the event's time, not of the clock: a late or repeated run decides the same.
    """
    from chalicelib.usecases.coupons import expiry

    now = datetime.fromisoformat(event.time).astimezone(UTC)
    services = wiring.services()
    services.capacity.reset()

    def has_time() -> bool:
        # Chalice types the context as a dict; Lambda gives an object.
        context: Any = event.context
        remaining: int = context.get_remaining_time_in_millis()
        return remaining > _RESERVE_MILLIS

    spent = 0.0

    def rest() -> None:
        nonlocal spent
        services.expiry_pace.spend(services.capacity.writes - spent)
        spent = services.capacity.writes

    progress = expiry.expire_due(
        services.context,
        origin=Origin(actor="job:expire_coupons", channel=Channel.JOB, recorded_at=now),
        has_time=has_time,
        rest=rest,
        # Another one each run, so that a lasting backlog starves none.
        first_shard=int(now.timestamp()) // _PERIOD_SECONDS,
    )
    report = {
        "expired": progress.expired,
        "left": progress.left,
        "lag_seconds": progress.lag_seconds,
    }
    print(json.dumps(_metrics(report, services, at=now)))  # noqa: T201
    return report


def _metrics(
    report: dict[str, int], services: wiring.Services, *, at: datetime
) -> dict[str, object]:
    """Return the report as a log line that CloudWatch turns into metrics.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    names = {"Expired": "Count", "ExpiryLeft": "Count", "ExpiryLagSeconds": "Seconds"}
    return {
        "_aws": {
            # The time of measuring: a run as of another time is not a measurement of that time.
            "Timestamp": int(services.now().timestamp() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "Couponry",
                    "Dimensions": [["Job"]],
                    "Metrics": [{"Name": name, "Unit": unit} for name, unit in names.items()],
                }
            ],
        },
        "event": "job",
        "Job": "expire_coupons",
        "as_of": at.isoformat(),
        "Expired": report["expired"],
        "ExpiryLeft": report["left"],
        "ExpiryLagSeconds": report["lag_seconds"],
        "read_units": services.capacity.reads,
        "write_units": services.capacity.writes,
        "round_trips": services.capacity.round_trips,
    }
