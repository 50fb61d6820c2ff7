"""The functions that work on files: they import, export, and look for what has stalled."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib import wiring
from chalicelib.core.activity import Channel, Origin
from chalicelib.usecases.workers import Worker

blueprint = Blueprint(__name__)

# Enough for the chunk in hand, with all its attempts.
_RESERVE_MILLIS = 30_000


@blueprint.lambda_function()
def import_coupons(event: dict[str, str], context: Any) -> dict[str, int | str]:
    """Get on with the import that the event names, and call the next worker if time is up."""
    from chalicelib.usecases.coupons import importing

    services = wiring.services()
    services.capacity.reset()
    job = importing.work(_worker(services, context), event["import_id"])
    if job is None:
        return _report("import_coupons", {"outcome": "nothing_to_do"}, services)
    if job.lease_until is not None:
        services.functions.start_import(job.import_id)
    report: dict[str, int | str] = {
        "outcome": job.status,
        "created": job.created,
        "duplicate": job.duplicate,
        "invalid": job.invalid,
        "offset": job.offset,
    }
    return _report("import_coupons", report, services)


@blueprint.lambda_function()
def export_rows(event: dict[str, str], context: Any) -> dict[str, int | str]:
    """Get on with the export that the event names, and call the next worker if time is up."""
    from chalicelib.usecases.coupons import exporting

    services = wiring.services()
    services.capacity.reset()
    job = exporting.work(_worker(services, context), event["export_id"])
    if job is None:
        return _report("export_rows", {"outcome": "nothing_to_do"}, services)
    if job.lease_until is not None:
        services.functions.start_export(job.export_id)
    return _report("export_rows", {"outcome": job.status, "rows": job.rows}, services)


@blueprint.schedule(Rate(5, unit=Rate.MINUTES))
def resume_file_jobs(event: CloudWatchEvent) -> dict[str, int | str]:
    """Call workers for imports and exports whose last worker has died, or was never reached."""
    from chalicelib.usecases.coupons import exports, imports

    now = datetime.fromisoformat(event.time).astimezone(UTC)
    services = wiring.services()
    services.capacity.reset()
    origin = Origin(actor="job:resume_file_jobs", channel=Channel.JOB, recorded_at=now)
    report: dict[str, int | str] = {
        "imports": imports.restart_stalled(services.context, services.functions, origin=origin),
        "exports": exports.restart_stalled(services.context, services.functions, origin=origin),
    }
    return _report("resume_file_jobs", report, services)


def _worker(services: wiring.Services, context: Any) -> Worker:
    return Worker(
        context=services.context,
        files=services.files,
        name=services.new_id("run", services.now()),
        clock=services.now,
        has_time=_has_time(context),
    )


def _has_time(context: Any) -> Callable[[], bool]:
    def has_time() -> bool:
        remaining: int = context.get_remaining_time_in_millis()
        return remaining > _RESERVE_MILLIS

    return has_time


def _report(
    job: str, report: dict[str, int | str], services: wiring.Services
) -> dict[str, int | str]:
    line = {
        "event": "job",
        "Job": job,
        **report,
        "read_units": services.capacity.reads,
        "write_units": services.capacity.writes,
        "round_trips": services.capacity.round_trips,
    }
    print(json.dumps(line))  # noqa: T201
    return report
