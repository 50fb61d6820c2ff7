"""A phone with Apple Wallet, as far as its web service goes, and cards for it to have."""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from chalicelib.core.cards.cards import Card
from chalicelib.core.changes import Changes, ref
from chalicelib.gateways.apple.passes import ApplePasses
from tests.api.shop import Shop
from tests.gateways.chains import HeldSecrets, a_secret
from tests.http import Api, Reply
from tools.apple_chain import PASS_TYPE_ID

ROOT = "/v1/wallets/apple/v1"


def sign_passes(shop: Shop) -> None:
    """Give the business a certificate."""
    passes = ApplePasses(HeldSecrets(apple=a_secret()), "apple")
    shop.use(replace(shop.services, open_passes=lambda: passes))


def issue(shop: Shop, *, customer: Any = None, code: str | None = None) -> Card:
    """Return a new card of a new template: a stamp card, or that of the coupon ``code``."""
    if code is None:
        template, more = shop.template("stamp", stamps_needed=10), {}
    else:
        reward = {"id": shop.find_coupon(code)["reward_id"]}
        template, more = shop.template(reward=reward), {"code": code}
    return find(shop, shop.card(template, customer=customer, **more)["serial"])


def find(shop: Shop, serial: str) -> Card:
    """Return the card as it is now."""
    name = ref(Card, serial)
    found = shop.services.store.read(name).find(name)
    assert found is not None
    return found


def change(shop: Shop, card: Card, **changes: Any) -> Card:
    """Bring the card into a state that needs no request."""
    before = find(shop, card.serial)
    after = replace(before, **changes)
    shop.services.store.commit(Changes(update=((before, after),)))
    return find(shop, card.serial)


def stamp(shop: Shop, card: Card, stamps: int = 1) -> Card:
    """Put stamps on the card."""
    shop.api.made(f"/v1/cards/{card.serial}/stamps", {"count": stamps})
    return find(shop, card.serial)


@dataclass
class Phone:
    """A device: it keeps what its passes say, the tag of its last list and their dates.

    Every answer that is no success or refusal of Apple's protocol is a failure of ours.
    """

    api: Api
    device_id: str = field(default_factory=lambda: uuid4().hex)
    push_token: str = field(default_factory=lambda: uuid4().hex * 2)
    pass_type_id: str = PASS_TYPE_ID
    tag: str | None = None
    dates: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, *, token: str | None = None, **more: Any) -> Reply:
        headers = {"Authorization": f"ApplePass {token}"} if token is not None else {}
        api = self.api.with_token(None)
        headers |= more.pop("headers", {})
        reply = api.call(method, ROOT + path, headers=headers, **more)
        assert reply.status < 500, reply.raw
        return reply

    def registration(self, card: Card) -> str:
        return f"/devices/{self.device_id}/registrations/{self.pass_type_id}/{card.serial}"

    def register(self, card: Card, *, token: str | None = None, **more: Any) -> Reply:
        body = json.dumps({"pushToken": self.push_token}).encode()
        more = {"raw": body} | more
        return self.call("POST", self.registration(card), token=token or card.secret, **more)

    def unregister(self, card: Card, *, token: str | None = None) -> Reply:
        return self.call("DELETE", self.registration(card), token=token or card.secret)

    def list(self, *, since: str | None = None) -> Reply:
        """Ask what changed, with the tag if there is one; keep the new one."""
        path = f"/devices/{self.device_id}/registrations/{self.pass_type_id}"
        tag = since if since is not None else self.tag
        reply = self.call("GET", path if tag is None else f"{path}?passesUpdatedSince={tag}")
        if reply.status == 200:
            assert reply.headers["content-type"] == "application/json"
            self.tag = reply.json["lastUpdated"]
        else:
            assert (reply.status, reply.raw) == (204, b"")
        return reply

    def get(self, card: Card, *, token: str | None = None, headers: Any = None) -> Reply:
        """Get the pass, unless it is the one that the phone has."""
        sent = {}
        if card.serial in self.dates:
            sent["If-Modified-Since"] = self.dates[card.serial]
        reply = self.call(
            "GET",
            f"/passes/{self.pass_type_id}/{card.serial}",
            token=token or card.secret,
            headers=sent | (headers or {}),
        )
        if reply.status == 200:
            assert reply.headers["content-type"] == "application/vnd.apple.pkpass"
            self.dates[card.serial] = reply.headers["last-modified"]
        return reply

    def log(self, raw: bytes, **headers: str) -> Reply:
        return self.call("POST", "/log", raw=raw, headers=headers)


def opened(packed: bytes) -> Any:
    """Return what a pass says, after checking that it is whole."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        for name, digest in manifest.items():
            found = hashlib.sha1(archive.read(name)).hexdigest()  # noqa: S324 # the format's own
            assert found == digest
        assert set(archive.namelist()) == {*manifest, "manifest.json", "signature"}
        return json.loads(archive.read("pass.json"))
