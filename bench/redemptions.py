"""A redemption through the function, against the bare transaction of its three data items.

Both run in turn in this process on the same DynamoDB Local, so the ratio leaves out the machine.
The floor is botocore as it comes: one TransactWriteItems of the very same coupon, redemption and
account, as the application would write them.
"""

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import botocore.session

from bench.events import api_event
from bench.setup import Bench

WARM_UP = 30


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one call: the median wall time and the mean CPU of this process, in milliseconds."""

    wall_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our redemption beside the floor, with what one takes of the table."""

    floor: Cost
    ours: Cost
    round_trips: float
    read_units: float
    write_units: float

    @property
    def wall_ratio(self) -> float:
        return self.ours.wall_ms / self.floor.wall_ms

    @property
    def cpu_ratio(self) -> float:
        return self.ours.cpu_ms / self.floor.cpu_ms


def compare(bench: Bench, *, count: int) -> Comparison:
    """Redeem ``count`` coupons each way, in turn."""
    codes = bench.claimed_coupons(count + WARM_UP)
    raw = _Raw(bench, bench.claimed_coupons(count + WARM_UP))
    ours, floor = _Timer(), _Timer()
    meter = bench.services.capacity
    trips = reads = writes = 0.0
    for number, code in enumerate(codes):
        event = _event(bench.token, code)
        warm = number >= WARM_UP
        raw.prepare()
        floor.run(raw.redeem, counts=warm)
        answer = ours.run(functools.partial(bench.call, event), counts=warm)
        assert answer["statusCode"] == 201, answer  # noqa: PLR2004
        if warm:
            trips += meter.round_trips
            reads += meter.reads
            writes += meter.writes
    return Comparison(floor.cost(), ours.cost(), trips / count, reads / count, writes / count)


class _Timer:
    def __init__(self) -> None:
        self._walls: list[float] = []
        self._cpus: list[float] = []

    def run(self, work: Callable[[], Any], *, counts: bool) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        if counts:
            self._cpus.append(time.process_time() - cpu)
            self._walls.append(time.perf_counter() - wall)
        return result

    def cost(self) -> Cost:
        return Cost(1000 * statistics.median(self._walls), 1000 * statistics.fmean(self._cpus))


class _Raw:
    """The bare transaction: botocore as it comes, sending our coupon, redemption and account."""

    def __init__(self, bench: Bench, codes: list[str]) -> None:
        self._client = botocore.session.get_session().create_client("dynamodb")
        self._codes = iter(codes)
        self._bench = bench
        self._actions: list[dict[str, Any]] = []

    def prepare(self) -> None:
        """Have the application make a transaction, and take it instead of sending it."""
        table = self._bench.services.store._table  # type: ignore[attr-defined] # noqa: SLF001
        event = _event(self._bench.token, next(self._codes))
        with mock.patch.object(table, "transact", side_effect=self._take):
            self._bench.call(event)

    def redeem(self) -> None:
        self._client.transact_write_items(TransactItems=self._actions)

    def _take(self, actions: list[dict[str, Any]], **_: Any) -> None:
        self._actions = [
            action for action in actions if _kind(action) in ("COUPON", "RDM", "ACCOUNT")
        ]
        assert len(self._actions) == 3, actions  # noqa: PLR2004


def _kind(action: dict[str, Any]) -> str:
    """Return what the sort key of the item begins with."""
    (write,) = action.values()
    sort_key: str = write.get("Key", write.get("Item"))["SK"]["S"]
    return sort_key.partition("#")[0]


def _event(token: str, code: str) -> dict[str, Any]:
    body = {"amount_minor": 1999, "currency": "USD", "channel": "scanner"}
    return api_event(token, "POST", "/v1/coupons/{code}/redemptions", body, code=code)
