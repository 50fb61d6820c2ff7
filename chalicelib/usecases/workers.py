"""Workers: functions that take a job and get on with it for as long as they have."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.core.changes import Changes, Contention
from chalicelib.core.files.leases import Leased
from chalicelib.core.settings import Settings
from chalicelib.usecases.context import Context
from chalicelib.usecases.ports import Files

J = TypeVar("J", bound=Leased)


class Superseded(Exception):
    """The job is no longer as its worker left it: ``stored`` is what it is now, if it is known."""

    def __init__(self, stored: object = None) -> None:
        super().__init__(type(stored).__name__)
        self.stored = stored


class Worker(msgspec.Struct, frozen=True):
    """One run of a function. ``name`` is like no other's; ``clock`` tells the time, unlike ``now``.

    A run takes minutes, so one moment does not do for all of it.
    """

    context: Context
    files: Files
    name: str
    clock: Callable[[], datetime]
    has_time: Callable[[], bool]

    def settings(self) -> Settings:
        """Return the settings of the business, kept for some seconds."""
        return self.context.rules.settings(now=self.clock())


def save(worker: Worker, before: J, after: J) -> J:
    """Write the job, and return it as it is stored.

    Raises:
        Superseded: somebody else has written it since it was read.
    """
    for number in range(3):
        try:
            worker.context.store.commit(Changes(update=((before, after),)))
        except Contention as lost:
            if lost.clashes:
                raise Superseded(lost.clashes[0].stored) from lost
            # Another transaction was under way; it may have been in vain.
            worker.context.pause(number)
        else:
            return replace(after, version=before.version + 1)
    raise Superseded
