"""What callbacks of Google make of a card: the same, in whatever order and how often they come."""

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.activity import ActivityEvent, EventType
from chalicelib.core.cards.cards import Card, CardStatus
from chalicelib.core.changes import Changes
from chalicelib.core.wallets import saves
from chalicelib.core.wallets.callbacks import Callback
from chalicelib.core.wallets.google import ObjectKind, card_of, object_name
from chalicelib.core.wallets.saves import CallbackNonce, SavedObject
from tests.builders import NOON, an_origin
from tests.core.test_apple import a_card

SECOND = timedelta(seconds=1)


def said(event_type: str, at: int, *, nonce: str | None = None) -> Callback:
    """Return what Google said at the second ``at``."""
    name = object_name("crd_1", ObjectKind.OFFER)
    return Callback(event_type, name, nonce or f"{event_type} {at}", NOON + at * SECOND)


class Table:
    """A card with what is known of it: decisions carried out one after the other."""

    def __init__(self, **card: Any) -> None:
        self.card = a_card(**card)
        self.known: dict[ObjectKind, SavedObject] = {}
        self.nonces: set[str] = set()
        self.events: list[EventType] = []

    def take(
        self, callback: Callback, kind: ObjectKind = ObjectKind.OFFER, now: datetime = NOON
    ) -> Changes:
        if callback.nonce in self.nonces:
            return Changes()
        changes = saves.decide(
            callback,
            self.card,
            self.known.get(kind),
            kind=kind,
            event_id="evt_1",
            origin=an_origin(now),
        )
        for each in (*changes.create, *(after for _, after in changes.update)):
            match each:
                case Card():
                    self.card = each
                case SavedObject():
                    self.known[each.object_kind] = each
                case CallbackNonce():
                    self.nonces.add(each.nonce)
                case ActivityEvent():
                    self.events.append(each.event_type)
                case _:
                    raise AssertionError(each)
        return changes


def after(*callbacks: Callback) -> Table:
    table = Table()
    for each in callbacks:
        table.take(each)
    return table


class TestDecide:
    def test_a_save_installs_the_card(self) -> None:
        table = Table()

        changes = table.take(said("save", 1))

        assert (table.card.status, table.card.installations) == (CardStatus.INSTALLED, 1)
        assert table.events == [EventType.CARD_INSTALLED]
        assert [count.activity_count for count in changes.count] == [1]

    def test_a_removal_after_it_takes_it_away(self) -> None:
        table = after(said("save", 1), said("del", 2))

        assert (table.card.status, table.card.installations) == (CardStatus.NOT_INSTALLED, 0)
        assert table.events == [EventType.CARD_INSTALLED, EventType.CARD_REMOVED]

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_the_order_in_which_they_come_is_nothing(self, order: tuple[int, ...]) -> None:
        callbacks = [said("save", 1), said("del", 2), said("save", 3)]

        table = after(*(callbacks[place] for place in order))

        assert (table.card.status, table.card.installations) == (CardStatus.INSTALLED, 1)

    @given(
        callbacks=st.lists(
            st.builds(said, st.sampled_from(["save", "del"]), st.integers(0, 5)), max_size=8
        ),
        data=st.data(),
    )
    def test_neither_is_how_often(self, callbacks: list[Callback], data: st.DataObject) -> None:
        again = data.draw(st.lists(st.sampled_from(callbacks), max_size=4)) if callbacks else []
        shuffled = data.draw(st.permutations([*callbacks, *again]))

        one, other = after(*callbacks), after(*shuffled)

        assert one.card.status is other.card.status
        assert one.card.installations == other.card.installations
        newest = max(callbacks, key=lambda c: (c.expires_at, c.event_type == "save"), default=None)
        assert one.card.installations == int(newest is not None and newest.event_type == "save")

    def test_one_that_is_signed_again_is_the_same_one(self) -> None:
        table = after(said("save", 1, nonce="n"), said("del", 2), said("save", 3, nonce="n"))

        assert table.card.status is CardStatus.NOT_INSTALLED

    def test_a_removal_that_comes_first_is_remembered(self) -> None:
        table = after(said("del", 2))
        assert table.events == []
        assert table.card == a_card()

        table.take(said("save", 1))
        assert table.card == a_card()

    def test_of_one_millisecond_saving_wins(self) -> None:
        for callbacks in permutations([said("save", 1), said("del", 1)]):
            assert after(*callbacks).card.status is CardStatus.INSTALLED

    def test_a_card_is_there_while_one_of_its_objects_is(self) -> None:
        table = after(said("save", 1))
        table.take(said("save", 2), ObjectKind.LOYALTY)
        table.take(said("del", 3))
        assert (table.card.status, table.card.installations) == (CardStatus.INSTALLED, 1)

        table.take(said("del", 4), ObjectKind.LOYALTY)
        assert (table.card.status, table.card.installations) == (CardStatus.NOT_INSTALLED, 0)
        assert table.events == [EventType.CARD_INSTALLED, EventType.CARD_REMOVED]

    def test_a_deleted_card_stays_deleted(self) -> None:
        table = Table(status=CardStatus.DELETED)
        table.take(said("save", 1))

        assert (table.card.status, table.card.installations) == (CardStatus.DELETED, 1)
        assert table.events == []

    @pytest.mark.parametrize("ahead", [timedelta(minutes=1), timedelta(days=400)])
    def test_a_nonce_is_kept_longer_than_its_callback_is_believed(self, ahead: timedelta) -> None:
        callback = msgspec.structs.replace(said("save", 0), expires_at=NOON + ahead)
        nonce = Table().take(callback).create[0]

        assert isinstance(nonce, CallbackNonce)
        assert nonce.lapses_at > callback.expires_at


class TestNames:
    @given(serial=st.text(min_size=1), kind=st.sampled_from(ObjectKind))
    def test_can_be_read_back(self, serial: str, kind: ObjectKind) -> None:
        assert card_of(object_name(serial, kind)) == (serial, kind)

    @pytest.mark.parametrize("name", ["", ".offer", "crd_1", "crd_1.", "crd_1.generic", "offer"])
    def test_of_others_are_not_ours(self, name: str) -> None:
        assert card_of(name) is None
