"""The scheduled work on pools of codes."""

from datetime import UTC, datetime
from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib import wiring
from chalicelib.jobs import metrics

blueprint = Blueprint(__name__)

# Enough to finish the slice in hand and to report.
_RESERVE_MILLIS = 15_000
_NAMED_MAX = 20


@blueprint.schedule(Rate(2, unit=Rate.MINUTES))
def keep_stock(event: CloudWatchEvent) -> dict[str, int]:
    """Make the codes that were ordered, and order some for pools that are low.

    Decides as of the event's time, not of the clock: a late or repeated run decides the same.
    """
    from chalicelib.usecases.coupons import generation, stock

    now = datetime.fromisoformat(event.time).astimezone(UTC)
    services = wiring.services()
    services.capacity.reset()

    def has_time() -> bool:
        # Chalice types the context as a dict; Lambda gives an object.
        context: Any = event.context
        remaining: int = context.get_remaining_time_in_millis()
        return remaining > _RESERVE_MILLIS

    found = stock.order_what_is_low(services.context, now=now, has_time=has_time)
    progress = generation.go_on(services.context, now=now, has_time=has_time)
    report = {
        "watched": found.watched,
        "low": len(found.low),
        "filled": found.filled,
        "made": progress.made,
        "running": progress.running,
    }
    metrics.report(
        "keep_stock",
        {
            "PoolsWatched": (found.watched, "Count"),
            "PoolsLow": (len(found.low), "Count"),
            "PoolsFilled": (found.filled, "Count"),
            "CodesMade": (progress.made, "Count"),
            "GenerationsRunning": (progress.running, "Count"),
        },
        services,
        as_of=now.isoformat(),
        low_rewards=list(found.low[:_NAMED_MAX]),
        complete=found.complete,
    )
    return report
