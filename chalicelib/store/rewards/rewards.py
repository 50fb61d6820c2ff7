"""Rewards in the table."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.rewards.limits import Limits
from chalicelib.core.rewards.rewards import (
    CouponSource,
    PurchaseAmount,
    Reward,
    RewardStatus,
    RewardType,
    Stacking,
)
from chalicelib.store import keys
from chalicelib.store.engine.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.engine.items import Codec, TableItem


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
    limits = JsonAttribute(Limits, null=True)
    limits_per_customer = JsonAttribute(Limits, null=True)
    guests_allowed = BooleanAttribute(null=True)
    maximum_discount_minor = IntegerAttribute(null=True)
    products = JsonAttribute(tuple[str, ...], null=True)
    categories = JsonAttribute(tuple[str, ...], null=True)
    location_ids = JsonAttribute(tuple[str, ...], null=True)
    stacking = EnumAttribute(Stacking, null=True)
    application_order = IntegerAttribute(null=True)
    code_pattern = UnicodeAttribute(null=True)
    low_stock_at = IntegerAttribute(null=True)
    top_up_to = IntegerAttribute(null=True)
    top_up_id = UnicodeAttribute(null=True)


def indexes(reward: Reward) -> dict[str, str]:
    """Rewards are listed, and once more while somebody has to look after their pool."""
    found = {"list_pk": keys.REWARDS, "list_sk": reward.reward_id}
    if reward.status is RewardStatus.ACTIVE and reward.low_stock_at is not None:
        found |= {"due_pk": keys.WATCHED_POOLS, "due_sk": reward.reward_id}
    return found


CODEC = Codec(
    Reward,
    RewardItem,
    key=lambda reward: keys.reward(reward.reward_id),
    locate=keys.reward,
    indexes=indexes,
)
