"""The list of a reward's coupons and its counts cost the same however many coupons there are."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from chalicelib.core.changes import Changes, Contention
from chalicelib.core.coupons import batches
from chalicelib.core.coupons.coupons import Coupon, CouponOrder, CouponStatus, RedemptionRef
from chalicelib.core.errors import Unavailable
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards import totals
from chalicelib.core.rewards.statistics import Period
from chalicelib.core.rewards.totals import Change
from chalicelib.usecases.coupons import coupons
from chalicelib.usecases.rewards import totals as totals_usecases
from chalicelib.wiring import Services
from tests import engines
from tests.builders import NOON, a_coupon, a_reward
from tests.conftest import services_on
from tools.proof import figures
from tools.proof.figures import Value

pytestmark = pytest.mark.xdist_group("lists")

# `make proof` runs 1,000 beside 1,000,000.
_SMALL = 1_000
_LARGE = int(os.environ.get("COUPONRY_LIST_COUPONS", "5000"))
_ITEMS_A_TRANSACTION = 100
_REWARD = "rwd_" + 26 * "0"
_CUSTOMER = "cus_" + 26 * "0"
_ALL = frozenset(CouponStatus)
_SECOND = timedelta(seconds=1)
_USED = {"usages": 1, "last_redemption": RedemptionRef("rdm_1", _CUSTOMER, None)}
# Of twenty coupons: as in a pool that has been given out for a while.
_KINDS: list[dict[str, Any]] = [
    *[{"status": CouponStatus.UNASSIGNED, "customer_id": None, "claimed_at": None}] * 13,
    *[{"status": CouponStatus.CLAIMED}] * 3,
    {"status": CouponStatus.REDEEMED, **_USED},
    {"status": CouponStatus.REDEEMED, **_USED},
    {"status": CouponStatus.EXPIRED},
    {"status": CouponStatus.INVALID},
]


@dataclass(frozen=True, slots=True)
class Cost:
    """What was asked, and what it took."""

    entries: int
    round_trips: int
    read_units: float


def _some(size: int) -> Iterator[Coupon]:
    for number in range(size):
        kind = _KINDS[number % len(_KINDS)]
        at = NOON - timedelta(days=1) + number * timedelta(milliseconds=10)
        ended = kind["status"] is CouponStatus.EXPIRED
        fields: dict[str, Any] = {
            "claimed_at": at,
            "expires_at": NOON - _SECOND if ended else NOON + timedelta(days=30),
            **kind,
        }
        if "usages" in kind:
            fields["redeemed_at"] = at
        yield a_coupon(
            code=f"LIST-{number:07d}",
            reward_id=_REWARD,
            customer_id=fields.pop("customer_id", _CUSTOMER),
            created_at=NOON - timedelta(days=2),
            version=0,
            **fields,
        )


def _with_notes(size: int) -> Iterator[Any]:
    """Yield the coupons, with what the stream's follower writes beside those that have changed."""
    for coupon in _some(size):
        yield coupon
        if coupon.status is not CouponStatus.UNASSIGNED:
            told = Change(None, replace(coupon, version=1))
            part = totals.of_coupon(None, [told], time_zone="UTC")
            assert part is not None
            yield from part.note.create


def _write(services: Services, chunk: tuple[Any, ...]) -> None:
    """Write the chunk; a large load outlasts moments in which the engine answers nothing."""
    for number in range(20):
        try:
            services.store.commit(Changes(create=chunk))
        except Contention as lost:
            if lost.clashes:
                return  # It was written, and the answer was late.
        except Unavailable:
            services.context.pause(number)
        else:
            return
    raise AssertionError("the engine does not answer")


def _load(services: Services, size: int) -> None:
    reward = a_reward(reward_id=_REWARD, version=0)
    services.store.commit(Changes(create=(reward,)))
    items = _with_notes(size)
    while chunk := tuple(islice(items, _ITEMS_A_TRANSACTION)):
        _write(services, chunk)
    batch = batches.of([*_some(size)], batch_id="bat_1", at=NOON)
    services.store.commit(Changes(create=(batch,)))
    told = Change(None, replace(batch, version=1))
    totals_usecases.keep(services.context, [told], NOON)


def _costs(services: Services) -> dict[str, Cost]:
    """Return what page 1 costs in each order, and by status, and what the counts cost."""
    found = {}

    def measure(name: str, ask: Any) -> None:
        ask()  # Rewards and settings are kept in the container from then on.
        services.capacity.reset()
        entries = ask()
        meter = services.capacity
        found[name] = Cost(entries, meter.round_trips, meter.reads)

    def page(
        order: CouponOrder, statuses: frozenset[CouponStatus], *, descending: bool = True
    ) -> int:
        listed = coupons.list_of_reward(
            services.context,
            _REWARD,
            PageRequest(limit=25, descending=descending),
            statuses=statuses,
            order=order,
            now=NOON,
        )
        return len(listed.items)

    for order in CouponOrder:
        measure(f"by {order}", lambda order=order: page(order, _ALL))
        measure(f"by {order}, up", lambda order=order: page(order, _ALL, descending=False))
    for status in CouponStatus:
        measure(
            f"{status} ones",
            lambda status=status: page(CouponOrder.CLAIMED_AT, frozenset({status})),
        )
    measure("counts and statistics of 30 days", lambda: _counts(services))
    return found


def _counts(services: Services) -> int:
    found = totals_usecases.statistics_of(
        services.context, _REWARD, first=None, until=None, by=Period.DAY, now=NOON
    )
    return sum(getattr(found.totals, status) for status in CouponStatus)


def _measured(engine: str, size: int) -> dict[str, Cost]:
    name = f"couponry-{uuid4().hex[:12]}"
    # Not deleted: the engine ends with the tests, and is out of reach while it drops a large one.
    engines.create_table(engine, name)
    services = services_on(name)
    _load(services, size)
    return _costs(services)


@pytest.fixture(scope="module")
def measured(engine: str) -> tuple[dict[str, Cost], dict[str, Cost]]:
    return _measured(engine, _SMALL), _measured(engine, _LARGE)


class TestCost:
    def test_of_page_1_and_of_the_counts_is_the_same_at_any_size(
        self, measured: tuple[dict[str, Cost], dict[str, Cost]]
    ) -> None:
        small, large = measured
        counts = "counts and statistics of 30 days"
        shown: dict[str, Value] = {"coupons": _LARGE, "coupons it is compared with": _SMALL}
        for name, cost in large.items():
            before = small[name]
            shown[f"{name}: round trips"] = f"{before.round_trips} → {cost.round_trips}"
            shown[f"{name}: read units"] = f"{before.read_units} → {cost.read_units}"
        figures.record("lists", shown)

        assert (small.pop(counts).entries, large[counts].entries) == (_SMALL, _LARGE)
        cost_of_counts = large.pop(counts)
        assert cost_of_counts.round_trips <= 1 + totals.SHARDS
        # What is expired is also looked for among what is claimed, so that page can be short.
        small.pop("expired ones")
        large.pop("expired ones")
        assert large == small
        assert {cost.entries for cost in large.values()} == {25}

    def test_of_page_1_is_a_handful_of_queries(
        self, measured: tuple[dict[str, Cost], dict[str, Cost]]
    ) -> None:
        _, large = measured

        assert max(cost.round_trips for cost in large.values()) <= 8
