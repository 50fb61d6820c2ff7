"""A store on a bad line: it can fail before its work, and after the work was done."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from chalicelib.core.changes import Changes
from chalicelib.usecases.ports import Store
from chalicelib.usecases.rules import Rules
from chalicelib.wiring import Services


@dataclass
class Unsteady:
    """A store whose commits go wrong as told; everything else is the real one's.

    ``before`` and ``after`` are called around the commits, one each as long as there are any: what
    they raise is what the caller gets, with nothing or with everything written. ``written`` holds
    what went through.
    """

    store: Store
    before: list[Callable[[], None]] = field(default_factory=list)
    after: list[Callable[[], None]] = field(default_factory=list)
    commits: int = 0
    written: list[Changes] = field(default_factory=list)

    def commit(self, changes: Changes) -> None:
        self.commits += 1
        if self.before:
            self.before.pop(0)()
        self.store.commit(changes)
        self.written.append(changes)
        if self.after:
            self.after.pop(0)()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def unsteady(services: Services) -> tuple[Services, Unsteady]:
    """Return ``services`` on a bad line that waits for nothing, and the line."""
    line = Unsteady(services.store)
    store: Any = line
    context = replace(services.context, store=store, rules=Rules(store), pause=lambda _: None)
    return replace(services, context=context), line


def fails(error: BaseException) -> Callable[[], None]:
    """Return what raises ``error`` when it is called."""

    def fail() -> None:
        raise error

    return fail
