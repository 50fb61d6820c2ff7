"""Phones are told of changes, and those that are gone are forgotten."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.activity import Channel, Origin
from chalicelib.core.cards.cards import Card, CardStatus
from chalicelib.core.cards.templates import CardType
from chalicelib.core.changes import Changes, ref
from chalicelib.core.customers.accounts import Account, Standing
from chalicelib.core.errors import Unavailable
from chalicelib.core.pages import PageRequest
from chalicelib.core.wallets.devices import Device
from chalicelib.usecases.ports import Push, PushOutcome
from chalicelib.usecases.wallets import apple, changes, devices
from chalicelib.usecases.wallets.apple import Pushed
from chalicelib.wiring import Services
from tests.builders import NOON, unique

SECOND = timedelta(seconds=1)
SENT = Push(PushOutcome.SENT)


class NotedPushes:
    """Answers as it is told, by token, and notes who was told."""

    def __init__(self, **results: Push) -> None:
        self.results = results
        self.told: list[str] = []

    def send(self, tokens: Sequence[str], *, now: datetime) -> dict[str, Push]:
        self.told += tokens
        return {token: self.results.get(token, SENT) for token in tokens}


def an_origin(now: datetime = NOON) -> Origin:
    return Origin("apple_wallet", Channel.WALLET, now)


@pytest.fixture
def card(services: Services) -> Card:
    """A card that no phone has yet."""
    return a_card(services)


def a_card(services: Services) -> Card:
    account = Account(unique("cus_"), Standing.ACTIVE, NOON)
    card = Card(
        serial=unique("crd_"),
        template_id="tpl_1",
        shown_template_id="tpl_1",
        card_type=CardType.STAMP,
        customer_id=account.customer_id,
        issued_at=NOON,
        shown_at=NOON,
        secret="s" * 43,
    )
    services.store.commit(Changes(create=(account, card)))
    return replace(card, version=1)


def register(
    services: Services, card: Card, token: str, *, device_id: str = "", now: datetime = NOON
) -> str:
    device_id = device_id or unique("device-")
    devices.register(services.context, card, device_id, token, origin=an_origin(now))
    return device_id


def push(services: Services, pushes: NotedPushes, *cards: Card) -> Pushed:
    serials = [card.serial for card in cards]
    return apple.push_updates(services.context, pushes, serials, origin=an_origin())


def find(services: Services, kind: Any, *parts: str) -> Any:
    name = ref(kind, *parts)
    return services.store.read(name).find(name)


class TestPush:
    def test_goes_to_every_phone_that_has_the_card(self, services: Services, card: Card) -> None:
        for token in ("a1", "b2"):
            register(services, card, token)
        register(services, a_card(services), "c3")
        pushes = NotedPushes()

        assert push(services, pushes, card) == Pushed(sent=2)
        assert sorted(pushes.told) == ["a1", "b2"]

    def test_goes_once_to_a_phone_with_two_of_them(self, services: Services, card: Card) -> None:
        other = a_card(services)
        device_id = register(services, card, "a1")
        register(services, other, "a1", device_id=device_id)
        pushes = NotedPushes()

        assert push(services, pushes, card, other) == Pushed(sent=1)
        assert pushes.told == ["a1"]

    def test_goes_to_the_newest_token(self, services: Services, card: Card) -> None:
        device_id = register(services, card, "a1")
        register(services, card, "b2", device_id=device_id)
        pushes = NotedPushes()

        push(services, pushes, card)

        assert pushes.told == ["b2"]

    def test_of_a_card_that_no_phone_has_asks_nobody(self, services: Services, card: Card) -> None:
        pushes = NotedPushes()

        assert push(services, pushes, card) == Pushed()
        assert pushes.told == []

    def test_says_what_was_refused(self, services: Services, card: Card) -> None:
        register(services, card, "a1")
        pushes = NotedPushes(a1=Push(PushOutcome.REFUSED, None, "BadTopic"))

        assert push(services, pushes, card) == Pushed(refused=1, reasons=("BadTopic",))

    def test_comes_again_while_the_service_is_busy(self, services: Services, card: Card) -> None:
        register(services, card, "a1")
        register(services, card, "b2")
        pushes = NotedPushes(a1=Push(PushOutcome.LATER), b2=Push(PushOutcome.GONE))

        with pytest.raises(Unavailable):
            push(services, pushes, card)

        pushes.told.clear()
        pushes.results.clear()
        assert push(services, pushes, card) == Pushed(sent=1)
        assert pushes.told == ["a1"]


class TestGone:
    def test_takes_every_card_from_the_phone(self, services: Services, card: Card) -> None:
        other = a_card(services)
        device_id = register(services, card, "a1")
        register(services, other, "a1", device_id=device_id)
        pushes = NotedPushes(a1=Push(PushOutcome.GONE))

        assert push(services, pushes, card) == Pushed(gone=1)

        assert find(services, Device, device_id) is None
        for each in (card, other):
            found = find(services, Card, each.serial)
            assert (found.status, found.installations) == (CardStatus.NOT_INSTALLED, 0)
            page = services.store.activity(each.customer_id, PageRequest(descending=False))
            types = [event.event_type for event in page.items]
            assert types == ["card.installed", "card.removed"]
            assert find(services, Account, each.customer_id).activity_count == 2

    def test_leaves_the_card_on_other_phones(self, services: Services, card: Card) -> None:
        register(services, card, "a1")
        register(services, card, "b2")

        push(services, NotedPushes(a1=Push(PushOutcome.GONE)), card)

        found = find(services, Card, card.serial)
        assert (found.status, found.installations) == (CardStatus.INSTALLED, 1)

    @pytest.mark.parametrize(("after", "stays"), [(-SECOND, True), (SECOND, False)])
    def test_is_told_from_having_come_back(
        self, services: Services, card: Card, after: timedelta, *, stays: bool
    ) -> None:
        """Apple says since when: who registered after that is there."""
        device_id = register(services, card, "a1", now=NOON - timedelta(days=1))
        register(services, card, "a1", device_id=device_id, now=NOON)

        push(services, NotedPushes(a1=Push(PushOutcome.GONE, NOON + after)), card)

        assert (find(services, Device, device_id) is not None) == stays

    def test_of_an_older_token_leaves_the_phone(self, services: Services, card: Card) -> None:
        device_id = register(services, card, "a1")
        device = find(services, Device, device_id)
        register(services, card, "b2", device_id=device_id)

        devices.forget(services.context, device, gone_at=None, origin=an_origin())

        assert find(services, Device, device_id).push_token == "b2"
        assert find(services, Card, card.serial).installations == 1

    def test_said_twice_is_the_same(self, services: Services, card: Card) -> None:
        device = find(services, Device, register(services, card, "a1"))

        for _ in range(2):
            devices.forget(services.context, device, gone_at=None, origin=an_origin())

        assert find(services, Card, card.serial).installations == 0


class TestChange:
    def test_is_what_the_next_list_of_a_phone_has(self, services: Services, card: Card) -> None:
        device_id = register(services, card, "a1")
        first = devices.updated_since(services.context, device_id, None)
        assert first is not None

        changes.note_change(services.context, card.serial, now=NOON)

        again = devices.updated_since(services.context, device_id, first.tag)
        assert again is not None
        assert again.serials == (card.serial,)
        assert devices.updated_since(services.context, device_id, again.tag) is None

    def test_moves_the_date_by_a_second_at_least(self, services: Services, card: Card) -> None:
        for _ in range(3):
            changes.note_change(services.context, card.serial, now=NOON)

        assert find(services, Card, card.serial).shown_at == NOON + 3 * SECOND

    def test_of_no_card_is_none(self, services: Services) -> None:
        changes.note_change(services.context, "crd_none", now=NOON)
