"""Customers: create, change, look up and list."""

from msgspec.structs import replace

from chalicelib.api.customers.customer_views import (
    ActivityQuery,
    CustomerBody,
    CustomerPage,
    CustomerPatch,
    CustomerQuery,
    CustomerView,
    EventPage,
    EventView,
    normal_of,
    values_of,
    view_of,
)
from chalicelib.api.web import lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.origins import origin_of
from chalicelib.core import errors
from chalicelib.core.callers.callers import Role
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.customers import accounts, customers
from chalicelib.core.customers.customers import Customer
from chalicelib.core.pages import Page
from chalicelib.usecases.customers import customers as usecases
from chalicelib.usecases.customers.customers import Member

blueprint = JsonBlueprint()


@blueprint.operation(
    "POST",
    "/v1/customers",
    body=CustomerBody,
    answer=CustomerView,
    status=201,
    refusals=(customers.DuplicateCustomer,),
)
def create_customer(call: Call[CustomerBody, None]) -> Answer:
    """Add a customer.

    E-mail, phone and external id each belong to one customer.
    """
    services, body = call.services, call.body
    values = values_of(body)
    values["joined_at"] = body.joined_at or call.now
    customer = Customer(customer_id=services.new_id("cus", call.now), created_at=call.now, **values)
    done = usecases.create_customer(
        services.context, customer, origin=origin_of(call), request=call.request
    )
    view = view_of(call, done.result)
    return Answer(view, location=f"/v1/customers/{view.id}", replayed=done.replayed)


@blueprint.operation(
    "GET",
    "/v1/customers",
    query=CustomerQuery,
    answer=CustomerPage,
    refusals=(InvalidCursor,),
)
def list_customers(call: Call[None, CustomerQuery]) -> Answer:
    """List customers, or look one up.

    With one of ``external_id``, ``email`` and ``phone`` the list holds the one customer who has
    it, or nobody; a cashier must send one.
    """
    query, context = call.query, call.services.context
    named = [
        (field, value)
        for field in customers.HANDLE_FIELDS
        if (value := getattr(query, field)) is not None
    ]
    if len(named) > 1:
        raise errors.Invalid(
            "a customer is looked up by one thing at a time",
            fix="send one of external_id, email and phone",
            pointer=f"/query/{named[1][0]}",
        )
    if named:
        field, value = named[0]
        member = usecases.find_customer(context, field, normal_of(field, value, "/query/"))
        return Answer(CustomerPage([view_of(call, member)] if member else [], None))
    if call.caller.role is Role.CASHIER:
        raise errors.Forbidden(
            "a cashier looks customers up and does not list them",
            fix="send external_id, email or phone",
        )
    request = lists.page_request(call, path="/v1/customers", sort=query.sort)
    page: Page[Member] = usecases.list_customers(context, request)
    items, cursor = lists.page_of(
        call, page, lambda member: view_of(call, member), path="/v1/customers"
    )
    return Answer(CustomerPage(items, cursor))


@blueprint.operation(
    "GET",
    "/v1/customers/{customer_id}",
    answer=CustomerView,
    refusals=(accounts.CustomerNotFound,),
)
def get_customer(call: Call[None, None], customer_id: str) -> Answer:
    """Return a customer."""
    return Answer(view_of(call, usecases.get_customer(call.services.context, customer_id)))


@blueprint.operation(
    "PATCH",
    "/v1/customers/{customer_id}",
    body=CustomerPatch,
    answer=CustomerView,
    refusals=(accounts.CustomerNotFound, customers.DuplicateCustomer),
)
def update_customer(call: Call[CustomerPatch, None], customer_id: str) -> Answer:
    """Change a customer's profile."""
    values = values_of(call.body)

    def change(member: Member) -> Customer:
        call.check_match(view_of(call, member))
        return replace(member.customer, **values)

    done = usecases.update_customer(
        call.services.context, customer_id, change, origin=origin_of(call), request=call.request
    )
    return Answer(view_of(call, done.result), replayed=done.replayed)


@blueprint.operation(
    "GET",
    "/v1/customers/{customer_id}/activity",
    query=ActivityQuery,
    answer=EventPage,
    refusals=(accounts.CustomerNotFound, InvalidCursor),
)
def list_activity(call: Call[None, ActivityQuery], customer_id: str) -> Answer:
    """List what happened to a customer, in the order of recording."""
    path = f"/v1/customers/{customer_id}/activity"
    request = lists.page_request(call, path=path, sort=call.query.sort)
    page = usecases.list_activity(call.services.context, customer_id, request)
    items, cursor = lists.page_of(
        call,
        page,
        lambda event: EventView(
            id=event.event_id,
            type=event.event_type,
            customer_id=customer_id,
            occurred_at=event.occurred_at,
            recorded_at=event.recorded_at,
            actor=event.actor,
            channel=event.channel,
            code=event.code,
            reward_id=event.reward_id,
            redemption_id=event.redemption_id,
            detail=dict(event.detail),
        ),
        path=path,
    )
    return Answer(EventPage(items, cursor))


# What is never absent from a customer is empty when it is cleared.
