"""Redemptions in the table."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.activity import Channel
from chalicelib.core.coupons import codes
from chalicelib.core.coupons.baskets import Line
from chalicelib.core.coupons.coupons import CouponStatus, RedemptionRef
from chalicelib.core.coupons.redemptions import CardAfter, Redemption, Reversal
from chalicelib.core.rewards.limits import UnitTaken
from chalicelib.core.rewards.rewards import Discount
from chalicelib.store import keys
from chalicelib.store.engine.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.engine.items import Codec, TableItem


class RedemptionItem(TableItem, discriminator="redemption"):
    redemption_id = UnicodeAttribute()
    code = UnicodeAttribute()
    reward_id = UnicodeAttribute()
    customer_id = UnicodeAttribute(null=True)
    redeemed_at = MomentAttribute()
    recorded_at = MomentAttribute()
    actor = UnicodeAttribute()
    channel = EnumAttribute(Channel)
    currency = UnicodeAttribute()
    discount = JsonAttribute(Discount)
    coupon_status = EnumAttribute(CouponStatus)
    coupon_usages = IntegerAttribute()
    coupon_claimed = BooleanAttribute()
    counted_minor = IntegerAttribute()
    counted_visits = IntegerAttribute()
    newest_visit = BooleanAttribute()
    amount_minor = IntegerAttribute(null=True)
    order_id = UnicodeAttribute(null=True)
    comment = UnicodeAttribute(null=True)
    location_id = UnicodeAttribute(null=True)
    lines = JsonAttribute(tuple[Line, ...], null=True)
    previous = JsonAttribute(RedemptionRef, null=True)
    reversal = JsonAttribute(Reversal, null=True)
    units = JsonAttribute(tuple[UnitTaken, ...], null=True)
    exclusive = BooleanAttribute(null=True)
    coupon_balance_minor = IntegerAttribute(null=True)
    card = JsonAttribute(CardAfter, null=True)


def key(redemption: Redemption) -> keys.Key:
    return keys.redemption(redemption.customer_id or "", redemption.redemption_id)


def indexes(redemption: Redemption) -> dict[str, str]:
    code_key = codes.key_of(redemption.code)
    assert code_key is not None, "a redeemed code has a key"
    partition = keys.coupon(code_key)[0]
    if redemption.units:
        shard = keys.shard_of(redemption.redemption_id, keys.USE_SHARDS)
        partition = keys.uses_of_shared(code_key, shard)
    return {"list_pk": partition, "list_sk": redemption.redemption_id}


CODEC = Codec(Redemption, RedemptionItem, key=key, locate=keys.redemption, indexes=indexes)
