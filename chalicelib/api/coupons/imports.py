"""Imports of codes from CSV files: create, upload, preview, correct, start, follow, cancel."""

from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from chalicelib.api.coupons.import_views import (
    FileLink,
    ImportBody,
    ImportPage,
    ImportPatch,
    ImportQuery,
    ImportView,
    NewImportView,
    PreviewRow,
    PreviewView,
    UploadView,
    columns_of,
    columns_view,
    coupon_view,
    upload_view,
    view_of,
)
from chalicelib.api.web import lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.origins import origin_of
from chalicelib.core.coupons import import_rows, imports
from chalicelib.core.coupons.import_rows import (
    Options,
    Row,
)
from chalicelib.core.coupons.imports import Import, ImportStatus
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.files import csvs
from chalicelib.core.rewards import rewards
from chalicelib.usecases.coupons import imports as usecases

blueprint = JsonBlueprint()


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
        options=Options(body.delimiter, body.encoding, body.has_header, columns_of(body.mapping)),
    )
    done = usecases.create(services.context, job, origin=origin_of(call), request=call.request)
    job = done.result
    upload = None if imports.is_started(job) else upload_view(call, job)
    answer = NewImportView(import_=view_of(job), upload=upload)
    location = f"/v1/imports/{job.import_id}"
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
    items, cursor = lists.page_of(call, page, view_of, path=path)
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
    return Answer(view_of(usecases.look_up(services.context, services.files, import_id)))


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
        call.check_match(view_of(job))
        changed: dict[str, Any] = {
            "delimiter": body.delimiter,
            "encoding": body.encoding,
            "has_header": body.has_header,
            "mapping": body.mapping if body.mapping is UNSET else columns_of(body.mapping),
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
    return Answer(view_of(done.result), replayed=done.replayed)


@blueprint.operation(
    "POST",
    "/v1/imports/{import_id}/upload",
    answer=UploadView,
    refusals=(imports.ImportNotFound, imports.ImportStarted),
    writes=False,
)
def create_import_upload(call: Call[None, None], import_id: str) -> Answer:
    """Get leave to upload the file once more, before the import is started."""
    return Answer(upload_view(call, usecases.get(call.services.context, import_id)))


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
        mapping=columns_view(layout),
        rows=[
            PreviewRow(
                line=record.line,
                cells=list(record.cells),
                coupon=coupon_view(row) if isinstance(row, Row) else None,
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
    return Answer(view_of(done.result), replayed=done.replayed)


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
    return Answer(view_of(done.result), replayed=done.replayed)


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
