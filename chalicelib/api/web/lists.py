"""Lists: what their query may hold, and how a page is answered."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from chalicelib.api.web import cursors
from chalicelib.api.web.blueprint import Call
from chalicelib.core import errors, moments
from chalicelib.core.pages import LAST, LIMIT_MAX, Page, PageRequest

Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX, description="entries a page at most")]
Cursor = Annotated[
    str, msgspec.Meta(min_length=1, max_length=1024, description="next_cursor of the page before")
]

T = TypeVar("T")
View = TypeVar("View")
Status = TypeVar("Status")


def page_request(
    call: Call[Any, Any],
    *,
    path: str,
    sort: str,
    between: tuple[datetime | None, datetime | None] = (None, None),
) -> PageRequest:
    """Return which part of the list is asked for; ``sort`` begins with ``-`` for newest first.

    ``between`` includes its start and excludes its end.

    Raises:
        InvalidCursor: the cursor belongs to another list, filter or order.
        Invalid: the range ends before it starts.
    """
    start, end = between
    if start is not None and end is not None and end <= start:
        raise errors.Invalid(
            "the range ends before it starts",
            fix="send an end after the start",
            pointer=f"/query/{sort.removeprefix('-').removesuffix('_at')}_until",
        )
    cursor = call.query.cursor
    after = None
    if cursor is not None:
        secret = call.services.cursor_secret()
        after = cursors.unseal(cursor, scope=_scope(call, path), secret=secret)
    return PageRequest(
        limit=call.query.limit,
        after=after,
        descending=sort.startswith("-"),
        low=moments.iso(start) if start else " ",
        high=moments.iso(end) if end else LAST,
    )


def page_of(
    call: Call[Any, Any], page: Page[T], show: Callable[[T], View], *, path: str
) -> tuple[list[View], str | None]:
    """Return the views of a page and the cursor of the next one."""
    next_cursor = None
    if page.end is not None:
        secret = call.services.cursor_secret()
        next_cursor = cursors.seal(page.end, scope=_scope(call, path), secret=secret)
    return [show(item) for item in page.items], next_cursor


def chosen(wanted: Iterable[Status], all_of_them: Iterable[Status]) -> frozenset[Status]:
    """Return the statuses that a filter names; all where it names none."""
    return frozenset(wanted) or frozenset(all_of_them)


def _scope(call: Call[Any, Any], path: str) -> str:
    filters = msgspec.to_builtins(call.query)
    del filters["limit"], filters["cursor"]
    return f"{path}?{sorted(filters.items())}"
