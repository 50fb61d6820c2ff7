"""Which codec stores what; each is loaded when it is first needed.

A codec stands in the module of the store that is named like the core's module of its noun.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from chalicelib.store.engine.items import Codec, Raw

MODULES: Final = {
    "account": "customers.accounts",
    "api_key": "callers.api_keys",
    "attempt": "coupons.attempts",
    "callback_nonce": "wallets.saves",
    "card": "cards.cards",
    "card_template": "cards.templates",
    "coupon": "coupons.coupons",
    "coupon_batch": "coupons.batches",
    "coupon_shadow": "rewards.totals",
    "cursor_secret": "cursors",
    "customer": "customers.customers",
    "day_totals": "rewards.totals",
    "device": "wallets.devices",
    "delivery": "outbox.deliveries",
    "event": "activity",
    "export": "coupons.exports",
    "generation": "coupons.generations",
    "handle": "customers.customers",
    "hold": "coupons.holds",
    "idempotency": "idempotency",
    "import": "coupons.imports",
    "limit": "rewards.limits",
    "order": "customers.orders",
    "parked_record": "stream",
    "pattern_use": "coupons.patterns",
    "reconcile_position": "rewards.reconciliations",
    "reconciliation": "rewards.reconciliations",
    "redemption": "coupons.redemptions",
    "redemption_shadow": "rewards.totals",
    "refused_rows": "coupons.imports",
    "registration": "wallets.devices",
    "reward": "rewards.rewards",
    "saved_object": "wallets.saves",
    "settings": "settings",
    "totals": "rewards.totals",
    "tries": "callers.tries",
    "webhook": "webhooks.webhooks",
}
"""Where each kind of item is, by its discriminator."""

_by_kind: dict[type, Codec[Any]] = {}
_by_discriminator: dict[str, Codec[Any]] = {}
_additions: dict[type, Callable[[Any], dict[str, Any]]] = {}


def of_kind(kind: type) -> Codec[Any]:
    """Return the codec of a kind of snapshots."""
    if kind not in _by_kind:
        _load_store_of(kind)
    return _by_kind[kind]


def addition(change: object) -> dict[str, Any]:
    """Return the addition to a counter as one action of a transaction."""
    kind = type(change)
    if kind not in _additions:
        _load_store_of(kind)
    return _additions[kind](change)


def encode(snapshot: object) -> Raw:
    """Return the item of ``snapshot``."""
    return of_kind(type(snapshot)).encode(snapshot)


def decode(raw: Raw) -> Any:
    """Return the snapshot that an item holds."""
    discriminator = raw["kind"]["S"]
    if discriminator not in _by_discriminator:
        _load(MODULES[discriminator])
    return _by_discriminator[discriminator].decode(raw)


def _load_store_of(kind: type) -> None:
    _load(kind.__module__.removeprefix("chalicelib.core."))


def _load(name: str) -> None:
    module = import_module(f"chalicelib.store.{name}")
    for codec in vars(module).values():
        if isinstance(codec, Codec):
            _by_kind[codec.kind] = codec
            _by_discriminator[codec.discriminator] = codec
    _additions.update(getattr(module, "ADDITIONS", {}))
