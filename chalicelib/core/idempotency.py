"""The ``Idempotency-Key``: which request it stands for, and what that request made."""

from datetime import datetime, timedelta

import msgspec

from chalicelib.core import errors

KEPT_FOR = timedelta(days=7)


class IdempotencyKeyReused(errors.Refused):
    """The key was used for another request within the last seven days."""

    code = "idempotency_key_reused"


class KeyedRequest(msgspec.Struct, frozen=True):
    """A write that carries a key.

    ``key_hash`` covers the caller and the key, ``fingerprint`` the method, the path and the body:
    both are hex SHA-256, so that the table holds neither the key nor personal data.
    """

    key_hash: str
    fingerprint: str


class IdempotencyRecord(msgspec.Struct, frozen=True):
    """That a keyed request was carried out, and the ids of what it made or changed.

    Written in the transaction of the effect. After :data:`KEPT_FOR` it counts as absent, whether
    or not the table has removed it yet.
    """

    key_hash: str
    fingerprint: str
    made: tuple[str, ...]
    recorded_at: datetime
    version: int = 0

    @property
    def lapses_at(self) -> datetime:
        """The moment from which the record counts as absent."""
        return self.recorded_at + KEPT_FOR


def answered(
    request: KeyedRequest | None, record: IdempotencyRecord | None, *, now: datetime
) -> tuple[str, ...] | None:
    """Return what the request made when it was carried out before, or None if it was not.

    Raises:
        IdempotencyKeyReused: the key stands for another request.
    """
    if request is None or record is None or now >= record.lapses_at:
        return None
    if record.fingerprint != request.fingerprint:
        raise IdempotencyKeyReused(
            "this Idempotency-Key was used for another request",
            fix="send a new key with a new request, and the same key only with the very same one",
            pointer="/header/Idempotency-Key",
        )
    return record.made


def record_of(
    request: KeyedRequest | None, *, made: tuple[str, ...], now: datetime
) -> tuple[IdempotencyRecord, ...]:
    """Return the record to create beside the effect: one for a keyed request, none otherwise."""
    if request is None:
        return ()
    return (IdempotencyRecord(request.key_hash, request.fingerprint, made, now),)
