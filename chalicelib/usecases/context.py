"""What every use case works with."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from chalicelib.core.changes import Contention
from chalicelib.core.errors import ConflictRetry
from chalicelib.usecases.ports import Store
from chalicelib.usecases.rules import Rules

ATTEMPTS_MAX = 8

T = TypeVar("T")


class Context(msgspec.Struct, frozen=True):
    """The store, the rules of the business, and what only the machine can give.

    ``new_id`` makes an id from a prefix and a moment; ``pause`` waits a random while that grows
    with the number of the attempt; ``random_below`` draws a number from 0 to below its argument
    that nobody can foretell.
    """

    store: Store
    rules: Rules
    new_id: Callable[[str, datetime], str]
    pause: Callable[[int], None]
    random_below: Callable[[int], int]


def transact(context: Context, attempt: Callable[[Contention | None], T]) -> T:
    """Run ``attempt`` until it commits, at most ATTEMPTS_MAX times.

    ``attempt`` reads fresh snapshots, decides and commits; it is given what stood in the way of
    the attempt before. It runs again from the start after a lost race, so it does nothing that
    cannot be repeated: no push, no e-mail, no clock.

    Raises:
        ConflictRetry: every attempt lost the race.
    """
    lost: Contention | None = None
    for number in range(ATTEMPTS_MAX):
        try:
            return attempt(lost)
        except Contention as contention:
            lost = contention
            context.pause(number)
    raise ConflictRetry(
        "too many callers changed the same thing at once",
        fix="send the same request again, with the same Idempotency-Key",
        facts={"retry_after": 1},
    ) from lost
