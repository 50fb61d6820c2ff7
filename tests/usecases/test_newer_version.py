"""During a deployment: what newer code has written lives through every action of this code."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.rewards.rewards import RewardStatus
from chalicelib.usecases import settings
from chalicelib.usecases.coupons import coupons, expiry
from chalicelib.usecases.customers import customers
from chalicelib.usecases.rewards import rewards
from chalicelib.wiring import Services
from tests import engines
from tests.builders import NOON, an_origin, unique
from tests.usecases.world import (
    a_member,
    account_of,
    an_offer,
    coupon_of,
    redeem,
    some_coupons,
    unredeem,
)

_NEWER = {"future_tier": {"S": "gold"}, "future_points": {"N": "12"}}


class _Items:
    """The items of the table, as they are stored."""

    def __init__(self, engine: str, table_name: str) -> None:
        self._client = engines.client(engine)
        self._table_name = table_name

    def add_attributes(self, *partitions: str) -> list[dict[str, Any]]:
        """Have newer code write to every item of ``partitions``; return their keys."""
        keys = []
        for item in (item for partition in partitions for item in self._in(partition)):
            self._client.put_item(TableName=self._table_name, Item=item | _NEWER)
            keys.append({"PK": item["PK"], "SK": item["SK"]})
        return keys

    def without_attributes(self, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return those of ``keys`` whose item has lost what newer code wrote."""
        lost = []
        for key in keys:
            item = self._client.get_item(TableName=self._table_name, Key=key)["Item"]
            if {name: item.get(name) for name in _NEWER} != _NEWER:
                lost.append(key)
        return lost

    def _in(self, partition: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.query(
            TableName=self._table_name,
            KeyConditionExpression="PK = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
        )["Items"]
        return found


@pytest.fixture
def items(engine: str, table_name: str) -> _Items:
    return _Items(engine, table_name)


class TestNewerAttributes:
    def test_live_through_a_coupons_whole_life(self, services: Services, items: _Items) -> None:
        customer_id, order_id = a_member(services), unique("order")
        reward = an_offer(services, usage_limit=2)
        (code,) = some_coupons(services, reward, [None])
        key = f"CPN#{code.replace('-', '')}"
        keys = items.add_attributes(key, f"CUS#{customer_id}", f"RWD#{reward.reward_id}")
        assert len(keys) == 1 + 3 + 1

        coupons.claim(services.context, code, customer_id, origin=an_origin(), request=None)
        redeem(services, code, order_id=order_id)
        keys += items.add_attributes(f"ORD#{order_id}", f"CUS#{customer_id}")
        redeem(services, code, order_id=order_id, now=NOON + timedelta(minutes=1))
        unredeem(services, code, now=NOON + timedelta(minutes=2))
        coupons.change_expiry(
            services.context,
            code,
            NOON + timedelta(minutes=3),
            check=lambda _: None,
            origin=an_origin(NOON + timedelta(minutes=2)),
            request=None,
        )
        _expire(services, minutes=3)

        assert coupon_of(services, code).status == "expired"
        # Joined, claimed, redeemed twice, unredeemed, another expiry, expired.
        assert account_of(services, customer_id).activity_count == 7
        assert items.without_attributes(keys) == []

    def test_live_through_changes_of_profiles_rewards_settings_and_keys(
        self, services: Services, items: _Items
    ) -> None:
        customer_id, reward = a_member(services, email=unique("e")), an_offer(services)
        settings.put_settings(
            services.context,
            lambda before: replace(before, business_name=unique("Café ")),
            now=NOON,
            request=None,
        )
        keys = items.add_attributes(f"CUS#{customer_id}", f"RWD#{reward.reward_id}", "SETTINGS")

        customers.update_customer(
            services.context,
            customer_id,
            lambda member: replace(member.customer, email=None, tags=("vip",)),
            origin=an_origin(),
            request=None,
        )
        for status in (RewardStatus.PAUSED, RewardStatus.ARCHIVED):
            rewards.move_reward(services.context, reward.reward_id, status, now=NOON, request=None)
        settings.put_settings(
            services.context,
            lambda before: replace(before, business_name=unique("Bar ")),
            now=NOON,
            request=None,
        )

        assert items.without_attributes(keys) == []


def _expire(services: Services, *, minutes: int) -> None:
    now = NOON + timedelta(minutes=minutes)
    expiry.expire_due(services.context, origin=an_origin(now), has_time=lambda: True)
