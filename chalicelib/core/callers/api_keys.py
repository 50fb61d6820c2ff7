"""API keys: shown once, kept as a hash."""

import re
from datetime import datetime

import msgspec

from chalicelib.core import errors
from chalicelib.core.callers.callers import Caller, Role

PREFIX = "cpk_"
PUBLISHABLE_PREFIX = "pk_"
"""People and leak scanners tell by it that a key is no secret."""

ORIGINS_MAX = 20
ORIGIN_LENGTH_MAX = 260

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(
    rf"(?:(https)://({_LABEL}(?:\.{_LABEL})*)|(http)://(localhost|127\.0\.0\.1))(?::(\d{{1,5}}))?",
    re.ASCII,
)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_PORT_MAX = 65_535


class ApiKeyNotFound(errors.NotFound):
    """No API key has this id."""

    code = "api_key_not_found"


class ApiKey(msgspec.Struct, frozen=True):
    """What is kept of a key. ``secret_hash`` is the hex SHA-256 of the key as it was shown.

    A fast hash is enough: the secret has 256 random bits, so there is nothing to guess from.
    ``origins``: the web pages that a publishable key may be used on; other keys have none.
    """

    key_id: str
    secret_hash: str
    name: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    origins: tuple[str, ...] = ()
    version: int = 0


def caller_of(key: ApiKey | None, *, now: datetime) -> Caller | None:
    """Return whom ``key`` speaks for at ``now``, or None once it is revoked or has expired."""
    if key is None or key.revoked_at is not None:
        return None
    if key.expires_at is not None and key.expires_at <= now:
        return None
    return Caller(caller_id=key.key_id, role=key.role, origins=key.origins)


def web_origin(typed: str) -> str | None:
    """Return a web origin as browsers send it, or None if ``typed`` is none.

    ``https://host`` with a port where it is not the usual one, and no path; plain HTTP for a
    developer's own machine only.
    """
    found = _ORIGIN.fullmatch(typed.lower())
    if found is None:
        return None
    scheme, host = found[1] or found[3], found[2] or found[4]
    if found[5] is None:
        return f"{scheme}://{host}"
    port = int(found[5])
    if not 0 < port <= _PORT_MAX:
        return None
    return f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")
