"""Redemptions in the table."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core import codes
from chalicelib.core.activity import Channel
from chalicelib.core.coupons import CouponStatus, RedemptionRef
from chalicelib.core.redemptions import Line, Redemption, Reversal
from chalicelib.core.rewards import Discount
from chalicelib.store import keys
from chalicelib.store.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.items import Codec, TableItem


class RedemptionItem(TableItem, discriminator="redemption"):
    redemption_id = UnicodeAttribute()
    code = UnicodeAttribute()
    reward_id = UnicodeAttribute()
    customer_id = UnicodeAttribute()
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


def key(redemption: Redemption) -> keys.Key:
    return keys.redemption(redemption.customer_id, redemption.redemption_id)


def indexes(redemption: Redemption) -> dict[str, str]:
    code_key = codes.key_of(redemption.code)
    assert code_key is not None, "a redeemed code has a key"
    return {"list_pk": keys.coupon(code_key)[0], "list_sk": redemption.redemption_id}


CODEC = Codec(Redemption, RedemptionItem, key=key, locate=keys.redemption, indexes=indexes)
