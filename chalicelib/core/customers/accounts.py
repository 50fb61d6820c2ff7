"""A customer's account: standing and counters, kept apart from the profile so that it stays small.

Counters are changed by adding inside the transaction of what caused the change, under conditions
on the account as it is then. So a redemption needs no read of the account: it assumes the usual
case, and decides again with the account in hand when the assumption fails.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors


class CustomerNotFound(errors.NotFound):
    """No customer has this id."""

    code = "customer_not_found"


class CustomerExcluded(errors.Refused):
    """The customer is excluded from the programme."""

    code = "customer_excluded"


class CustomerDeleted(errors.Refused):
    """The customer was deleted."""

    code = "customer_deleted"


class Standing(StrEnum):
    """Whether the customer takes part; public as the customer's ``status``."""

    ACTIVE = "active"
    EXCLUDED = "excluded"
    DELETED = "deleted"


class Account(msgspec.Struct, frozen=True):
    """What a customer's purchases and coupons add up to.

    ``lifetime_value_minor`` is in the minor unit of the business's currency. ``activity_count``
    is the number of activity events ever written for the customer.
    """

    customer_id: str
    standing: Standing
    joined_at: datetime
    lifetime_value_minor: int = 0
    visits: int = 0
    coupons_used: int = 0
    last_visit_at: datetime | None = None
    activity_count: int = 0
    version: int = 0


class NewestVisit(msgspec.Struct, frozen=True):
    """A visit at ``at``; holds only while no newer one is recorded."""

    at: datetime


class OlderVisit(msgspec.Struct, frozen=True):
    """A visit at ``at`` that leaves the last visit alone; holds only while a newer one stands."""

    at: datetime


class VisitReset(msgspec.Struct, frozen=True):
    """The last visit is now ``at``, because a newer one no longer stands."""

    at: datetime | None


class AccountChange(msgspec.Struct, frozen=True):
    """What is added to an account, and what must hold for it. Refused as a whole otherwise.

    ``joined_by``: the customer must have joined by then. ``at_version``: nothing else may have
    changed the account since it was read.
    """

    customer_id: str
    activity_count: int
    lifetime_value_minor: int = 0
    visits: int = 0
    coupons_used: int = 0
    visit: NewestVisit | OlderVisit | VisitReset | None = None
    while_active: bool = True
    joined_by: datetime | None = None
    at_version: int | None = None


def check_active(account: Account, *, pointer: str | None = None) -> None:
    """Raise unless the customer takes part in the programme; ``pointer`` is who named them.

    Raises:
        CustomerExcluded, CustomerDeleted: they do not.
    """
    if account.standing is Standing.EXCLUDED:
        raise CustomerExcluded(
            "this customer is excluded from the programme",
            fix="include the customer again first",
            pointer=pointer,
            facts={"customer_status": account.standing},
        )
    if account.standing is Standing.DELETED:
        raise CustomerDeleted(
            "this customer was deleted",
            fix="the customer can join again as a new one",
            pointer=pointer,
            facts={"customer_status": account.standing},
        )


def not_found(pointer: str | None = None) -> CustomerNotFound:
    """Return the error for an id that names no customer."""
    return CustomerNotFound(
        "no customer has this id",
        fix="look the customer up by external_id, email or phone",
        pointer=pointer,
    )


def merged(changes: Iterable[AccountChange]) -> tuple[AccountChange, ...]:
    """Return one change per customer that counts all the activity of ``changes``.

    For changes that only count activity, as many claims in one transaction do.
    """
    by_customer: dict[str, AccountChange] = {}
    for change in changes:
        earlier = by_customer.get(change.customer_id)
        if earlier is not None:
            assert change == replace(earlier, activity_count=change.activity_count)
            change = replace(earlier, activity_count=earlier.activity_count + change.activity_count)  # noqa: PLW2901
        by_customer[change.customer_id] = change
    return tuple(by_customer.values())
