"""Callbacks of Google Wallet, signed as Google signs them, over HTTP."""

from functools import partial
from itertools import permutations

import pytest

from chalicelib.core.cards.cards import Card, CardStatus
from chalicelib.core.changes import ref
from chalicelib.core.wallets.saves import CallbackNonce
from tests.api import phones
from tests.api.googles import PATH, Google
from tests.api.phones import issue
from tests.api.shop import Shop, at_once
from tests.builders import unique


@pytest.fixture
def google(shop: Shop) -> Google:
    return Google(shop)


def state(shop: Shop, card: Card) -> tuple[CardStatus, int]:
    found = phones.find(shop, card.serial)
    return found.status, found.installations


def events(shop: Shop, card: Card) -> list[str]:
    history = shop.history({"id": card.customer_id})
    return [each["type"] for each in history if each["type"] in {"card.installed", "card.removed"}]


INSTALLED = (CardStatus.INSTALLED, 1)
NOT_INSTALLED = (CardStatus.NOT_INSTALLED, 0)


class TestCallbacks:
    def test_install_a_card_and_remove_it(self, shop: Shop, google: Google) -> None:
        card = issue(shop)

        google.tell(google.says("save", card))
        assert state(shop, card) == INSTALLED
        google.tell(google.says("del", card))
        assert state(shop, card) == NOT_INSTALLED
        assert sorted(events(shop, card)) == ["card.installed", "card.removed"]

    def test_come_twice(self, shop: Shop, google: Google) -> None:
        card = issue(shop)
        saved, removed = google.says("save", card), google.says("del", card)

        google.tell(saved, saved, removed, removed, saved)

        assert state(shop, card) == NOT_INSTALLED
        assert sorted(events(shop, card)) == ["card.installed", "card.removed"]

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_come_in_any_order(self, shop: Shop, google: Google, order: tuple[int, ...]) -> None:
        card = issue(shop)
        said = [google.says(each, card) for each in ("save", "del", "save")]

        google.tell(*(said[place] for place in order))
        assert state(shop, card) == INSTALLED

        last = google.says("del", card)
        google.tell(last, *(said[place] for place in reversed(order)))
        assert state(shop, card) == NOT_INSTALLED

    def test_come_signed_again(self, shop: Shop, google: Google) -> None:
        card = issue(shop)
        nonce = unique("n-")

        google.tell(google.says("save", card, nonce=nonce), google.says("del", card))
        google.tell(google.says("save", card, nonce=nonce))

        assert state(shop, card) == NOT_INSTALLED

    def test_come_all_at_once(self, shop: Shop, google: Google) -> None:
        card = issue(shop)
        said = [google.says("save" if turn % 2 else "del", card) for turn in range(4)]

        at_once(*(partial(google.tell, raw) for raw in [*said, *said]))

        assert state(shop, card) == INSTALLED
        history = events(shop, card)
        assert history.count("card.installed") - history.count("card.removed") == 1

    def test_come_too_late(self, shop: Shop, google: Google) -> None:
        card = issue(shop)
        now = shop.services.now()

        reply = google.post(google.says("save", card, expires_at=now))
        assert (reply.status, reply.json["reason"]) == (403, "message_expired")
        assert state(shop, card) == NOT_INSTALLED

    def test_count_a_card_with_apple_s(self, shop: Shop, google: Google) -> None:
        phones.sign_passes(shop)
        card = issue(shop)
        phone = phones.Phone(shop.api)
        phone.register(card)

        google.tell(google.says("save", card))
        assert state(shop, card) == (CardStatus.INSTALLED, 2)
        phone.unregister(card)
        assert state(shop, card) == INSTALLED
        google.tell(google.says("del", card))
        assert state(shop, card) == NOT_INSTALLED
        assert sorted(events(shop, card)) == ["card.installed", "card.removed"]

    def test_are_taken_whatever_they_are_declared_as(self, shop: Shop, google: Google) -> None:
        card = issue(shop)

        for declared in ("text/plain", "application/octet-stream", "application/json"):
            raw = google.says("save", card)
            assert google.post(raw, **{"Content-Type": declared}).status == 200
        assert state(shop, card) == INSTALLED

    def test_about_something_else_change_nothing(self, shop: Shop, google: Google) -> None:
        card = issue(shop)
        nonce = unique("n-")

        google.tell(
            google.says("activate", card, nonce=nonce),
            google.says("save", "crd_nobody", nonce=nonce),
            google.says("save", card, "generic", nonce=nonce),
        )

        name = ref(CallbackNonce, nonce)
        assert shop.services.store.read(name).find(name) is None
        assert state(shop, card) == NOT_INSTALLED

    @pytest.mark.parametrize("raw", [b"", b"{}", b"\xff", b"null"])
    def test_of_others_are_refused(self, google: Google, raw: bytes) -> None:
        reply = google.post(raw)

        assert (reply.status, reply.code) == (403, "callback_refused")
        assert reply.json["reason"] == "malformed"

    def test_of_a_stranger_are_refused(self, shop: Shop, google: Google) -> None:
        card = issue(shop)
        raw = google.says("save", card).replace(b"save", b"saved")

        assert google.post(raw).json["reason"] == "message_signature"
        assert state(shop, card) == NOT_INSTALLED

    def test_as_long_as_books_are_refused(self, google: Google) -> None:
        assert google.post(b" " * 100_000).code == "payload_too_large"

    def test_need_an_account(self, shop: Shop) -> None:
        reply = shop.api.with_token(None).call("POST", PATH, raw=b"{}")

        assert (reply.status, reply.code) == (404, "no_google_wallet")
