"""Make, list and revoke API keys, and find out whom one speaks for."""

import hashlib
import hmac
from collections import OrderedDict
from datetime import datetime, timedelta

from msgspec.structs import replace

from chalicelib.core.callers import api_keys, tries
from chalicelib.core.callers.api_keys import ApiKey, ApiKeyNotFound
from chalicelib.core.callers.callers import Caller
from chalicelib.core.callers.tries import Tries
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import Page, PageRequest
from chalicelib.usecases.callers.watch import Watch
from chalicelib.usecases.context import Context
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.ports import Store

KEPT_FOR = timedelta(seconds=30)
KEYS_KEPT_MAX = 1_000

_PREFIXES = (api_keys.PREFIX, api_keys.PUBLISHABLE_PREFIX)


def token_of(key_id: str, secret: str, *, publishable: bool = False) -> str:
    """Return the key as its holder sends it: its id, which is no secret, and the secret."""
    prefix = api_keys.PUBLISHABLE_PREFIX if publishable else api_keys.PREFIX
    return f"{prefix}{key_id.removeprefix('key_')}_{secret}"


def hash_of(token: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_key(
    context: Context, key: ApiKey, *, now: datetime, request: KeyedRequest | None
) -> Done[ApiKey]:
    """Add a key, whose secret the caller has hashed."""
    return once(
        context,
        request,
        now=now,
        decide=lambda _: (key, (key.key_id,), Changes(create=(key,))),
        again=lambda made: _get_key(context.store, made[0]),
    )


def revoke_key(
    context: Context, key_id: str, *, now: datetime, request: KeyedRequest | None
) -> Done[ApiKey]:
    """Revoke the key; it stops working everywhere within 30 seconds. Again changes nothing.

    Raises:
        ApiKeyNotFound: no key has this id.
    """

    def decide(_: Contention | None) -> tuple[ApiKey, tuple[str, ...], Changes]:
        before = _get_key(context.store, key_id)
        if before.revoked_at is not None:
            return before, (key_id,), Changes()
        after = replace(before, revoked_at=now)
        return after, (key_id,), Changes(update=((before, after),))

    return once(
        context, request, now=now, decide=decide, again=lambda _: _get_key(context.store, key_id)
    )


def list_keys(context: Context, request: PageRequest) -> Page[ApiKey]:
    """Return a page of all keys, revoked ones too."""
    return context.store.api_keys(request)


class Gate:
    """Finds out whom a key speaks for, keeping what it has seen for at most 30 seconds.

    Unknown keys are not kept, so that trying keys fills no memory. Whether a key has tried too many
    codes is read with it.
    """

    def __init__(self, store: Store, watch: Watch) -> None:
        self._store = store
        self._watch = watch
        self._kept: OrderedDict[str, tuple[datetime, ApiKey]] = OrderedDict()

    def authenticate(self, token: str, *, now: datetime) -> Caller | None:
        """Return the caller, or None where the key is unknown, revoked or has expired."""
        token_hash = hash_of(token)
        kept = self._kept.get(token_hash)
        if kept is None or not now - KEPT_FOR < kept[0] <= now:
            self._kept.pop(token_hash, None)
            key = self._find(token, token_hash, now=now)
            if key is None:
                return None
            kept = now, key
            self._kept[token_hash] = kept
            while len(self._kept) > KEYS_KEPT_MAX:
                self._kept.popitem(last=False)
        return api_keys.caller_of(kept[1], now=now)

    def forget(self) -> None:
        """Read every key anew the next time."""
        self._kept.clear()

    def _find(self, token: str, token_hash: str, *, now: datetime) -> ApiKey | None:
        prefix, _, rest = token.partition("_")
        key_id, _, secret = rest.partition("_")
        if f"{prefix}_" not in _PREFIXES or not key_id.isalnum() or not secret:
            return None
        name = ref(ApiKey, f"key_{key_id[:26]}")
        counted = ref(Tries, *name.parts, str(tries.window_at(now)))
        found = self._store.read(name, counted)
        key = found.find(name)
        if key is None or not hmac.compare_digest(key.secret_hash, token_hash):
            return None
        self._watch.saw(found.find(counted), tries_max=tries.TRIES_MAX[key.role])
        return key


def _get_key(store: Store, key_id: str) -> ApiKey:
    name = ref(ApiKey, key_id)
    key = store.read(name).find(name)
    if key is None:
        raise ApiKeyNotFound("no API key has this id", fix="list the keys to find its id")
    return key
