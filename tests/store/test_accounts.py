"""What must hold for an addition to an account, and what it leaves."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.changes import Changes, Clash, Contention, ref
from chalicelib.core.customers.accounts import (
    Account,
    AccountChange,
    NewestVisit,
    OlderVisit,
    Standing,
    VisitReset,
)
from chalicelib.usecases.ports import Store
from tests.builders import JOINED, NOON, unique

_INSTANT = timedelta(milliseconds=1)
_BEFORE, _AFTER = NOON - _INSTANT, NOON + _INSTANT


def _account(store: Store, **changes: Any) -> Account:
    """Return a stored account of a customer of its own."""
    account = replace(
        Account(
            unique("cus_"),
            Standing.ACTIVE,
            JOINED,
            lifetime_value_minor=500,
            visits=2,
            coupons_used=1,
            activity_count=4,
        ),
        **changes,
    )
    store.commit(Changes(create=(account,)))
    return replace(account, version=1)


def _count(store: Store, account: Account, **changes: Any) -> Account:
    """Return the account after one event more, and ``changes``."""
    change = AccountChange(account.customer_id, activity_count=1, **changes)
    store.commit(Changes(count=(change,)))
    name = ref(Account, account.customer_id)
    found = store.read(name).find(name)
    assert found is not None
    return found


def _refused(store: Store, account: Account, **changes: Any) -> None:
    """Assert that nothing is added, and that the account as it is comes with the refusal."""
    change = AccountChange(account.customer_id, activity_count=1, **changes)
    with pytest.raises(Contention) as caught:
        store.commit(Changes(count=(change,)))

    assert caught.value.clashes == (Clash(change, account),)
    name = ref(Account, account.customer_id)
    assert store.read(name).find(name) == account


class TestAdditions:
    def test_add_to_every_counter(self, store: Store) -> None:
        account = _account(store)

        after = _count(store, account, lifetime_value_minor=1999, visits=1, coupons_used=1)

        assert after == replace(
            account,
            lifetime_value_minor=2499,
            visits=3,
            coupons_used=2,
            activity_count=5,
            version=2,
        )

    def test_take_away_below_zero(self, store: Store) -> None:
        after = _count(store, _account(store), lifetime_value_minor=-2000, visits=-2)

        assert (after.lifetime_value_minor, after.visits) == (-1500, 0)

    def test_need_an_account(self, store: Store) -> None:
        change = AccountChange(unique("cus_nobody"), activity_count=1, while_active=False)

        with pytest.raises(Contention) as caught:
            store.commit(Changes(count=(change,)))

        assert caught.value.clashes == (Clash(change, None),)
        name = ref(Account, change.customer_id)
        assert store.read(name).find(name) is None


class TestStanding:
    @pytest.mark.parametrize("standing", [Standing.EXCLUDED, Standing.DELETED])
    def test_must_be_active(self, store: Store, standing: Standing) -> None:
        _refused(store, _account(store, standing=standing))

    @pytest.mark.parametrize("standing", list(Standing))
    def test_does_not_matter_to_a_correction(self, store: Store, standing: Standing) -> None:
        after = _count(store, _account(store, standing=standing), while_active=False)

        assert after.activity_count == 5


class TestJoinedBy:
    @pytest.mark.parametrize("at", [JOINED, JOINED + _INSTANT])
    def test_holds_from_the_instant_of_joining_on(self, store: Store, at: datetime) -> None:
        assert _count(store, _account(store), joined_by=at).version == 2

    def test_does_not_hold_before(self, store: Store) -> None:
        _refused(store, _account(store), joined_by=JOINED - _INSTANT)


class TestAtVersion:
    def test_holds_while_nothing_else_has_changed_it(self, store: Store) -> None:
        assert _count(store, _account(store), at_version=1).version == 2

    def test_does_not_hold_once_something_has(self, store: Store) -> None:
        after = _count(store, _account(store))

        _refused(store, after, at_version=1)


class TestVisits:
    @pytest.mark.parametrize("last", [None, _BEFORE, NOON], ids=["none", "an older", "the same"])
    def test_newest_becomes_the_last(self, store: Store, last: datetime | None) -> None:
        after = _count(store, _account(store, last_visit_at=last), visit=NewestVisit(NOON))

        assert after.last_visit_at == NOON

    def test_newest_does_not_hold_under_a_newer_one(self, store: Store) -> None:
        _refused(store, _account(store, last_visit_at=_AFTER), visit=NewestVisit(NOON))

    def test_older_leaves_the_last_alone(self, store: Store) -> None:
        account = _account(store, last_visit_at=_AFTER)

        assert _count(store, account, visit=OlderVisit(NOON)).last_visit_at == _AFTER

    @pytest.mark.parametrize("last", [None, _BEFORE, NOON], ids=["none", "an older", "the same"])
    def test_older_does_not_hold_unless_a_newer_one_stands(
        self, store: Store, last: datetime | None
    ) -> None:
        _refused(store, _account(store, last_visit_at=last), visit=OlderVisit(NOON))

    @pytest.mark.parametrize("reset", [NOON, None])
    def test_reset_takes_the_last_back(self, store: Store, reset: datetime | None) -> None:
        account = _account(store, last_visit_at=_AFTER)

        assert _count(store, account, visit=VisitReset(reset)).last_visit_at == reset

    def test_reset_of_none_to_none_is_fine(self, store: Store) -> None:
        assert _count(store, _account(store), visit=VisitReset(None)).last_visit_at is None
