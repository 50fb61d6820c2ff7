import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from chalicelib.core.activity import ActivityEvent, Channel, EventType
from chalicelib.core.changes import Contention
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.customers.accounts import Standing
from chalicelib.store import keys
from chalicelib.usecases.coupons import expiry, issuing
from chalicelib.usecases.coupons.expiry import Progress
from chalicelib.usecases.coupons.issuing import NewCoupon
from chalicelib.usecases.coupons.redemptions import Redeemed
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin, unique
from tests.conftest import services_on
from tests.usecases.unsteady import fails, unsteady
from tests.usecases.world import (
    a_member,
    account_of,
    an_offer,
    coupon_of,
    events_of,
    put,
    redeem,
    some_coupons,
)

_INSTANT = timedelta(milliseconds=1)
_DUE = NOON - timedelta(hours=1)


@pytest.fixture
def services(fresh_table_name: str) -> Services:
    """Services on a table of the test alone: the job looks at all that is due."""
    return services_on(fresh_table_name)


def _expire(
    services: Services, *, now: datetime = NOON, has_time: Callable[[], bool] = lambda: True
) -> Progress:
    return expiry.expire_due(
        services.context,
        origin=an_origin(now, actor="job:expire_coupons", channel=Channel.JOB),
        has_time=has_time,
    )


def _due(services: Services, count: int, *, customer_id: str | None) -> list[str]:
    """Return the codes of that many coupons which ran out an hour ago."""
    found = []
    for start in range(0, count, 30):
        owners = [customer_id] * min(30, count - start)
        found += some_coupons(services, an_offer(services), owners, expires_at=_DUE)
    return found


def _statuses(services: Services, codes: list[str]) -> set[CouponStatus]:
    return {coupon_of(services, code).status for code in codes}


def _expired_events(services: Services, customer_id: str) -> list[ActivityEvent]:
    return [
        event
        for event in events_of(services, customer_id)
        if event.event_type is EventType.COUPON_EXPIRED
    ]


def _in_one_shard(services: Services, count: int, customer_id: str | None) -> list[str]:
    """Return the codes of due coupons that share a shard of the index, and so their batches."""
    prefix = unique("DUE")
    codes = (f"{prefix}{number:05d}" for number in itertools.count())
    alike = (code for code in codes if keys.shard_of(code, keys.DUE_SHARDS) == 0)
    found = list(itertools.islice(alike, count))
    reward = an_offer(services)
    wanted = [NewCoupon(code, customer_id, _DUE) for code in found]
    issuing.add_coupons(
        services.context, reward.reward_id, wanted, origin=an_origin(), request=None
    )
    return found


class TestExpireDue:
    @pytest.mark.parametrize(
        ("ends", "status"),
        [
            (NOON - _INSTANT, CouponStatus.EXPIRED),
            (NOON, CouponStatus.EXPIRED),
            (NOON + _INSTANT, CouponStatus.CLAIMED),
            (None, CouponStatus.CLAIMED),
        ],
        ids=["an instant ago", "now", "in an instant", "never"],
    )
    def test_is_exact_to_the_instant(
        self, services: Services, ends: datetime | None, status: CouponStatus
    ) -> None:
        (code,) = some_coupons(services, an_offer(services), [a_member(services)], expires_at=ends)

        progress = _expire(services)

        assert progress.expired == (status is CouponStatus.EXPIRED)
        assert coupon_of(services, code).status is status

    def test_tells_the_customer_that_it_happened_then(self, services: Services) -> None:
        customer_id = a_member(services)
        (code,) = _due(services, 1, customer_id=customer_id)

        _expire(services)

        (event,) = _expired_events(services, customer_id)
        assert (event.code, event.occurred_at, event.recorded_at) == (code, _DUE, NOON)
        assert (event.actor, event.channel) == ("job:expire_coupons", Channel.JOB)

    def test_of_a_coupon_that_nobody_has_tells_nobody(self, services: Services) -> None:
        (code,) = _due(services, 1, customer_id=None)

        assert _expire(services) == Progress(expired=1, left=0, lag_seconds=0)
        assert coupon_of(services, code).status is CouponStatus.EXPIRED

    def test_again_does_nothing(self, services: Services) -> None:
        customer_id = a_member(services)
        codes = _due(services, 60, customer_id=customer_id)

        first, again = _expire(services), _expire(services)

        assert (first.expired, again.expired) == (60, 0)
        assert _statuses(services, codes) == {CouponStatus.EXPIRED}
        assert len(_expired_events(services, customer_id)) == 60

    def test_counts_every_event_of_a_customer_who_loses_many(self, services: Services) -> None:
        customer_id = a_member(services)
        _due(services, 60, customer_id=customer_id)

        _expire(services)

        history = events_of(services, customer_id)
        assert account_of(services, customer_id).activity_count == len(history) == 121

    def test_of_an_excluded_customers_coupons_happens_too(self, services: Services) -> None:
        customer_id = a_member(services)
        (code,) = _due(services, 1, customer_id=customer_id)
        put(services, account_of(services, customer_id), standing=Standing.EXCLUDED)

        assert _expire(services).expired == 1
        assert coupon_of(services, code).status is CouponStatus.EXPIRED

    def test_leaves_what_has_been_used(self, services: Services) -> None:
        customer_id = a_member(services)
        (code,) = some_coupons(
            services, an_offer(services), [customer_id], expires_at=NOON + _INSTANT
        )
        redeem(services, code)

        assert _expire(services, now=NOON + timedelta(days=1)).expired == 0
        assert coupon_of(services, code).status is CouponStatus.REDEEMED


class TestTwoRuns:
    def test_at_once_expire_nothing_twice(self, services: Services) -> None:
        customers = [a_member(services) for _ in range(4)]
        codes = [
            code
            for customer_id in customers
            for code in _due(services, 40, customer_id=customer_id)
        ]

        with ThreadPoolExecutor(3) as pool:
            runs = [pool.submit(_expire, services) for _ in range(3)]
            progress = [run.result() for run in runs]
        rest = _expire(services)

        assert sum(each.expired for each in [*progress, rest]) == len(codes)
        assert _statuses(services, codes) == {CouponStatus.EXPIRED}
        for customer_id in customers:
            history = events_of(services, customer_id)
            assert account_of(services, customer_id).activity_count == len(history)
            assert len(_expired_events(services, customer_id)) == 40


class TestTime:
    def _for(self, steps: int) -> Callable[[], bool]:
        """Return a clock that has time for that many changes."""
        left = iter([True] * steps)
        return lambda: next(left, False)

    def test_that_runs_out_stops_it_and_the_next_run_goes_on(self, services: Services) -> None:
        codes = _due(services, 90, customer_id=a_member(services))

        first = _expire(services, has_time=self._for(5))
        assert 0 < first.expired < 90
        assert first.left == 90 - first.expired
        second = _expire(services)

        assert second == Progress(expired=90 - first.expired, left=0, lag_seconds=0)
        assert _statuses(services, codes) == {CouponStatus.EXPIRED}

    def test_that_was_never_there_leaves_everything_and_says_so(self, services: Services) -> None:
        _due(services, 30, customer_id=a_member(services))

        progress = _expire(services, has_time=lambda: False)

        assert progress == Progress(expired=0, left=30, lag_seconds=3600)

    def test_is_looked_at_within_a_shard_too(self, services: Services) -> None:
        _in_one_shard(services, 130, None)

        progress = _expire(services, has_time=self._for(1))

        assert (progress.expired, progress.left) == (25, 105)

    def test_left_behind_is_since_the_longest_due(self, services: Services) -> None:
        customer_id = a_member(services)
        for hours in (1, 30, 2):
            ended = NOON - timedelta(hours=hours)
            some_coupons(services, an_offer(services), [customer_id], expires_at=ended)

        assert _expire(services, has_time=lambda: False).lag_seconds == 30 * 3600


class TestOthersAtWork:
    def test_on_one_coupon_do_not_stop_the_rest(self, services: Services) -> None:
        """A late upload uses one of the coupons of a batch before the batch is written."""
        customer_id = a_member(services)
        codes = _in_one_shard(services, 10, customer_id)
        slow, line = unsteady(services)
        in_time = _DUE - timedelta(minutes=1)
        line.before.append(lambda: used.append(redeem(services, codes[3], redeemed_at=in_time)))

        used: list[Redeemed] = []
        progress = _expire(slow)

        assert len(used) == 1
        assert progress.expired == 9
        # All of them, and once more without the one that was in the way.
        assert line.commits == 2
        assert progress.left == 0
        assert coupon_of(services, codes[3]).status is CouponStatus.REDEEMED
        history = events_of(services, customer_id)
        # Joining, ten claims, one use and nine ends.
        assert account_of(services, customer_id).activity_count == len(history) == 1 + 10 + 1 + 9

    def test_on_everything_leave_it_to_the_next_run_which_is_told(self, services: Services) -> None:
        codes = _due(services, 30, customer_id=a_member(services))
        slow, line = unsteady(services)
        line.before += [fails(Contention()) for _ in range(1000)]

        progress = _expire(slow)

        assert progress == Progress(expired=0, left=30, lag_seconds=3600)
        assert _statuses(services, codes) == {CouponStatus.CLAIMED}
