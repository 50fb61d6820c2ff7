"""Ids: a prefix that says what the thing is, and a ULID that sorts by time."""

from datetime import UTC, datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(120, -1, -10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLIS_MAX = 2**48 - 1
RANDOM_BITS = 80


def ulid_id(prefix: str, *, at: datetime, random: int) -> str:
    """Return ``<prefix>_<ulid>`` for the moment ``at``, told apart by 80 random bits.

    See https://github.com/ulid/spec. Moments before 1970 sort as 1970.
    """
    assert 0 <= random < 1 << RANDOM_BITS, "a ULID has 80 random bits"
    elapsed = at - _EPOCH
    millis = elapsed.days * 86_400_000 + elapsed.seconds * 1000 + elapsed.microseconds // 1000
    number = (min(max(millis, 0), _MILLIS_MAX) << RANDOM_BITS) | random
    return f"{prefix}_" + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def is_id(text: str, prefix: str) -> bool:
    """Whether ``text`` has the form of an id with this prefix."""
    kind, _, ulid = text.partition("_")
    return kind == prefix and len(ulid) == len(_SHIFTS) * 2 and set(ulid) <= set(_ALPHABET)
