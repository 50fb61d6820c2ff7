"""Turn Changes into one DynamoDB transaction."""

import contextlib
from collections.abc import Iterator
from typing import Any

from chalicelib.core import moments
from chalicelib.core.changes import Changes, Clash, Contention, Snapshot
from chalicelib.core.idempotency import IdempotencyRecord
from chalicelib.store.engine import capacity, codecs
from chalicelib.store.engine.items import Raw
from chalicelib.store.engine.table import Cancelled, Table

# DynamoDB's own limit. Bulk work is cut into several decisions, each below it.
ITEM_COUNT_MAX = 100
# Counters stay below one unit by design; their update is blind, so its size is not known here.
_COUNTER_UNITS = 2


def commit(changes: Changes, *, table: Table) -> None:
    """Write ``changes`` in one transaction; nothing to write is no call.

    Raises:
        Contention: something is no longer as it was when the decision was made.
        Unavailable: the table throttles or is out of reach.
    """
    writes = [*_writes(changes)]
    if not writes:
        return
    assert len(writes) <= ITEM_COUNT_MAX, f"{len(writes)} items in one transaction"
    actions = []
    for _, verb, action, _ in writes:
        actions.append({verb: {"TableName": table.name, **action}})
    try:
        table.transact(actions, units=sum(units for *_, units in writes))
    except Cancelled as error:
        raise Contention(
            Clash(writes[lost.position][0], codecs.decode(lost.stored) if lost.stored else None)
            for lost in error.lost
        ) from error


def note(snapshot: Snapshot, *, table: Table) -> None:
    """Write ``snapshot`` beside any transaction, at half its price, unless it is stored already.

    Raises:
        Unavailable: the table throttles or is out of reach.
    """
    raw = _at_version(codecs.encode(snapshot), 1)
    units = capacity.transaction_units(None, raw) // 2 + capacity.index_units(None, raw)
    # A repetition, the caller's or the SDK's own, finds what it would write.
    with contextlib.suppress(Cancelled):
        table.put(_put(snapshot, raw), units=units)


def _writes(changes: Changes) -> Iterator[tuple[Any, str, dict[str, Any], int]]:
    """Yield (what is wanted, verb, action, units) for each item of the transaction."""
    for snapshot in changes.create:
        raw = _at_version(codecs.encode(snapshot), 1)
        yield snapshot, "Put", _put(snapshot, raw), _units(None, raw)
    for before, after in changes.update:
        old, new = codecs.encode(before), codecs.encode(after)
        _at_version(new, before.version + 1)
        yield after, "Update", _update(old, new), _units(old, new)
    for snapshot in changes.delete:
        raw = codecs.encode(snapshot)
        yield snapshot, "Delete", _if_at_version(raw), _units(raw, None)
    for snapshot in changes.check:
        raw = codecs.encode(snapshot)
        yield snapshot, "ConditionCheck", _if_at_version(raw), capacity.transaction_units(raw, raw)
    for change in (*changes.count, *changes.add):
        yield change, "Update", codecs.addition(change), _COUNTER_UNITS


def _at_version(raw: Raw, version: int) -> Raw:
    raw["version"] = {"N": str(version)}
    return raw


def _units(old: Raw | None, new: Raw | None) -> int:
    return capacity.transaction_units(old, new) + capacity.index_units(old, new)


def _put(snapshot: Snapshot, raw: Raw) -> dict[str, Any]:
    action: dict[str, Any] = {
        "Item": raw,
        "ConditionExpression": "attribute_not_exists(PK)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if isinstance(snapshot, IdempotencyRecord):
        # The table removes lapsed records late; until then they count as absent all the same.
        action["ConditionExpression"] += " OR lapses_at <= :now"
        action["ExpressionAttributeValues"] = {":now": {"S": moments.iso(snapshot.recorded_at)}}
    return action


def _if_at_version(raw: Raw) -> dict[str, Any]:
    return {
        "Key": {"PK": raw["PK"], "SK": raw["SK"]},
        "ConditionExpression": "version = :read",
        "ExpressionAttributeValues": {":read": raw["version"]},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _update(old: Raw, new: Raw) -> dict[str, Any]:
    """Return the update of just what differs: what newer code wrote beside it stays."""
    assert (old["PK"], old["SK"]) == (new["PK"], new["SK"]), "an item keeps its key"
    changed = [name for name, value in new.items() if old.get(name) != value]
    removed = [name for name in old if name not in new]
    action = _if_at_version(old)
    action["ExpressionAttributeNames"] = {f"#{name}": name for name in (*changed, *removed)}
    action["ExpressionAttributeValues"] |= {f":{name}": new[name] for name in changed}
    action["UpdateExpression"] = "SET " + ", ".join(f"#{name} = :{name}" for name in changed)
    if removed:
        action["UpdateExpression"] += " REMOVE " + ", ".join(f"#{name}" for name in removed)
    return action
