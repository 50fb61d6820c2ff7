"""Pages of lists."""

from typing import Generic, TypeVar

import msgspec

LIMIT_MAX = 100

T = TypeVar("T")

# Sorts after every key that we write.
LAST = "\U0010ffff"


class PageRequest(msgspec.Struct, frozen=True):
    """Which part of a list: at most ``limit`` entries after ``after``, an earlier page's end.

    ``low`` and ``high`` bound the key that the list is sorted by: ``[low, high)``.
    """

    limit: int = 25
    after: str | None = None
    descending: bool = True
    low: str = " "
    high: str = LAST


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One part of a list. ``end`` is where the next one starts, None at the end of the list.

    A page can hold fewer than were asked for, or none, and still have an ``end``.
    """

    items: tuple[T, ...]
    end: str | None
