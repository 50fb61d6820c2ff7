"""Who may call what: one table. A route without an entry does not start.

* ``owner``: everything. Alone makes and revokes API keys and changes the settings, because either
  can lock everybody else out or change what money means.
* ``manager``: everything else.
* ``cashier``: looks up a customer, a reward or a coupon, validates and redeems. Gives nothing away
  and takes nothing back. (The list of customers answers a cashier's look-up only.)
* ``analyst``: reads everything but API keys, also as files; changes nothing, so does not
  validate either.
* ``integration``: what a shop does: keeps customers, loads and claims coupons, passes them on and
  takes them out of use, redeems, takes a redemption back when an order is cancelled. Rewards are
  the marketing department's: it reads them.
* ``storefront``: validates and redeems, from the pages of its own shop. Its key is no secret, so
  whoever sends it is a stranger.
"""

from typing import Final

from chalicelib.core.callers.callers import Role

PUBLIC: Final[frozenset[Role]] = frozenset()
"""Asks for no key at all."""

_OWNER: Final = frozenset({Role.OWNER})
_MANAGERS: Final = frozenset({Role.OWNER, Role.MANAGER})
_SHOP: Final = _MANAGERS | {Role.INTEGRATION}
_TILL: Final = _SHOP | {Role.CASHIER}
_READERS: Final = _SHOP | {Role.ANALYST}
_OFFICE: Final = _MANAGERS | {Role.ANALYST}
_EVERYONE: Final = frozenset(Role) - {Role.STOREFRONT}
_PAGES: Final = _TILL | {Role.STOREFRONT}

ROLES: Final[dict[tuple[str, str], frozenset[Role]]] = {
    ("GET", "/v1/health"): PUBLIC,
    ("GET", "/openapi.json"): PUBLIC,
    ("GET", "/docs"): PUBLIC,
    ("POST", "/v1/customers"): _SHOP,
    ("GET", "/v1/customers"): _EVERYONE,
    ("GET", "/v1/customers/{customer_id}"): _EVERYONE,
    ("PATCH", "/v1/customers/{customer_id}"): _SHOP,
    ("GET", "/v1/customers/{customer_id}/coupons"): _EVERYONE,
    ("GET", "/v1/customers/{customer_id}/activity"): _READERS,
    ("POST", "/v1/rewards"): _MANAGERS,
    ("GET", "/v1/rewards"): _EVERYONE,
    ("GET", "/v1/rewards/{reward_id}"): _EVERYONE,
    ("PATCH", "/v1/rewards/{reward_id}"): _MANAGERS,
    ("POST", "/v1/rewards/{reward_id}/activate"): _MANAGERS,
    ("POST", "/v1/rewards/{reward_id}/pause"): _MANAGERS,
    ("POST", "/v1/rewards/{reward_id}/archive"): _MANAGERS,
    ("POST", "/v1/rewards/{reward_id}/coupons"): _SHOP,
    ("GET", "/v1/rewards/{reward_id}/coupons"): _READERS,
    ("GET", "/v1/rewards/{reward_id}/statistics"): _READERS,
    ("POST", "/v1/rewards/{reward_id}/coupons/generate"): _SHOP,
    ("GET", "/v1/generations/{generation_id}"): _READERS,
    ("POST", "/v1/rewards/{reward_id}/claim"): _SHOP,
    ("GET", "/v1/coupons/{code}"): _EVERYONE,
    ("PATCH", "/v1/coupons/{code}"): _SHOP,
    ("POST", "/v1/coupons/{code}/claim"): _SHOP,
    ("POST", "/v1/coupons/{code}/invalidate"): _SHOP,
    ("POST", "/v1/coupons/{code}/transfer"): _SHOP,
    ("POST", "/v1/coupons/{code}/validate"): _PAGES,
    ("POST", "/v1/coupons/{code}/redemptions"): _PAGES,
    ("POST", "/v1/coupons/{code}/holds"): _TILL,
    ("GET", "/v1/holds/{hold_id}"): _EVERYONE,
    ("PATCH", "/v1/holds/{hold_id}"): _TILL,
    ("DELETE", "/v1/holds/{hold_id}"): _TILL,
    ("POST", "/v1/orders/{order_id}/redemptions"): _TILL,
    ("POST", "/v1/orders/{order_id}/validate"): _TILL,
    ("POST", "/v1/customers/{customer_id}/applicable"): _TILL,
    ("GET", "/v1/coupons/{code}/redemptions"): _EVERYONE,
    ("GET", "/v1/coupons/{code}/redemptions/{redemption_id}"): _EVERYONE,
    ("POST", "/v1/coupons/{code}/unredeem"): _SHOP,
    ("GET", "/v1/coupons/{code}/attempts"): _EVERYONE,
    ("GET", "/v1/customers/{customer_id}/attempts"): _READERS,
    # Many at once: who may do it to one.
    ("POST", "/v1/bulk/coupons/claim"): _SHOP,
    ("POST", "/v1/bulk/coupons/redeem"): _TILL,
    ("POST", "/v1/bulk/coupons/unredeem"): _SHOP,
    ("POST", "/v1/bulk/coupons/invalidate"): _SHOP,
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
    ("POST", "/v1/exports"): _OFFICE,
    ("GET", "/v1/exports/{export_id}"): _OFFICE,
    ("GET", "/v1/settings"): _READERS,
    ("PUT", "/v1/settings"): _OWNER,
    ("POST", "/v1/api-keys"): _OWNER,
    ("GET", "/v1/api-keys"): _OWNER,
    ("DELETE", "/v1/api-keys/{key_id}"): _OWNER,
}


def roles_for(method: str, path: str) -> frozenset[Role]:
    """Return the roles that may call a route; :data:`PUBLIC` where no key is asked for.

    Raises:
        LookupError: nobody decided who may. Raised while the application is imported.
    """
    try:
        return ROLES[method, path]
    except KeyError:
        raise LookupError(f"{method} {path} has no entry in {__name__}.ROLES") from None
