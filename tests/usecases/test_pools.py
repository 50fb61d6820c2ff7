from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.changes import Changes, Contention
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.pools import Sight
from chalicelib.core.customers.accounts import CustomerExcluded, CustomerNotFound, Standing
from chalicelib.core.errors import Unavailable
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.rewards.rewards import (
    PoolEmpty,
    Reward,
    RewardNotActive,
    RewardNotFound,
    RewardStatus,
)
from chalicelib.usecases.coupons import pools
from chalicelib.usecases.keyed import Done
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin, an_unassigned_coupon, unique
from tests.usecases.unsteady import fails, unsteady
from tests.usecases.world import (
    a_member,
    a_request,
    account_of,
    an_offer,
    coupon_of,
    events_of,
    put,
    some_coupons,
)

HOUR = timedelta(hours=1)


def claim(  # noqa: PLR0913
    services: Services,
    reward: Reward,
    customer_id: str,
    *,
    by_staff: bool = False,
    now: datetime = NOON,
    request: KeyedRequest | None = None,
) -> Done[Coupon]:
    return pools.claim_any(
        services.context,
        reward.reward_id,
        customer_id,
        by_staff=by_staff,
        origin=an_origin(now),
        request=request,
    )


class Blinkered:
    """A store whose pool shows, for some looks, what it is told to; see ``claim``."""

    def __init__(self, services: Services, sights: list[Sight]) -> None:
        self._store = services.store
        self.sights = sights
        self.limits: list[int] = []

    def pool(self, reward_id: str, shard: int, *, place: int, limit: int) -> Sight:
        self.limits.append(limit)
        if self.sights:
            return self.sights.pop(0)
        return self._store.pool(reward_id, shard, place=place, limit=limit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def blinkered(services: Services, sights: list[Sight]) -> tuple[Services, Blinkered]:
    store: Any = Blinkered(services, sights)
    return replace(services, context=replace(services.context, store=store)), store


class TestClaimAny:
    def test_gives_one_of_the_pool_with_its_event(self, services: Services) -> None:
        reward, customer_id = an_offer(services), a_member(services)
        codes = some_coupons(services, reward, [None] * 3)

        done = claim(services, reward, customer_id)

        coupon = coupon_of(services, done.result.code)
        assert coupon.code in codes
        assert (coupon.status, coupon.customer_id) == (CouponStatus.CLAIMED, customer_id)
        assert (coupon.claimed_at, done.replayed) == (NOON, False)
        event = events_of(services, customer_id)[-1]
        assert (event.event_type, event.code) == ("coupon.claimed", coupon.code)
        assert account_of(services, customer_id).activity_count == 2

    def test_gives_every_code_once_and_then_says_that_the_pool_is_empty(
        self, services: Services
    ) -> None:
        reward, customer_id = an_offer(services), a_member(services)
        codes = some_coupons(services, reward, [None] * 9)

        given = [claim(services, reward, customer_id).result.code for _ in codes]

        assert sorted(given) == sorted(codes)
        with pytest.raises(PoolEmpty) as refusal:
            claim(services, reward, customer_id)
        assert refusal.value.facts == {"reward_status": "active"}

    def test_gives_no_code_of_another_reward(self, services: Services) -> None:
        some_coupons(services, an_offer(services), [None])

        with pytest.raises(PoolEmpty):
            claim(services, an_offer(services), a_member(services))

    def test_passes_over_what_has_run_out_before_the_job_records_it(
        self, services: Services
    ) -> None:
        reward, customer_id = an_offer(services), a_member(services)
        some_coupons(services, reward, [None] * 60, expires_at=NOON)
        codes = some_coupons(services, reward, [None] * 3, expires_at=NOON + HOUR)

        given = {claim(services, reward, customer_id).result.code for _ in codes}

        assert given == set(codes)
        with pytest.raises(PoolEmpty):
            claim(services, reward, customer_id)

    def test_gives_up_among_more_codes_that_have_run_out_than_it_may_look_at(
        self, services: Services
    ) -> None:
        due = an_unassigned_coupon(expires_at=NOON)
        bad, store = blinkered(services, [Sight((due,) * 100, whole=False)] * 1000)

        with pytest.raises(Unavailable) as refusal:
            claim(bad, an_offer(services), a_member(services))

        assert len(store.limits) == 3 * services.store.pool_shards
        assert sum(store.limits) < 500
        assert refusal.value.facts == {"retry_after": 60}

    def test_finds_the_few_that_run_out_later_behind_very_many_that_have(
        self, services: Services
    ) -> None:
        reward, customer_id = an_offer(services), a_member(services)
        some_coupons(services, reward, [None], expires_at=NOON)
        codes = some_coupons(services, reward, [None] * 2, expires_at=NOON + HOUR)
        due = an_unassigned_coupon(expires_at=NOON)
        bad, _ = blinkered(services, [Sight((due,) * 100, whole=False)] * 1000)

        given = {claim(bad, reward, customer_id).result.code for _ in codes}

        assert given == set(codes)

    def test_looks_on_where_what_it_was_led_to_is_claimed_already(self, services: Services) -> None:
        reward, customer_id = an_offer(services), a_member(services)
        (code,) = some_coupons(services, reward, [None])
        gone = an_unassigned_coupon(code=unique("GONE"), status=CouponStatus.CLAIMED)
        # Entries of the index may be a moment late.
        bad, _ = blinkered(services, [Sight((gone,), whole=False)] * 4)

        assert claim(bad, reward, customer_id).result.code == code

    def test_takes_another_one_when_it_is_beaten_to_it(self, services: Services) -> None:
        reward, first, second = an_offer(services), a_member(services), a_member(services)
        codes = some_coupons(services, reward, [None] * 2)
        bad, _ = unsteady(services)
        taken: list[str] = []

        class Beaten(Blinkered):
            def pool(self, reward_id: str, shard: int, *, place: int, limit: int) -> Sight:
                sight = super().pool(reward_id, shard, place=place, limit=limit)
                if sight.coupons and not taken:
                    coupon = sight.coupons[0]
                    put(services, coupon, status=CouponStatus.CLAIMED, customer_id=first)
                    taken.append(coupon.code)
                return sight

        store: Any = Beaten(bad, [])
        slow = replace(services, context=replace(bad.context, store=store))

        given = claim(slow, reward, second).result.code

        assert {given, *taken} == set(codes)
        assert store.limits[-1] > 1

    def test_lets_staff_give_before_the_reward_is_active(self, services: Services) -> None:
        reward = an_offer(services, active_from=NOON + HOUR)
        some_coupons(services, reward, [None])

        with pytest.raises(RewardNotActive):
            claim(services, reward, a_member(services))
        claim(services, reward, a_member(services), by_staff=True)

    def test_reads_the_reward_again_before_it_refuses(self, services: Services) -> None:
        reward = an_offer(services, status=RewardStatus.PAUSED)
        some_coupons(services, reward, [None])
        with pytest.raises(RewardNotActive):
            claim(services, reward, a_member(services))

        kept = services.context.rules.reward(reward.reward_id, now=NOON)
        put(services, kept, status=RewardStatus.ACTIVE)

        claim(services, reward, a_member(services))

    def test_refuses_customers_that_do_not_take_part(self, services: Services) -> None:
        reward, customer_id = an_offer(services), a_member(services)
        (code,) = some_coupons(services, reward, [None])
        put(services, account_of(services, customer_id), standing=Standing.EXCLUDED)

        with pytest.raises(CustomerExcluded):
            claim(services, reward, customer_id)
        with pytest.raises(CustomerNotFound):
            claim(services, reward, "cus_nobody")
        assert coupon_of(services, code).status is CouponStatus.UNASSIGNED

    def test_refuses_a_reward_that_is_none(self, services: Services) -> None:
        with pytest.raises(RewardNotFound):
            pools.claim_any(
                services.context,
                "rwd_none",
                "cus_ada",
                by_staff=True,
                origin=an_origin(),
                request=None,
            )


class TestWithAKey:
    def test_gives_the_same_coupon_again(self, services: Services) -> None:
        reward, customer_id, request = an_offer(services), a_member(services), a_request()
        some_coupons(services, reward, [None] * 5)

        first = claim(services, reward, customer_id, request=request)
        again = claim(services, reward, customer_id, request=request)

        assert (first.replayed, again.replayed) == (False, True)
        assert again.result.code == first.result.code

    def test_gives_the_last_coupon_again_from_the_empty_pool(self, services: Services) -> None:
        reward, customer_id, request = an_offer(services), a_member(services), a_request()
        some_coupons(services, reward, [None])
        bad, line = unsteady(services)
        line.after.append(fails(Contention()))

        done = claim(bad, reward, customer_id, request=request)

        assert done.result.customer_id == customer_id
        assert done.replayed


class TestCost:
    def test_of_a_claim_is_the_same_whatever_is_in_the_pool(self, services: Services) -> None:
        costs = []
        for size in (40, 400):
            reward, customer_id = an_offer(services), a_member(services)
            coupons = tuple(
                an_unassigned_coupon(
                    code=f"{unique('C')}{number}", reward_id=reward.reward_id, version=0
                )
                for number in range(size)
            )
            for start in range(0, size, 100):
                services.store.commit(Changes(create=coupons[start : start + 100]))
            services.context.rules.reward(reward.reward_id, now=NOON)
            services.context.rules.settings(now=NOON)
            services = replace(
                services, context=replace(services.context, random_below=lambda _: 0)
            )
            services.capacity.reset()
            claim(services, reward, customer_id)
            meter = services.capacity
            costs.append((meter.round_trips, meter.reads, meter.writes))

        assert costs[0] == costs[1]
        # The entry, the coupon, and the transaction.
        assert costs[0][:2] == (3, 1.5)
