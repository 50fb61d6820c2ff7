"""Imports in the table, and the rows that they refused until they are joined into a file."""

from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.coupons.import_rows import Layout, Options, RefusedRow
from chalicelib.core.coupons.imports import Failure, Import, ImportStatus, RefusedRows
from chalicelib.core.files import leases
from chalicelib.store import keys
from chalicelib.store.engine.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.engine.items import Codec, TableItem


class ImportItem(TableItem, discriminator="import"):
    import_id = UnicodeAttribute()
    reward_id = UnicodeAttribute()
    created_at = MomentAttribute()
    created_by = UnicodeAttribute()
    status = EnumAttribute(ImportStatus)
    options = JsonAttribute(Options)
    size_bytes = IntegerAttribute(null=True)
    etag = UnicodeAttribute(null=True)
    layout = JsonAttribute(Layout, null=True)
    started_at = MomentAttribute(null=True)
    started_by = UnicodeAttribute(null=True)
    finished_at = MomentAttribute(null=True)
    offset = IntegerAttribute()
    line = IntegerAttribute()
    created = IntegerAttribute()
    duplicate = IntegerAttribute()
    invalid = IntegerAttribute()
    refused_file = BooleanAttribute()
    failure = EnumAttribute(Failure, null=True)
    worker = UnicodeAttribute(null=True)
    lease_until = MomentAttribute(null=True)
    takeovers = IntegerAttribute()


class RefusedRowsItem(TableItem, discriminator="refused_rows"):
    import_id = UnicodeAttribute()
    recorded_at = MomentAttribute()
    rows = JsonAttribute(tuple[RefusedRow, ...])


def indexes(job: Import) -> dict[str, str]:
    """Imports are listed, and due for a worker once the lease of the last one has run out."""
    found = {"list_pk": keys.IMPORTS, "list_sk": job.import_id}
    if job.lease_until is not None:
        found["due_pk"] = keys.DUE_IMPORTS
        found["due_sk"] = keys.at(job.lease_until, job.import_id)
    return found


def refused_key(refused: RefusedRows) -> keys.Key:
    return keys.refused_rows(refused.import_id, str(refused.rows[0].line))


def refused_indexes(refused: RefusedRows) -> dict[str, Any]:
    return {"ttl": int((refused.recorded_at + leases.FILES_KEPT_FOR).timestamp())}


CODEC = Codec(
    Import,
    ImportItem,
    key=lambda job: keys.coupon_import(job.import_id),
    locate=keys.coupon_import,
    indexes=indexes,
)
REFUSED_CODEC = Codec(
    RefusedRows,
    RefusedRowsItem,
    key=refused_key,
    locate=keys.refused_rows,
    indexes=refused_indexes,
)
