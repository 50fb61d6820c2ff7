"""Google's REST API as far as we call it, in this process: it takes what its schema says."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chalicelib.gateways.google.accounts import GoogleAccount
from chalicelib.gateways.google.tokens import GRANT, SCOPE
from chalicelib.gateways.google.wallet import GoogleWallet
from tests.gateways import google_schema, google_signs
from tests.gateways.chains import HeldSecrets

NOTIFICATIONS_MAX = 3
_SCHEMAS = {
    kind: kind[0].upper() + kind[1:]
    for kind in ("offerClass", "offerObject", "loyaltyClass", "loyaltyObject")
}


@cache
def key() -> rsa.RSAPrivateKey:
    """The key of the service account."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def secret() -> str:
    """Return an account whose key opens this server."""
    pem = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return google_signs.secret(private_key=pem)


def claims_of(token: str, audience: str) -> Any:
    """Return what the service account signed; its times are not looked at."""
    return jwt.decode(
        token,
        key().public_key(),
        algorithms=["RS256"],
        audience=audience,
        options={"verify_exp": False, "verify_iat": False},
    )


class GoogleServer:
    """``kept`` is what it has, by kind and id; ``refuses`` is what it answers next instead."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.refuses: list[tuple[int, Any]] = []
        self.faults: list[str] = []
        self.tokens: Counter[str] = Counter()
        google = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PATCH(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status, answer = google.answer(self.command, self.path, raw, self.headers)
                except AssertionError as fault:
                    google.faults.append(str(fault))
                    status, answer = 400, _error("invalidResource")
                encoded = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(encoded)))
                self.end_headers()
                self.wfile.write(encoded)

            def do_POST(self) -> None:
                self.do_PATCH()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def wallet(self) -> GoogleWallet:
        """Return what keeps cards at this server."""
        account = GoogleAccount(HeldSecrets(google=secret()), "google")
        return GoogleWallet(account, address=f"{self.url}/v1", token_address=f"{self.url}/token")

    def object(self, name: str) -> Any:
        """Return the object, by its name without the issuer."""
        return self.kept[f"{google_signs.ISSUER}.{name}"]

    def answer(self, method: str, path: str, raw: bytes, headers: Any) -> tuple[int, Any]:
        if path == "/token":
            return self._token(parse_qs(raw.decode()))
        self.calls.append(f"{method} {path.removeprefix('/v1/')}")
        if self.refuses:
            return self.refuses.pop(0)
        if not self.tokens[headers["Authorization"].removeprefix("Bearer ")]:
            return 401, _error("authError")
        body = json.loads(raw)
        _, _, kind, *rest = path.split("/")
        if rest and rest[-1] == "addMessage":
            google_schema.check("AddMessageRequest", body)
            return self._add_message(rest[0], body["message"])
        if method == "POST":
            google_schema.check(_SCHEMAS[kind], body)
            return self._insert(kind, body)
        google_schema.check(_SCHEMAS[kind], body, whole=False)
        return self._patch(rest[0], body)

    def _insert(self, kind: str, body: Any) -> tuple[int, Any]:
        if body["id"] in self.kept:
            return 409, _error("existingResource")
        if kind.endswith("Object"):
            assert body["classId"] in self.kept, "an object needs its class"
        self.kept[body["id"]] = body
        return 200, body

    def _patch(self, name: str, body: Any) -> tuple[int, Any]:
        if name not in self.kept:
            return 404, _error("resourceNotFound")
        for linked in body.get("linkedObjectIds", ()):
            assert linked in self.kept, "what is linked is there"
        merged = self.kept[name] | body
        self.kept[name] = {each: value for each, value in merged.items() if value is not None}
        return 200, self.kept[name]

    def _add_message(self, name: str, message: Any) -> tuple[int, Any]:
        if name not in self.kept:
            return 404, _error("resourceNotFound")
        messages = self.kept[name].setdefault("messages", [])
        notified = [each for each in messages if each["messageType"] == "TEXT_AND_NOTIFY"]
        if message["messageType"] == "TEXT_AND_NOTIFY" and len(notified) == NOTIFICATIONS_MAX:
            return 403, _error("quotaExceeded")
        messages.append(message)
        return 200, {"resource": self.kept[name]}

    def _token(self, form: dict[str, list[str]]) -> tuple[int, Any]:
        assert form["grant_type"] == [GRANT]
        claims = claims_of(form["assertion"][0], f"{self.url}/token")
        assert (claims["iss"], claims["scope"]) == (google_signs.EMAIL, SCOPE)
        assert 0 < claims["exp"] - claims["iat"] <= 3600
        token = f"token-{len(self.tokens)}"
        self.tokens[token] += 1
        return 200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}


@contextmanager
def running() -> Iterator[GoogleServer]:
    """Run a server of Google's; whatever it could not take is a failure of ours."""
    google = GoogleServer()
    try:
        yield google
    finally:
        google.server.shutdown()
        google.server.server_close()
    assert google.faults == []


def _error(reason: str) -> Any:
    return {"error": {"errors": [{"reason": reason, "message": "about Ada"}]}}
