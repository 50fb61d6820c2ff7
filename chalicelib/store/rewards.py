"""Rewards in the table."""

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.core.rewards import CouponSource, PurchaseAmount, Reward, RewardStatus, RewardType
from chalicelib.store import keys
from chalicelib.store.attributes import EnumAttribute, MomentAttribute
from chalicelib.store.items import Codec, TableItem


class RewardItem(TableItem, discriminator="reward"):
    reward_id = UnicodeAttribute()
    name = UnicodeAttribute()
    reward_type = EnumAttribute(RewardType)
    created_at = MomentAttribute()
    status = EnumAttribute(RewardStatus)
    description = UnicodeAttribute(null=True)
    image_url = UnicodeAttribute(null=True)
    percent_off_basis_points = NumberAttribute(null=True)
    amount_off_minor = NumberAttribute(null=True)
    coupon_source = EnumAttribute(CouponSource)
    usage_limit = NumberAttribute()
    valid_until = MomentAttribute(null=True)
    valid_days_after_claim = NumberAttribute(null=True)
    active_from = MomentAttribute(null=True)
    active_until = MomentAttribute(null=True)
    purchase_amount = EnumAttribute(PurchaseAmount)
    minimum_purchase_minor = NumberAttribute(null=True)
    claim_on_redeem = BooleanAttribute()
    cost_in_points = NumberAttribute(null=True)
    tax_value_minor = NumberAttribute(null=True)
    stocked = BooleanAttribute()


CODEC = Codec(
    Reward,
    RewardItem,
    key=lambda reward: keys.reward(reward.reward_id),
    locate=keys.reward,
    indexes=lambda reward: {"list_pk": keys.REWARDS, "list_sk": reward.reward_id},
)
