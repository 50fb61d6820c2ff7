"""Customers: who takes part. What their purchases add up to is in :mod:`accounts`."""

from collections.abc import Mapping
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from chalicelib.core import activity, errors
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.changes import Changes
from chalicelib.core.customers.accounts import Account, AccountChange, Standing


class DuplicateCustomer(errors.Refused):
    """Another customer has this e-mail, phone or external id."""

    code = "duplicate_customer"


class Address(msgspec.Struct, frozen=True):
    """A postal address; ``country`` is an ISO 3166-1 alpha-2 code."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    postal_code: str | None = None
    region: str | None = None
    country: str | None = None


class Consent(msgspec.Struct, frozen=True):
    """What the customer has agreed to receive, by channel."""

    email: bool = False
    sms: bool = False
    push: bool = False


class Customer(msgspec.Struct, frozen=True):
    """The profile of a member. E-mail and phone are in their normal form (``+15551234567``)."""

    customer_id: str
    joined_at: datetime
    created_at: datetime
    external_id: str | None = None
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    birthday: date | None = None
    address: Address | None = None
    language: str | None = None
    consent: Consent = Consent()
    tags: tuple[str, ...] = ()
    custom_fields: Mapping[str, str] = msgspec.field(default_factory=dict)
    version: int = 0


class Handle(msgspec.Struct, frozen=True):
    """An e-mail, a phone or an external id, taken by one customer."""

    field: str
    value: str
    customer_id: str
    version: int = 0


HANDLE_FIELDS = ("external_id", "email", "phone")


def handles(customer: Customer) -> dict[str, Handle]:
    """Return what no other customer may have, by field."""
    values = {name: getattr(customer, name) for name in HANDLE_FIELDS}
    return {
        name: Handle(name, value, customer.customer_id) for name, value in values.items() if value
    }


def decide_creation(
    customer: Customer, *, event_id: str, origin: Origin
) -> tuple[Account, Changes]:
    """Return the account of a new customer, and what joining writes.

    Raises:
        Invalid: they would join in the future.
    """
    if customer.joined_at > origin.recorded_at:
        raise errors.Invalid(
            "nobody joins in the future", fix="send an earlier time", pointer="/joined_at"
        )
    account = Account(customer.customer_id, Standing.ACTIVE, customer.joined_at, activity_count=1)
    event = activity.event(
        EventType.CUSTOMER_CREATED,
        event_id=event_id,
        customer_id=customer.customer_id,
        origin=origin,
        occurred_at=customer.joined_at,
    )
    return account, Changes(create=(customer, account, event, *handles(customer).values()))


def decide_update(
    before: Customer, after: Customer, *, account: Account, event_id: str, origin: Origin
) -> tuple[Account, Changes]:
    """Return the account after a change of the profile, and what it writes.

    Nothing is written when nothing differs. A handle that changes is given back.
    """
    if before == after:
        return account, Changes()
    old, new = handles(before), handles(after)
    gone = (old[name] for name in HANDLE_FIELDS if name in old and old[name] != new.get(name))
    added = (new[name] for name in HANDLE_FIELDS if name in new and new[name] != old.get(name))
    fields = [
        name for name in Customer.__struct_fields__ if getattr(before, name) != getattr(after, name)
    ]
    event = activity.event(
        EventType.CUSTOMER_UPDATED,
        event_id=event_id,
        customer_id=after.customer_id,
        origin=origin,
        detail={"fields": ",".join(fields)},
    )
    return replace(account, activity_count=account.activity_count + 1), Changes(
        create=(*added, event),
        update=((before, after),),
        # A handle is written once and never changed, so it is known without reading it.
        delete=tuple(replace(handle, version=1) for handle in gone),
        count=(AccountChange(after.customer_id, activity_count=1, while_active=False),),
    )


def duplicate(field_: str) -> DuplicateCustomer:
    """Return the error for a handle that another customer has."""
    return DuplicateCustomer(
        f"another customer has this {field_}",
        fix=f"look that customer up by {field_}, or send another one",
        pointer=f"/{field_}",
        facts={"field": field_},
    )
