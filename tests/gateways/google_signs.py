"""Callbacks as Google signs them, by keys made here."""

import base64
import json
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.core.wallets.callbacks import PROTOCOL, SENDER, RootKey, signed_bytes

ISSUER = "3388000000000000001"
DAY = timedelta(days=1)
LOGO = "https://shop.example/logo.png"
EMAIL = "wallet@example.iam"


@cache
def root() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _intermediate() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_value(key: ec.EllipticCurvePrivateKey) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def root_key(expires_at: datetime) -> RootKey:
    return RootKey(key_value(root()), PROTOCOL, expires_at)


def published(expires_at: datetime) -> dict[str, Any]:
    """Return the root keys as Google publishes them."""
    key = {
        "keyValue": key_value(root()),
        "protocolVersion": PROTOCOL,
        "keyExpiration": millis(expires_at),
    }
    return {"keys": [key]}


def callback(  # noqa: PLR0913
    event_type: str,
    object_id: str,
    *,
    now: datetime,
    expires_at: datetime | None = None,
    nonce: str,
    issuer: str = ISSUER,
    class_id: str = f"{ISSUER}.tpl_1",
) -> bytes:
    """Return the body of a callback, believed for ten minutes from ``now`` on."""
    key = {"keyValue": key_value(_intermediate()), "keyExpiration": millis(now + DAY)}
    signed_key = json.dumps(key).replace("=", "\\u003d")
    message = json.dumps(
        {
            "classId": class_id,
            "objectId": object_id,
            "eventType": event_type,
            "expTimeMillis": int(millis(expires_at or now + timedelta(minutes=10))),
            "count": 1,
            "nonce": nonce,
        }
    )
    body = {
        "protocolVersion": PROTOCOL,
        "signature": _sign(_intermediate(), SENDER, issuer, PROTOCOL, message),
        "intermediateSigningKey": {
            "signedKey": signed_key,
            "signatures": [_sign(root(), SENDER, PROTOCOL, signed_key)],
        },
        "signedMessage": message,
    }
    return json.dumps(body).encode()


def millis(moment: datetime) -> str:
    return str(round(moment.timestamp() * 1000))


def _sign(key: ec.EllipticCurvePrivateKey, *parts: str) -> str:
    signature = key.sign(signed_bytes(*parts), ec.ECDSA(hashes.SHA256()))
    return base64.b64encode(signature).decode()


def secret(**changes: str) -> str:
    """Return what the secret of the account holds; its private key opens nothing."""
    account = {"issuer_id": ISSUER, "logo_url": LOGO, "client_email": EMAIL, "private_key": "none"}
    return json.dumps({"type": "service_account"} | account | changes)
