"""Create and look up exports."""

from typing import Final

from msgspec.structs import replace

from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import exports
from chalicelib.core.coupons.exports import Export, ExportKind, ExportStatus
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.ports import Files, Functions
from chalicelib.usecases.rules import get_reward

DOWNLOAD_SECONDS: Final = 15 * 60
_STALLED_MAX = 100


def create(
    context: Context,
    functions: Functions,
    job: Export,
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Export]:
    """Add an export for workers to take.

    Raises:
        RewardNotFound, IdempotencyKeyReused.
    """

    def decide(_: Contention | None) -> tuple[Export, tuple[str, ...], Changes]:
        reward = get_reward(context.store, job.reward_id)
        whole = job
        if job.kind_of_rows is ExportKind.REDEMPTIONS:
            whole = replace(job, statuses=exports.statuses_with_uses(reward))
        return whole, (job.export_id,), Changes(create=(whole,))

    done = once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: get(context, made[0]),
    )
    if done.result.lease_until is not None:
        functions.start_export(done.result.export_id)
    return done


def get(context: Context, export_id: str) -> Export:
    """Return the export.

    Raises:
        ExportNotFound: no export has this id.
    """
    name = ref(Export, export_id)
    job = context.store.read(name).find(name)
    if job is None:
        raise exports.not_found()
    return job


def link(files: Files, job: Export) -> str | None:
    """Return an address of the file, or None until it is complete."""
    if job.status is not ExportStatus.COMPLETED:
        return None
    name = f"{job.kind_of_rows}-{job.reward_id}.csv"
    return files.link(job.key, name=name, seconds=DOWNLOAD_SECONDS)


def restart_stalled(context: Context, functions: Functions, *, origin: Origin) -> int:
    """Call workers for exports that have something to do and nobody at it; return how many."""
    page = context.store.due_exports(now=origin.recorded_at, limit=_STALLED_MAX)
    for job in page.items:
        functions.start_export(job.export_id)
    return len(page.items)
