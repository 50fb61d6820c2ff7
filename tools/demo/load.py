"""Brings settings, rewards, customers and coupons into the API, as far as they are not there."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tools.client import Api, ApiError
from tools.demo.campaigns import Campaign, GivenCoupon, History
from tools.demo.survey import Customer, Reward, Standing, customer_of

T = TypeVar("T")

# Tills of the past report now: whenever a job records an expiry, the outcome is the same.
_LATE_UPLOAD_LIMIT_HOURS = 20 * 8766
_NEEDED = {
    "currency": "USD",
    "time_zone": "UTC",
    "late_upload_limit_hours": _LATE_UPLOAD_LIMIT_HOURS,
}
# A few seconds of work for one function; the API takes up to 1,000.
_BATCH = 200


def put_settings(api: Api) -> None:
    """Set what the replay needs; a business where that is so keeps what else it has set."""
    before = api.get("/v1/settings")
    if before != before | _NEEDED:
        name = {"business_name": "Complete Journey Grocers"}
        api.done("PUT", "/v1/settings", before | name | _NEEDED)


def add_rewards(api: Api, history: History, standing: Standing) -> int:
    """Add one reward for each campaign that has none, as a draft; return how many."""
    missing = [c for c in history.campaigns if c.campaign_id not in standing.rewards]
    for campaign in missing:
        body = _reward(campaign)
        made = api.done("POST", "/v1/rewards", body, key=key_of("reward", body)).body
        standing.rewards[campaign.campaign_id] = Reward(reward_id=made["id"], status=made["status"])
    return len(missing)


def activate_rewards(api: Api, standing: Standing) -> None:
    """Activate those that are not active; their coupons must be there."""
    for reward in standing.rewards.values():
        if reward.status != "active":
            # No key: a key would replay the first activation after somebody has paused it.
            api.done("POST", f"/v1/rewards/{reward.reward_id}/activate")


def add_customers(
    api: Api, history: History, standing: Standing, *, clients: int, advance: Callable[[int], None]
) -> None:
    """Add a customer for each household that has none."""
    joined_at = history.begins_at.isoformat()

    def add(household_id: str) -> Customer:
        body = {"external_id": household_id, "joined_at": joined_at}
        reply = api.send("POST", "/v1/customers", body, key=key_of("customer", body))
        if reply.code == "duplicate_customer":
            found = api.get(f"/v1/customers?external_id={household_id}")["items"]
            made = found[0] if found else None
        else:
            made = reply.body if reply.code is None else None
        if made is None:
            raise ApiError(f"Household {household_id} cannot be added: {reply.body}")
        advance(1)
        return customer_of(made)

    missing = [each for each in history.households if each not in standing.customers]
    standing.customers.update(zip(missing, _map(add, missing, clients=clients), strict=True))


def add_coupons(
    api: Api,
    history: History,
    standing: Standing,
    *,
    clients: int,
    advance: Callable[[int], None],
) -> None:
    """Give every household the coupons that it does not have yet."""

    def add(batch: Sequence[GivenCoupon]) -> None:
        reward = standing.rewards[batch[0].campaign_id]
        body = {
            "coupons": [
                {
                    "code": coupon.code,
                    "customer_id": standing.customers[coupon.household_id].customer_id,
                    "expires_at": coupon.expires_at.isoformat(),
                }
                for coupon in batch
            ]
        }
        path = f"/v1/rewards/{reward.reward_id}/coupons"
        reply = api.done("POST", path, body, key=key_of("coupons", [path, body]))
        for wanted, item in zip(body["coupons"], reply.body["items"], strict=True):
            if item["outcome"] == "refused" and not _is_there(api, wanted, reward):
                raise ApiError(f"A coupon cannot be added: {item}")
        advance(len(batch))

    _map(add, list(_batches(history, standing)), clients=clients)


def key_of(kind: str, request: Any) -> str:
    """Return the Idempotency-Key of a request: the same for the same, in every run."""
    return f"demo-{kind}-{hashlib.sha256(repr(request).encode()).hexdigest()[:32]}"


def _reward(campaign: Campaign) -> dict[str, Any]:
    return {
        "name": campaign.name,
        # The files do not say what a coupon took off, so it is no discount of an amount.
        "type": "custom",
        "description": "From the Complete Journey data set",
        "coupon_source": "uploaded",
        # Some attempts come without an amount.
        "purchase_amount": "optional",
        "validity": {"ends_at": campaign.ends_at.isoformat()},
        "active_from": campaign.starts_at.isoformat(),
        "active_until": campaign.ends_at.isoformat(),
    }


def _is_there(api: Api, wanted: dict[str, str], reward: Reward) -> bool:
    """Tell whether a refused coupon is one that an interrupted run has added after all."""
    reply = api.send("GET", f"/v1/coupons/{wanted['code']}")
    if reply.code is not None:
        return False
    owner = (reply.body["reward_id"], reply.body["customer_id"])
    return owner == (reward.reward_id, wanted["customer_id"])


def _batches(history: History, standing: Standing) -> Iterator[list[GivenCoupon]]:
    for campaign in history.campaigns:
        missing = [
            coupon
            for coupon in history.coupons
            if coupon.campaign_id == campaign.campaign_id and coupon.code not in standing.coupons
        ]
        for start in range(0, len(missing), _BATCH):
            yield missing[start : start + _BATCH]


def _map(work: Callable[[T], Any], items: Sequence[T], *, clients: int) -> list[Any]:
    """Return the results in order; after the first failure nothing new is begun."""
    pool = ThreadPoolExecutor(clients)
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)
