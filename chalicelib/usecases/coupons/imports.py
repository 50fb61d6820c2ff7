"""Create, correct, preview, start, cancel, look up and list imports."""

import contextlib
from collections.abc import Callable
from typing import Final

import msgspec

from chalicelib.core import errors
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import coupons, import_rows, imports
from chalicelib.core.coupons.import_rows import Layout, Options, RefusedRow, Row
from chalicelib.core.coupons.imports import Import, ImportStatus
from chalicelib.core.files import detection
from chalicelib.core.files.csvs import Record
from chalicelib.core.files.detection import Sample
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import Page, PageRequest
from chalicelib.core.rewards.rewards import CouponSource, Reward
from chalicelib.usecases.context import Context
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.ports import FileGone, Files, Functions, UploadForm
from chalicelib.usecases.rules import get_reward

UPLOAD_SECONDS: Final = 15 * 60
DOWNLOAD_SECONDS: Final = 15 * 60
_PREVIEW_ROWS = 20
_STALLED_MAX = 100


class Preview(msgspec.Struct, frozen=True):
    """How the file would be read, and its first rows."""

    job: Import
    layout: Layout
    rows: tuple[tuple[Record, Row | RefusedRow], ...]


def create(
    context: Context, job: Import, *, origin: Origin, request: KeyedRequest | None
) -> Done[Import]:
    """Add an import of coupons of a reward, without its file yet.

    Raises:
        RewardNotFound, RewardNotActive, IdempotencyKeyReused.
    """

    def decide(_: Contention | None) -> tuple[Import, tuple[str, ...], Changes]:
        _check_takes_codes(get_reward(context.store, job.reward_id))
        return job, (job.import_id,), Changes(create=(job,))

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: get(context, made[0]),
    )


def upload_form(files: Files, job: Import) -> UploadForm:
    """Return leave to upload the file of an import.

    Raises:
        ImportStarted: it reads the file that it has.
    """
    imports.check_not_started(job)
    return files.upload_form(
        job.upload_key, size_max=imports.UPLOAD_BYTES_MAX, seconds=UPLOAD_SECONDS
    )


def get(context: Context, import_id: str) -> Import:
    """Return the import as it is stored.

    Raises:
        ImportNotFound: no import has this id.
    """
    name = ref(Import, import_id)
    job = context.store.read(name).find(name)
    if job is None:
        raise imports.not_found()
    return job


def look_up(context: Context, files: Files, import_id: str) -> Import:
    """Return the import; that its file has arrived is seen, and recorded, by who looks first.

    Raises:
        ImportNotFound: no import has this id.
    """
    before = get(context, import_id)
    seen = _with_upload(files, before)
    if seen.status is not before.status:
        # Whoever came first has recorded it, or something later.
        with contextlib.suppress(Contention):
            context.store.commit(_changed(before, seen))
    return seen


def list_all(
    context: Context, request: PageRequest, *, statuses: frozenset[ImportStatus]
) -> Page[Import]:
    """Return a page of imports, by the time of their creation."""
    page = context.store.imports(request)
    return Page(tuple(job for job in page.items if job.status in statuses), page.end)


def preview(context: Context, files: Files, import_id: str, *, time_zone: str) -> Preview:
    """Return how the file is read as the options are now.

    Raises:
        ImportNotFound, FileNotUploaded, ColumnNotFound.
    """
    job = look_up(context, files, import_id)
    imports.check_uploaded(job)
    sample = _sample(files, job)
    layout = job.layout or import_rows.layout_of(sample, job.options)
    records = detection.records_of(sample, encoding=layout.encoding, delimiter=layout.delimiter)
    shown = records[layout.has_header :][:_PREVIEW_ROWS]
    return Preview(
        job,
        layout,
        tuple((record, import_rows.read(record, layout, time_zone=time_zone)) for record in shown),
    )


def correct(  # noqa: PLR0913
    context: Context,
    files: Files,
    import_id: str,
    change: Callable[[Import], Options],
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Import]:
    """Give the import the options that ``change`` makes of it.

    Raises:
        ImportNotFound, ImportStarted, and what ``change`` raises.
    """

    def decide(_: Contention | None) -> tuple[Import, tuple[str, ...], Changes]:
        before = get(context, import_id)
        seen = _with_upload(files, before)
        after = imports.with_options(seen, change(seen))
        return after, (import_id,), _changed(before, after)

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: look_up(context, files, made[0]),
    )


def start(  # noqa: PLR0913
    context: Context,
    files: Files,
    functions: Functions,
    import_id: str,
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Import]:
    """Let workers take the import; its file and options stand from now on.

    Raises:
        ImportNotFound, FileNotUploaded, ImportStarted, ColumnNotFound, RewardNotActive.
    """

    def decide(_: Contention | None) -> tuple[Import, tuple[str, ...], Changes]:
        before = get(context, import_id)
        imports.check_not_started(before)
        job = _with_upload(files, before)
        imports.check_uploaded(job)
        _check_takes_codes(get_reward(context.store, job.reward_id))
        layout = import_rows.layout_of(_sample(files, job), job.options)
        after = imports.started(job, layout, at=origin.recorded_at, by=origin.actor)
        return after, (import_id,), _changed(before, after)

    done = once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: get(context, made[0]),
    )
    if done.result.lease_until is not None:
        functions.start_import(import_id)
    return done


def cancel(
    context: Context,
    functions: Functions,
    import_id: str,
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Import]:
    """End the import where it is: not one more row is added, and what was added stays.

    Raises:
        ImportNotFound, ImportFinished.
    """

    def decide(_: Contention | None) -> tuple[Import, tuple[str, ...], Changes]:
        before = get(context, import_id)
        after = imports.cancelled(before, at=origin.recorded_at)
        return after, (import_id,), _changed(before, after)

    done = once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: get(context, made[0]),
    )
    if done.result.lease_until is not None:
        functions.start_import(import_id)
    return done


def refused_link(context: Context, files: Files, import_id: str) -> tuple[Import, str]:
    """Return the import, and an address of the file of its refused rows.

    Raises:
        ImportNotFound, ImportNotFinished.
    """
    job = get(context, import_id)
    imports.check_refused_file(job)
    name = f"refused-{job.import_id}.csv"
    return job, files.link(job.refused_key, name=name, seconds=DOWNLOAD_SECONDS)


def restart_stalled(context: Context, functions: Functions, *, origin: Origin) -> int:
    """Call workers for imports that have something to do and nobody at it; return how many."""
    page = context.store.due_imports(now=origin.recorded_at, limit=_STALLED_MAX)
    for job in page.items:
        functions.start_import(job.import_id)
    return len(page.items)


def _check_takes_codes(reward: Reward) -> None:
    coupons.check_may_be_issued(reward)
    if reward.coupon_source is CouponSource.SHARED:
        raise errors.Invalid(
            "a shared reward has one code, for everybody",
            fix="add its code with POST /v1/rewards/{id}/coupons",
            pointer="/reward_id",
        )


def _with_upload(files: Files, job: Import) -> Import:
    if job.status not in (ImportStatus.DRAFT, ImportStatus.UPLOADED):
        return job
    found = files.find(job.upload_key)
    if found is None:
        return job
    return imports.with_upload(job, size_bytes=found.size_bytes, etag=found.etag)


def _sample(files: Files, job: Import) -> Sample:
    assert job.size_bytes is not None, "an uploaded file has a size"
    size = min(job.size_bytes, detection.SAMPLE_BYTES)
    try:
        data = files.read(job.upload_key, start=0, size=size) if size else b""
    except FileGone:
        # The bucket removes files of imports that nobody starts.
        raise imports.FileNotUploaded(
            "the file is no longer there", fix="create a new import"
        ) from None
    return Sample(data, whole=size == job.size_bytes)


def _changed(before: Import, after: Import) -> Changes:
    return Changes() if before == after else Changes(update=((before, after),))
