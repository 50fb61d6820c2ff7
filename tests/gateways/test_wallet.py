"""Google Wallet's REST API and its links, against a server that knows Google's schema."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.errors import Unavailable
from chalicelib.core.wallets.google import Notice, ObjectKind, Resource
from chalicelib.gateways.google.accounts import GoogleAccount
from chalicelib.gateways.google.wallet import SAVE_ADDRESS, GoogleWallet
from tests.gateways import google_server, google_signs
from tests.gateways.chains import HeldSecrets
from tests.gateways.google_server import GoogleServer
from tests.gateways.google_signs import ISSUER

NOW = datetime(2026, 11, 22, tzinfo=UTC)
OFFER, LOYALTY = ObjectKind.OFFER, ObjectKind.LOYALTY
HOUR = timedelta(hours=1)

CLASS = Resource(
    f"{ISSUER}.tpl_1",
    {
        "id": f"{ISSUER}.tpl_1",
        "issuerName": "Ada",
        "title": "Ten off",
        "provider": "Ada",
        "redemptionChannel": "BOTH",
        "reviewStatus": "UNDER_REVIEW",
        "details": None,
    },
)
OBJECT_ID = f"{ISSUER}.crd_1.offer"


def an_object(state: str = "ACTIVE") -> Resource:
    body = {"id": OBJECT_ID, "classId": CLASS.resource_id, "state": state, "barcode": None}
    return Resource(OBJECT_ID, body)


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    with google_server.running() as google:
        yield google


@pytest.fixture
def wallet(google: GoogleServer) -> GoogleWallet:
    wallet = google.wallet()
    wallet.put_class(OFFER, CLASS, now=NOW)
    google.calls.clear()
    return wallet


class TestPut:
    def test_makes_what_is_not_there(self, google: GoogleServer, wallet: GoogleWallet) -> None:
        wallet.put_object(OFFER, an_object(), now=NOW)

        assert google.calls == ["POST offerObject"]
        assert google.object("crd_1.offer")["state"] == "ACTIVE"

    def test_changes_what_is_there(self, google: GoogleServer, wallet: GoogleWallet) -> None:
        wallet.put_object(OFFER, an_object(), now=NOW)
        wallet.put_object(OFFER, an_object("COMPLETED"), now=NOW)

        assert google.calls[1:] == ["POST offerObject", f"PATCH offerObject/{OBJECT_ID}"]
        assert google.object("crd_1.offer")["state"] == "COMPLETED"

    def test_takes_away_what_is_gone(self, google: GoogleServer, wallet: GoogleWallet) -> None:
        barcode = {"type": "QR_CODE", "value": "SPRING-10"}
        with_barcode = Resource(OBJECT_ID, an_object().body | {"barcode": barcode})
        wallet.put_object(OFFER, with_barcode, now=NOW)
        assert google.object("crd_1.offer")["barcode"] == barcode

        wallet.put_object(OFFER, an_object(), now=NOW)
        assert "barcode" not in google.object("crd_1.offer")

    def test_asks_once_for_a_class_that_did_not_change(
        self, google: GoogleServer, wallet: GoogleWallet
    ) -> None:
        wallet.put_class(OFFER, CLASS, now=NOW)
        assert google.calls == []

        changed = Resource(CLASS.resource_id, CLASS.body | {"title": "Twenty off"})
        wallet.put_class(OFFER, changed, now=NOW)
        assert google.kept[CLASS.resource_id]["title"] == "Twenty off"

    def test_of_a_class_that_failed_is_asked_for_again(self, google: GoogleServer) -> None:
        wallet = google.wallet()
        google.refuses = [(500, {})]
        with pytest.raises(Unavailable):
            wallet.put_class(OFFER, CLASS, now=NOW)

        wallet.put_class(OFFER, CLASS, now=NOW)
        assert CLASS.resource_id in google.kept


class TestChange:
    def test_changes_what_is_named(self, google: GoogleServer, wallet: GoogleWallet) -> None:
        wallet.put_object(OFFER, an_object(), now=NOW)
        change = Resource(OBJECT_ID, {"id": OBJECT_ID, "state": "INACTIVE"})

        assert wallet.change_object(OFFER, change, now=NOW)
        assert google.object("crd_1.offer") == {
            "id": OBJECT_ID,
            "classId": CLASS.resource_id,
            "state": "INACTIVE",
        }

    def test_says_that_there_is_none(self, google: GoogleServer, wallet: GoogleWallet) -> None:
        name = f"{ISSUER}.crd_2.loyalty"
        change = Resource(name, {"id": name, "state": "INACTIVE"})

        assert not wallet.change_object(LOYALTY, change, now=NOW)


class TestNotice:
    def test_is_said_without_a_notification_once_there_were_too_many(
        self, google: GoogleServer, wallet: GoogleWallet
    ) -> None:
        wallet.put_object(OFFER, an_object(), now=NOW)
        for number in range(5):
            notice = Notice(f"msg_{number}", "Tea", "It is ready")
            assert wallet.add_notice(OFFER, OBJECT_ID, notice, now=NOW)

        messages = google.object("crd_1.offer")["messages"]
        notified, quiet = {"messageType": "TEXT_AND_NOTIFY"}, {"messageType": "TEXT"}
        assert messages == [
            {"id": f"msg_{number}", "header": "Tea", "body": "It is ready"} | kind
            for number, kind in enumerate([notified] * 3 + [quiet] * 2)
        ]

    def test_about_nothing_is_said_to_nobody(self, wallet: GoogleWallet) -> None:
        notice = Notice("msg_1", "Tea", "It is ready")

        assert not wallet.add_notice(OFFER, f"{ISSUER}.crd_2.offer", notice, now=NOW)

    def test_that_may_not_be_said_is_not_tried_otherwise(
        self, google: GoogleServer, wallet: GoogleWallet
    ) -> None:
        google.refuses = [(403, {"error": {"errors": [{"reason": "forbidden"}]}})]

        with pytest.raises(Unavailable):
            wallet.add_notice(OFFER, OBJECT_ID, Notice("msg_1", "Tea", "Ready"), now=NOW)
        assert len(google.calls) == 1


class TestTokens:
    def test_serve_until_a_minute_before_their_end(
        self, google: GoogleServer, wallet: GoogleWallet
    ) -> None:
        for later in (timedelta(), HOUR - timedelta(seconds=62)):
            wallet.put_object(OFFER, an_object(), now=NOW + later)
        assert len(google.tokens) == 1

        wallet.put_object(OFFER, an_object(), now=NOW + HOUR - timedelta(seconds=61))
        assert len(google.tokens) == 2

    def test_that_google_forgot_are_asked_for_again(
        self, google: GoogleServer, wallet: GoogleWallet
    ) -> None:
        google.tokens["token-0"] = 0

        wallet.put_object(OFFER, an_object(), now=NOW)
        assert OBJECT_ID in google.kept

    def test_are_asked_for_with_a_key(self, google: GoogleServer) -> None:
        account = GoogleAccount(HeldSecrets(google=google_signs.secret()), "google")
        address = f"{google.url}/token"

        with pytest.raises(Unavailable) as refused:
            GoogleWallet(account, token_address=address).put_object(OFFER, an_object(), now=NOW)
        assert refused.value.facts["retry_after"] == 600


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "seconds"), [(500, 1), (503, 1), (429, 1), (400, 600), (403, 600), (401, 600)]
    )
    def test_say_when_to_try_again(
        self,
        google: GoogleServer,
        wallet: GoogleWallet,
        capsys: pytest.CaptureFixture[str],
        status: int,
        seconds: int,
    ) -> None:
        body = {"error": {"errors": [{"reason": "a reason", "message": "about Ada"}]}}
        google.refuses = [(status, body)] * 2

        with pytest.raises(Unavailable) as refused:
            wallet.put_object(OFFER, an_object(), now=NOW)

        assert refused.value.facts["retry_after"] == seconds
        logged = capsys.readouterr().out
        assert "a reason" in logged
        assert "Ada" not in logged

    def test_of_a_server_that_is_gone(self, google: GoogleServer, wallet: GoogleWallet) -> None:
        google.server.shutdown()
        google.server.server_close()

        with pytest.raises(Unavailable):
            google.wallet().put_object(OFFER, an_object(), now=NOW)


class TestLink:
    def test_names_the_object_and_nothing_else(self, wallet: GoogleWallet) -> None:
        link = wallet.save_link(OFFER, object_id=OBJECT_ID, class_id=CLASS.resource_id, now=NOW)

        address, token = link.rsplit("/", 1)
        assert address == SAVE_ADDRESS
        assert google_server.claims_of(token, "google") == {
            "iss": google_signs.EMAIL,
            "aud": "google",
            "typ": "savetowallet",
            "iat": int(NOW.timestamp()),
            "payload": {"offerObjects": [{"id": OBJECT_ID, "classId": CLASS.resource_id}]},
        }

    def test_is_as_short_as_browsers_need_it(self, wallet: GoogleWallet) -> None:
        # As long as ids of ours are: a prefix and a ULID.
        names = {
            "object_id": f"{ISSUER}.crd_{'0' * 26}.loyalty",
            "class_id": f"{ISSUER}.tpl_{'0' * 26}",
        }
        link = wallet.save_link(LOYALTY, now=NOW, **names)

        assert len(link.rsplit("/", 1)[1]) <= 1000
