"""What a decision wants written: data only, so that a test can compare it with ``==``."""

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from chalicelib.core.customers.accounts import AccountChange


class Snapshot(Protocol):
    """One stored thing as it was read, or as it is to be stored."""

    @property
    def version(self) -> int:
        """How often it has been written; 0 means that it is not stored yet."""
        ...


S = TypeVar("S", bound=Snapshot)


class Ref(msgspec.Struct, Generic[S], frozen=True):
    """The name of one stored thing: what it is, and what identifies it."""

    kind: type[S]
    parts: tuple[str, ...]


def ref(kind: type[S], *parts: str) -> Ref[S]:
    """Return the name of the ``kind`` that ``parts`` identify."""
    return Ref(kind, parts)


class Changes(msgspec.Struct, frozen=True):
    """Writes that succeed together or not at all.

    ``create``: must not be stored yet. ``update``: pairs of before and after; only attributes
    that differ are written, only while the stored version is that of ``before``. ``delete`` and
    ``check``: only while at the version that was read. ``count``: additions to accounts. ``add``:
    additions to other counters, each under the condition that its type states.
    """

    create: tuple[Snapshot, ...] = ()
    update: tuple[tuple[Snapshot, Snapshot], ...] = ()
    delete: tuple[Snapshot, ...] = ()
    check: tuple[Snapshot, ...] = ()
    count: tuple[AccountChange, ...] = ()
    add: tuple[Any, ...] = ()

    def __add__(self, other: "Changes") -> "Changes":
        """Return both changes as one."""
        return Changes(
            create=self.create + other.create,
            update=self.update + other.update,
            delete=self.delete + other.delete,
            check=self.check + other.check,
            count=self.count + other.count,
            add=self.add + other.add,
        )


class Clash(msgspec.Struct, frozen=True):
    """One write whose condition did not hold: what was to be written, and what is stored."""

    wanted: Any
    stored: Any | None


class Contention(Exception):
    """The state that a decision was made on is gone; read and decide again.

    ``clashes`` names what has changed, with what is stored now; empty when another transaction
    was under way on the same things.
    """

    def __init__(self, clashes: Iterable[Clash] = ()) -> None:
        self.clashes = tuple(clashes)
        super().__init__(", ".join(type(clash.wanted).__name__ for clash in self.clashes) or "busy")

    def stored(self, kind: type[S], wanted: type | None = None) -> S | None:
        """Return the first thing of ``kind`` found in the way, or None."""
        return next(
            (
                clash.stored
                for clash in self.clashes
                if isinstance(clash.stored, kind)
                and (wanted is None or isinstance(clash.wanted, wanted))
            ),
            None,
        )
