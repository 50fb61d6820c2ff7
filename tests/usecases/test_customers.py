from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.activity import EventType
from chalicelib.core.changes import Clash, Contention
from chalicelib.core.customers.accounts import CustomerNotFound
from chalicelib.core.customers.customers import DuplicateCustomer
from chalicelib.core.idempotency import IdempotencyKeyReused, KeyedRequest
from chalicelib.core.pages import PageRequest
from chalicelib.usecases.customers import customers
from chalicelib.usecases.customers.customers import Member
from chalicelib.usecases.keyed import Done
from chalicelib.wiring import Services
from tests.builders import NOON, a_customer, an_origin, unique
from tests.usecases.unsteady import fails, unsteady
from tests.usecases.world import a_member, a_request, account_of, events_of, profile_of

_FIELDS = ["email", "phone", "external_id"]


def _create(
    services: Services, *, request: KeyedRequest | None = None, **changes: Any
) -> Done[Member]:
    customer = a_customer(customer_id=services.new_id("cus", NOON), **changes)
    return customers.create_customer(
        services.context, customer, origin=an_origin(), request=request
    )


def _update(
    services: Services,
    customer_id: str,
    *,
    request: KeyedRequest | None = None,
    **changes: Any,
) -> Done[Member]:
    return customers.update_customer(
        services.context,
        customer_id,
        lambda member: replace(member.customer, **changes),
        origin=an_origin(),
        request=request,
    )


def _of(field: str, value: str) -> dict[str, Any]:
    return {field: value}


def _found(services: Services, field: str, value: str) -> str | None:
    member = customers.find_customer(services.context, field, value)
    return None if member is None else member.customer.customer_id


class TestCreate:
    @pytest.mark.parametrize("field", _FIELDS)
    def test_takes_what_no_other_customer_may_have(self, services: Services, field: str) -> None:
        value = unique("v")
        first = _create(services, **_of(field, value))

        with pytest.raises(DuplicateCustomer) as caught:
            _create(services, **_of(field, value), first_name="Bob")

        assert caught.value.faults[0].pointer == f"/{field}"
        assert caught.value.facts == {"field": field}
        assert _found(services, field, value) == first.result.customer.customer_id

    def test_writes_nothing_of_a_duplicate(self, services: Services) -> None:
        email, phone = unique("e"), unique("p")
        _create(services, email=email)
        customer_id = services.new_id("cus", NOON)

        with pytest.raises(DuplicateCustomer):
            _create(services, email=email, phone=phone)

        assert _found(services, "phone", phone) is None
        assert profile_of(services, customer_id) is None

    @pytest.mark.parametrize("field", _FIELDS)
    def test_of_one_customer_by_many_at_once_makes_one(
        self, services: Services, field: str
    ) -> None:
        value = unique("v")

        def create(_: int) -> str | None:
            try:
                return _create(services, **_of(field, value)).result.customer.customer_id
            except DuplicateCustomer:
                return None

        with ThreadPoolExecutor(8) as pool:
            made = [each for each in pool.map(create, range(8)) if each]

        assert len(made) == 1
        assert _found(services, field, value) == made[0]

    def test_again_with_the_same_key_answers_with_the_first(self, services: Services) -> None:
        request, email = a_request(), unique("e")
        first = _create(services, request=request, email=email)

        again = _create(services, request=request, email=email)

        assert (first.replayed, again.replayed) == (False, True)
        assert again.result.customer == replace(first.result.customer, version=1)

    def test_with_the_key_of_another_request_is_refused(self, services: Services) -> None:
        key = unique("K")
        _create(services, request=a_request(key, "this"))

        with pytest.raises(IdempotencyKeyReused):
            _create(services, request=a_request(key, "that"))

    @pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without a key"])
    def test_whose_answer_was_lost_is_told_its_own_success(
        self, services: Services, *, keyed: bool
    ) -> None:
        slow, line = unsteady(services)
        line.after.append(fails(Contention([Clash(None, None)])))
        email = unique("e")

        made = _create(slow, email=email, request=a_request() if keyed else None)

        customer_id = made.result.customer.customer_id
        assert _found(services, "email", email) == customer_id
        assert account_of(services, customer_id).activity_count == 1


class TestUpdate:
    def test_gives_what_is_given_up_to_others(self, services: Services) -> None:
        old, new = unique("e"), unique("e")
        ada = _create(services, email=old).result.customer.customer_id

        _update(services, ada, email=new)
        bob = _create(services, email=old).result.customer.customer_id

        assert (_found(services, "email", old), _found(services, "email", new)) == (bob, ada)

    @pytest.mark.parametrize("field", _FIELDS)
    def test_to_what_another_has_is_refused_and_changes_nothing(
        self, services: Services, field: str
    ) -> None:
        taken = unique("v")
        _create(services, **_of(field, taken))
        bob = _create(services, **_of(field, unique("v"))).result.customer

        with pytest.raises(DuplicateCustomer):
            _update(services, bob.customer_id, **_of(field, taken))

        assert profile_of(services, bob.customer_id) == replace(bob, version=1)
        assert account_of(services, bob.customer_id).activity_count == 1

    def test_clears_what_it_says(self, services: Services) -> None:
        email = unique("e")
        ada = _create(services, email=email, first_name="Ada").result.customer.customer_id

        _update(services, ada, email=None, first_name=None)

        profile = profile_of(services, ada)
        assert profile is not None
        assert (profile.email, profile.first_name) == (None, None)
        assert _found(services, "email", email) is None

    def test_is_told_once_in_the_history(self, services: Services) -> None:
        ada = a_member(services)

        _update(services, ada, first_name="Ada")
        _update(services, ada, first_name="Ada")

        types = [event.event_type for event in events_of(services, ada)]
        assert types == [EventType.CUSTOMER_CREATED, EventType.CUSTOMER_UPDATED]
        assert account_of(services, ada).activity_count == 2

    def test_is_made_on_the_customer_as_they_are_then(self, services: Services) -> None:
        """Two who change different fields at once both get what they asked for."""
        ada = a_member(services)
        slow, line = unsteady(services)
        others: list[Done[Member]] = []
        line.before.append(lambda: others.append(_update(services, ada, language="fr")))

        _update(slow, ada, first_name="Ada")

        profile = profile_of(services, ada)
        assert profile is not None
        assert (profile.first_name, profile.language) == ("Ada", "fr")
        assert account_of(services, ada).activity_count == len(events_of(services, ada)) == 3

    def test_of_an_unknown_customer_is_not_found(self, services: Services) -> None:
        with pytest.raises(CustomerNotFound):
            _update(services, "cus_nobody", first_name="Nobody")

    def test_again_with_the_same_key_changes_nothing(self, services: Services) -> None:
        ada, request = a_member(services), a_request()
        _update(services, ada, first_name="Ada", request=request)
        _update(services, ada, first_name="Augusta")

        again = _update(services, ada, first_name="Ada", request=request)

        assert again.replayed
        assert again.result.customer.first_name == "Augusta"

    def test_that_changed_nothing_is_carried_out_once_too(self, services: Services) -> None:
        """Sent again late, it would undo what others did in between."""
        ada, request = a_member(services, first_name="Ada"), a_request()
        first = _update(services, ada, first_name="Ada", request=request)
        _update(services, ada, first_name="Augusta")

        again = _update(services, ada, first_name="Ada", request=request)

        assert (first.replayed, again.replayed) == (False, True)
        assert again.result.customer.first_name == "Augusta"


class TestFind:
    @pytest.mark.parametrize("field", _FIELDS)
    def test_is_exact(self, services: Services, field: str) -> None:
        value = unique("v")
        ada = _create(services, **_of(field, value)).result.customer.customer_id

        assert _found(services, field, value) == ada
        assert _found(services, field, value[:-1]) is None
        assert _found(services, field, "") is None

    def test_finds_a_customer_by_the_field_that_has_the_value_only(
        self, services: Services
    ) -> None:
        value = unique("v")
        _create(services, external_id=value)

        assert _found(services, "email", value) is None


class TestLists:
    def test_of_customers_show_the_counters_too(self, services: Services) -> None:
        ada = a_member(services)

        page = customers.list_customers(services.context, PageRequest(limit=100))

        accounts = {member.customer.customer_id: member.account for member in page.items}
        assert accounts[ada] == account_of(services, ada)

    def test_of_activity_of_nobody_is_not_found(self, services: Services) -> None:
        with pytest.raises(CustomerNotFound):
            customers.list_activity(services.context, "cus_nobody", PageRequest())
