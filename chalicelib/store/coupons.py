"""Coupons in the table."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core import codes
from chalicelib.core.coupons import Coupon, CouponStatus, RedemptionRef, runs_out_at
from chalicelib.store import keys
from chalicelib.store.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.items import Codec, TableItem


class CouponItem(TableItem, discriminator="coupon"):
    code = UnicodeAttribute()
    reward_id = UnicodeAttribute()
    status = EnumAttribute(CouponStatus)
    created_at = MomentAttribute()
    usage_limit = IntegerAttribute()
    usages = IntegerAttribute()
    customer_id = UnicodeAttribute(null=True)
    claimed_at = MomentAttribute(null=True)
    redeemed_at = MomentAttribute(null=True)
    expires_at = MomentAttribute(null=True)
    last_redemption = JsonAttribute(RedemptionRef, null=True)
    made_by = UnicodeAttribute(null=True)


def key(coupon: Coupon) -> keys.Key:
    return keys.coupon(_code_key(coupon))


def indexes(coupon: Coupon) -> dict[str, str]:
    """Coupons are listed by reward and status, by customer, and, while open, by their expiry."""
    code = _code_key(coupon)
    found = {
        "list_pk": keys.coupons_of_reward(
            coupon.reward_id, coupon.status, keys.shard_of(code, keys.COUPON_SHARDS)
        ),
        "list_sk": keys.at(coupon.created_at, code),
    }
    if coupon.customer_id is not None and coupon.claimed_at is not None:
        found["holder_pk"] = keys.customer(coupon.customer_id)[0]
        found["holder_sk"] = keys.at(coupon.claimed_at, code)
    due = runs_out_at(coupon)
    if due is not None:
        found["due_pk"] = keys.due_coupons(keys.shard_of(code, keys.DUE_SHARDS))
        found["due_sk"] = keys.at(due, code)
    return found


def _code_key(coupon: Coupon) -> str:
    key = codes.key_of(coupon.code)
    assert key is not None, "an issued code has a key"
    return key


CODEC = Codec(Coupon, CouponItem, key=key, locate=keys.coupon, indexes=indexes)
