"""Pages of the table's lists: partitions read side by side and merged by their sort key."""

from collections.abc import Sequence
from typing import Any

import msgspec

from chalicelib.core.pages import Page, PageRequest
from chalicelib.store.engine import codecs
from chalicelib.store.engine.items import Raw
from chalicelib.store.engine.table import Table


class Source(msgspec.Struct, frozen=True):
    """A partition: of an index, or of the table itself."""

    index: str | None
    partition: str


def page(
    table: Table, partitions: Sequence[str], request: PageRequest, *, index: str | None
) -> Page[Any]:
    """Return one page of the snapshots in ``partitions``.

    Each partition costs one query, whatever its size; the items behind index entries one read
    more. Sort keys are unique across the partitions, so one is enough to go on from.
    """
    sources = [Source(index, partition) for partition in partitions]
    taken, end = entries(table, sources, request)
    return Page(tuple(codecs.decode(raw) for raw in whole(table, taken, index=index)), end)


def entries(
    table: Table, sources: Sequence[Source], request: PageRequest
) -> tuple[list[Raw], str | None]:
    """Return the entries of one page of all ``sources`` together, and where the next one starts."""
    low, high = request.low, request.high
    if request.after is not None:
        low, high = (low, request.after) if request.descending else (request.after, high)
    # What moved from one partition to another between two queries is in both.
    by_key: dict[str, Raw] = {}
    for source in sources:
        sort_key = "SK" if source.index is None else f"{source.index}_sk"
        rows = table.query(
            source.partition,
            index=source.index,
            between=(low, high),
            descending=request.descending,
            limit=request.limit + 3,  # Both ends, which are not part of it, and the one after it.
        )
        by_key |= {str(row[sort_key]["S"]): row for row in rows}
    outside = {request.after, request.high}
    found = [key for key in sorted(by_key, reverse=request.descending) if key not in outside]
    taken = found[: request.limit]
    end = taken[-1] if len(found) > request.limit else None
    return [by_key[key] for key in taken], end


def whole(table: Table, rows: list[Raw], *, index: str | None) -> list[Raw]:
    """Return the items that index entries stand for, in their order, as far as they exist."""
    if index is None:
        return rows
    names = [(row["PK"]["S"], row["SK"]["S"]) for row in rows]
    found = table.get_many(names) if names else {}
    return [found[name] for name in names if name in found]
