"""How often a caller may try codes that lead nowhere: codes cannot be guessed by trying.

The windows stand still (00:00, 00:10, …), so that every function counts in the same one without
asking another.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from chalicelib.core import errors
from chalicelib.core.callers.callers import Caller, Role

WINDOW = timedelta(minutes=10)
# Who may list the codes anyway guesses none. The cashier's limit is above what slips of the finger
# come to; a storefront's is for each address.
TRIES_MAX: Final[Mapping[Role, int]] = {
    Role.OWNER: 1_000,
    Role.MANAGER: 1_000,
    Role.INTEGRATION: 1_000,
    Role.ANALYST: 1_000,
    Role.CASHIER: 100,
    Role.STOREFRONT: 10,
}


class RateLimited(errors.DomainError):
    """The caller asks too often; ``Retry-After`` says when to ask again. HTTP 429."""

    code = "rate_limited"


class Guesser(msgspec.Struct, frozen=True):
    """Whose tries are counted together.

    A server key's are its own. A publishable key is in every visitor's hands, so its tries are
    those of one address. ``name`` holds the address as a hash only.
    """

    name: str
    tries_max: int
    is_stranger: bool


class Tries(msgspec.Struct, frozen=True):
    """How many tries of a guesser led nowhere in one window."""

    guesser: str
    window: int
    failed: int = 0
    version: int = 0

    @property
    def lapses_at(self) -> datetime:
        """The moment from which the window is over."""
        return datetime.fromtimestamp(0, UTC) + WINDOW * (self.window + 1)


def guesser_of(caller: Caller, *, network: str) -> Guesser:
    """Return whose tries those of ``caller`` from ``network`` are."""
    name = caller.caller_id
    if caller.is_stranger:
        name += "#" + hashlib.sha256(f"{name}\n{network}".encode()).hexdigest()[:32]
    return Guesser(name, TRIES_MAX[caller.role], caller.is_stranger)


def window_at(now: datetime) -> int:
    """Return the number of the window that ``now`` lies in."""
    return (now - datetime.fromtimestamp(0, UTC)) // WINDOW


def too_many(now: datetime) -> RateLimited:
    """Return the refusal of a further try, until the window is over."""
    seconds = math.ceil((Tries("", window_at(now)).lapses_at - now).total_seconds())
    return RateLimited(
        "too many codes were tried that could not be used",
        fix="wait, and check the codes",
        facts={"retry_after": seconds},
    )
