"""Google Wallet, as far as it calls us: what it says of cards, signed by keys made here."""

from datetime import timedelta
from itertools import count
from typing import Any

from msgspec.structs import replace

from chalicelib.core.cards.cards import Card
from chalicelib.gateways.google.accounts import GoogleAccount
from chalicelib.gateways.google.callbacks import GoogleCallbacks
from chalicelib.gateways.google.root_keys import GoogleRootKeys
from tests.api.shop import Shop
from tests.builders import unique
from tests.gateways import google_signs
from tests.gateways.chains import HeldSecrets
from tests.gateways.google_signs import ISSUER
from tests.http import Reply

PATH = "/v1/wallets/google/callbacks"
SECOND = timedelta(seconds=1)


class HeldKeys(GoogleRootKeys):
    """Root keys that are there."""

    def read(self, *, now: Any) -> Any:
        return [google_signs.root_key(now + timedelta(days=1))]


class Google:
    """What Google says of cards, each time as something new, and posts to us."""

    def __init__(self, shop: Shop) -> None:
        callbacks = GoogleCallbacks(
            GoogleAccount(HeldSecrets(google=google_signs.secret()), "google"), HeldKeys()
        )
        shop.use(replace(shop.services, open_callbacks=lambda: callbacks))
        self._shop = shop
        self._said = count(1)

    def says(self, event_type: str, card: Card | str, kind: str = "offer", **more: Any) -> bytes:
        """Return a callback that is said after those before it."""
        serial = card if isinstance(card, str) else card.serial
        now = self._shop.services.now()
        said: dict[str, Any] = {
            "nonce": unique("n-"),
            "expires_at": now + (600 + next(self._said)) * SECOND,
        }
        return google_signs.callback(
            event_type, f"{ISSUER}.{serial}.{kind}", now=now, **(said | more)
        )

    def post(self, raw: bytes, **headers: str) -> Reply:
        return self._shop.api.with_token(None).call("POST", PATH, raw=raw, headers=headers)

    def tell(self, *callbacks: bytes) -> None:
        for raw in callbacks:
            reply = self.post(raw)
            assert (reply.status, reply.raw) == (200, b"")
