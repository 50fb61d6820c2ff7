"""A redemption through the function, against the bare transaction of its three data items.

Both run in turn in this process on the same DynamoDB Local, so the ratio leaves out the machine.
The floor is botocore as it comes: one TransactWriteItems of coupon, redemption and account.
"""

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

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
    raw = _Raw(bench)
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
    """The bare transaction, on items of the same size as ours."""

    def __init__(self, bench: Bench) -> None:
        self._table = bench.table_name
        self._client = botocore.session.get_session().create_client("dynamodb")
        self._customer = f"CUS#{uuid4().hex}"
        self._client.put_item(
            TableName=self._table,
            Item={
                "PK": {"S": self._customer},
                "SK": {"S": "ACCOUNT"},
                "standing": {"S": "active"},
                "visits": {"N": "0"},
                "lifetime_value_minor": {"N": "0"},
            },
        )

    def prepare(self) -> None:
        self._coupon = f"CPN#{uuid4().hex}"
        self._client.put_item(
            TableName=self._table,
            Item={
                "PK": {"S": self._coupon},
                "SK": {"S": "COUPON"},
                "version": {"N": "1"},
                "status": {"S": "claimed"},
                "usages": {"N": "0"},
                "filler": {"S": "x" * 300},
            },
        )

    def redeem(self) -> None:
        now = datetime.now(UTC).isoformat()
        self._client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": self._table,
                        "Item": {
                            "PK": {"S": self._customer},
                            "SK": {"S": f"RDM#{uuid4().hex}"},
                            "redeemed_at": {"S": now},
                            "amount_minor": {"N": "1999"},
                            "code": {"S": self._coupon},
                            "filler": {"S": "x" * 500},
                        },
                        "ConditionExpression": "attribute_not_exists(PK)",
                    }
                },
                {
                    "Update": {
                        "TableName": self._table,
                        "Key": {"PK": {"S": self._coupon}, "SK": {"S": "COUPON"}},
                        "UpdateExpression": "SET #s = :s, usages = :u, version = version + :u",
                        "ConditionExpression": "version >= :u",
                        "ExpressionAttributeNames": {"#s": "status"},
                        "ExpressionAttributeValues": {":s": {"S": "redeemed"}, ":u": {"N": "1"}},
                    }
                },
                {
                    "Update": {
                        "TableName": self._table,
                        "Key": {"PK": {"S": self._customer}, "SK": {"S": "ACCOUNT"}},
                        "UpdateExpression": "ADD visits :one, lifetime_value_minor :amount",
                        "ConditionExpression": "standing = :active",
                        "ExpressionAttributeValues": {
                            ":one": {"N": "1"},
                            ":amount": {"N": "1999"},
                            ":active": {"S": "active"},
                        },
                    }
                },
            ]
        )


def _event(token: str, code: str) -> dict[str, Any]:
    body = {"amount_minor": 1999, "currency": "USD", "channel": "scanner"}
    return api_event(token, "POST", "/v1/coupons/{code}/redemptions", body, code=code)
