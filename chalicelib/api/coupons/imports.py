"""Imports of codes from CSV files: create, upload, preview, correct, start, follow, cancel."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.web import bodies, lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.bodies import Identifier
from chalicelib.api.web.origins import origin_of
from chalicelib.core.coupons import import_rows, imports
from chalicelib.core.coupons.import_rows import (
    METADATA_COLUMNS_MAX,
    Columns,
    Layout,
    Options,
    Reason,
    Row,
)
from chalicelib.core.coupons.imports import Failure, Import, ImportStatus
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.files import csvs
from chalicelib.core.files.csvs import Encoding
from chalicelib.core.rewards import rewards
from chalicelib.usecases.coupons import imports as usecases

blueprint = JsonBlueprint()

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
    """The import, and where to send its file."""

    import_: ImportView = msgspec.field(name="import")
    upload: UploadView


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


@blueprint.operation(
    "POST",
    "/v1/imports",
    body=ImportBody,
    answer=NewImportView,
    status=201,
    refusals=(rewards.RewardNotFound, rewards.RewardNotActive),
)
def create_import(call: Call[ImportBody, None]) -> Answer:
    """Create an import of codes, and get leave to upload its file.

    Upload the file, look at the preview, correct the options where they are wrong, and start.
    """
    services, body = call.services, call.body
    job = Import(
        import_id=services.new_id("imp", call.now),
        reward_id=body.reward_id,
        created_at=call.now,
        created_by=call.caller.caller_id,
        options=Options(body.delimiter, body.encoding, body.has_header, _columns(body.mapping)),
    )
    done = usecases.create(services.context, job, origin=origin_of(call), request=call.request)
    answer = NewImportView(import_=_view(done.result), upload=_upload(call, done.result))
    location = f"/v1/imports/{done.result.import_id}"
    return Answer(answer, location=location, replayed=done.replayed)


@blueprint.operation(
    "GET", "/v1/imports", query=ImportQuery, answer=ImportPage, refusals=(InvalidCursor,)
)
def list_imports(call: Call[None, ImportQuery]) -> Answer:
    """List imports."""
    path = "/v1/imports"
    page = usecases.list_all(
        call.services.context,
        lists.page_request(call, path=path, sort=call.query.sort),
        statuses=lists.chosen(call.query.status, ImportStatus),
    )
    items, cursor = lists.page_of(call, page, _view, path=path)
    return Answer(ImportPage(items, cursor))


@blueprint.operation("GET", "/v1/imports/template", answer=str, media_type="text/csv")
def get_import_template(_: Call[None, None]) -> Answer:
    """Download a file to fill in.

    The code is all that a row must have. A day of expiry means its end; the assignee is a customer
    id or an e-mail address.
    """
    header = ("code", "expires_at", "assignee", "metadata")
    example = ("SPRING-0001", "2027-12-31", "ada@example.com", "from the spring fair")
    disposition = {"Content-Disposition": 'attachment; filename="coupons.csv"'}
    return Answer(csvs.written([header, example]).decode(), headers=disposition)


@blueprint.operation(
    "GET", "/v1/imports/{import_id}", answer=ImportView, refusals=(imports.ImportNotFound,)
)
def get_import(call: Call[None, None], import_id: str) -> Answer:
    """Return an import, with how far it has come."""
    services = call.services
    return Answer(_view(usecases.look_up(services.context, services.files, import_id)))


@blueprint.operation(
    "PATCH",
    "/v1/imports/{import_id}",
    body=ImportPatch,
    answer=ImportView,
    refusals=(imports.ImportNotFound, imports.ImportStarted),
)
def update_import(call: Call[ImportPatch, None], import_id: str) -> Answer:
    """Correct how the file is read, before the import is started."""
    services, body = call.services, call.body

    def change(job: Import) -> Options:
        call.check_match(_view(job))
        changed: dict[str, Any] = {
            "delimiter": body.delimiter,
            "encoding": body.encoding,
            "has_header": body.has_header,
            "mapping": body.mapping if body.mapping is UNSET else _columns(body.mapping),
        }
        given = {name: value for name, value in changed.items() if value is not UNSET}
        return msgspec.structs.replace(job.options, **given)

    done = usecases.correct(
        services.context,
        services.files,
        import_id,
        change,
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(_view(done.result), replayed=done.replayed)


@blueprint.operation(
    "POST",
    "/v1/imports/{import_id}/upload",
    answer=UploadView,
    refusals=(imports.ImportNotFound, imports.ImportStarted),
    writes=False,
)
def create_import_upload(call: Call[None, None], import_id: str) -> Answer:
    """Get leave to upload the file once more, before the import is started."""
    return Answer(_upload(call, usecases.get(call.services.context, import_id)))


@blueprint.operation(
    "GET",
    "/v1/imports/{import_id}/preview",
    answer=PreviewView,
    refusals=(imports.ImportNotFound, imports.FileNotUploaded, import_rows.ColumnNotFound),
)
def preview_import(call: Call[None, None], import_id: str) -> Answer:
    """Show how the file is read with the options as they are now, and its first rows."""
    services = call.services
    settings = services.context.rules.settings(now=call.now)
    found = usecases.preview(
        services.context, services.files, import_id, time_zone=settings.time_zone
    )
    layout = found.layout
    view = PreviewView(
        encoding=layout.encoding,
        bom=layout.start > 0,
        delimiter=layout.delimiter,
        has_header=layout.has_header,
        columns=list(layout.columns),
        mapping=_columns_view(layout),
        rows=[
            PreviewRow(
                line=record.line,
                cells=list(record.cells),
                coupon=_coupon(row) if isinstance(row, Row) else None,
                fault=None if isinstance(row, Row) else row.reason,
            )
            for record, row in found.rows
        ],
    )
    return Answer(view)


@blueprint.operation(
    "POST",
    "/v1/imports/{import_id}/start",
    answer=ImportView,
    refusals=(
        imports.ImportNotFound,
        imports.FileNotUploaded,
        imports.ImportStarted,
        import_rows.ColumnNotFound,
        rewards.RewardNotFound,
        rewards.RewardNotActive,
    ),
    key_required=True,
)
def start_import(call: Call[None, None], import_id: str) -> Answer:
    """Start adding the rows of the file; its content and options stand from now on.

    A code that exists is never changed: its row is refused as a duplicate.
    """
    services = call.services
    done = usecases.start(
        services.context,
        services.files,
        services.functions,
        import_id,
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(_view(done.result), replayed=done.replayed)


@blueprint.operation(
    "POST",
    "/v1/imports/{import_id}/cancel",
    answer=ImportView,
    refusals=(imports.ImportNotFound, imports.ImportFinished),
)
def cancel_import(call: Call[None, None], import_id: str) -> Answer:
    """End an import where it is: no more rows are added, and what was added stays."""
    services = call.services
    done = usecases.cancel(
        services.context,
        services.functions,
        import_id,
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(_view(done.result), replayed=done.replayed)


@blueprint.operation(
    "GET",
    "/v1/imports/{import_id}/refused",
    answer=FileLink,
    refusals=(imports.ImportNotFound, imports.ImportNotFinished),
)
def get_refused_rows(call: Call[None, None], import_id: str) -> Answer:
    """Return from where the refused rows can be downloaded: line, value and reason of each."""
    services = call.services
    job, url = usecases.refused_link(services.context, services.files, import_id)
    expires_at = call.now + timedelta(seconds=usecases.DOWNLOAD_SECONDS)
    # The address is another one each time.
    return Answer(FileLink(url=url, expires_at=expires_at, rows=job.refused), etag=False)


def _columns(body: ColumnsBody | None) -> Columns | None:
    if body is None:
        return None
    return Columns(body.code, body.expires_at, body.assignee, tuple(body.metadata))


def _upload(call: Call[Any, Any], job: Import) -> UploadView:
    form = usecases.upload_form(call.services.files, job)
    return UploadView(
        url=form.url,
        fields=dict(form.fields),
        size_max=imports.UPLOAD_BYTES_MAX,
        expires_at=call.now + timedelta(seconds=usecases.UPLOAD_SECONDS),
    )


def _view(job: Import) -> ImportView:
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


def _columns_view(layout: Layout) -> ColumnsView:
    return ColumnsView(
        code=layout.code + 1,
        expires_at=None if layout.expires_at is None else layout.expires_at + 1,
        assignee=None if layout.assignee is None else layout.assignee + 1,
        metadata=[at + 1 for at in layout.metadata],
    )


def _coupon(row: Row) -> PreviewCoupon:
    return PreviewCoupon(
        code=row.code,
        expires_at=row.expires_at,
        assignee=row.email or row.customer_id,
        metadata=dict(row.metadata or {}),
    )
