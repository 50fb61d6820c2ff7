"""Batches of new coupons in the table; the table removes them when nobody needs them any more."""

from datetime import timedelta
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.coupons.batches import CouponBatch
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.store import keys
from chalicelib.store.engine.attributes import IntegerAttribute, JsonAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem

# The stream keeps its records for a day; the rest is for whoever looks into a difference.
_KEPT_FOR = timedelta(days=28)


class CouponBatchItem(TableItem, discriminator="coupon_batch"):
    batch_id = UnicodeAttribute()
    reward_id = UnicodeAttribute()
    created_at = MomentAttribute()
    created = JsonAttribute(dict[CouponStatus, int])
    claims = IntegerAttribute()
    used = IntegerAttribute()
    counted = BooleanAttribute()


def indexes(batch: CouponBatch) -> dict[str, Any]:
    return {"ttl": int((batch.created_at + _KEPT_FOR).timestamp())}


CODEC = Codec(
    CouponBatch,
    CouponBatchItem,
    key=lambda batch: keys.coupon_batch(batch.batch_id),
    locate=keys.coupon_batch,
    indexes=indexes,
)
