"""Very many coupons that run out at the same instant, while others are being redeemed.

The jobs run in processes of their own, in slices, as Lambda would run them. No test asserts a time:
how much redemptions slow down is on the page that ``make proof`` makes of the figures.
"""

import itertools
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.core.changes import Changes
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.customers.accounts import Account, Standing
from chalicelib.wiring import Services
from tests import engines
from tests.builders import JOINED, NOON, a_coupon, an_unassigned_coupon
from tests.conftest import services_on
from tests.jobs.slices import Slices, a_job
from tests.usecases.world import a_member, an_offer, redeem, some_coupons
from tools.proof import figures

pytestmark = pytest.mark.xdist_group("pacing")

# `make proof` runs 200,000.
_DUE = int(os.environ.get("COUPONRY_PACING_DUE", "5000"))
_ENDED = NOON - timedelta(hours=1)
_AS_OF = "2026-03-29T12:00:00Z"
_ITEMS_A_TRANSACTION = 100
# By the sizes of items: the coupon 2, its entries in the lists by status 2, its entry in what is
# due 1; of a claimed one the event 2 and the account 2, of one in the pool its place by expiry 1.
_UNITS_CLAIMED, _UNITS_IN_THE_POOL = 9, 6
# What part of the due coupons each phase may take; paced slices take the rest.
_ALONE, _TWO_AT_ONCE = 0.2, 0.5
# As long as a run of the function for 200,000.
_SLICE_MILLIS = max(4_000, min(100_000, _DUE // 2))
_UNPACED_SLICE_MILLIS = max(1_500, _DUE // 10)
_REDEMPTIONS_ALONE = max(50, _DUE // 200)
# One in so many is somebody's; the others are still in the pool.
_CLAIMED_EVERY = 4


def _due() -> Iterator[Coupon]:
    """Yield coupons of as many customers, and of a pool."""
    for number in range(_DUE):
        code = f"DUE-{number:06d}"
        if number % _CLAIMED_EVERY:
            yield an_unassigned_coupon(code=code, expires_at=_ENDED, version=0)
        else:
            customer_id = f"cus_{number:026d}"
            yield a_coupon(code=code, customer_id=customer_id, expires_at=_ENDED, version=0)


def _load(services: Services) -> None:
    accounts = (
        Account(coupon.customer_id, Standing.ACTIVE, JOINED)
        for coupon in _due()
        if coupon.customer_id is not None
    )
    snapshots: Iterator[Any] = itertools.chain(accounts, _due())
    while chunk := tuple(itertools.islice(snapshots, _ITEMS_A_TRANSACTION)):
        services.store.commit(Changes(create=chunk))


@dataclass
class Till:
    """One client that redeems, one coupon after the other, and notes how long each took."""

    services: Services
    codes: Iterator[str]
    seconds: list[float] = field(default_factory=list)

    def redeem(self) -> None:
        began = time.perf_counter()
        redeem(self.services, next(self.codes))
        self.seconds.append(time.perf_counter() - began)


@dataclass
class Run:
    """All that was reported and measured."""

    reports: dict[str, list[Any]]
    engine_units_a_second: float
    rate: float
    alone: list[float]
    beside: list[float]
    statuses: Counter[str]
    told: Counter[str]
    activity: Counter[int]

    def total(self, name: str, *phases: str) -> float:
        reports = (self.reports[phase] for phase in phases or self.reports)
        return sum(float(report[name]) for report in itertools.chain.from_iterable(reports))


def _until(job: Slices, reports: list[Any], *, count: int) -> float:
    """Let ``job`` run until it has expired ``count``; return its write units a second."""
    while sum(report["Expired"] for report in reports) < count:
        job.begin(millis=_UNPACED_SLICE_MILLIS)
        reports.append(job.report())
    # Of the time to write: to count what is left comes after it.
    seconds = len(reports) * _UNPACED_SLICE_MILLIS / 1000
    return float(sum(report["write_units"] for report in reports)) / seconds


@pytest.fixture(scope="module")
def run(engine: str) -> Run:
    name = f"couponry-{uuid4().hex[:12]}"
    engines.create_table(engine, name)
    services = services_on(name)
    _load(services)
    # Many uses each, so that one client never runs out of them.
    offer = an_offer(services, usage_limit=1_000_000)
    codes = some_coupons(services, offer, [a_member(services) for _ in range(30)])
    alone, beside = (Till(services, itertools.cycle(codes)) for _ in range(2))
    reports: dict[str, list[Any]] = {"alone": [], "two at once": [], "paced": []}

    with a_job(name, as_of=_AS_OF, rate=None) as job:
        capacity = _until(job, reports["alone"], count=int(_ALONE * _DUE))
        with a_job(name, as_of=_AS_OF, rate=None) as twin:
            while sum(each["Expired"] for each in reports["two at once"]) < _TWO_AT_ONCE * _DUE:
                # As of the same time they begin with the same coupons.
                for each in (job, twin):
                    each.begin(millis=_UNPACED_SLICE_MILLIS)
                reports["two at once"] += [job.report(), twin.report()]

    for _ in range(20):
        alone.redeem()
    alone.seconds.clear()
    with a_job(name, as_of=_AS_OF, rate=capacity / 4) as job:
        while not reports["paced"] or reports["paced"][-1]["ExpiryLeft"]:
            for _ in range(_REDEMPTIONS_ALONE):
                alone.redeem()
            _beside(job, beside, reports["paced"])
    return Run(
        reports=reports,
        engine_units_a_second=capacity,
        rate=capacity / 4,
        alone=alone.seconds,
        beside=beside.seconds,
        **_found(engine, name),
    )


def _beside(job: Slices, till: Till, reports: list[Any]) -> None:
    """Redeem until the slice is over."""
    job.begin(millis=_SLICE_MILLIS)
    while not job.has_reported():
        till.redeem()
    reports.append(job.report())


def _found(engine: str, table_name: str) -> dict[str, Counter[Any]]:
    """Return what is in the table: only a test goes through all of it."""
    statuses, told, activity = Counter[str](), Counter[str](), Counter[int]()
    for item in engines.items(engine, table_name):
        kind = item["kind"]["S"]
        if kind == "coupon" and item["code"]["S"].startswith("DUE-"):
            statuses[item["status"]["S"]] += 1
        if kind == "event" and item["event_type"]["S"] == "coupon.expired":
            told[item["code"]["S"]] += 1
        if kind == "account" and item["PK"]["S"].startswith("CUS#cus_0000000000"):
            activity[int(item["activity_count"]["N"])] += 1
    return {"statuses": statuses, "told": told, "activity": activity}


class TestVeryManyAtTheSameInstant:
    def test_are_all_expired_in_slices(self, run: Run) -> None:
        assert run.statuses == {CouponStatus.EXPIRED: _DUE}
        assert run.total("Expired") == _DUE
        assert sum(map(len, run.reports.values())) > len(run.reports)
        assert run.reports["paced"][-1]["ExpiryLeft"] == 0

    def test_are_told_once_each_also_by_two_jobs_at_once(self, run: Run) -> None:
        assert len(run.told) == _DUE // _CLAIMED_EVERY
        assert set(run.told.values()) == {1}
        # Every account has counted one event.
        assert run.activity == {1: _DUE // _CLAIMED_EVERY}

    def test_cost_the_units_of_what_is_due(self, run: Run) -> None:
        expired = run.total("Expired", "alone", "paced")
        units = run.total("write_units", "alone", "paced")
        claimed = (units - _UNITS_IN_THE_POOL * expired) / (_UNITS_CLAIMED - _UNITS_IN_THE_POOL)
        assert claimed == int(claimed)
        # Each is somebody's or the pool's, whichever of them these phases met.
        assert abs(claimed / expired - 1 / _CLAIMED_EVERY) < 0.05

    def test_leave_the_table_to_redemptions(self, run: Run) -> None:
        """The figures say how far; here is only that there were any."""
        alone, beside = (statistics.median(each) * 1000 for each in (run.alone, run.beside))
        figures.record(
            "pacing",
            {
                "coupons due at the same instant": _DUE,
                "of these expired by one job without a pace": int(run.total("Expired", "alone")),
                "by two jobs at once": int(run.total("Expired", "two at once")),
                "by one job at its pace": int(run.total("Expired", "paced")),
                "slices of the paced job": len(run.reports["paced"]),
                "expired twice": sum(count > 1 for count in run.told.values()),
                "write units a coupon": round(
                    run.total("write_units", "alone", "paced")
                    / run.total("Expired", "alone", "paced"),
                    2,
                ),
                "write units a coupon, two jobs at once on the same ones": round(
                    run.total("write_units", "two at once") / run.total("Expired", "two at once"),
                    2,
                ),
                "write units a second of the engine, by one job": round(run.engine_units_a_second),
                "set rate: a quarter of that": round(run.rate),
                "redemptions alone": len(run.alone),
                "redemptions beside the paced job": len(run.beside),
                "median of a redemption alone, ms": round(alone, 2),
                "median beside the paced job, ms": round(beside, 2),
                "ratio (goal: below 1.33)": round(beside / alone, 3),
            },
        )
        assert run.alone
        assert run.beside
