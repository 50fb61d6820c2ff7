"""Links that save a card at Google Wallet, against a server that knows Google's schema."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.cards.cards import CardStatus
from tests.api import phones
from tests.api.googles import Google
from tests.api.shop import Shop
from tests.gateways import google_server
from tests.gateways.google_server import GoogleServer, claims_of
from tests.gateways.google_signs import ISSUER
from tests.http import Reply


@pytest.fixture
def google(shop: Shop) -> Iterator[GoogleServer]:
    with google_server.running() as google:
        wallet = google.wallet()
        shop.use(replace(shop.services, open_google=lambda: wallet))
        yield google


def ask(shop: Shop, card: Any) -> Reply:
    return shop.api.get(f"/v1/cards/{card['serial']}/google-link")


def payload(reply: Reply) -> Any:
    assert reply.status == 200, reply.raw
    return claims_of(reply.json["url"].rsplit("/", 1)[1], "google")["payload"]


def a_coupon_card(shop: Shop, **template: Any) -> Any:
    reward = shop.reward()
    shop.coupon(reward)
    return shop.card(shop.template(reward=reward, **template))


class TestLink:
    def test_saves_a_coupon_card_that_google_has(self, shop: Shop, google: GoogleServer) -> None:
        card = a_coupon_card(shop)
        class_id = f"{ISSUER}.{card['template_id']}"

        found = payload(ask(shop, card))

        object_id = f"{ISSUER}.{card['serial']}.offer"
        assert found == {"offerObjects": [{"id": object_id, "classId": class_id}]}
        assert google.calls == ["POST offerClass", "POST offerObject"]
        assert google.kept[object_id]["barcode"]["value"] == card["code"]
        callback_url = google.kept[class_id]["callbackOptions"]["url"]
        assert callback_url.endswith("/v1/wallets/google/callbacks")

    def test_saves_a_stamp_card(self, shop: Shop, google: GoogleServer) -> None:
        card = shop.card(shop.template("stamp"))
        shop.api.made(f"/v1/cards/{card['serial']}/stamps", {"count": 2})

        assert list(payload(ask(shop, card))) == ["loyaltyObjects"]
        kept = google.object(f"{card['serial']}.loyalty")
        assert kept["loyaltyPoints"]["balance"] == {"string": "2/3"}

    def test_again_brings_the_card_up_to_date(self, shop: Shop, google: GoogleServer) -> None:
        card = a_coupon_card(shop)
        ask(shop, card)
        shop.redeemed(card["code"])

        assert ask(shop, card).status == 200
        assert google.object(f"{card['serial']}.offer")["state"] == "COMPLETED"

    def test_of_a_converted_card_saves_what_it_became(
        self, shop: Shop, google: GoogleServer
    ) -> None:
        linked = shop.template("stamp")
        card = a_coupon_card(shop, linked_template_id=linked["id"])
        ask(shop, card)
        redemption = shop.redeemed(card["code"])

        name = f"{ISSUER}.{card['serial']}.loyalty"
        shown = {"id": name, "classId": f"{ISSUER}.{linked['id']}"}
        assert payload(ask(shop, card)) == {"loyaltyObjects": [shown]}
        offer = google.object(f"{card['serial']}.offer")
        assert (offer["state"], offer["linkedObjectIds"]) == ("COMPLETED", [name])

        assert shop.unredeem(card["code"], redemption_id=redemption["id"]).status == 200
        assert list(payload(ask(shop, card))) == ["offerObjects"]
        assert google.object(f"{card['serial']}.offer")["state"] == "ACTIVE"
        assert google.kept[name]["state"] == "INACTIVE"

    def test_of_a_deleted_card_is_refused(self, shop: Shop, google: GoogleServer) -> None:
        card = shop.card(shop.template("stamp"))
        shop.api.call("DELETE", f"/v1/cards/{card['serial']}")

        assert ask(shop, card).code == "card_deleted"
        assert google.calls == []

    def test_waits_for_google(self, shop: Shop, google: GoogleServer) -> None:
        card = shop.card(shop.template("points"))
        google.refuses = [(503, {})]

        reply = ask(shop, card)
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert ask(shop, card).status == 200

    def test_needs_an_account(self, shop: Shop) -> None:
        card = shop.card(shop.template("points"))

        assert ask(shop, card).code == "no_google_wallet"

    def test_and_its_callback_install_the_card(self, shop: Shop, google: GoogleServer) -> None:
        card = a_coupon_card(shop)
        (saved,) = payload(ask(shop, card))["offerObjects"]

        _, serial, kind = saved["id"].split(".")
        caller = Google(shop)
        caller.tell(caller.says("save", serial, kind, class_id=saved["classId"]))

        assert phones.find(shop, card["serial"]).status is CardStatus.INSTALLED
