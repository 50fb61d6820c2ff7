"""Many claimers draw on one pool until it is empty: each gets another code, at once."""

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.changes import Changes
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.errors import ConflictRetry, Unavailable
from chalicelib.core.rewards.rewards import PoolEmpty, Reward
from chalicelib.usecases.coupons import pools
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin, an_unassigned_coupon
from tests.conftest import services_on
from tests.usecases.world import a_member, a_request, an_offer, coupon_of, events_of
from tools.proof import figures

pytestmark = pytest.mark.xdist_group("pool")

# `make proof` lets 64 claimers drain 20,000.
_CLAIMERS = int(os.environ.get("COUPONRY_POOL_CLAIMERS", "16"))
_CODES = int(os.environ.get("COUPONRY_POOL_CODES", "600"))
# As the contract says of 64: from then on claimers meet, however they go about it.
_LAST = 1000 * _CLAIMERS // 64
_CLAIMERS_A_CLIENT = 16
_ITEMS_A_TRANSACTION = 100
_OUTAGES_MAX = 10 * _CLAIMERS


@dataclass
class Drain:
    """What happened: claims by code, write attempts by how much was left, and when it was empty."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    given: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    attempts_before_the_last: int = 0
    claims_before_the_last: int = 0
    conflicts: int = 0
    outages: int = 0
    last_begun_at: float = 0
    empty_at: list[float] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    @property
    def left(self) -> int:
        return _CODES - self.given.total()

    def attempted(self) -> None:
        with self.lock:
            self.attempts += 1
            self.attempts_before_the_last += self.left > _LAST

    def told_to_retry(self, error: ConflictRetry | Unavailable) -> None:
        with self.lock:
            self.conflicts += isinstance(error, ConflictRetry)
            self.outages += isinstance(error, Unavailable)
            if self.outages > _OUTAGES_MAX:
                raise error

    def claimed(self, code: str, begun_at: float) -> None:
        with self.lock:
            self.claims_before_the_last += self.left > _LAST
            self.given[code] += 1
            self.last_begun_at = max(self.last_begun_at, begun_at)


class Counting:
    """A store that counts its write attempts."""

    def __init__(self, services: Services, drain: Drain) -> None:
        self._store, self._drain = services.store, drain

    def commit(self, changes: Changes) -> None:
        self._drain.attempted()
        self._store.commit(changes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def _fill(services: Services, reward: Reward) -> list[str]:
    """Put codes that all begin alike into the pool."""
    codes = [f"SUMMER-SALE-2026-{number:08d}" for number in range(_CODES)]
    for start in range(0, _CODES, _ITEMS_A_TRANSACTION):
        coupons = tuple(
            an_unassigned_coupon(code=code, reward_id=reward.reward_id, version=0)
            for code in codes[start : start + _ITEMS_A_TRANSACTION]
        )
        services.store.commit(Changes(create=coupons))
    return codes


def _claim_all(services: Services, reward: Reward, customer_id: str, drain: Drain) -> None:
    """Claim code after code until there is none, as a caller does who is told to try again."""
    store: Any = Counting(services, drain)
    context = replace(services.context, store=store)
    request, begun_at = a_request(), time.monotonic()
    while True:
        try:
            done = pools.claim_any(
                context,
                reward.reward_id,
                customer_id,
                by_staff=False,
                origin=an_origin(),
                request=request,
            )
        except PoolEmpty:
            drain.empty_at.append(time.monotonic())
            return
        except (ConflictRetry, Unavailable) as error:
            # The engine may be out of reach for a while on a busy machine; with the key, a claim
            # whose answer was lost is not made twice.
            drain.told_to_retry(error)
        else:
            drain.claimed(done.result.code, begun_at)
            request, begun_at = a_request(), time.monotonic()


@pytest.fixture(scope="module")
def drained(table_name: str) -> tuple[Services, Drain, list[str], list[str], float]:
    """A pool after all claimers have been told that it is empty."""
    services = services_on(table_name)
    reward = an_offer(services)
    codes = _fill(services, reward)
    customers = [a_member(services) for _ in range(_CLAIMERS)]
    clients = [services_on(table_name) for _ in range(-(-_CLAIMERS // _CLAIMERS_A_CLIENT))]
    drain, together = Drain(), threading.Barrier(_CLAIMERS)

    def run(number: int) -> None:
        try:
            together.wait(timeout=30)
            _claim_all(clients[number // _CLAIMERS_A_CLIENT], reward, customers[number], drain)
        except BaseException as error:  # noqa: BLE001 # shown by the test
            drain.failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(_CLAIMERS)]
    begun_at = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return services, drain, codes, customers, time.monotonic() - begun_at


class TestAPoolThatIsDrained:
    def test_gives_every_code_once_and_the_last_to_one(
        self, drained: tuple[Services, Drain, list[str], list[str], float]
    ) -> None:
        _, drain, codes, _, seconds = drained
        ratio = drain.attempts_before_the_last / max(1, drain.claims_before_the_last)
        figures.record(
            "pool",
            {
                "claimers": _CLAIMERS,
                "codes that begin alike": _CODES,
                "codes given": drain.given.total(),
                "codes given twice": sum(count - 1 for count in drain.given.values()),
                f"write attempts a claim until the last {_LAST:,}": round(ratio, 4),
                "write attempts in all": drain.attempts,
                "claims that gave up after their retries": drain.conflicts,
                "claims repeated because the engine was out of reach": drain.outages,
                "claimers told that the pool is empty": len(drain.empty_at),
                "claims a second on this machine": round(_CODES / seconds, 1),
            },
        )

        assert drain.failures == []
        assert drain.given == Counter(codes)

    def test_takes_one_write_attempt_a_claim_until_the_last_ones(
        self, drained: tuple[Services, Drain, list[str], list[str], float]
    ) -> None:
        _, drain, _, _, _ = drained

        assert drain.claims_before_the_last == _CODES - _LAST
        assert drain.attempts_before_the_last <= 1.1 * drain.claims_before_the_last

    def test_is_said_to_be_empty_to_all_and_never_too_early(
        self, drained: tuple[Services, Drain, list[str], list[str], float]
    ) -> None:
        _, drain, _, _, _ = drained

        assert len(drain.empty_at) == _CLAIMERS
        assert drain.last_begun_at < min(drain.empty_at)

    def test_is_what_the_customers_have(
        self, drained: tuple[Services, Drain, list[str], list[str], float]
    ) -> None:
        services, _, codes, customers, _ = drained
        claims = Counter(
            event.code
            for customer_id in customers
            for event in events_of(services, customer_id)
            if event.event_type == "coupon.claimed"
        )

        assert claims == Counter(codes)
        coupon: Coupon = coupon_of(services, codes[-1])
        assert (coupon.status, coupon.claimed_at) == (CouponStatus.CLAIMED, NOON)
