"""Exports of coupons and redemptions as CSV files."""

from datetime import datetime, timedelta

import msgspec

from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.bodies import Identifier
from chalicelib.api.web.origins import origin_of
from chalicelib.core import errors
from chalicelib.core.coupons import exports
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.coupons.exports import Export, ExportKind, ExportStatus
from chalicelib.core.rewards import rewards
from chalicelib.usecases.coupons import exports as usecases

blueprint = JsonBlueprint()


class ExportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to write: all coupons of a reward, or those in some statuses, or its redemptions."""

    kind: ExportKind
    reward_id: Identifier
    status: list[CouponStatus] = []


class ExportView(msgspec.Struct, frozen=True, kw_only=True):
    """An export. `url` is from where its file can be downloaded, until `url_expires_at`."""

    id: str
    kind: ExportKind
    status: ExportStatus
    reward_id: str
    created_at: datetime
    finished_at: datetime | None
    rows: int
    url: str | None
    url_expires_at: datetime | None


@blueprint.operation(
    "POST",
    "/v1/exports",
    body=ExportBody,
    answer=ExportView,
    status=201,
    refusals=(rewards.RewardNotFound,),
)
def create_export(call: Call[ExportBody, None]) -> Answer:
    """Write the coupons or the redemptions of a reward into a CSV file.

    Cells that a spreadsheet would run as a formula begin with an apostrophe. A coupon is written
    as it is when its turn comes; one that is given back meanwhile may be missing.
    """
    services, body = call.services, call.body
    if body.status and body.kind is ExportKind.REDEMPTIONS:
        raise errors.Invalid(
            "only coupons are chosen by their status",
            fix="leave the status out",
            pointer="/status",
        )
    job = Export(
        export_id=services.new_id("exp", call.now),
        kind_of_rows=body.kind,
        reward_id=body.reward_id,
        created_at=call.now,
        created_by=call.caller.caller_id,
        statuses=tuple(sorted(set(body.status))),
        lease_until=call.now,
    )
    done = usecases.create(
        services.context, services.functions, job, origin=origin_of(call), request=call.request
    )
    location = f"/v1/exports/{done.result.export_id}"
    return Answer(_view(call, done.result), location=location, replayed=done.replayed)


@blueprint.operation(
    "GET", "/v1/exports/{export_id}", answer=ExportView, refusals=(exports.ExportNotFound,)
)
def get_export(call: Call[None, None], export_id: str) -> Answer:
    """Return an export, with a fresh address of its file once that is complete."""
    job = usecases.get(call.services.context, export_id)
    # The address is another one each time.
    return Answer(_view(call, job), etag=False)


def _view(call: Call[ExportBody, None] | Call[None, None], job: Export) -> ExportView:
    url = usecases.link(call.services.files, job)
    lasts = timedelta(seconds=usecases.DOWNLOAD_SECONDS)
    return ExportView(
        id=job.export_id,
        kind=job.kind_of_rows,
        status=job.status,
        reward_id=job.reward_id,
        created_at=job.created_at,
        finished_at=job.finished_at,
        rows=job.rows,
        url=url,
        url_expires_at=call.now + lasts if url else None,
    )
