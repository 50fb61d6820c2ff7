from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.core import errors
from chalicelib.core.changes import Contention
from chalicelib.core.coupons import codes, patterns
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.generations import Generation, GenerationStatus
from chalicelib.core.coupons.patterns import PatternExhausted, PatternTooWeak, PatternUse
from chalicelib.core.errors import Unavailable
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards.rewards import CouponSource, Reward, RewardNotActive, RewardStatus
from chalicelib.usecases.coupons import generation, issuing
from chalicelib.usecases.coupons.generation import CODES_A_SLICE
from chalicelib.usecases.keyed import Done
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin, unique
from tests.conftest import services_on
from tests.usecases.unsteady import fails, unsteady
from tests.usecases.world import a_request, an_offer, find, put

LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def fresh_services(fresh_table_name: str) -> Services:
    """Services on a table with nothing else to go on with."""
    return services_on(fresh_table_name)


def slices(count: int) -> Callable[[], bool]:
    """Return what has time for ``count`` slices."""
    left = iter([True] * count)
    return lambda: next(left, False)


def generate(
    services: Services,
    reward: Reward,
    count: int,
    *,
    pattern: str = patterns.DEFAULT,
    request: KeyedRequest | None = None,
    **options: Any,
) -> Done[Generation]:
    ordered = Generation(
        services.new_id("gen", NOON), reward.reward_id, pattern, count, "key_1", NOON
    )
    return generation.generate(
        services.context,
        ordered,
        force=options.get("force", False),
        has_time=options.get("has_time", lambda: True),
        origin=an_origin(),
        request=request or a_request(),
    )


def pool(services: Services, reward: Reward) -> list[Coupon]:
    found: list[Coupon] = []
    after = None
    while True:
        page = services.store.coupons_of_reward(
            reward.reward_id, list(CouponStatus), PageRequest(limit=100, after=after)
        )
        found += page.items
        after = page.end
        if after is None:
            return found


def stored(services: Services, made: Generation) -> Generation:
    return generation.get_generation(services.context, made.generation_id)


class TestGenerate:
    def test_makes_as_many_different_codes_as_were_ordered(self, services: Services) -> None:
        reward = an_offer(services)

        made = generate(services, reward, 2 * CODES_A_SLICE + 5).result

        assert (made.status, made.made, made.missing) == ("completed", made.wanted, 0)
        assert stored(services, made) == made
        coupons = pool(services, reward)
        assert len({coupon.code for coupon in coupons}) == made.wanted
        assert all(codes.looks_checked(coupon.code) for coupon in coupons)
        assert not any(codes.is_slip(coupon.code) for coupon in coupons)
        assert {coupon.status for coupon in coupons} == {CouponStatus.UNASSIGNED}

    def test_makes_codes_of_a_pattern(self, services: Services) -> None:
        reward = an_offer(services)
        pattern = f"{unique('S')}-####-????"

        generate(services, reward, 20, pattern=pattern)

        coupons = pool(services, reward)
        assert len(coupons) == 20
        for coupon in coupons:
            assert coupon.code.startswith(pattern[:14])
            assert coupon.code[14:18].isdigit()
            assert set(coupon.code[19:]) <= set(codes.LETTERS)

    def test_works_from_draft_on_and_notes_that_the_reward_has_codes(
        self, services: Services
    ) -> None:
        reward = an_offer(services, status=RewardStatus.DRAFT)

        generate(services, reward, 3)

        after = find(services, Reward, reward.reward_id)
        assert after is not None
        assert after.stocked

    def test_refuses_an_archived_reward_and_one_with_uploaded_codes(
        self, services: Services
    ) -> None:
        with pytest.raises(RewardNotActive):
            generate(services, an_offer(services, status=RewardStatus.ARCHIVED), 1)
        with pytest.raises(errors.Invalid):
            generate(services, an_offer(services, coupon_source=CouponSource.UPLOADED), 1)

    def test_refuses_a_weak_pattern_unless_forced_and_orders_nothing(
        self, services: Services
    ) -> None:
        reward, pattern = an_offer(services), f"{unique('W')}-####"

        with pytest.raises(PatternTooWeak):
            generate(services, reward, 1, pattern=pattern)
        assert find(services, PatternUse, patterns.key_of(pattern)) is None

        assert generate(services, reward, 1, pattern=pattern, force=True).result.made == 1

    def test_counts_all_orders_of_a_pattern_whatever_the_reward(self, services: Services) -> None:
        pattern = f"{unique('W')}-####-??????"
        most = patterns.size(pattern) // 10**6

        generate(services, an_offer(services), most, pattern=pattern, has_time=lambda: False)

        with pytest.raises(PatternTooWeak):
            generate(services, an_offer(services), 1, pattern=pattern.lower())

    def test_refuses_more_codes_than_the_pattern_has_even_when_forced(
        self, services: Services
    ) -> None:
        reward, pattern = an_offer(services), f"{unique('W')}-##"
        generate(services, reward, 90, pattern=pattern, force=True)

        with pytest.raises(PatternExhausted):
            generate(services, reward, 11, pattern=pattern, force=True)

    def test_finds_the_last_codes_of_a_pattern(self, services: Services) -> None:
        reward, pattern = an_offer(services), f"{unique('W')}-##"

        for _ in range(4):
            assert generate(services, reward, 25, pattern=pattern, force=True).result.made == 25

        assert len({coupon.code for coupon in pool(services, reward)}) == 100

    def test_ends_where_others_have_the_codes(self, services: Services) -> None:
        reward, prefix = an_offer(services), unique("W")
        pattern = f"{prefix}-#"
        taken = [f"{prefix}{number}" for number in range(8)]
        issuing.add_coupons(
            services.context,
            an_offer(services).reward_id,
            [issuing.NewCoupon(code) for code in taken],
            origin=an_origin(),
            request=None,
        )

        made = generate(services, reward, 5, pattern=pattern, force=True).result

        assert (made.status, made.made) == (GenerationStatus.EXHAUSTED, 2)
        assert stored(services, made) == made


class TestWithAKey:
    def test_sent_again_it_goes_on_and_makes_no_more_than_ordered(self, services: Services) -> None:
        reward, request, count = an_offer(services), a_request(), 3 * CODES_A_SLICE

        first = generate(services, reward, count, request=request, has_time=slices(1))
        again = generate(services, reward, count, request=request)
        third = generate(services, reward, count, request=request)

        assert (first.result.status, first.result.made) == ("running", CODES_A_SLICE)
        assert again.result.generation_id == first.result.generation_id
        assert (again.result.status, again.replayed, third.replayed) == ("completed", True, True)
        assert len(pool(services, reward)) == count


class TestGoOn:
    def test_makes_what_there_was_no_time_for(self, fresh_services: Services) -> None:
        services = fresh_services
        one, other = an_offer(services), an_offer(services)
        generate(services, one, 150, has_time=lambda: False)
        generate(services, other, 250, has_time=slices(1))

        first = generation.go_on(services.context, now=LATER, has_time=slices(1))
        second = generation.go_on(services.context, now=LATER, has_time=lambda: True)
        third = generation.go_on(services.context, now=LATER, has_time=lambda: True)

        assert (first.made, first.running) == (2 * CODES_A_SLICE, 2)
        assert (second.made, second.running) == (400 - 3 * CODES_A_SLICE, 0)
        assert (third.made, third.running) == (0, 0)
        assert (len(pool(services, one)), len(pool(services, other))) == (150, 250)

    def test_loses_nothing_when_it_ends_anywhere(self, fresh_services: Services) -> None:
        services, count = fresh_services, 2 * CODES_A_SLICE
        reward = an_offer(services)
        generate(services, reward, count, has_time=lambda: False)
        for written in (False, True):
            bad, line = unsteady(services)
            (line.after if written else line.before).append(fails(Unavailable("gone")))
            with pytest.raises(Unavailable):
                generation.go_on(bad.context, now=LATER, has_time=lambda: True)

        generation.go_on(services.context, now=LATER, has_time=lambda: True)

        assert len(pool(services, reward)) == count

    def test_does_not_mind_another_run_at_the_same_time(self, fresh_services: Services) -> None:
        services, count = fresh_services, 3 * CODES_A_SLICE
        reward = an_offer(services)
        made = generate(services, reward, count, has_time=lambda: False).result
        bad, line = unsteady(services)

        def other() -> None:
            generation.go_on(services.context, now=LATER, has_time=slices(1))

        line.before.append(other)
        overtaken = generation.go_on(bad.context, now=LATER, has_time=lambda: True)

        assert (overtaken.made, overtaken.running) == (0, 0)
        assert stored(services, made).made == len(pool(services, reward)) == CODES_A_SLICE

    def test_tries_again_where_a_transaction_was_in_the_way(self, services: Services) -> None:
        bad, line = unsteady(services)
        # The order, and the slice.
        line.before.extend([lambda: None, fails(Contention())])

        assert generate(bad, an_offer(services), 10).result.made == 10

    def test_stops_when_the_reward_is_archived(self, fresh_services: Services) -> None:
        services = fresh_services
        reward = an_offer(services)
        made = generate(services, reward, 200, has_time=slices(1)).result
        now = find(services, Reward, reward.reward_id)
        put(services, now, status=RewardStatus.ARCHIVED)
        services.context.rules.forget(reward.reward_id)

        generation.go_on(services.context, now=LATER, has_time=lambda: True)

        after = stored(services, made)
        assert (after.status, after.made, after.finished_at) == ("stopped", CODES_A_SLICE, LATER)


class TestCost:
    def test_of_a_slice_is_one_write(self, fresh_services: Services) -> None:
        services = fresh_services
        reward = an_offer(services)
        generate(services, reward, 1)
        services.context.rules.forget(reward.reward_id)
        services.context.rules.reward(reward.reward_id, now=LATER)
        services.context.rules.settings(now=LATER)
        generate(services, reward, 3 * CODES_A_SLICE, has_time=lambda: False)
        services.capacity.reset()

        generation.go_on(services.context, now=LATER, has_time=lambda: True)

        assert services.capacity.round_trips == 2 + 3
