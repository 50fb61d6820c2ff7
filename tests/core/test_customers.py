from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.core.activity import ActivityEvent, EventType
from chalicelib.core.changes import Changes
from chalicelib.core.customers import customers
from chalicelib.core.customers.accounts import Account, AccountChange, Standing
from chalicelib.core.customers.customers import Customer, Handle
from chalicelib.core.errors import Invalid
from tests.builders import JOINED, NOON, a_customer, an_account, an_origin

_ADA = a_customer(email="ada@example.com", external_id="42", version=1)


def _update(after: Customer) -> tuple[Account, Changes]:
    return customers.decide_update(
        _ADA, after, account=an_account(), event_id="evt_1", origin=an_origin()
    )


class TestCreation:
    def test_takes_what_no_other_customer_may_have(self) -> None:
        customer = replace(_ADA, phone="+15551234567", version=0)

        account, changes = customers.decide_creation(customer, event_id="evt_1", origin=an_origin())

        assert account == Account("cus_ada", Standing.ACTIVE, JOINED, activity_count=1)
        assert {each for each in changes.create if isinstance(each, Handle)} == {
            Handle("email", "ada@example.com", "cus_ada"),
            Handle("phone", "+15551234567", "cus_ada"),
            Handle("external_id", "42", "cus_ada"),
        }

    def test_counts_its_own_event(self) -> None:
        account, changes = customers.decide_creation(
            a_customer(), event_id="evt_1", origin=an_origin()
        )

        (event,) = (each for each in changes.create if isinstance(each, ActivityEvent))
        assert event.event_type is EventType.CUSTOMER_CREATED
        assert (event.occurred_at, event.recorded_at) == (JOINED, NOON)
        assert account.activity_count == 1

    def test_joins_now_at_the_latest(self) -> None:
        customers.decide_creation(a_customer(joined_at=NOON), event_id="evt_1", origin=an_origin())
        with pytest.raises(Invalid) as caught:
            customers.decide_creation(
                a_customer(joined_at=NOON + timedelta(milliseconds=1)),
                event_id="evt_1",
                origin=an_origin(),
            )

        assert caught.value.faults[0].pointer == "/joined_at"


class TestUpdate:
    def test_of_nothing_writes_nothing(self) -> None:
        assert _update(_ADA) == (an_account(), Changes())

    def test_gives_back_a_handle_that_changes(self) -> None:
        after = replace(_ADA, email="lovelace@example.com")

        _, changes = _update(after)

        assert changes.delete == (Handle("email", "ada@example.com", "cus_ada", version=1),)
        assert Handle("email", "lovelace@example.com", "cus_ada") in changes.create
        assert changes.update == ((_ADA, after),)

    def test_gives_back_a_handle_that_is_cleared(self) -> None:
        _, changes = _update(replace(_ADA, external_id=None))

        assert changes.delete == (Handle("external_id", "42", "cus_ada", version=1),)
        assert not any(isinstance(each, Handle) for each in changes.create)

    def test_leaves_the_other_handles_alone(self) -> None:
        _, changes = _update(replace(_ADA, first_name="Ada"))

        assert changes.delete == ()
        assert not any(isinstance(each, Handle) for each in changes.create)

    def test_names_the_fields_and_no_values_in_the_history(self) -> None:
        account, changes = _update(replace(_ADA, email="x@example.com", first_name="Ada"))

        (event,) = (each for each in changes.create if isinstance(each, ActivityEvent))
        assert event.event_type is EventType.CUSTOMER_UPDATED
        assert event.detail == {"fields": "email,first_name"}
        assert changes.count == (AccountChange("cus_ada", activity_count=1, while_active=False),)
        assert account.activity_count == an_account().activity_count + 1
