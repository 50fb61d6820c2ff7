"""What the API says stands: the only memory that the demo goes by."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.core.coupons.coupons import CouponStatus
from tools.client import Api
from tools.demo.campaigns import Attempt, History

_STATUSES = (
    CouponStatus.REDEEMED.value,
    ",".join(status for status in CouponStatus if status is not CouponStatus.REDEEMED),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reward:
    reward_id: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Customer:
    """Amounts are in minor units; ``events`` is the length of the customer's history."""

    customer_id: str
    lifetime_value_minor: int
    visits: int
    coupons_used: int
    events: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Coupon:
    """``redeemed_at`` and ``order_id`` are those of the redemption that stands."""

    status: str
    redeemed_at: datetime | None
    order_id: str | None

    def was_redeemed_by(self, attempt: Attempt) -> bool:
        """Tell whether it was this very attempt that redeemed it."""
        return (
            self.status == "redeemed"
            and (self.redeemed_at, self.order_id) == (attempt.redeemed_at, attempt.order_id)
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Rewards by campaign, customers by household and coupons by code; others are left out."""

    rewards: dict[str, Reward]
    customers: dict[str, Customer]
    coupons: dict[str, Coupon]


def survey(api: Api, history: History, *, clients: int) -> Standing:
    """Return what there is of ``history``, read with ``clients`` requests at a time."""
    rewards = find_rewards(api, history)
    # Two lists of each reward are cheaper than one: a page of all statuses looks into each of them.
    wanted = [(reward, status) for status in _STATUSES for reward in rewards.values()]
    with ThreadPoolExecutor(clients) as pool:
        customers = pool.submit(find_customers, api, history)
        coupons: dict[str, Coupon] = {}
        for found in pool.map(lambda which: dict(_coupons(api, *which)), wanted):
            coupons |= found
        return Standing(rewards=rewards, customers=customers.result(), coupons=coupons)


def find_rewards(api: Api, history: History) -> dict[str, Reward]:
    """Return the rewards of the campaigns, by campaign; found by name, the oldest of each."""
    # Newest first: older ones take the place of younger ones.
    by_name = {item["name"]: item for item in api.listed("/v1/rewards")}
    return {
        campaign.campaign_id: Reward(reward_id=item["id"], status=item["status"])
        for campaign in history.campaigns
        if (item := by_name.get(campaign.name)) is not None
    }


def find_customers(api: Api, history: History) -> dict[str, Customer]:
    """Return the customers that stand for the households, by household."""
    ours = set(history.households)
    return {
        item["external_id"]: customer_of(item)
        for item in api.listed("/v1/customers")
        if item["external_id"] in ours
    }


def customer_of(item: Any) -> Customer:
    """Return a customer from their representation."""
    return Customer(
        customer_id=item["id"],
        lifetime_value_minor=item["lifetime_value_minor"],
        visits=item["visits"],
        coupons_used=item["coupons_used"],
        events=item["activity_count"],
    )


def _coupons(api: Api, reward: Reward, status: str) -> Iterator[tuple[str, Coupon]]:
    for item in api.listed(f"/v1/rewards/{reward.reward_id}/coupons", f"&status={status}"):
        last, redeemed_at = item["last_redemption"], item["redeemed_at"]
        yield (
            item["code"],
            Coupon(
                status=item["status"],
                redeemed_at=None if redeemed_at is None else datetime.fromisoformat(redeemed_at),
                order_id=None if last is None else last["order_id"],
            ),
        )
