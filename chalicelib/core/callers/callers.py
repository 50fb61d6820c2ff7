"""Who calls: the roles, and the caller whom a request was authenticated as."""

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a caller may do; the table of routes and roles is ``chalicelib/api/routes.py``."""

    OWNER = "owner"
    MANAGER = "manager"
    CASHIER = "cashier"
    ANALYST = "analyst"
    INTEGRATION = "integration"
    STOREFRONT = "storefront"


class Caller(msgspec.Struct, frozen=True):
    """An authenticated caller. ``caller_id`` is safe to log and to keep: it is no secret.

    ``origins``: the web pages that a publishable key may be used on.
    """

    caller_id: str
    role: Role
    origins: tuple[str, ...] = ()

    @property
    def is_stranger(self) -> bool:
        """Whether anybody can be behind it: a publishable key stands in the source of a page."""
        return self.role is Role.STOREFRONT
