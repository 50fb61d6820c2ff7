"""Coupons in the table."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.coupons import codes
from chalicelib.core.coupons.coupons import (
    CardRef,
    Coupon,
    CouponStatus,
    HeldUse,
    Invalidation,
    RedemptionRef,
    runs_out_at,
)
from chalicelib.store import keys
from chalicelib.store.engine.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.engine.items import Codec, TableItem


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
    invalidation = JsonAttribute(Invalidation, null=True)
    balance_minor = IntegerAttribute(null=True)
    shared = BooleanAttribute(null=True)
    holds = JsonAttribute(tuple[HeldUse, ...], null=True)
    metadata = JsonAttribute(dict[str, str], null=True)
    card = JsonAttribute(CardRef, null=True)


def key(coupon: Coupon) -> keys.Key:
    return keys.coupon(_code_key(coupon))


def indexes(coupon: Coupon) -> dict[str, str]:
    """Coupons are listed by reward and status, by customer, and, while open, by their expiry.

    Those of the pool are listed in the order in which they are given out, and by their expiry; the
    others by the time of their claim, or of their making where nobody ever had them.
    """
    code = _code_key(coupon)
    found = {
        "list_pk": keys.coupons_of_reward(
            coupon.reward_id,
            coupon.status,
            keys.shard_of(code, keys.coupon_shards(coupon.status)),
        ),
        "list_sk": keys.in_pool(code)
        if coupon.status is CouponStatus.UNASSIGNED
        else keys.at(coupon.claimed_at or coupon.created_at, code),
    }
    if coupon.customer_id is not None and coupon.claimed_at is not None:
        found["holder_pk"] = keys.customer(coupon.customer_id)[0]
        found["holder_sk"] = keys.at(coupon.claimed_at, code)
    elif coupon.status is CouponStatus.UNASSIGNED and coupon.expires_at is not None:
        shard = keys.shard_of(code, keys.ORDER_SHARDS)
        found["holder_pk"] = keys.pool_by_end(coupon.reward_id, shard)
        found["holder_sk"] = keys.at(coupon.expires_at, code)
    due = runs_out_at(coupon)
    if due is not None:
        found["due_pk"] = keys.due_coupons(keys.shard_of(code, keys.DUE_SHARDS))
        found["due_sk"] = keys.at(due, code)
    return found


def uses_of(coupon: Coupon, shard: int | None = None) -> str:
    """Return the partition of the coupon's redemptions; one of several for a shared code."""
    code = _code_key(coupon)
    return keys.coupon(code)[0] if shard is None else keys.uses_of_shared(code, shard)


def _code_key(coupon: Coupon) -> str:
    key = codes.key_of(coupon.code)
    assert key is not None, "an issued code has a key"
    return key


CODEC = Codec(Coupon, CouponItem, key=key, locate=keys.coupon, indexes=indexes)
