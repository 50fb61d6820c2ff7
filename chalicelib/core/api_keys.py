"""API keys: shown once, kept as a hash."""

from datetime import datetime

import msgspec

from chalicelib.core import errors
from chalicelib.core.callers import Caller, Role

PREFIX = "cpk_"


class ApiKeyNotFound(errors.NotFound):
    """No API key has this id."""

    code = "api_key_not_found"


class ApiKey(msgspec.Struct, frozen=True):
    """What is kept of a key. ``secret_hash`` is the hex SHA-256 of the key as it was shown.

    A fast hash is enough: the secret has 256 random bits, so there is nothing to guess from.
    """

    key_id: str
    secret_hash: str
    name: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    version: int = 0


def caller_of(key: ApiKey | None, *, now: datetime) -> Caller | None:
    """Return whom ``key`` speaks for at ``now``, or None once it is revoked or has expired."""
    if key is None or key.revoked_at is not None:
        return None
    if key.expires_at is not None and key.expires_at <= now:
        return None
    return Caller(caller_id=key.key_id, role=key.role)
