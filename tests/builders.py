"""Valid things to vary in tests. A test names only what it is about."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from chalicelib.core.activity import Channel, Origin
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.redemptions import RedeemCoupon
from chalicelib.core.customers.accounts import Account, Standing
from chalicelib.core.customers.customers import Customer
from chalicelib.core.rewards.rewards import Reward, RewardStatus, RewardType
from chalicelib.core.settings import Settings

NOON = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
JOINED = datetime(2025, 1, 1, tzinfo=UTC)


def unique(prefix: str) -> str:
    """Return a name that no other test uses."""
    return f"{prefix}{uuid4().hex[:12].upper()}"


def an_origin(now: datetime = NOON, **changes: Any) -> Origin:
    return replace(Origin(actor="key_1", channel=Channel.SCANNER, recorded_at=now), **changes)


def a_coupon(**changes: Any) -> Coupon:
    """A coupon that Ada has claimed, as it was read."""
    coupon = Coupon(
        code="SPRING-10",
        reward_id="rwd_1",
        status=CouponStatus.CLAIMED,
        created_at=JOINED,
        customer_id="cus_ada",
        claimed_at=JOINED,
        version=1,
    )
    return replace(coupon, **changes)


def an_unassigned_coupon(**changes: Any) -> Coupon:
    return a_coupon(
        **{"status": CouponStatus.UNASSIGNED, "customer_id": None, "claimed_at": None, **changes}
    )


def a_reward(**changes: Any) -> Reward:
    """An active reward of ten percent."""
    reward = Reward(
        reward_id="rwd_1",
        name="Ten percent",
        reward_type=RewardType.PERCENTAGE_DISCOUNT,
        created_at=JOINED,
        status=RewardStatus.ACTIVE,
        percent_off_basis_points=1000,
        version=1,
    )
    return replace(reward, **changes)


def some_settings(**changes: Any) -> Settings:
    return replace(Settings(version=1), **changes)


def an_account(**changes: Any) -> Account:
    account = Account("cus_ada", Standing.ACTIVE, JOINED, activity_count=1, version=1)
    return replace(account, **changes)


def a_customer(**changes: Any) -> Customer:
    return replace(Customer("cus_ada", joined_at=JOINED, created_at=JOINED), **changes)


def a_redeem_coupon(**changes: Any) -> RedeemCoupon:
    command = RedeemCoupon(
        code="SPRING-10",
        redemption_id="rdm_1",
        event_ids=("evt_1", "evt_2"),
        amount_minor=2000,
    )
    return replace(command, **changes)
