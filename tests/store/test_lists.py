import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core import moments
from chalicelib.core.activity import ActivityEvent, Channel, EventType
from chalicelib.core.changes import Changes
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.customers.customers import Customer
from chalicelib.core.pages import Page, PageRequest
from chalicelib.store import keys
from chalicelib.store.engine.capacity import Meter
from chalicelib.usecases.ports import Store
from tests.builders import JOINED, NOON, a_coupon, an_unassigned_coupon, unique

_OPEN = [CouponStatus.UNASSIGNED, CouponStatus.CLAIMED]

List = Callable[[PageRequest], Page[Any]]


def _walk(
    listing: List,
    request: PageRequest,
    between: Callable[[], None] = lambda: None,
) -> list[Any]:
    """Return all of the list, page by page; ``between`` is called between pages."""
    found: list[Any] = []
    pages = 0
    while True:
        page = listing(request)
        assert len(page.items) <= request.limit
        found += page.items
        pages += 1
        assert pages < 60, "the list does not end"
        if page.end is None:
            return found
        request = replace(request, after=page.end)
        between()


def _codes(coupons: list[Coupon]) -> list[str]:
    return [coupon.code for coupon in coupons]


def _pool(reward_id: str, created_at: list[datetime]) -> tuple[Coupon, ...]:
    """Return coupons of two statuses, created then."""
    prefix = unique("C")

    def one(number: int, created: datetime) -> Coupon:
        code = f"{prefix}{number:03d}"
        if number % 3:
            # Some were claimed, some, such as a shared one, nobody ever had.
            at = created if number % 2 else None
            return a_coupon(
                code=code, reward_id=reward_id, created_at=created, claimed_at=at, version=0
            )
        return an_unassigned_coupon(code=code, reward_id=reward_id, created_at=created, version=0)

    return tuple(one(number, created) for number, created in enumerate(created_at))


# Several share a moment: only the code tells them apart.
_MOMENTS = [NOON + timedelta(milliseconds=number // 3) for number in range(40)]


_bounds = st.integers(-1, 15).map(lambda step: moments.iso(NOON + timedelta(milliseconds=step)))


@pytest.fixture(scope="module")
def pool(store: Store) -> tuple[Coupon, ...]:
    """Coupons of one reward, in every shard."""
    pool = _pool(unique("rwd_"), _MOMENTS)
    store.commit(Changes(create=pool))
    shards = {keys.shard_of(coupon.code, keys.COUPON_SHARDS) for coupon in pool}
    assert len(shards) == keys.COUPON_SHARDS
    return pool


class TestCouponsOfAReward:
    @given(
        part=st.builds(
            lambda limit, descending, bounds: PageRequest(
                limit=limit, descending=descending, low=min(bounds), high=max(bounds)
            ),
            limit=st.integers(1, 50),
            descending=st.booleans(),
            bounds=st.tuples(_bounds, _bounds),
        ),
        statuses=st.sets(st.sampled_from(_OPEN), min_size=1),
    )
    @settings(max_examples=60, deadline=None)
    def test_are_walked_each_once_the_pool_by_itself_and_the_others_by_time(
        self,
        store: Store,
        pool: tuple[Coupon, ...],
        part: PageRequest,
        statuses: set[CouponStatus],
    ) -> None:
        others = sorted(
            (
                coupon
                for coupon in pool
                if coupon.status is not CouponStatus.UNASSIGNED
                and part.low <= moments.iso(coupon.created_at) < part.high
            ),
            key=lambda each: (each.created_at, each.code),
            reverse=part.descending,
        )
        unassigned = sorted(
            (coupon for coupon in pool if coupon.status is CouponStatus.UNASSIGNED),
            key=lambda each: hashlib.sha256(each.code.encode()).hexdigest(),
            reverse=part.descending,
        )
        expected = [coupon.code for coupon in (*unassigned, *others) if coupon.status in statuses]

        found = _walk(
            lambda request: store.coupons_of_reward(pool[0].reward_id, sorted(statuses), request),
            part,
        )

        assert _codes(found) == expected

    @pytest.mark.parametrize("descending", [True, False], ids=["newest first", "oldest first"])
    def test_are_each_walked_once_while_others_are_added(
        self, store: Store, *, descending: bool
    ) -> None:
        reward_id = unique("rwd_")
        there = _pool(reward_id, _MOMENTS[:20])
        store.commit(Changes(create=there))

        def add() -> None:
            created = [NOON - timedelta(days=1), NOON, NOON + timedelta(days=1)]
            store.commit(Changes(create=_pool(reward_id, created)))

        additions = iter([add] * 4)

        def between() -> None:
            next(additions, lambda: None)()

        found = _walk(
            lambda request: store.coupons_of_reward(reward_id, _OPEN, request),
            PageRequest(limit=3, descending=descending),
            between=between,
        )

        codes = _codes(found)
        assert len(codes) == len(set(codes))
        assert set(codes) >= {coupon.code for coupon in there}

    @pytest.mark.parametrize("queries", range(2 * keys.COUPON_SHARDS + 1))
    def test_are_listed_once_when_one_is_claimed_meanwhile(
        self, store: Store, queries: int
    ) -> None:
        """It stands in the partition of the one status, and then in that of the other."""
        reward_id = unique("rwd_")
        coupon = an_unassigned_coupon(code=unique("C"), reward_id=reward_id, version=0)
        store.commit(Changes(create=(coupon,)))
        before = replace(coupon, version=1)
        claimed = replace(before, status=CouponStatus.CLAIMED, customer_id="cus_ada")

        with _changed_after(
            store, queries, lambda: store.commit(Changes(update=((before, claimed),)))
        ):
            page = store.coupons_of_reward(reward_id, sorted(_OPEN), PageRequest())

        assert _codes([*page.items]) == [coupon.code]

    def test_cost_a_query_for_each_shard_whatever_there_is(
        self, store: Store, meter: Meter
    ) -> None:
        costs = []
        for size in (10, 80):
            reward_id = unique("rwd_")
            store.commit(Changes(create=_pool(reward_id, [NOON] * size)))
            meter.reset()
            store.coupons_of_reward(reward_id, [CouponStatus.CLAIMED], PageRequest(limit=5))
            costs.append((meter.round_trips, meter.reads))

        assert costs[0] == costs[1]
        assert costs[0][0] == keys.coupon_shards(CouponStatus.CLAIMED) + 1


@contextlib.contextmanager
def _changed_after(store: Store, queries: int, change: Callable[[], None]) -> Iterator[None]:
    """Make ``change`` once that many queries have been answered."""
    table = store._table  # type: ignore[attr-defined] # noqa: SLF001 # the seam to the engine
    real = table.query
    numbers = itertools.count()

    def query(*args: Any, **options: Any) -> Any:
        if next(numbers) == queries:
            change()
        return real(*args, **options)

    table.query = query
    try:
        yield
    finally:
        del table.query


class TestOtherLists:
    def test_of_customers_walks_every_shard_newest_first(
        self, engine: str, fresh_store: Store
    ) -> None:
        ids = [f"cus_{number:026d}" for number in range(30)]
        fresh_store.commit(
            Changes(create=tuple(Customer(each, joined_at=JOINED, created_at=NOON) for each in ids))
        )

        found = _walk(fresh_store.customers, PageRequest(limit=7))

        assert [customer.customer_id for customer in found] == ids[::-1]

    @pytest.mark.parametrize("descending", [True, False])
    def test_of_customers_include_the_start_of_a_range_and_exclude_its_end(
        self, fresh_store: Store, *, descending: bool
    ) -> None:
        ids = [f"cus_{number:026d}" for number in range(12)]
        fresh_store.commit(
            Changes(create=tuple(Customer(each, joined_at=JOINED, created_at=NOON) for each in ids))
        )

        found = _walk(
            fresh_store.customers,
            PageRequest(limit=2, descending=descending, low=ids[3], high=ids[9]),
        )

        inside = ids[3:9]
        assert [customer.customer_id for customer in found] == (
            inside[::-1] if descending else inside
        )

    def test_of_activity_is_in_the_order_of_recording_and_nothing_else(self, store: Store) -> None:
        customer_id = unique("cus_")
        events = [
            ActivityEvent(
                f"evt_{number:026d}",
                EventType.COUPON_CLAIMED,
                customer_id,
                # What happened later may be recorded earlier.
                occurred_at=NOON - timedelta(hours=number),
                recorded_at=NOON,
                actor="key_1",
                channel=Channel.API,
            )
            for number in range(12)
        ]
        profile = Customer(customer_id, joined_at=JOINED, created_at=NOON)
        store.commit(Changes(create=(profile, *events)))

        found = _walk(lambda request: store.activity(customer_id, request), PageRequest(limit=5))

        assert [event.event_id for event in found] == [event.event_id for event in events[::-1]]

    def test_of_a_customers_coupons_is_by_the_time_of_the_claim(self, store: Store) -> None:
        customer_id, prefix = unique("cus_"), unique("C")
        coupons = tuple(
            a_coupon(
                code=f"{prefix}{number:02d}",
                customer_id=customer_id,
                claimed_at=NOON + timedelta(hours=number * 7 % 10),
                created_at=NOON + timedelta(days=number),
                version=0,
            )
            for number in range(10)
        )
        store.commit(Changes(create=coupons))

        found = _walk(
            lambda request: store.coupons_of_customer(customer_id, request),
            PageRequest(limit=4, descending=False),
        )

        by_claim = sorted(coupons, key=lambda coupon: coupon.claimed_at or NOON)
        assert _codes(found) == [coupon.code for coupon in by_claim]

    def test_shows_things_as_they_are_now_not_as_they_were_indexed(self, store: Store) -> None:
        customer_id = unique("cus_")
        coupon = a_coupon(code=unique("C"), customer_id=customer_id, version=0)
        store.commit(Changes(create=(coupon,)))
        before = replace(coupon, version=1)
        after = replace(before, status=CouponStatus.INVALID)
        store.commit(Changes(update=((before, after),)))

        page = store.coupons_of_customer(customer_id, PageRequest())

        assert page.items == (replace(after, version=2),)


class TestDue:
    def test_is_what_has_run_out_by_the_very_instant(self, store: Store) -> None:
        instants = [NOON - timedelta(milliseconds=1), NOON, NOON + timedelta(milliseconds=1)]
        prefix = unique("DUE")
        coupons = tuple(
            a_coupon(code=f"{prefix}{number}", expires_at=instant, version=0)
            for number, instant in enumerate(instants)
        )
        store.commit(Changes(create=coupons))

        due = [
            coupon.code
            for shard in range(store.due_shards)
            for coupon in store.due_coupons(shard, now=NOON, limit=100, after=None).items
        ]

        assert set(due) == {f"{prefix}0", f"{prefix}1"}

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"status": CouponStatus.EXPIRED}, id="recorded"),
            pytest.param({"status": CouponStatus.INVALID}, id="taken out of use"),
            pytest.param({"expires_at": None}, id="without an end"),
        ],
    )
    def test_is_left_by_what_no_longer_runs_out(
        self, store: Store, changes: dict[str, Any]
    ) -> None:
        coupon = a_coupon(code=unique("GONE"), expires_at=JOINED, version=0)
        store.commit(Changes(create=(coupon,)))
        shard = keys.shard_of(coupon.code, store.due_shards)
        before = replace(coupon, version=1)
        (listed,) = store.due_coupons(shard, now=JOINED, limit=9, after=None).items
        assert listed == before

        store.commit(Changes(update=((before, replace(before, **changes)),)))

        assert store.due_coupons(shard, now=JOINED, limit=9, after=None).items == ()

    def test_backlog_counts_it_and_names_the_oldest(self, fresh_store: Store) -> None:
        codes = [code for code in (f"DUE{n:04d}" for n in range(200)) if _shard(code) == 5]
        coupons = tuple(
            a_coupon(code=code, expires_at=NOON - timedelta(seconds=number), version=0)
            for number, code in enumerate(codes)
        )
        fresh_store.commit(Changes(create=coupons))
        oldest_at = NOON - timedelta(seconds=len(codes) - 1)

        backlog = fresh_store.backlog(5, now=NOON)

        assert (backlog.count, backlog.oldest_at) == (len(codes), oldest_at)
        assert fresh_store.backlog(6, now=NOON).count == 0
        assert fresh_store.backlog(5, now=oldest_at).count == 1


def _shard(code: str) -> int:
    return keys.shard_of(code, keys.DUE_SHARDS)
