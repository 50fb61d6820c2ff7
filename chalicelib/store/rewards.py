"""Rewards in the table."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.rewards import CouponSource, PurchaseAmount, Reward, RewardStatus, RewardType
from chalicelib.store import keys
from chalicelib.store.attributes import EnumAttribute, IntegerAttribute, MomentAttribute
from chalicelib.store.items import Codec, TableItem


class RewardItem(TableItem, discriminator="reward"):
    reward_id = UnicodeAttribute()
    name = UnicodeAttribute()
    reward_type = EnumAttribute(RewardType)
    created_at = MomentAttribute()
    status = EnumAttribute(RewardStatus)
    description = UnicodeAttribute(null=True)
    image_url = UnicodeAttribute(null=True)
    percent_off_basis_points = IntegerAttribute(null=True)
    amount_off_minor = IntegerAttribute(null=True)
    coupon_source = EnumAttribute(CouponSource)
    usage_limit = IntegerAttribute()
    valid_until = MomentAttribute(null=True)
    valid_days_after_claim = IntegerAttribute(null=True)
    active_from = MomentAttribute(null=True)
    active_until = MomentAttribute(null=True)
    purchase_amount = EnumAttribute(PurchaseAmount)
    minimum_purchase_minor = IntegerAttribute(null=True)
    claim_on_redeem = BooleanAttribute()
    cost_in_points = IntegerAttribute(null=True)
    tax_value_minor = IntegerAttribute(null=True)
    stocked = BooleanAttribute()


CODEC = Codec(
    Reward,
    RewardItem,
    key=lambda reward: keys.reward(reward.reward_id),
    locate=keys.reward,
    indexes=lambda reward: {"list_pk": keys.REWARDS, "list_sk": reward.reward_id},
)
