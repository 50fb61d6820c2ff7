"""Imports: jobs that make coupons of the rows of an uploaded file."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.coupons.import_rows import Layout, Options, Reason, RefusedRow
from chalicelib.core.files import leases

UPLOAD_BYTES_MAX: Final = 256 * 1024 * 1024


class ImportNotFound(errors.NotFound):
    """No import has this id."""

    code = "import_not_found"


class FileNotUploaded(errors.Refused):
    """The file of this import has not arrived yet."""

    code = "file_not_uploaded"


class ImportStarted(errors.Refused):
    """The import has been started, so that its file and its options stand."""

    code = "import_started"


class ImportFinished(errors.Refused):
    """The import has come to its end already."""

    code = "import_finished"


class ImportNotFinished(errors.Refused):
    """The file of refused rows is complete once the import has ended."""

    code = "import_not_finished"


class ImportStatus(StrEnum):
    """Where an import is in its life. Values are public."""

    DRAFT = "draft"
    UPLOADED = "uploaded"
    RUNNING = "running"
    COMPLETED = "completed"
    COMPLETED_WITH_ERRORS = "completed_with_errors"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Failure(StrEnum):
    """Why an import failed. Values are public."""

    FILE_GONE = "file_gone"
    FILE_CHANGED = "file_changed"
    GAVE_UP = "gave_up"


class Import(leases.Leased, frozen=True):
    """One import: what it is to do, how far it has come, who is at it.

    ``offset`` and ``line`` say where in the file the next record begins; they and the counts are
    written in the same transaction as the coupons that they stand for. ``etag`` is the content
    that was there at the start. ``refused_file``: it is complete.
    """

    import_id: str
    reward_id: str
    created_at: datetime
    created_by: str
    status: ImportStatus = ImportStatus.DRAFT
    options: Options = Options()
    size_bytes: int | None = None
    etag: str | None = None
    layout: Layout | None = None
    started_at: datetime | None = None
    started_by: str | None = None
    finished_at: datetime | None = None
    offset: int = 0
    line: int = 1
    created: int = 0
    duplicate: int = 0
    invalid: int = 0
    refused_file: bool = False
    failure: Failure | None = None

    @property
    def rows(self) -> int:
        """How many rows have been dealt with."""
        return self.created + self.refused

    @property
    def refused(self) -> int:
        """How many rows made no coupon."""
        return self.duplicate + self.invalid

    @property
    def upload_key(self) -> str:
        """The name of the uploaded file in the bucket."""
        return f"imports/{self.import_id}/upload.csv"

    @property
    def refused_key(self) -> str:
        """The name of the file of refused rows in the bucket."""
        return f"imports/{self.import_id}/refused.csv"


class RefusedRows(msgspec.Struct, frozen=True):
    """The rows that one step of an import refused, until they are joined into one file."""

    import_id: str
    recorded_at: datetime
    rows: tuple[RefusedRow, ...]
    version: int = 0


_BEFORE_START = (ImportStatus.DRAFT, ImportStatus.UPLOADED)


def not_found() -> ImportNotFound:
    """Return the error for an id that names no import."""
    return ImportNotFound("no import has this id", fix="list the imports to find its id")


def is_started(job: Import) -> bool:
    """Whether file and options stay what they are."""
    return job.status not in _BEFORE_START


def check_not_started(job: Import) -> None:
    """Raise ImportStarted unless file and options may still change."""
    if is_started(job):
        raise ImportStarted(
            "the import has been started",
            fix="create a new import",
            facts={"import_status": job.status},
        )


def check_uploaded(job: Import) -> None:
    """Raise FileNotUploaded unless the file is there."""
    if job.status is ImportStatus.DRAFT:
        raise FileNotUploaded(
            "the file has not been uploaded",
            fix="send the file as POST /v1/imports answered, or ask for another upload",
            facts={"import_status": job.status},
        )


def check_refused_file(job: Import) -> None:
    """Raise ImportNotFinished unless the file of refused rows is there."""
    if not job.refused_file:
        raise ImportNotFinished(
            "the file of refused rows is not complete",
            fix="nothing was refused: the import was never started"
            if job.finished_at is not None and job.started_at is None
            else "ask again in a moment, or when the import has ended",
            facts={"import_status": job.status},
        )


def with_options(job: Import, options: Options) -> Import:
    """Return the import with other options.

    Raises:
        ImportStarted: it has been started.
    """
    check_not_started(job)
    return replace(job, options=options)


def with_upload(job: Import, *, size_bytes: int, etag: str) -> Import:
    """Return the import with what lies in the bucket now."""
    assert job.status in _BEFORE_START, "a started import stays with its file"
    return replace(job, status=ImportStatus.UPLOADED, size_bytes=size_bytes, etag=etag)


def started(job: Import, layout: Layout, *, at: datetime, by: str) -> Import:
    """Return the import for workers to take.

    Raises:
        ImportStarted, FileNotUploaded.
    """
    check_not_started(job)
    check_uploaded(job)
    return replace(
        job,
        status=ImportStatus.RUNNING,
        layout=layout,
        offset=layout.start,
        started_at=at,
        started_by=by,
        lease_until=at,
    )


def cancelled(job: Import, *, at: datetime) -> Import:
    """Return the import with nothing more to add; coupons that it has made stay.

    Raises:
        ImportFinished: it has ended already.
    """
    if job.finished_at is not None:
        raise ImportFinished(
            f"the import has ended as {job.status}",
            fix="nothing is left to cancel",
            facts={"import_status": job.status},
        )
    return _ended(job, ImportStatus.CANCELLED, at=at)


def failed(job: Import, failure: Failure, *, at: datetime) -> Import:
    """Return the import as failed; coupons that it has made stay."""
    return replace(_ended(job, ImportStatus.FAILED, at=at), failure=failure)


def completed(job: Import, *, at: datetime) -> Import:
    """Return the import as done to the last row, with its file of refused rows."""
    status = ImportStatus.COMPLETED_WITH_ERRORS if job.refused else ImportStatus.COMPLETED
    return closed(_ended(job, status, at=at))


def closed(job: Import) -> Import:
    """Return the ended import with nothing left to do: its file of refused rows is there."""
    return leases.done(replace(job, refused_file=True))


def _ended(job: Import, status: ImportStatus, *, at: datetime) -> Import:
    # What had begun still needs its file of refused rows: any worker may take it at once.
    left = None if job.started_at is None else at
    return replace(job, status=status, finished_at=at, worker=None, lease_until=left)


def taken(job: Import, worker: str, *, at: datetime) -> Import | None:
    """Return the import in the hands of ``worker``, or None if there is nothing to take.

    One whose workers keep dying at the same place is given up.
    """
    if not leases.is_free(job, at=at):
        return None
    if job.status is ImportStatus.RUNNING and leases.is_hopeless(job):
        job = failed(job, Failure.GAVE_UP, at=at)
    return leases.taken(job, worker, at=at)


class Step(msgspec.Struct, frozen=True):
    """What was done at once: up to where, how many coupons it made, and what it refused."""

    offset: int
    line: int
    created: int
    refused: tuple[RefusedRow, ...]


def advanced(job: Import, step: Step, *, at: datetime) -> Import:
    """Return the import after ``step``; its worker keeps it for a while more."""
    duplicate = sum(row.reason is Reason.DUPLICATE_CODE for row in step.refused)
    after = replace(
        job,
        offset=step.offset,
        line=step.line,
        created=job.created + step.created,
        duplicate=job.duplicate + duplicate,
        invalid=job.invalid + len(step.refused) - duplicate,
    )
    return leases.got_on(after, at=at)
