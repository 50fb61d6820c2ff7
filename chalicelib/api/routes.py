"""The routes: which module has the view of each, and who may call it. One table.

A route without an entry does not start; a module is loaded by the first request for one of its
routes, so that a redemption does not wait for what it does not need.

* ``owner``: everything. Alone makes and revokes API keys and changes the settings, because either
  can lock everybody else out or change what money means; and looks after the outbox.
* ``manager``: everything else.
* ``cashier``: looks up a customer, a reward or a coupon, validates and redeems. Gives nothing away
  and takes nothing back. (The list of customers answers a cashier's look-up only.)
* ``analyst``: reads everything but API keys and webhooks, also as files; changes nothing, so does
  not validate either.
* ``integration``: what a shop does: keeps customers, loads and claims coupons, passes them on and
  takes them out of use, redeems, takes a redemption back when an order is cancelled. Rewards are
  the marketing department's: it reads them.
* ``storefront``: validates and redeems, from the pages of its own shop. Its key is no secret, so
  whoever sends it is a stranger.
"""

from typing import Final

from chalicelib.core.callers.callers import Role

Route = tuple[str, str]
"""A method, and a path with names in braces."""

PUBLIC: Final[frozenset[Role]] = frozenset()
"""Asks for no key at all."""

CARDS: Final[frozenset[Role]] = frozenset()
"""Asks for no key: its view asks for the token of a card, or for what only its phone knows."""

_OWNER: Final = frozenset({Role.OWNER})
_MANAGERS: Final = frozenset({Role.OWNER, Role.MANAGER})
_SHOP: Final = _MANAGERS | {Role.INTEGRATION}
_TILL: Final = _SHOP | {Role.CASHIER}
_READERS: Final = _SHOP | {Role.ANALYST}
_OFFICE: Final = _MANAGERS | {Role.ANALYST}
_EVERYONE: Final = frozenset(Role) - {Role.STOREFRONT}
_PAGES: Final = _TILL | {Role.STOREFRONT}

ROUTES: Final[dict[str, dict[Route, frozenset[Role]]]] = {
    "meta": {
        ("GET", "/v1/health"): PUBLIC,
        ("GET", "/openapi.json"): PUBLIC,
        ("GET", "/docs"): PUBLIC,
    },
    "customers.customers": {
        ("POST", "/v1/customers"): _SHOP,
        ("GET", "/v1/customers"): _EVERYONE,
        ("GET", "/v1/customers/{customer_id}"): _EVERYONE,
        ("PATCH", "/v1/customers/{customer_id}"): _SHOP,
        ("GET", "/v1/customers/{customer_id}/activity"): _READERS,
    },
    "coupons.coupons": {
        ("GET", "/v1/customers/{customer_id}/coupons"): _EVERYONE,
        ("POST", "/v1/rewards/{reward_id}/coupons"): _SHOP,
        ("GET", "/v1/rewards/{reward_id}/coupons"): _READERS,
        ("GET", "/v1/coupons/{code}"): _EVERYONE,
        ("PATCH", "/v1/coupons/{code}"): _SHOP,
        ("POST", "/v1/coupons/{code}/claim"): _SHOP,
    },
    "rewards.rewards": {
        ("POST", "/v1/rewards"): _MANAGERS,
        ("GET", "/v1/rewards"): _EVERYONE,
        ("GET", "/v1/rewards/{reward_id}"): _EVERYONE,
        ("PATCH", "/v1/rewards/{reward_id}"): _MANAGERS,
        ("POST", "/v1/rewards/{reward_id}/activate"): _MANAGERS,
        ("POST", "/v1/rewards/{reward_id}/pause"): _MANAGERS,
        ("POST", "/v1/rewards/{reward_id}/archive"): _MANAGERS,
    },
    "rewards.statistics": {
        ("GET", "/v1/rewards/{reward_id}/statistics"): _READERS,
    },
    "coupons.generation": {
        ("POST", "/v1/rewards/{reward_id}/coupons/generate"): _SHOP,
        ("GET", "/v1/generations/{generation_id}"): _READERS,
    },
    "coupons.pools": {
        ("POST", "/v1/rewards/{reward_id}/claim"): _SHOP,
    },
    "coupons.actions": {
        ("POST", "/v1/coupons/{code}/invalidate"): _SHOP,
        ("POST", "/v1/coupons/{code}/transfer"): _SHOP,
    },
    "coupons.redemptions": {
        ("POST", "/v1/coupons/{code}/validate"): _PAGES,
        ("POST", "/v1/coupons/{code}/redemptions"): _PAGES,
        ("GET", "/v1/coupons/{code}/redemptions"): _EVERYONE,
        ("GET", "/v1/coupons/{code}/redemptions/{redemption_id}"): _EVERYONE,
        ("POST", "/v1/coupons/{code}/unredeem"): _SHOP,
    },
    "coupons.holds": {
        ("POST", "/v1/coupons/{code}/holds"): _TILL,
        ("GET", "/v1/holds/{hold_id}"): _EVERYONE,
        ("PATCH", "/v1/holds/{hold_id}"): _TILL,
        ("DELETE", "/v1/holds/{hold_id}"): _TILL,
    },
    "coupons.orders": {
        ("POST", "/v1/orders/{order_id}/redemptions"): _TILL,
        ("POST", "/v1/orders/{order_id}/validate"): _TILL,
        ("POST", "/v1/customers/{customer_id}/applicable"): _TILL,
    },
    "coupons.attempts": {
        ("GET", "/v1/coupons/{code}/attempts"): _EVERYONE,
        ("GET", "/v1/customers/{customer_id}/attempts"): _READERS,
    },
    "coupons.bulk": {
        # Many at once: who may do it to one.
        ("POST", "/v1/bulk/coupons/claim"): _SHOP,
        ("POST", "/v1/bulk/coupons/redeem"): _TILL,
        ("POST", "/v1/bulk/coupons/unredeem"): _SHOP,
        ("POST", "/v1/bulk/coupons/invalidate"): _SHOP,
    },
    "coupons.imports": {
        ("POST", "/v1/imports"): _SHOP,
        ("GET", "/v1/imports"): _READERS,
        ("GET", "/v1/imports/template"): _READERS,
        ("GET", "/v1/imports/{import_id}"): _READERS,
        ("PATCH", "/v1/imports/{import_id}"): _SHOP,
        ("POST", "/v1/imports/{import_id}/upload"): _SHOP,
        ("GET", "/v1/imports/{import_id}/preview"): _READERS,
        ("POST", "/v1/imports/{import_id}/start"): _SHOP,
        ("POST", "/v1/imports/{import_id}/cancel"): _SHOP,
        ("GET", "/v1/imports/{import_id}/refused"): _READERS,
    },
    "coupons.exports": {
        ("POST", "/v1/exports"): _OFFICE,
        ("GET", "/v1/exports/{export_id}"): _OFFICE,
    },
    "cards.templates": {
        ("POST", "/v1/card-templates"): _MANAGERS,
        ("GET", "/v1/card-templates"): _EVERYONE,
        ("GET", "/v1/card-templates/{template_id}"): _EVERYONE,
        ("PATCH", "/v1/card-templates/{template_id}"): _MANAGERS,
        ("POST", "/v1/card-templates/{template_id}/archive"): _MANAGERS,
    },
    "cards.cards": {
        ("POST", "/v1/cards"): _SHOP,
        ("GET", "/v1/cards/{serial}"): _EVERYONE,
        ("PATCH", "/v1/cards/{serial}"): _SHOP,
        ("DELETE", "/v1/cards/{serial}"): _SHOP,
        ("POST", "/v1/cards/{serial}/stamps"): _TILL,
        ("GET", "/v1/customers/{customer_id}/cards"): _EVERYONE,
    },
    "wallets.google": {
        # What Google signs is its key.
        ("POST", "/v1/wallets/google/callbacks"): PUBLIC,
        ("GET", "/v1/cards/{serial}/google-link"): _EVERYONE,
    },
    "wallets.apple": {
        # Below v1/ the names are Apple's.
        (
            "POST",
            "/v1/wallets/apple/v1/devices/{device_id}/registrations/{pass_type_id}/{serial}",
        ): CARDS,
        (
            "DELETE",
            "/v1/wallets/apple/v1/devices/{device_id}/registrations/{pass_type_id}/{serial}",
        ): CARDS,
        ("GET", "/v1/wallets/apple/v1/devices/{device_id}/registrations/{pass_type_id}"): CARDS,
        ("GET", "/v1/wallets/apple/v1/passes/{pass_type_id}/{serial}"): CARDS,
        ("POST", "/v1/wallets/apple/v1/log"): CARDS,
    },
    "webhooks.webhooks": {
        ("POST", "/v1/webhooks"): _MANAGERS,
        ("GET", "/v1/webhooks"): _MANAGERS,
        ("GET", "/v1/webhooks/{webhook_id}"): _MANAGERS,
        ("PATCH", "/v1/webhooks/{webhook_id}"): _MANAGERS,
        ("DELETE", "/v1/webhooks/{webhook_id}"): _MANAGERS,
        ("POST", "/v1/webhooks/{webhook_id}/rotate"): _MANAGERS,
    },
    "webhooks.deliveries": {
        ("POST", "/v1/webhooks/{webhook_id}/test"): _MANAGERS,
        ("GET", "/v1/webhooks/{webhook_id}/deliveries"): _MANAGERS,
        ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay"): _MANAGERS,
    },
    "outbox.queues": {
        ("GET", "/v1/outbox"): _OWNER,
        ("POST", "/v1/outbox/replay"): _OWNER,
    },
    "settings": {
        ("GET", "/v1/settings"): _READERS,
        ("PUT", "/v1/settings"): _OWNER,
    },
    "callers.api_keys": {
        ("POST", "/v1/api-keys"): _OWNER,
        ("GET", "/v1/api-keys"): _OWNER,
        ("DELETE", "/v1/api-keys/{key_id}"): _OWNER,
    },
}

ROLES: Final[dict[Route, frozenset[Role]]] = {
    route: roles for routes in ROUTES.values() for route, roles in routes.items()
}


def roles_for(method: str, path: str) -> frozenset[Role]:
    """Return the roles that may call a route; :data:`PUBLIC` where no key is asked for.

    Raises:
        LookupError: nobody decided who may. Raised while the module of the route is loaded.
    """
    try:
        return ROLES[method, path]
    except KeyError:
        raise LookupError(f"{method} {path} has no entry in {__name__}.ROUTES") from None
