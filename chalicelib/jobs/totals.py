"""The nightly recount of what the stream keeps."""

from datetime import UTC, datetime
from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Cron

from chalicelib import wiring
from chalicelib.jobs import metrics

blueprint = Blueprint(__name__)

# Enough for the page in hand and to report.
_RESERVE_MILLIS = 15_000


@blueprint.schedule(Cron(17, 2, "*", "*", "?", "*"))
def reconcile_totals(event: CloudWatchEvent) -> dict[str, int]:
    """Recount the coupons of all rewards, and go on where it stopped the night before."""
    from chalicelib.usecases.rewards import reconciling

    services = wiring.services()
    services.capacity.reset()

    def has_time() -> bool:
        # Chalice types the context as a dict; Lambda gives an object.
        context: Any = event.context
        remaining: int = context.get_remaining_time_in_millis()
        return remaining > _RESERVE_MILLIS

    now = datetime.fromisoformat(event.time).astimezone(UTC)
    found = reconciling.reconcile(services.context, now=now, has_time=has_time)
    metrics.report(
        "reconcile_totals",
        {
            "RewardsRecounted": (found.rewards, "Count"),
            "RewardsUnsettled": (found.unsettled, "Count"),
            "TotalsDiffering": (found.differing, "Count"),
            "TotalsCorrected": (found.corrected, "Count"),
        },
        services,
        as_of=now.isoformat(),
        finished=found.finished,
    )
    return {
        "rewards": found.rewards,
        "unsettled": found.unsettled,
        "differing": found.differing,
        "corrected": found.corrected,
        "finished": int(found.finished),
    }
