"""Totals of rewards in the table, changed by adding, and the shadows of what they have counted."""

from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.coupons import codes
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.rewards.totals import (
    CouponShadow,
    DayTotals,
    RedemptionShadow,
    Totals,
    TotalsChange,
)
from chalicelib.store import keys
from chalicelib.store.engine.attributes import (
    DateAttribute,
    EnumAttribute,
    IntegerAttribute,
    MomentAttribute,
)
from chalicelib.store.engine.items import Codec, TableItem
from chalicelib.store.engine.table import wire_key


class TotalsItem(TableItem, discriminator="totals"):
    reward_id = UnicodeAttribute()
    shard = UnicodeAttribute()
    unassigned = IntegerAttribute()
    claimed = IntegerAttribute()
    redeemed = IntegerAttribute()
    expired = IntegerAttribute()
    invalid = IntegerAttribute()
    used = IntegerAttribute()
    claims = IntegerAttribute()
    redemptions = IntegerAttribute()
    purchase_minor = IntegerAttribute()
    discount_minor = IntegerAttribute()


class DayTotalsItem(TableItem, discriminator="day_totals"):
    reward_id = UnicodeAttribute()
    shard = UnicodeAttribute()
    day = DateAttribute()
    claims = IntegerAttribute()
    redemptions = IntegerAttribute()
    purchase_minor = IntegerAttribute()
    discount_minor = IntegerAttribute()


class CouponShadowItem(TableItem, discriminator="coupon_shadow"):
    code = UnicodeAttribute()
    reward_id = UnicodeAttribute()
    applied = IntegerAttribute()
    status = EnumAttribute(CouponStatus)
    used = BooleanAttribute()
    claimed_on = DateAttribute(null=True)
    redeemed_at = MomentAttribute(null=True)
    expires_at = MomentAttribute(null=True)


class RedemptionShadowItem(TableItem, discriminator="redemption_shadow"):
    redemption_id = UnicodeAttribute()
    reward_id = UnicodeAttribute()
    applied = IntegerAttribute()
    day = DateAttribute()
    stands = BooleanAttribute()
    purchase_minor = IntegerAttribute()
    discount_minor = IntegerAttribute()


def _coupon_shadow_indexes(shadow: CouponShadow) -> dict[str, Any]:
    """Further orders of a reward's coupons, for which no redemption pays; see ``keys``."""
    code = _code_key(shadow.code)
    shard = keys.shard_of(code, keys.ORDER_SHARDS)
    found = {}
    if shadow.redeemed_at is not None:
        found["list_pk"] = keys.coupons_by_use(shadow.reward_id, shard)
        found["list_sk"] = keys.at(shadow.redeemed_at, code)
    # One in the pool is found by its own item.
    if shadow.expires_at is not None and shadow.status is not CouponStatus.UNASSIGNED:
        found["due_pk"] = keys.coupons_by_end(shadow.reward_id, shard)
        found["due_sk"] = keys.at(shadow.expires_at, code)
    return found


def update_of(change: TotalsChange) -> dict[str, Any]:
    """Return ``change`` as one action of a transaction: additions, without a condition."""
    if change.day is None:
        key = keys.totals(change.reward_id, change.shard)
        kind = CODEC.discriminator
    else:
        key = keys.day_totals(change.reward_id, change.shard, change.day.isoformat())
        kind = DAY_CODEC.discriminator
    sets = {"kind": kind, "reward_id": change.reward_id, "shard": change.shard}
    if change.day is not None:
        sets["day"] = change.day.isoformat()
    adds = {"version": 1, **dict(change.amounts)}
    return {
        "Key": wire_key(key),
        "UpdateExpression": "SET "
        + ", ".join(f"#{name} = :{name}" for name in sets)
        + " ADD "
        + ", ".join(f"#{name} :{name}" for name in adds),
        "ExpressionAttributeNames": {f"#{name}": name for name in (*sets, *adds)},
        "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in sets.items()}
        | {f":{name}": {"N": str(amount)} for name, amount in adds.items()},
    }


def _code_key(code: str) -> str:
    key = codes.key_of(code)
    assert key is not None, "an issued code has a key"
    return key


CODEC = Codec(
    Totals,
    TotalsItem,
    key=lambda totals: keys.totals(totals.reward_id, totals.shard),
    locate=keys.totals,
)
DAY_CODEC = Codec(
    DayTotals,
    DayTotalsItem,
    key=lambda totals: keys.day_totals(totals.reward_id, totals.shard, totals.day.isoformat()),
    locate=keys.day_totals,
)
COUPON_SHADOW_CODEC = Codec(
    CouponShadow,
    CouponShadowItem,
    key=lambda shadow: keys.coupon_shadow(_code_key(shadow.code)),
    locate=keys.coupon_shadow,
    indexes=_coupon_shadow_indexes,
)
REDEMPTION_SHADOW_CODEC = Codec(
    RedemptionShadow,
    RedemptionShadowItem,
    key=lambda shadow: keys.redemption_shadow(shadow.redemption_id),
    locate=keys.redemption_shadow,
)


ADDITIONS = {TotalsChange: update_of}
