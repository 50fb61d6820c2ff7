"""Callbacks of Google Wallet: which ones are believed. Vectors: see tests/data/README.md."""

import base64
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.wallets import callbacks
from chalicelib.core.wallets.callbacks import CallbackRefused, Reason, RootKey, Verify
from chalicelib.gateways.google.callbacks import verify

OWN = Path(__file__).parent.parent / "data"
SHARED = Path(os.environ.get("COUPONRY_SHARED") or Path(__file__).parents[3] / "shared")
RECORDED = SHARED / "data" / "wallet" / "google_callbacks_recorded.json"
MILLI = timedelta(milliseconds=1)

# What the vectors call what we call otherwise.
REASONS = {"protocolVersion": Reason.PROTOCOL_VERSION}


class Vector(msgspec.Struct, frozen=True):
    """A body, when it comes and what must become of it; ``reason`` None where that is not told."""

    name: str
    raw: bytes
    root_keys: tuple[RootKey, ...]
    issuer_id: str
    now: datetime
    accepted: bool
    reason: str | None


def vectors(path: Path) -> Iterator[Vector]:
    file = json.loads(path.read_text(encoding="utf-8"))
    for each in file["vectors"]:
        why = each.get("why") or each.get("expect_reason")
        yield Vector(
            name=each["name"],
            raw=json.dumps(each["body"], ensure_ascii=False).encode(),
            root_keys=tuple(map(_root_key, (each.get("rootKeys") or file["rootKeys"])["keys"])),
            issuer_id=each.get("issuer_id") or file["issuer_id"],
            now=_moment(each.get("verify_at_ms") or file["verify_at_ms"]),
            accepted=each["expect"] == "accept",
            reason=None if why is None else _reason(why),
        )


def opened(vector: Vector, *, check: Verify = verify, **changes: Any) -> callbacks.Callback:
    vector = msgspec.structs.replace(vector, **changes)
    return callbacks.opened(
        vector.raw,
        root_keys=vector.root_keys,
        issuer_id=vector.issuer_id,
        verify=check,
        now=vector.now,
    )


def decides_right(vector: Vector) -> None:
    message = json.loads(vector.raw)["signedMessage"]
    if vector.accepted:
        assert opened(vector).nonce == json.loads(message)["nonce"]
        return
    with pytest.raises(CallbackRefused) as refused:
        opened(vector)
    assert vector.reason in {None, refused.value.reason}


def own(name: str) -> Vector:
    (found,) = [each for each in OWN_VECTORS if each.name == name]
    return found


def _root_key(key: dict[str, str]) -> RootKey:
    expires = key.get("keyExpiration")
    return RootKey(
        key["keyValue"], key["protocolVersion"], _moment(int(expires)) if expires else None
    )


def _moment(millis: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)


def _reason(why: str) -> str:
    if why.startswith("malformed"):
        return Reason.MALFORMED
    return REASONS.get(why) or why.replace(" ", "_")


OWN_VECTORS = list(vectors(OWN / "google_callbacks_own.json"))
NAME = attrgetter("name")
TINK_VECTORS = list(vectors(OWN / "google_callbacks_tink_keys.json"))
RECORDED_VECTORS = list(vectors(RECORDED)) if RECORDED.exists() else []


class TestVectors:
    @pytest.mark.parametrize("vector", OWN_VECTORS, ids=NAME)
    def test_with_keys_of_our_own(self, vector: Vector) -> None:
        decides_right(vector)

    @pytest.mark.parametrize("vector", TINK_VECTORS, ids=NAME)
    def test_with_keys_of_tink(self, vector: Vector) -> None:
        decides_right(vector)

    @pytest.mark.skipif(not RECORDED_VECTORS, reason=f"{RECORDED} is not there")
    def test_recorded_from_google(self) -> None:
        for vector in RECORDED_VECTORS:
            decides_right(vector)

    def test_name_every_reason(self) -> None:
        assert {each.reason for each in OWN_VECTORS if not each.accepted} == set(Reason)


class TestRules:
    """Each rule refuses something that nothing else refuses."""

    @pytest.mark.parametrize(
        ("name", "earlier"),
        [("expired message", MILLI), ("expired intermediate key", MILLI)],
    )
    def test_of_time_refuse_from_the_instant_on(self, name: str, earlier: timedelta) -> None:
        vector = own(name)

        assert opened(vector, now=vector.now - earlier).event_type == "save"

    def test_of_root_keys_refuses_from_the_instant_on(self) -> None:
        vector = own("root key expired")

        assert opened(vector, now=vector.now - MILLI).event_type == "save"

    @pytest.mark.parametrize(
        "name", ["root key of another protocol version", "root key without keyExpiration"]
    )
    def test_of_root_keys_refuse_good_keys_that_are_not_for_this(self, name: str) -> None:
        vector = own(name)
        others = own("save").root_keys
        trusted = [key for key in others if key.value == vector.root_keys[0].value]

        assert opened(vector, root_keys=tuple(trusted)).event_type == "save"

    @pytest.mark.parametrize(
        "name",
        [
            "intermediate signed by unknown root",
            "message signed by another key",
            "recipient is another issuer",
        ],
    )
    def test_of_signatures_alone_refuse_the_rest(self, name: str) -> None:
        assert opened(own(name), check=lambda *_: True).event_type == "save"

    def test_of_the_recipient_takes_it_from_us(self) -> None:
        vector = own("recipient is another issuer")
        body = json.loads(vector.raw)
        assert body["signedMessage"].startswith('{"classId":"3388000000000000001.')

        with pytest.raises(CallbackRefused) as refused:
            opened(vector, issuer_id="3388000000000000002")
        # Its signature is right there; its class is ours, and not theirs.
        assert refused.value.reason is Reason.CLASS_OF_ANOTHER_ISSUER

    def test_of_the_class_refuses_what_is_signed_for_us(self) -> None:
        vector = own("class of another issuer")
        signed: list[bool] = []

        def check(key: bytes, signature: bytes, data: bytes) -> bool:
            signed.append(verify(key, signature, data))
            return signed[-1]

        with pytest.raises(CallbackRefused):
            opened(vector, check=check)
        assert signed[-1]

    @pytest.mark.parametrize("protocol", ["ECv2", "ECv1", ""])
    def test_of_the_protocol_refuses_what_is_signed_for_us(self, protocol: str) -> None:
        vector = own("save")
        body = json.loads(vector.raw) | {"protocolVersion": protocol}

        with pytest.raises(CallbackRefused) as refused:
            opened(vector, raw=json.dumps(body).encode())
        assert refused.value.reason is Reason.PROTOCOL_VERSION

    def test_of_lengths_counts_bytes(self) -> None:
        def characters(*parts: str) -> bytes:
            return b"".join(len(p).to_bytes(4, "little") + p.encode() for p in parts)

        parts = ("ü", "abc")
        assert callbacks.signed_bytes(*parts) == b"\x02\0\0\0\xc3\xbc\x03\0\0\0abc"
        assert callbacks.signed_bytes(*parts) != characters(*parts)


class TestOpened:
    def test_says_what_google_says(self) -> None:
        found = opened(own("del"))

        assert found.event_type == "del"
        assert found.object_name == "c-000001"
        assert found.nonce == "n2"
        assert found.expires_at == _moment(1795300600000)

    def test_names_no_object_of_another_issuer(self) -> None:
        vector = own("save")
        body = json.loads(vector.raw)
        message = json.loads(body["signedMessage"]) | {"objectId": "3388000000000000002.c-1"}
        body["signedMessage"] = json.dumps(message)

        found = opened(vector, raw=json.dumps(body).encode(), check=lambda *_: True)
        assert found.object_name is None

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"null",
            b"[]",
            b"\xff",
            b"{}",
            b"[" * 100_000,
            b'{"protocolVersion": "ECv2SigningOnly"}',
        ],
        ids=lambda raw: raw[:20],
    )
    def test_refuses_what_is_no_callback(self, raw: bytes) -> None:
        with pytest.raises(CallbackRefused) as refused:
            opened(own("save"), raw=raw)
        assert refused.value.reason is Reason.MALFORMED

    @pytest.mark.parametrize("millis", ["9" * 30, "-1", "x", "1.5", ""])
    def test_refuses_keys_that_end_at_no_moment(self, millis: str) -> None:
        vector = own("save")
        body = json.loads(vector.raw)
        key = json.loads(body["intermediateSigningKey"]["signedKey"])
        body["intermediateSigningKey"]["signedKey"] = json.dumps(key | {"keyExpiration": millis})

        with pytest.raises(CallbackRefused) as refused:
            opened(vector, raw=json.dumps(body).encode(), check=lambda *_: True)
        assert refused.value.reason in {Reason.MALFORMED, Reason.INTERMEDIATE_EXPIRED}

    @given(
        key=st.binary(max_size=120), signature=st.binary(max_size=80), data=st.binary(max_size=40)
    )
    def test_no_key_of_chance_signs(self, key: bytes, signature: bytes, data: bytes) -> None:
        assert not verify(key, signature, data)

    def test_no_key_of_another_curve_signs(self) -> None:
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            Encoding,
            PublicFormat,
        )

        key = ec.generate_private_key(ec.SECP384R1())
        signature = key.sign(b"data", ec.ECDSA(hashes.SHA256()))
        der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert not verify(der, signature, b"data")
        assert not verify(base64.b64encode(der), signature, b"data")
