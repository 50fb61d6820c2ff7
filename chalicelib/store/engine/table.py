"""The table: the few calls that we make, with their time-outs, their cost and their errors."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import botocore.session
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as Unreachable

from chalicelib.core.errors import Unavailable
from chalicelib.core.pages import LAST
from chalicelib.store.engine import capacity
from chalicelib.store.engine.items import Raw
from chalicelib.store.keys import Key

# A function answers within 29 s: three attempts of at most 4 s and their pauses fit well, and a
# connection to a healthy table takes milliseconds.
READ_TIMEOUT_SECONDS = 3
_CONFIG = Config(
    connect_timeout=1,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=32,
    # Our own types have checked the values; the check costs a tenth of a call.
    parameter_validation=False,
    # The default one is put together anew for every call, which costs more than routing does.
    user_agent="couponry",
)
_THROTTLES = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
BATCH_GET_MAX = 100
_BATCH_ROUNDS_MAX = 5


class Lost(msgspec.Struct, frozen=True):
    """A write of a transaction whose condition did not hold: its position and what is stored."""

    position: int
    stored: Raw | None


class Cancelled(Exception):
    """The transaction was cancelled because something changed; empty when one is under way."""

    def __init__(self, lost: tuple[Lost, ...]) -> None:
        super().__init__(str(lost))
        self.lost = lost


class Table:
    """One DynamoDB table. Made once per container, safe between threads."""

    def __init__(self, name: str, *, meter: capacity.Meter, read_timeout_seconds: float) -> None:
        self.name = name
        self._meter = meter
        config = _CONFIG.merge(Config(read_timeout=read_timeout_seconds))
        self._client = botocore.session.get_session().create_client("dynamodb", config=config)

    def get(self, key: Key) -> Raw | None:
        """Return the item at ``key`` as it is now, or None."""
        with self._call():
            answer = self._client.get_item(
                TableName=self.name, Key=wire_key(key), ConsistentRead=True
            )
        item: Raw | None = answer.get("Item")
        self._meter.reads += capacity.read_units(capacity.item_size(item or {}))
        return item

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Raw]:
        """Return the items at ``keys`` as they are now; what is not stored is left out.

        One round trip for each 100 keys, strongly consistent.
        """
        found: dict[Key, Raw] = {}
        wanted = list(dict.fromkeys(keys))
        if len(wanted) == 1:
            item = self.get(wanted[0])
            return {wanted[0]: item} if item else {}
        for start in range(0, len(wanted), BATCH_GET_MAX):
            pending = [wire_key(key) for key in wanted[start : start + BATCH_GET_MAX]]
            for _ in range(_BATCH_ROUNDS_MAX):
                with self._call():
                    answer = self._client.batch_get_item(
                        RequestItems={self.name: {"Keys": pending, "ConsistentRead": True}}
                    )
                items = answer["Responses"].get(self.name, [])
                for item in items:
                    found[item["PK"]["S"], item["SK"]["S"]] = item
                    self._meter.reads += capacity.read_units(capacity.item_size(item))
                rest = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                # A read of nothing costs a unit too.
                self._meter.reads += len(pending) - len(items) - len(rest)
                pending = rest
                if not pending:
                    break
            else:
                raise unavailable()
        return found

    def query(
        self,
        partition: str,
        *,
        index: str | None = None,
        between: tuple[str, str],
        descending: bool = False,
        limit: int,
    ) -> list[Raw]:
        """Return the first ``limit`` items of a partition whose sort key lies in ``between``.

        Both ends are included. Of an index the entries (keys) are returned, eventually consistent.
        """
        pk, sk = ("PK", "SK") if index is None else (f"{index}_pk", f"{index}_sk")
        rows: list[Raw] = []
        start: dict[str, Any] = {}
        while True:  # Ends: each page but the last brings rows, of which there are `limit` at most.
            with self._call():
                answer = self._client.query(
                    TableName=self.name,
                    **({"IndexName": index} if index else {"ConsistentRead": True}),
                    KeyConditionExpression="#pk = :pk AND #sk BETWEEN :low AND :high",
                    ExpressionAttributeNames={"#pk": pk, "#sk": sk},
                    ExpressionAttributeValues={
                        ":pk": {"S": partition},
                        ":low": {"S": between[0]},
                        ":high": {"S": between[1]},
                    },
                    ScanIndexForward=not descending,
                    Limit=limit - len(rows),
                    **start,
                )
            self._meter.reads += capacity.page_units(answer["Items"], consistent=index is None)
            rows += answer["Items"]
            if len(rows) >= limit or "LastEvaluatedKey" not in answer:
                return rows
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def count(
        self, partition: str, *, index: str, between: tuple[str, str], limit: int | None = None
    ) -> int:
        """Return how many entries lie in ``between``, counted on one page of at most 1 MB.

        With a ``limit`` it counts no further than that.
        """
        options = {} if limit is None else {"Limit": limit}
        return self._count(partition, index=index, between=between, options=options)[0]

    def count_page(
        self, partition: str, *, index: str, start: Raw | None
    ) -> tuple[int, Raw | None]:
        """Return how many entries a page of at most 1 MB has, and the last one, None at the end."""
        options = {"ExclusiveStartKey": start} if start else {}
        return self._count(partition, index=index, between=(" ", LAST), options=options)

    def _count(
        self,
        partition: str,
        *,
        index: str,
        between: tuple[str, str],
        options: Mapping[str, Any],
    ) -> tuple[int, Raw | None]:
        with self._call():
            answer = self._client.query(
                TableName=self.name,
                IndexName=index,
                Select="COUNT",
                KeyConditionExpression="#pk = :pk AND #sk BETWEEN :low AND :high",
                ExpressionAttributeNames={"#pk": f"{index}_pk", "#sk": f"{index}_sk"},
                ExpressionAttributeValues={
                    ":pk": {"S": partition},
                    ":low": {"S": between[0]},
                    ":high": {"S": between[1]},
                },
                **options,
            )
        count: int = answer["Count"]
        # About 160 bytes an entry, read eventually consistent.
        self._meter.reads += capacity.read_units(160 * count) / 2
        return count, answer.get("LastEvaluatedKey")

    def transact(self, actions: list[dict[str, Any]], *, units: float) -> None:
        """Write ``actions``, all or nothing.

        Raises:
            Cancelled: a condition did not hold, or another transaction is under way.
            Unavailable: the table throttles or is out of reach.
        """
        self._meter.writes += units
        try:
            with self._call():
                self._client.transact_write_items(TransactItems=actions)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
            if codes & {"ThrottlingError", "ProvisionedThroughputExceeded"}:
                raise unavailable() from error
            if not codes or codes - {"ConditionalCheckFailed", "TransactionConflict"}:
                raise
            raise Cancelled(
                tuple(
                    Lost(position, reason.get("Item"))
                    for position, reason in enumerate(reasons)
                    if reason.get("Code") == "ConditionalCheckFailed"
                )
            ) from error

    def put(self, action: dict[str, Any], *, units: float) -> None:
        """Write one item under a condition, outside of any transaction.

        Raises:
            Cancelled: the condition did not hold.
            Unavailable: the table throttles or is out of reach.
        """
        with self._alone(units):
            self._client.put_item(TableName=self.name, **action)

    def update(self, action: dict[str, Any], *, units: float) -> Raw:
        """Change one item under a condition, outside of any transaction; return what was changed.

        Raises:
            Cancelled: the condition did not hold.
            Unavailable: the table throttles or is out of reach.
        """
        with self._alone(units):
            changed: Raw = self._client.update_item(TableName=self.name, **action)["Attributes"]
        return changed

    @contextlib.contextmanager
    def _alone(self, units: float) -> Iterator[None]:
        self._meter.writes += units
        try:
            with self._call():
                yield
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Cancelled((Lost(0, error.response.get("Item")),)) from error

    @contextlib.contextmanager
    def _call(self) -> Iterator[None]:
        self._meter.round_trips += 1
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code == "TransactionConflictException":
                raise Cancelled(()) from error
            if code in _THROTTLES:
                raise unavailable() from error
            raise
        except (Unreachable, HTTPClientError) as error:
            raise unavailable() from error


def wire_key(key: Key) -> Raw:
    """Return ``key`` as DynamoDB's JSON."""
    return {"PK": {"S": key[0]}, "SK": {"S": key[1]}}


def unavailable() -> Unavailable:
    """Return the error for a table that throttles or is out of reach."""
    return Unavailable(
        "the table is busy or out of reach",
        fix="try again in a moment with the same Idempotency-Key",
        facts={"retry_after": 1},
    )
