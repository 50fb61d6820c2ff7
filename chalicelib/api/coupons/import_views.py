"""What imports are told and tell."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.web import bodies, lists
from chalicelib.api.web.blueprint import Call
from chalicelib.api.web.bodies import Identifier
from chalicelib.core.coupons import imports
from chalicelib.core.coupons.import_rows import (
    METADATA_COLUMNS_MAX,
    Columns,
    Layout,
    Reason,
    Row,
)
from chalicelib.core.coupons.imports import Failure, Import, ImportStatus
from chalicelib.core.files.csvs import Encoding
from chalicelib.usecases.coupons import imports as usecases

Delimiter = Literal[",", ";", "\t", "|"]
Column = (
    Annotated[str, bodies.text(100, description="a name in the header")]
    | Annotated[int, msgspec.Meta(ge=1, le=1000, description="a number, from 1 on")]
)


class ColumnsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which column holds what. What is absent is in no column."""

    code: Column = 1
    expires_at: Column | None = None
    assignee: Column | None = None
    metadata: Annotated[list[Column], msgspec.Meta(max_length=METADATA_COLUMNS_MAX)] = []


class ImportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new import into the pool of a reward. What is not given is detected in the file."""

    reward_id: Identifier
    delimiter: Delimiter | None = None
    encoding: Encoding | None = None
    has_header: bool | None = None
    mapping: ColumnsBody | None = None


class ImportPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes: an absent option stays, null lets it be detected."""

    delimiter: Delimiter | UnsetType | None = UNSET
    encoding: Encoding | UnsetType | None = UNSET
    has_header: bool | UnsetType | None = UNSET
    mapping: ColumnsBody | UnsetType | None = UNSET


class UploadView(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send the file: a POST of multipart/form-data, `fields` first and `file` last."""

    url: str
    fields: dict[str, str]
    size_max: int
    expires_at: datetime


class ColumnsView(msgspec.Struct, frozen=True, kw_only=True):
    """Which column holds what, by number from 1 on."""

    code: int
    expires_at: int | None
    assignee: int | None
    metadata: list[int]


class OptionsView(msgspec.Struct, frozen=True, kw_only=True):
    """How the file is to be read; null is detected."""

    delimiter: str | None
    encoding: Encoding | None
    has_header: bool | None
    mapping: Columns | None


class ImportView(msgspec.Struct, frozen=True, kw_only=True):
    """An import. `processed_bytes` of `size_bytes` and `processed_rows` are done.

    `refused_rows` tells where to ask for the file of refused rows, once it is complete.
    """

    id: str
    status: ImportStatus
    reward_id: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    options: OptionsView
    size_bytes: int | None
    processed_bytes: int
    processed_rows: int
    created: int
    duplicate: int
    invalid: int
    refused_rows: str | None
    failure: Failure | None


class NewImportView(msgspec.Struct, frozen=True, kw_only=True):
    """The import, and where to send its file; null when it was started meanwhile."""

    import_: ImportView = msgspec.field(name="import")
    upload: UploadView | None


class ImportPage(msgspec.Struct, frozen=True):
    items: list[ImportView]
    next_cursor: str | None


class ImportQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: tuple[ImportStatus, ...] = ()
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["created_at", "-created_at"] = "-created_at"


class PreviewCoupon(msgspec.Struct, frozen=True, kw_only=True):
    """What the row asks for."""

    code: str
    expires_at: datetime | None
    assignee: str | None
    metadata: dict[str, str]


class PreviewRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it is read: what it asks for, or why it would be refused.

    Whether its code is taken and its customer exists shows when it is imported.
    """

    line: int
    cells: list[str]
    coupon: PreviewCoupon | None
    fault: Reason | None


class PreviewView(msgspec.Struct, frozen=True, kw_only=True):
    """How the file is read with the options as they are now, and its first rows."""

    encoding: Encoding
    bom: bool
    delimiter: str
    has_header: bool
    columns: list[str]
    mapping: ColumnsView
    rows: list[PreviewRow]


class FileLink(msgspec.Struct, frozen=True, kw_only=True):
    """From where the file can be downloaded, by whoever has the address, until it expires."""

    url: str
    expires_at: datetime
    rows: int


def columns_of(body: ColumnsBody | None) -> Columns | None:
    """Return which columns hold what, as the request says it."""
    if body is None:
        return None
    return Columns(body.code, body.expires_at, body.assignee, tuple(body.metadata))


def upload_view(call: Call[Any, Any], job: Import) -> UploadView:
    """Return the leave to upload the file of an import."""
    form = usecases.upload_form(call.services.files, job)
    return UploadView(
        url=form.url,
        fields=dict(form.fields),
        size_max=imports.UPLOAD_BYTES_MAX,
        expires_at=call.now + timedelta(seconds=usecases.UPLOAD_SECONDS),
    )


def view_of(job: Import) -> ImportView:
    """Return the import as the API shows it."""
    options = job.options
    return ImportView(
        id=job.import_id,
        status=job.status,
        reward_id=job.reward_id,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        options=OptionsView(
            delimiter=options.delimiter,
            encoding=options.encoding,
            has_header=options.has_header,
            mapping=options.mapping,
        ),
        size_bytes=job.size_bytes,
        processed_bytes=job.offset,
        processed_rows=job.rows,
        created=job.created,
        duplicate=job.duplicate,
        invalid=job.invalid,
        refused_rows=f"/v1/imports/{job.import_id}/refused" if job.refused_file else None,
        failure=job.failure,
    )


def columns_view(layout: Layout) -> ColumnsView:
    """Return the columns that are read, counted from 1."""
    return ColumnsView(
        code=layout.code + 1,
        expires_at=None if layout.expires_at is None else layout.expires_at + 1,
        assignee=None if layout.assignee is None else layout.assignee + 1,
        metadata=[at + 1 for at in layout.metadata],
    )


def coupon_view(row: Row) -> PreviewCoupon:
    """Return what a row of the file would become."""
    return PreviewCoupon(
        code=row.code,
        expires_at=row.expires_at,
        assignee=row.email or row.customer_id,
        metadata=dict(row.metadata or {}),
    )
