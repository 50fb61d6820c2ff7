"""What a redemption costs: round trips and units are money and time at every till."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.core import errors
from chalicelib.store.engine import capacity
from chalicelib.usecases.coupons import redemptions
from chalicelib.wiring import Services
from tests import engines
from tests.builders import NOON, an_origin, unique
from tests.store.calls import Calls, recorded
from tests.usecases.world import (
    a_command,
    a_member,
    a_members_coupon,
    a_request,
    an_offer,
    coupon_of,
    redeem,
    some_coupons,
)

_EXPIRY = NOON + timedelta(days=30)
_ORDER = "A2026-03-29-TILL-17-"


def _order_id() -> str:
    """Return an order id of the greatest length."""
    return unique(_ORDER).ljust(64, "0")


def _ready(services: Services, code: str) -> Calls:
    """Return the calls from now on, in a container that has served the reward before."""
    services.context.rules.settings(now=NOON)
    services.context.rules.reward(coupon_of(services, code).reward_id, now=NOON)
    calls = recorded(services.store)
    services.capacity.reset()
    return calls


def _written(calls: Calls) -> list[dict[str, Any]]:
    """Return the actions of the one transaction."""
    (request,) = (request for request in calls.requests if "TransactItems" in request)
    actions: list[dict[str, Any]] = request["TransactItems"]
    return actions


def _stored(engine: str, table_name: str, calls: Calls) -> list[dict[str, Any]]:
    """Return the items that the transaction has written, as they are stored."""
    client = engines.client(engine)
    keys = []
    for action in _written(calls):
        ((verb, each),) = action.items()
        source = each["Item"] if verb == "Put" else each["Key"]
        keys.append({"PK": source["PK"], "SK": source["SK"]})
    return [client.get_item(TableName=table_name, Key=key)["Item"] for key in keys]


class TestRedemption:
    """A plain one: a claimed coupon with an expiry, an Idempotency-Key, no order."""

    def test_is_one_read_and_one_write(self, services: Services) -> None:
        code, _ = a_members_coupon(services, expires_at=_EXPIRY)
        calls = _ready(services, code)

        redeem(services, code, request=a_request())

        assert len(calls.names) <= 2
        assert calls.names[-1] == "TransactWriteItems"
        assert services.capacity.round_trips == len(calls.names)

    def test_writes_five_items_of_less_than_a_kilobyte(
        self, services: Services, engine: str, table_name: str
    ) -> None:
        code, _ = a_members_coupon(services, expires_at=_EXPIRY)
        calls = _ready(services, code)

        redeem(services, code, request=a_request())

        items = _stored(engine, table_name, calls)
        assert {item["kind"]["S"] for item in items} == {
            "coupon",
            "redemption",
            "account",
            "event",
            "idempotency",
        }
        assert len(items) == 5
        assert max(capacity.item_size(item) for item in items) < capacity.WRITE_UNIT_BYTES

    def test_takes_ten_units_of_data_items_and_fourteen_with_indexes(
        self, services: Services, engine: str, table_name: str
    ) -> None:
        code, _ = a_members_coupon(services, expires_at=_EXPIRY)
        calls = _ready(services, code)

        redeem(services, code, request=a_request())

        stored = _stored(engine, table_name, calls)
        assert sum(capacity.transaction_units(None, item) for item in stored) <= 10
        assert services.capacity.writes <= 14

    def test_takes_two_units_more_with_an_order(
        self, services: Services, engine: str, table_name: str
    ) -> None:
        code, _ = a_members_coupon(services, expires_at=_EXPIRY)
        calls = _ready(services, code)

        redeem(services, code, request=a_request(), order_id=_order_id())

        items = _stored(engine, table_name, calls)
        assert len(items) == 6
        assert max(capacity.item_size(item) for item in items) < capacity.WRITE_UNIT_BYTES
        assert services.capacity.writes <= 16
        assert len(calls.names) <= 2

    def test_takes_no_more_on_an_order_that_is_known(self, services: Services) -> None:
        order_id, customer_id = _order_id(), a_member(services)
        reward = an_offer(services)
        first, second = some_coupons(
            services, reward, [customer_id, customer_id], expires_at=_EXPIRY
        )
        redeem(services, first, order_id=order_id)
        calls = _ready(services, second)

        redeem(services, second, request=a_request(), order_id=order_id)

        assert services.capacity.writes <= 16
        assert len(calls.names) <= 2

    @pytest.mark.parametrize("named", [True, False], ids=["customer named", "customer not named"])
    @pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without a key"])
    def test_is_three_round_trips_where_a_rule_needs_the_customer(
        self, services: Services, *, named: bool, keyed: bool
    ) -> None:
        """A late upload from before the last visit: only the account knows that a newer stands."""
        customer_id = a_member(services)
        newer, late = some_coupons(services, an_offer(services), [customer_id, customer_id])
        redeem(services, newer)
        calls = _ready(services, late)

        done = redeem(
            services,
            late,
            customer_id=customer_id if named else None,
            redeemed_at=NOON - timedelta(hours=1),
            request=a_request() if keyed else None,
        )

        assert not done.redemption.newest_visit
        assert len(calls.names) <= 3

    def test_counts_what_it_calls(self, services: Services) -> None:
        code, _ = a_members_coupon(services)
        calls = recorded(services.store)
        services.capacity.reset()

        redeem(services, code, order_id=_order_id())

        assert services.capacity.round_trips == len(calls.names)

    def test_of_a_checkout_that_claims_takes_one_event_more(
        self, services: Services, engine: str, table_name: str
    ) -> None:
        customer_id, reward = a_member(services), an_offer(services, claim_on_redeem=True)
        (code,) = some_coupons(services, reward, [None], expires_at=_EXPIRY)
        calls = _ready(services, code)

        redeem(services, code, customer_id=customer_id, request=a_request())

        assert len(calls.names) <= 2
        assert len(_stored(engine, table_name, calls)) == 6
        assert (
            sum(
                capacity.transaction_units(None, item)
                for item in _stored(engine, table_name, calls)
            )
            <= 12
        )


class TestPreview:
    def test_writes_nothing(self, services: Services) -> None:
        code, _ = a_members_coupon(services)
        calls = _ready(services, code)

        redemptions.preview(services.context, a_command(services, code), origin=an_origin())

        assert len(calls.names) <= 2
        assert "TransactWriteItems" not in calls.names
        assert services.capacity.writes == 0


class TestRefusal:
    """It is kept as an attempt: one write outside of transactions, with an entry in two indexes."""

    def test_by_the_coupon_writes_the_attempt_and_nothing_else(self, services: Services) -> None:
        code, _ = a_members_coupon(services)
        redeem(services, code)
        calls = _ready(services, code)

        with pytest.raises(errors.Refused):
            redeem(services, code)

        assert calls.names == ["GetItem", "PutItem"]
        assert services.capacity.writes <= 3
        assert services.capacity.round_trips == len(calls.names)

    def test_by_a_rule_writes_the_attempt_and_nothing_else(self, services: Services) -> None:
        customer_id = a_member(services)
        reward = an_offer(services, minimum_purchase_minor=5000)
        (code,) = some_coupons(services, reward, [customer_id])
        calls = _ready(services, code)

        with pytest.raises(errors.Invalid):
            redeem(services, code)

        assert services.capacity.writes <= 3
        assert set(calls.names) - {"GetItem", "BatchGetItem"} == {"PutItem"}

    def test_of_an_unknown_code_writes_nothing(self, services: Services) -> None:
        calls = recorded(services.store)
        services.capacity.reset()

        with pytest.raises(errors.NotFound):
            redeem(services, unique("NOBODYS"))

        assert services.capacity.writes == 0
        assert calls.names == ["GetItem"]
