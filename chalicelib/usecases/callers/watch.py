"""Count the tries of codes that lead nowhere, and stop callers who make too many."""

import contextlib
from collections import OrderedDict
from datetime import datetime, timedelta

from chalicelib.core import errors
from chalicelib.core.callers import tries
from chalicelib.core.callers.tries import Guesser, Tries
from chalicelib.usecases.ports import Store

STOPPED_KEPT_MAX = 10_000
# Tries that are under way may be handed back, so a stranger is not stopped for longer unseen.
STRANGER_KEPT_FOR = timedelta(seconds=5)


class Watch:
    """Counts in the table, where all functions count; remembers here who is to be stopped.

    A server key is counted when a code is not found, so that a good redemption costs nothing. That
    it has made too many tries, another container learns with its next miss, and at the latest when
    it reads the key again: within 30 seconds.

    A stranger takes a try before anything is looked up, and gets it back when the code was good. So
    a thousand requests at the same instant find out no more than ten do.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stopped: OrderedDict[str, datetime] = OrderedDict()

    def begin(self, guesser: Guesser, *, now: datetime) -> None:
        """Let the guesser look a code up.

        Raises:
            RateLimited: not before the window is over.
            Unavailable: a stranger's try could not be counted.
        """
        until = self._stopped.get(guesser.name)
        if until is not None and now < until:
            raise tries.too_many(now)
        if guesser.is_stranger and self._count(guesser, 1, now=now) is None:
            self._stop(guesser.name, now + STRANGER_KEPT_FOR)
            raise tries.too_many(now)

    def give_back(self, guesser: Guesser, *, now: datetime) -> None:
        """Take back a stranger's try, which led somewhere. ``now`` is that of its begin."""
        with contextlib.suppress(errors.Unavailable):
            self._count(guesser, -1, now=now)

    def missed(self, guesser: Guesser, times: int, *, now: datetime) -> bool:
        """Count codes that a server key did not find; return whether these were too many.

        Nothing is too many while the table is too busy to count.
        """
        with contextlib.suppress(errors.Unavailable):
            count = self._count(guesser, times, now=now)
            if count is None or count >= guesser.tries_max:
                self._stop(guesser.name, Tries("", tries.window_at(now)).lapses_at)
            return count is None
        return False

    def saw(self, found: Tries | None, *, tries_max: int) -> None:
        """Take note of what the table says of a server key."""
        if found is not None and found.failed >= tries_max:
            self._stop(found.guesser, found.lapses_at)

    def _count(self, guesser: Guesser, times: int, *, now: datetime) -> int | None:
        counter = Tries(guesser.name, tries.window_at(now))
        return self._store.count_tries(counter, times, at_most=guesser.tries_max)

    def _stop(self, name: str, until: datetime) -> None:
        self._stopped[name] = until
        self._stopped.move_to_end(name)
        while len(self._stopped) > STOPPED_KEPT_MAX:
            self._stopped.popitem(last=False)
