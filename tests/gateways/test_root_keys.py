"""Google's root keys: fetched, kept, and used on while Google does not answer."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from chalicelib.core.errors import Unavailable
from chalicelib.core.wallets.callbacks import CallbackRefused
from chalicelib.core.wallets.google import NoGoogleWallet
from chalicelib.gateways.google.accounts import GoogleAccount
from chalicelib.gateways.google.callbacks import GoogleCallbacks
from chalicelib.gateways.google.root_keys import GoogleRootKeys
from tests.gateways import google_signs
from tests.gateways.chains import HeldSecrets

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)


class Publisher:
    """A server that publishes root keys. ``asked`` counts how often."""

    def __init__(self) -> None:
        self.status = 200
        self.body = json.dumps(google_signs.published(NOW + YEAR)).encode()
        self.asked = 0
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked += 1
                self.send_response(publisher.status)
                self.send_header("Content-Length", str(len(publisher.body)))
                self.end_headers()
                self.wfile.write(publisher.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/gp/m/issuer/keys"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, keys: Any) -> None:
        self.body = json.dumps(keys).encode()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.server.shutdown()
    publisher.server.server_close()


@pytest.fixture
def keys(publisher: Publisher) -> GoogleRootKeys:
    return GoogleRootKeys(publisher.address)


class TestRead:
    def test_returns_what_google_publishes(self, keys: GoogleRootKeys) -> None:
        assert keys.read(now=NOW) == [google_signs.root_key(NOW + YEAR)]

    def test_asks_once_an_hour(self, publisher: Publisher, keys: GoogleRootKeys) -> None:
        for _ in range(3):
            keys.read(now=NOW)
        keys.read(now=NOW + HOUR - MINUTE)
        assert publisher.asked == 1

        publisher.publish({"keys": []})
        assert keys.read(now=NOW + HOUR) == []
        assert publisher.asked == 2

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (500, None),
            (404, None),
            (302, None),
            (200, b"<html>"),
            (200, b"{}"),
            (200, b'{"keys": [{"keyValue": "x"}]}'),
            (200, b'{"keys": [{"keyValue": "x", "protocolVersion": "y", "keyExpiration": "z"}]}'),
            (200, b"[" * 100_000),
            (200, b'{"keys": []}' + b" " * 100_000 + b"x"),
        ],
    )
    def test_goes_on_with_its_last_good_copy(
        self, publisher: Publisher, keys: GoogleRootKeys, status: int, body: bytes | None
    ) -> None:
        good = keys.read(now=NOW)
        publisher.status, publisher.body = status, body or publisher.body

        assert keys.read(now=NOW + HOUR) == good
        assert keys.read(now=NOW + YEAR - MINUTE) == good

    def test_goes_on_where_nobody_answers(self, publisher: Publisher, keys: GoogleRootKeys) -> None:
        good = keys.read(now=NOW)
        publisher.server.shutdown()
        publisher.server.server_close()

        assert keys.read(now=NOW + HOUR) == good

    def test_ends_with_the_keys_of_its_copy(
        self, publisher: Publisher, keys: GoogleRootKeys
    ) -> None:
        keys.read(now=NOW)
        publisher.status = 500

        with pytest.raises(Unavailable):
            keys.read(now=NOW + YEAR)

    def test_does_not_ask_for_each_callback_while_google_does_not_answer(
        self, publisher: Publisher, keys: GoogleRootKeys
    ) -> None:
        publisher.status = 500
        for _ in range(3):
            with pytest.raises(Unavailable):
                keys.read(now=NOW)
        assert publisher.asked == 1

        publisher.status = 200
        assert keys.read(now=NOW + MINUTE) == [google_signs.root_key(NOW + YEAR)]


class TestCallbacks:
    def callbacks(self, keys: GoogleRootKeys, secret: str | None) -> GoogleCallbacks:
        secrets = HeldSecrets() if secret is None else HeldSecrets(google=secret)
        return GoogleCallbacks(GoogleAccount(secrets, "google"), keys)

    def test_are_opened_with_the_issuer_of_the_account(self, keys: GoogleRootKeys) -> None:
        raw = google_signs.callback("save", f"{google_signs.ISSUER}.c.offer", now=NOW, nonce="n")
        found = self.callbacks(keys, google_signs.secret()).opened(raw, now=NOW)

        assert found.object_name == "c.offer"
        other = self.callbacks(keys, google_signs.secret(issuer_id="3388000000000000002"))
        with pytest.raises(CallbackRefused):
            other.opened(raw, now=NOW)

    def test_are_nothing_to_a_business_without_an_account(self, keys: GoogleRootKeys) -> None:
        with pytest.raises(NoGoogleWallet):
            self.callbacks(keys, None).opened(b"{}", now=NOW)

    @pytest.mark.parametrize("secret", ["{}", "no JSON: hush", '{"issuer_id": 1}'])
    def test_wait_for_an_account_that_can_be_read(self, keys: GoogleRootKeys, secret: str) -> None:
        with pytest.raises(Unavailable) as refused:
            self.callbacks(keys, secret).opened(b"{}", now=NOW)
        assert "hush" not in str(refused.value) + str(refused.value.__cause__)
