"""Create, change, look up and list customers, and their activity."""

from collections.abc import Callable

import msgspec

from chalicelib.core.activity import ActivityEvent, Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.customers import accounts, customers
from chalicelib.core.customers.accounts import Account
from chalicelib.core.customers.customers import Customer, Handle
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import Page, PageRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.coupons.coupons import check_customer
from chalicelib.usecases.keyed import Done, once


class Member(msgspec.Struct, frozen=True):
    """A customer with their account."""

    customer: Customer
    account: Account


def create_customer(
    context: Context, customer: Customer, *, origin: Origin, request: KeyedRequest | None
) -> Done[Member]:
    """Add a customer; e-mail, phone and external id belong to one customer each.

    Raises:
        DuplicateCustomer, Invalid, IdempotencyKeyReused, ConflictRetry.
    """
    event_id = context.new_id("evt", origin.recorded_at)
    account, changes = customers.decide_creation(customer, event_id=event_id, origin=origin)
    member = Member(customer, account)
    ids = (customer.customer_id,)

    def decide(lost: Contention | None) -> tuple[Member, tuple[str, ...], Changes]:
        if lost is not None and lost.stored(Customer) is not None:
            # Our own commit, whose answer was lost on the way from the table.
            return member, ids, Changes()
        _check_handles(lost, customer.customer_id)
        return member, ids, changes

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: get_customer(context, made[0]),
    )


def update_customer(
    context: Context,
    customer_id: str,
    change: Callable[[Member], Customer],
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Member]:
    """Store what ``change`` makes of the customer as they are now.

    Raises:
        CustomerNotFound, DuplicateCustomer, IdempotencyKeyReused, ConflictRetry, and what
        ``change`` raises.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def decide(lost: Contention | None) -> tuple[Member, tuple[str, ...], Changes]:
        member = get_customer(context, customer_id)
        after = change(member)
        _check_handles(lost, customer_id)
        account, changes = customers.decide_update(
            member.customer, after, account=member.account, event_id=event_id, origin=origin
        )
        return Member(after, account), (customer_id,), changes

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda _: get_customer(context, customer_id),
    )


def get_customer(context: Context, customer_id: str) -> Member:
    """Return the customer.

    Raises:
        CustomerNotFound: no customer has this id.
    """
    member = _members(context, (customer_id,))
    if not member:
        raise accounts.not_found()
    return member[0]


def find_customer(context: Context, field: str, value: str) -> Member | None:
    """Return the customer whose ``field`` (email, phone or external_id) is ``value``, or None."""
    name = ref(Handle, field, value)
    handle = context.store.read(name).find(name)
    if handle is None:
        return None
    found = _members(context, (handle.customer_id,))
    return found[0] if found else None


def list_customers(context: Context, request: PageRequest) -> Page[Member]:
    """Return a page of all customers, by the time of their creation."""
    page = context.store.customers(request)
    ids = tuple(customer.customer_id for customer in page.items)
    return Page(_members(context, ids), page.end)


def list_activity(context: Context, customer_id: str, request: PageRequest) -> Page[ActivityEvent]:
    """Return a page of what happened to the customer, in the order of recording.

    Raises:
        CustomerNotFound: no customer has this id.
    """
    check_customer(context, customer_id)
    return context.store.activity(customer_id, request)


def _members(context: Context, customer_ids: tuple[str, ...]) -> tuple[Member, ...]:
    if not customer_ids:
        return ()
    profiles = [ref(Customer, customer_id) for customer_id in customer_ids]
    standings = [ref(Account, customer_id) for customer_id in customer_ids]
    found = context.store.read(*profiles, *standings)
    both = (
        (found.find(profile), found.find(standing))
        for profile, standing in zip(profiles, standings, strict=True)
    )
    return tuple(
        Member(customer, account)
        for customer, account in both
        if customer is not None and account is not None
    )


def _check_handles(lost: Contention | None, customer_id: str) -> None:
    for clash in lost.clashes if lost else ():
        taken = clash.stored
        if isinstance(taken, Handle) and taken.customer_id != customer_id:
            raise customers.duplicate(taken.field)
