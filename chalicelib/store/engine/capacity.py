"""Capacity units, counted from item sizes by Amazon's published rules; emulators disagree.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import math
import threading
from collections.abc import Iterable, Mapping
from typing import Any

WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
INDEXES = ("list", "holder", "due")


class Meter(threading.local):
    """What the calls of this thread have cost since :meth:`reset`: units and round trips."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.reads = 0.0
        self.writes = 0.0
        self.round_trips = 0


def item_size(raw: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the size of an item in bytes: names and values of its attributes."""
    size = 0
    for name, typed in raw.items():  # Names of attributes are ASCII.
        for kind, value in typed.items():
            size += len(name) + (
                len(value) if kind == "S" and value.isascii() else _value_size(typed)
            )
    return size


def _value_size(typed: Mapping[str, Any]) -> int:  # noqa: PLR0911 # one for each type
    ((kind, value),) = typed.items()
    if kind == "S":
        return len(value) if value.isascii() else len(value.encode())
    if kind == "N":
        # One byte for every two significant digits, and one for sign and magnitude.
        return math.ceil(len(value.lstrip("-").replace(".", "").strip("0")) / 2) + 1
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "B":
        return len(value)
    if kind == "L":
        return 3 + sum(1 + _value_size(element) for element in value)
    if kind == "M":
        return 3 + sum(1 + len(k.encode()) + _value_size(v) for k, v in value.items())
    return sum(_value_size({kind[0]: element}) for element in value)


def write_units(size: int) -> int:
    """Return the units of one standard write of ``size`` bytes; a transaction takes twice that."""
    return max(1, math.ceil(size / WRITE_UNIT_BYTES))


def read_units(size: int) -> int:
    """Return the units of one strongly consistent read; eventually consistent is half of it."""
    return max(1, math.ceil(size / READ_UNIT_BYTES))


def transaction_units(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> int:
    """Return the units of one write in a transaction, without those of the indexes.

    Counted by the larger of the item before and after; a condition check counts as a write.
    """
    return 2 * write_units(max(item_size(before or {}), item_size(after or {})))


def index_units(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> int:
    """Return the units of the indexes: an entry put, deleted, or both when its key moves."""
    units = 0
    for index in INDEXES:
        old, new = _entry(index, before or {}), _entry(index, after or {})
        if old != new:
            # Entries are keys only, and keys stay far below one unit.
            units += (old is not None) + (new is not None)
    return units


def page_units(rows: Iterable[Mapping[str, Any]], *, consistent: bool) -> float:
    """Return the units of one query that returned ``rows``: by their sum, not one by one."""
    units = read_units(sum(item_size(row) for row in rows))
    return units if consistent else units / 2


def _entry(index: str, raw: Mapping[str, Any]) -> tuple[Any, Any] | None:
    partition = raw.get(f"{index}_pk")
    return None if partition is None else (partition, raw[f"{index}_sk"])
