"""The expiry job reads only what is due: its cost follows the work, not the size of the table."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.core.activity import Channel
from chalicelib.core.changes import Changes
from chalicelib.core.coupons.coupons import Coupon, CouponStatus, RedemptionRef
from chalicelib.core.customers.accounts import Account, Standing
from chalicelib.store import keys
from chalicelib.usecases.coupons import expiry
from chalicelib.wiring import Services
from tests import engines
from tests.builders import JOINED, NOON, a_coupon, an_origin
from tests.conftest import services_on
from tests.store.calls import recorded
from tools.proof import figures

pytestmark = pytest.mark.xdist_group("expiry-cost")

# `make proof` runs 100,000 with 1,000 due.
_TOTAL = int(os.environ.get("COUPONRY_EXPIRY_TOTAL", "5000"))
_DUE = int(os.environ.get("COUPONRY_EXPIRY_DUE", "100"))
_CUSTOMERS = [f"cus_{number:026d}" for number in range(10)]
_ITEMS_A_TRANSACTION = 100


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took: by our count, and by the engine's."""

    expired: int
    calls: dict[str, int]
    read_units: float
    write_units: float
    engine_units: float


def _due() -> list[Coupon]:
    """Return claimed coupons that ran out during the last day."""
    return [
        a_coupon(
            code=f"DUE-{number:06d}",
            customer_id=_CUSTOMERS[number % len(_CUSTOMERS)],
            expires_at=NOON - timedelta(seconds=number % 86_400),
            version=0,
        )
        for number in range(_DUE)
    ]


def _others() -> Iterator[Coupon]:
    """Yield coupons that are not due: yet to run out, without an end, used, expired before."""
    used = RedemptionRef("rdm_1", _CUSTOMERS[0], None)
    # Five kinds, each of which the job must leave alone.
    kinds: Sequence[dict[str, Any]] = (
        {"expires_at": NOON + timedelta(milliseconds=1)},
        {"expires_at": NOON + timedelta(days=1), "status": CouponStatus.UNASSIGNED},
        {"expires_at": None},
        {
            "expires_at": NOON - timedelta(days=1),
            "status": CouponStatus.REDEEMED,
            "usages": 1,
            "last_redemption": used,
        },
        {"expires_at": NOON - timedelta(days=1), "status": CouponStatus.EXPIRED},
    )
    for number in range(_TOTAL - _DUE):
        customer_id = _CUSTOMERS[number % len(_CUSTOMERS)]
        changes = kinds[number % len(kinds)]
        if changes.get("status") is CouponStatus.UNASSIGNED:
            customer_id, changes = None, changes | {"claimed_at": None}  # type: ignore[assignment]
        yield a_coupon(code=f"OTHER-{number:06d}", customer_id=customer_id, version=0, **changes)


def _load(services: Services, snapshots: Sequence[Any]) -> None:
    for start in range(0, len(snapshots), _ITEMS_A_TRANSACTION):
        chunk = tuple(snapshots[start : start + _ITEMS_A_TRANSACTION])
        services.store.commit(Changes(create=chunk))


@contextlib.contextmanager
def _table_of(engine: str, snapshots: Sequence[Any]) -> Iterator[Services]:
    name = f"couponry-{uuid4().hex[:12]}"
    engines.create_table(engine, name)
    services = services_on(name)
    accounts = [Account(customer_id, Standing.ACTIVE, JOINED) for customer_id in _CUSTOMERS]
    _load(services, [*accounts, *snapshots])
    # Not deleted: the engine ends with the tests, and answers nothing for seconds while it deletes
    # 100,000 items.
    yield services


def _cost(services: Services) -> Cost:
    calls = recorded(services.store)
    services.capacity.reset()
    progress = expiry.expire_due(
        services.context,
        origin=an_origin(actor="job:expire_coupons", channel=Channel.JOB),
        has_time=lambda: True,
    )
    meter = services.capacity
    names = {name: calls.names.count(name) for name in sorted(set(calls.names))}
    assert meter.round_trips == len(calls.names)
    return Cost(progress.expired, names, meter.reads, meter.writes, calls.engine_units)


@pytest.fixture(scope="module")
def alone(engine: str) -> Cost:
    """What a run takes on a table with nothing but what is due."""
    with _table_of(engine, _due()) as services:
        return _cost(services)


class TestCost:
    # First: the engine is out of reach for a while after it dropped a large table.
    def test_of_nothing_is_a_query_for_each_shard(self, engine: str) -> None:
        with _table_of(engine, []) as services:
            cost = _cost(services)

        assert cost.calls == {"Query": keys.DUE_SHARDS}
        assert cost.write_units == 0
        assert cost.read_units == keys.DUE_SHARDS / 2

    def test_is_the_same_whatever_else_is_in_the_table(self, engine: str, alone: Cost) -> None:
        with _table_of(engine, [*_due(), *_others()]) as services:
            among_others = _cost(services)

        figures.record(
            "expiry",
            {
                "coupons": _TOTAL,
                "due": _DUE,
                "expired": among_others.expired,
                "read units": among_others.read_units,
                "read units with nothing else in the table": alone.read_units,
                "write units": among_others.write_units,
                "write units with nothing else in the table": alone.write_units,
                **{f"calls of {name}": count for name, count in among_others.calls.items()},
            },
        )
        assert among_others.expired == _DUE
        assert among_others == alone

    def test_follows_what_is_due(self, alone: Cost) -> None:
        cost, shards = alone, keys.DUE_SHARDS
        # Coupon, event and a share of the account, with the index entries that change.
        assert cost.write_units <= 10 * _DUE
        # A page of keys, and the coupons behind them; half a unit to find a shard empty.
        assert cost.read_units <= 2 * _DUE + shards
        assert cost.calls["Query"] <= shards + _DUE / 50
        assert set(cost.calls) == {"BatchGetItem", "Query", "TransactWriteItems"}
        assert cost.calls["TransactWriteItems"] <= shards + _DUE / 12
