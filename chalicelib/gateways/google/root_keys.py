"""Google's root keys for callbacks, as Google publishes them; kept in the container."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import msgspec

from chalicelib.core.errors import Unavailable
from chalicelib.core.wallets import callbacks
from chalicelib.core.wallets.callbacks import RootKey

ADDRESS: Final = "https://pay.google.com/gp/m/issuer/keys"

_KEPT_FOR: Final = timedelta(hours=1)
# Google's server is not asked by every callback while it does not answer.
_RETRIED_AFTER: Final = timedelta(minutes=1)
_TIMEOUT_SECONDS: Final = 3.0
_SIZE_MAX: Final = 64 * 1024
_HTTP_OK: Final = 200


class _Key(msgspec.Struct, frozen=True, rename="camel"):
    key_value: str
    protocol_version: str
    key_expiration: str | None = None


class _Keys(msgspec.Struct, frozen=True):
    keys: tuple[_Key, ...]


class GoogleRootKeys:
    """The keys, fetched once an hour. The last good copy serves until its keys expire."""

    def __init__(self, address: str = ADDRESS) -> None:
        self._address = address
        self._keys: Sequence[RootKey] = ()
        self._next_at: datetime | None = None
        self._is_stale = True

    @cached_property
    def _pool(self) -> Any:
        import urllib3  # noqa: PLC0415 # a redemption needs none of it

        return urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_TIMEOUT_SECONDS, read=_TIMEOUT_SECONDS), retries=False
        )

    def read(self, *, now: datetime) -> Sequence[RootKey]:
        """Return the keys.

        Raises:
            Unavailable: Google does not answer, and no key of the last copy is live.
        """
        if self._next_at is None or self._next_at <= now:
            found = self._fetch()
            self._is_stale = found is None
            self._next_at = now + (_RETRIED_AFTER if found is None else _KEPT_FOR)
            self._keys = self._keys if found is None else found
        if self._is_stale and not any(callbacks.is_live(key, now) for key in self._keys):
            raise Unavailable(
                "Google's keys are out of reach",
                fix="try again in a minute",
                facts={"retry_after": int(_RETRIED_AFTER.total_seconds())},
            )
        return self._keys

    def _fetch(self) -> Sequence[RootKey] | None:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            answer = self._pool.request("GET", self._address, preload_content=False)
            try:
                if answer.status != _HTTP_OK:
                    return None
                raw = answer.read(_SIZE_MAX + 1)
                if len(raw) > _SIZE_MAX:
                    return None
                found = msgspec.json.decode(raw, type=_Keys)
                return [_root_key(key) for key in found.keys]
            finally:
                answer.release_conn()
        except (HTTPError, msgspec.DecodeError, ValueError, OverflowError):
            return None


def _root_key(key: _Key) -> RootKey:
    expiry = key.key_expiration
    expires_at = None if expiry is None else callbacks.moment_of(int(expiry))
    return RootKey(key.key_value, key.protocol_version, expires_at)
