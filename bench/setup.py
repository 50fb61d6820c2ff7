"""An engine, a table and data for the measurements."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from chalicelib import wiring
from chalicelib.core.activity import Channel, Origin
from chalicelib.core.callers.api_keys import ApiKey
from chalicelib.core.callers.callers import Role
from chalicelib.core.customers.customers import Customer
from chalicelib.core.rewards.rewards import Reward, RewardStatus, RewardType
from chalicelib.usecases.callers import api_keys
from chalicelib.usecases.coupons import issuing
from chalicelib.usecases.coupons.issuing import NewCoupon
from chalicelib.usecases.customers import customers
from chalicelib.usecases.rewards import rewards
from chalicelib.wiring import Services
from tests import engines


@dataclass(frozen=True, slots=True)
class Bench:
    """The application on a table of its own."""

    services: Services
    table_name: str
    token: str

    def call(self, event: dict[str, Any]) -> Any:
        """Run the function as Lambda would."""
        import app  # noqa: PLC0415 # its import is measured elsewhere

        return app.app(event, None)

    def claimed_coupons(self, count: int) -> list[str]:
        """Return the codes of new coupons that run out, of many customers."""
        context, now = self.services.context, self.services.now()
        origin = Origin("bench", Channel.API, now)
        reward = Reward(
            self.services.new_id("rwd", now),
            name="Ten percent",
            reward_type=RewardType.PERCENTAGE_DISCOUNT,
            created_at=now,
            status=RewardStatus.ACTIVE,
            percent_off_basis_points=1000,
            valid_until=datetime(2030, 1, 1, tzinfo=UTC),
        )
        rewards.create_reward(context, reward, now=now, request=None)
        holders = []
        for _ in range(20):
            joined = now - timedelta(days=1)
            customer = Customer(self.services.new_id("cus", now), joined_at=joined, created_at=now)
            customers.create_customer(context, customer, origin=origin, request=None)
            holders.append(customer.customer_id)
        codes = [f"CJ01-0068-{uuid4().hex[:11].upper()}" for _ in range(count)]
        new = [NewCoupon(code, holders[at % len(holders)]) for at, code in enumerate(codes)]
        issued = issuing.add_coupons(context, reward.reward_id, new, origin=origin, request=None)
        assert len(issued.outcomes) == count
        return codes


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """Yield the application on DynamoDB Local in memory."""
    os.environ.update(
        AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1"
    )
    with engines.dynamodb_local() as endpoint:
        name = f"bench-{uuid4().hex[:8]}"
        engines.create_table(endpoint, name, stream=True)
        os.environ.update(AWS_ENDPOINT_URL_DYNAMODB=endpoint, TABLE_NAME=name)
        wiring.services.cache_clear()
        services = wiring.services()
        now = services.now()
        key_id = services.new_id("key", now)
        token = api_keys.token_of(key_id, services.new_secret())
        key = ApiKey(key_id, api_keys.hash_of(token), "bench", Role.OWNER, now, "bench")
        api_keys.create_key(services.context, key, now=now, request=None)
        yield Bench(services, name, token)
