"""Exports in the table."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.coupons.exports import Export, ExportKind, ExportStatus
from chalicelib.store import keys
from chalicelib.store.engine.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.engine.items import Codec, TableItem


class ExportItem(TableItem, discriminator="export"):
    export_id = UnicodeAttribute()
    kind_of_rows = EnumAttribute(ExportKind)
    reward_id = UnicodeAttribute()
    created_at = MomentAttribute()
    created_by = UnicodeAttribute()
    statuses = JsonAttribute(tuple[CouponStatus, ...], null=True)
    status = EnumAttribute(ExportStatus)
    finished_at = MomentAttribute(null=True)
    rows = IntegerAttribute()
    position = IntegerAttribute()
    after = UnicodeAttribute(null=True)
    parts = JsonAttribute(tuple[str, ...], null=True)
    worker = UnicodeAttribute(null=True)
    lease_until = MomentAttribute(null=True)
    takeovers = IntegerAttribute()


def indexes(job: Export) -> dict[str, str]:
    """Exports are due for a worker once the lease of the last one has run out."""
    if job.lease_until is None:
        return {}
    return {"due_pk": keys.DUE_EXPORTS, "due_sk": keys.at(job.lease_until, job.export_id)}


CODEC = Codec(
    Export,
    ExportItem,
    key=lambda job: keys.export(job.export_id),
    locate=keys.export,
    indexes=indexes,
)
