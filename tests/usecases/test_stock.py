from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.core.changes import Changes
from chalicelib.core.coupons import patterns
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.coupons.generations import Generation
from chalicelib.core.coupons.patterns import PatternUse
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards.rewards import CouponSource, Reward, RewardStatus
from chalicelib.usecases.coupons import generation, pools, stock
from chalicelib.usecases.coupons.stock import Stock
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin
from tests.conftest import services_on
from tests.usecases.unsteady import unsteady
from tests.usecases.world import a_member, an_offer, find, put, some_coupons

MINUTE = timedelta(minutes=1)


@pytest.fixture
def services(fresh_table_name: str) -> Services:
    """Services on a table with no other pools to watch."""
    return services_on(fresh_table_name)


def order(services: Services, now: datetime = NOON, *, has_time: bool = True) -> Stock:
    return stock.order_what_is_low(services.context, now=now, has_time=lambda: has_time)


def go_on(services: Services, now: datetime = NOON) -> int:
    return generation.go_on(services.context, now=now, has_time=lambda: True).made


def size(services: Services, reward: Reward) -> int:
    return services.store.pool_size(reward.reward_id, limit=10_000)


def a_watched(services: Services, codes: int = 0, **changes: Any) -> Reward:
    reward = an_offer(services, **{"low_stock_at": 5, "top_up_to": 20, **changes})
    if codes:
        some_coupons(services, reward, [None] * codes)
    return reward


class TestALowPool:
    def test_is_filled_up_to_its_level(self, services: Services) -> None:
        reward = a_watched(services, codes=5)

        assert order(services) == Stock(watched=1, filled=1)
        assert go_on(services) == 15

        assert size(services, reward) == 20
        assert order(services, NOON + 2 * MINUTE) == Stock(watched=1)

    def test_is_low_from_its_mark_on(self, services: Services) -> None:
        a_watched(services, codes=6)

        assert order(services) == Stock(watched=1)

    def test_is_filled_again_when_it_is_low_again(self, services: Services) -> None:
        reward, customer_id = a_watched(services), a_member(services)
        order(services)
        go_on(services)
        for _ in range(15):
            pools.claim_any(
                services.context,
                reward.reward_id,
                customer_id,
                by_staff=True,
                origin=an_origin(),
                request=None,
            )

        order(services, NOON + 2 * MINUTE)
        go_on(services, NOON + 2 * MINUTE)

        assert size(services, reward) == 20

    def test_is_filled_with_codes_of_its_pattern(self, services: Services) -> None:
        reward = a_watched(services, code_pattern="REFILL-****-****")

        order(services)
        go_on(services)

        page = services.store.coupons_of_reward(
            reward.reward_id, [CouponStatus.UNASSIGNED], PageRequest(limit=100)
        )
        assert len(page.items) == 20
        assert all(coupon.code.startswith("REFILL-") for coupon in page.items)

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"top_up_to": None}, id="without a level to fill up to"),
            pytest.param(
                {"top_up_to": None, "coupon_source": CouponSource.UPLOADED}, id="uploaded"
            ),
        ],
    )
    def test_is_reported_when_nothing_fills_it(
        self, services: Services, changes: dict[str, Any]
    ) -> None:
        reward = a_watched(services, **changes)

        assert order(services) == Stock(watched=1, low=(reward.reward_id,))

    def test_is_reported_when_its_pattern_gives_no_more_codes(self, services: Services) -> None:
        reward = a_watched(services, code_pattern="########")
        ordered = PatternUse(patterns.key_of("########"), 100)
        services.store.commit(Changes(create=(ordered,)))

        assert order(services) == Stock(watched=1, low=(reward.reward_id,))

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": RewardStatus.DRAFT},
            {"status": RewardStatus.PAUSED},
            {"low_stock_at": None, "top_up_to": None},
        ],
    )
    def test_of_a_reward_that_is_not_active_or_has_no_mark_is_not_watched(
        self, services: Services, changes: dict[str, Any]
    ) -> None:
        a_watched(services, **changes)

        assert order(services) == Stock()

    @pytest.mark.parametrize("field", ["active_until", "valid_until"])
    def test_of_a_reward_that_is_over_is_left(self, services: Services, field: str) -> None:
        changes: dict[str, Any] = {field: NOON}
        a_watched(services, **changes)

        assert order(services) == Stock(watched=1)


class TestTwiceAtOnce:
    def test_orders_once(self, services: Services) -> None:
        reward = a_watched(services)
        bad, line = unsteady(services)

        def other() -> None:
            order(services)

        line.before.append(other)

        order(bad)
        go_on(services)

        assert size(services, reward) == 20

    def test_waits_for_the_order_that_is_under_way(self, services: Services) -> None:
        reward = a_watched(services)
        order(services)

        assert order(services, NOON + 60 * MINUTE) == Stock(watched=1, filled=1)
        go_on(services)

        assert size(services, reward) == 20

    def test_waits_until_the_new_codes_can_be_seen(self, services: Services) -> None:
        reward = a_watched(services)
        order(services)
        go_on(services)
        noted = find(services, Reward, reward.reward_id)
        assert noted is not None
        made = find(services, Generation, noted.top_up_id or "")
        assert made is not None
        # As if none of the codes were in the index yet.
        put(services, noted, low_stock_at=19_000, top_up_to=20_000)

        assert order(services, NOON + MINUTE - timedelta(seconds=1)) == Stock(watched=1, filled=1)
        after = find(services, Reward, reward.reward_id)
        assert after is not None
        assert after.top_up_id == made.generation_id
        order(services, NOON + MINUTE)
        after = find(services, Reward, reward.reward_id)
        assert after is not None
        assert after.top_up_id != made.generation_id


class TestManyPools:
    def test_are_all_looked_at_while_there_is_time(self, services: Services) -> None:
        for _ in range(3):
            a_watched(services, codes=6)

        assert order(services) == Stock(watched=3)
        assert order(services, has_time=False) == Stock(complete=False)
