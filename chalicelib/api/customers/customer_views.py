"""What customers are told and tell: bodies and views."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.web import bodies, lists
from chalicelib.api.web.blueprint import Call
from chalicelib.api.web.bodies import Moment
from chalicelib.core.activity import Channel, EventType
from chalicelib.core.customers import accounts, contact
from chalicelib.core.customers.customers import Address, Consent
from chalicelib.usecases.customers.customers import Member

Name = Annotated[str, bodies.text(120)]
ExternalId = Annotated[str, bodies.text(128, description="the customer's id in your shop")]
Email = Annotated[str, bodies.text(254, min_length=3)]
Phone = Annotated[str, bodies.text(32, min_length=4, description="with its country code")]
Tag = Annotated[str, bodies.text(40)]
Tags = Annotated[list[Tag], msgspec.Meta(max_length=50)]
FieldName = Annotated[str, bodies.text(40)]
CustomFields = Annotated[
    dict[FieldName, Annotated[str, bodies.text(500)]], msgspec.Meta(max_length=30)
]
Country = Annotated[str, msgspec.Meta(min_length=2, max_length=2, pattern="^[A-Z]{2}$")]
Language = Annotated[
    str, msgspec.Meta(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$(?!\n)")
]


class AddressBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A postal address; ``country`` is an ISO 3166-1 alpha-2 code."""

    line1: Annotated[str, bodies.text(120)] | None = None
    line2: Annotated[str, bodies.text(120)] | None = None
    city: Annotated[str, bodies.text(80)] | None = None
    postal_code: Annotated[str, bodies.text(20)] | None = None
    region: Annotated[str, bodies.text(80)] | None = None
    country: Country | None = None


class ConsentBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the customer has agreed to receive."""

    email: bool = False
    sms: bool = False
    push: bool = False


class CustomerBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new customer. ``joined_at`` is now unless history is being replayed."""

    external_id: ExternalId | None = None
    email: Email | None = None
    phone: Phone | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    birthday: date | None = None
    address: AddressBody | None = None
    language: Language | None = None
    consent: ConsentBody = msgspec.field(default_factory=ConsentBody)
    tags: Tags = msgspec.field(default_factory=list)
    custom_fields: CustomFields = msgspec.field(default_factory=dict)
    joined_at: Moment | None = None


class CustomerPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes: an absent field stays, null clears it."""

    external_id: ExternalId | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    phone: Phone | UnsetType | None = UNSET
    first_name: Name | UnsetType | None = UNSET
    last_name: Name | UnsetType | None = UNSET
    birthday: date | UnsetType | None = UNSET
    address: AddressBody | UnsetType | None = UNSET
    language: Language | UnsetType | None = UNSET
    consent: ConsentBody | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    custom_fields: CustomFields | UnsetType | None = UNSET


class CustomerView(msgspec.Struct, frozen=True, kw_only=True):
    """A customer with what their purchases add up to, in minor units of ``currency``."""

    id: str
    status: accounts.Standing
    external_id: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    birthday: date | None
    address: AddressBody | None
    language: str | None
    consent: ConsentBody
    tags: list[str]
    custom_fields: dict[str, str]
    joined_at: datetime
    created_at: datetime
    lifetime_value_minor: int
    currency: str
    visits: int
    last_visit_at: datetime | None
    coupons_used: int
    activity_count: int


class CustomerPage(msgspec.Struct, frozen=True):
    items: list[CustomerView]
    next_cursor: str | None


class CustomerQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    external_id: ExternalId | None = None
    email: Email | None = None
    phone: Phone | None = None
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["created_at", "-created_at"] = "-created_at"


class ActivityQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["recorded_at", "-recorded_at"] = "-recorded_at"


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a customer's history: when it happened, when it was recorded, by whom."""

    id: str
    type: EventType
    customer_id: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    channel: Channel
    code: str | None
    reward_id: str | None
    redemption_id: str | None
    detail: dict[str, str | int | None]


class EventPage(msgspec.Struct, frozen=True):
    items: list[EventView]
    next_cursor: str | None


_CLEARED: dict[str, Any] = {"consent": ConsentBody(), "tags": [], "custom_fields": {}}


def values_of(body: CustomerBody | CustomerPatch) -> dict[str, Any]:
    """Return the fields that were sent, in the core's types."""
    values = {
        name: value
        for name in body.__struct_fields__
        if (value := getattr(body, name)) is not UNSET
    }
    for name, empty in _CLEARED.items():
        if name in values and values[name] is None:
            values[name] = empty
    for field in ("email", "phone"):
        if values.get(field) is not None:
            values[field] = normal_of(field, values[field], "/")
    if values.get("address") is not None:
        values["address"] = Address(**msgspec.structs.asdict(values["address"]))
    if "consent" in values:
        values["consent"] = Consent(**msgspec.structs.asdict(values["consent"]))
    if "tags" in values:
        values["tags"] = tuple(dict.fromkeys(values["tags"]))
    return values


def normal_of(field: str, value: str, root: str) -> str:
    """Return the value in the form that it is stored and looked up in."""
    if field == "email":
        return contact.email_of(value, pointer=root + field)
    if field == "phone":
        return contact.phone_of(value, pointer=root + field)
    return value


def view_of(call: Call[Any, Any], member: Member) -> CustomerView:
    """Return the customer as the API shows them."""
    customer, account = member.customer, member.account
    address = customer.address
    return CustomerView(
        id=customer.customer_id,
        status=account.standing,
        external_id=customer.external_id,
        email=customer.email,
        phone=customer.phone,
        first_name=customer.first_name,
        last_name=customer.last_name,
        birthday=customer.birthday,
        address=None
        if address is None
        else msgspec.convert(address, AddressBody, from_attributes=True),
        language=customer.language,
        consent=msgspec.convert(customer.consent, ConsentBody, from_attributes=True),
        tags=list(customer.tags),
        custom_fields=dict(customer.custom_fields),
        joined_at=customer.joined_at,
        created_at=customer.created_at,
        lifetime_value_minor=account.lifetime_value_minor,
        currency=call.services.context.rules.settings(now=call.now).currency,
        visits=account.visits,
        last_visit_at=account.last_visit_at,
        coupons_used=account.coupons_used,
        activity_count=account.activity_count,
    )
