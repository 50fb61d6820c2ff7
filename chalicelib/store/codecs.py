"""Which codec stores what."""

from typing import Any

from chalicelib.store import (
    accounts,
    activity,
    api_keys,
    coupons,
    customers,
    idempotency,
    orders,
    redemptions,
    rewards,
    settings,
)
from chalicelib.store.items import Codec, Raw

_ALL: tuple[Codec[Any], ...] = (
    accounts.CODEC,
    activity.CODEC,
    api_keys.CODEC,
    coupons.CODEC,
    customers.CODEC,
    customers.HANDLE_CODEC,
    idempotency.CODEC,
    orders.CODEC,
    redemptions.CODEC,
    rewards.CODEC,
    settings.CODEC,
    settings.CURSOR_SECRET_CODEC,
)
BY_KIND: dict[type, Codec[Any]] = {codec.kind: codec for codec in _ALL}
_BY_DISCRIMINATOR = {codec.discriminator: codec for codec in _ALL}


def encode(snapshot: object) -> Raw:
    """Return the item of ``snapshot``."""
    return BY_KIND[type(snapshot)].encode(snapshot)


def decode(raw: Raw) -> Any:
    """Return the snapshot that an item holds."""
    return _BY_DISCRIMINATOR[raw["kind"]["S"]].decode(raw)
