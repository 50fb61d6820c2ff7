"""Pages of the table's lists: partitions read side by side and merged by their sort key."""

from collections.abc import Sequence
from typing import Any

from chalicelib.core.pages import Page, PageRequest
from chalicelib.store import codecs
from chalicelib.store.items import Raw
from chalicelib.store.table import Table


def page(
    table: Table, partitions: Sequence[str], request: PageRequest, *, index: str | None
) -> Page[Any]:
    """Return one page of the snapshots in ``partitions``.

    Each partition costs one query, whatever its size; the items behind index entries one read
    more. Sort keys are unique across the partitions, so one is enough to go on from.
    """
    sort_key = "SK" if index is None else f"{index}_sk"
    low, high = request.low, request.high
    if request.after is not None:
        low, high = (low, request.after) if request.descending else (request.after, high)
    rows: list[Raw] = []
    for partition in partitions:
        rows += table.query(
            partition,
            index=index,
            between=(low, high),
            descending=request.descending,
            limit=request.limit + 3,  # Both ends, which are not part of it, and the one after it.
        )
    # What moved from one partition to another between two queries is in both.
    by_key = {str(row[sort_key]["S"]): row for row in rows}
    outside = {request.after, request.high}
    rows = [by_key[key] for key in sorted(by_key, reverse=request.descending) if key not in outside]
    taken = rows[: request.limit]
    end = str(taken[-1][sort_key]["S"]) if len(rows) > request.limit else None
    return Page(tuple(codecs.decode(raw) for raw in whole(table, taken, index=index)), end)


def whole(table: Table, rows: list[Raw], *, index: str | None) -> list[Raw]:
    """Return the items that index entries stand for, in their order, as far as they exist."""
    if index is None:
        return rows
    names = [(row["PK"]["S"], row["SK"]["S"]) for row in rows]
    found = table.get_many(names) if names else {}
    return [found[name] for name in names if name in found]
