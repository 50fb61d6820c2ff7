"""Which codec stores what."""

from collections.abc import Callable
from typing import Any

from chalicelib.core.customers.accounts import AccountChange
from chalicelib.core.rewards.limits import ShareSet, UnitGivenBack, UnitTaken
from chalicelib.core.rewards.totals import TotalsChange
from chalicelib.store import activity, idempotency, settings, stream
from chalicelib.store.callers import api_keys, tries
from chalicelib.store.coupons import (
    attempts,
    batches,
    coupons,
    exports,
    generations,
    holds,
    imports,
    redemptions,
)
from chalicelib.store.customers import accounts, customers, orders
from chalicelib.store.engine.items import Codec, Raw
from chalicelib.store.rewards import limits, reconciliations, rewards, totals

_ALL: tuple[Codec[Any], ...] = (
    accounts.CODEC,
    activity.CODEC,
    api_keys.CODEC,
    attempts.CODEC,
    batches.CODEC,
    coupons.CODEC,
    customers.CODEC,
    customers.HANDLE_CODEC,
    generations.CODEC,
    generations.PATTERN_USE_CODEC,
    exports.CODEC,
    holds.CODEC,
    idempotency.CODEC,
    imports.CODEC,
    imports.REFUSED_CODEC,
    limits.CODEC,
    orders.CODEC,
    redemptions.CODEC,
    rewards.CODEC,
    settings.CODEC,
    settings.CURSOR_SECRET_CODEC,
    stream.CODEC,
    reconciliations.CODEC,
    reconciliations.POSITION_CODEC,
    totals.CODEC,
    totals.DAY_CODEC,
    totals.COUPON_SHADOW_CODEC,
    totals.REDEMPTION_SHADOW_CODEC,
    tries.CODEC,
)
BY_KIND: dict[type, Codec[Any]] = {codec.kind: codec for codec in _ALL}
_BY_DISCRIMINATOR = {codec.discriminator: codec for codec in _ALL}


_ADDITIONS: dict[type, Callable[[Any], dict[str, Any]]] = {
    AccountChange: accounts.update_of,
    TotalsChange: totals.update_of,
    ShareSet: limits.set_share,
    UnitGivenBack: limits.give_back,
    UnitTaken: limits.take,
}


def addition(change: object) -> dict[str, Any]:
    """Return the addition to a counter as one action of a transaction."""
    return _ADDITIONS[type(change)](change)


def encode(snapshot: object) -> Raw:
    """Return the item of ``snapshot``."""
    return BY_KIND[type(snapshot)].encode(snapshot)


def decode(raw: Raw) -> Any:
    """Return the snapshot that an item holds."""
    return _BY_DISCRIMINATOR[raw["kind"]["S"]].decode(raw)
