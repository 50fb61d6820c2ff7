"""Callbacks of Google Wallet: whether Google said it, to us and not too long ago, and what it says.

The scheme is ECv2SigningOnly: one of Google's root keys signs a key that lasts some days, which
signs the message. Inner texts are taken as they came: written again they have other bytes. See
developers.google.com/wallet/generic/use-cases/use-callbacks-for-saves-and-deletions.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec

from chalicelib.core import errors

SENDER: Final = "GooglePayPasses"
PROTOCOL: Final = "ECv2SigningOnly"

Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether a key (P-256, as DER) made a signature (ECDSA with SHA-256, as DER) of some data."""


class Reason(StrEnum):
    """Why a callback is not believed. Values are public."""

    MALFORMED = "malformed"
    PROTOCOL_VERSION = "protocol_version"
    NO_LIVE_ROOT_KEY = "no_live_root_key"
    INTERMEDIATE_SIGNATURE = "intermediate_signature"
    INTERMEDIATE_EXPIRED = "intermediate_expired"
    MESSAGE_SIGNATURE = "message_signature"
    MESSAGE_EXPIRED = "message_expired"
    CLASS_OF_ANOTHER_ISSUER = "class_of_another_issuer"


class CallbackRefused(errors.Forbidden):
    """The callback is not believed; ``reason`` says why."""

    code = "callback_refused"

    def __init__(self, reason: Reason) -> None:
        super().__init__(
            "the callback is not one of Google's to this business, or comes too late",
            fix="only Google Wallet calls here",
            facts={"reason": reason},
        )
        self.reason = reason


class RootKey(msgspec.Struct, frozen=True):
    """One of Google's keys: base64 of its DER. Trusted before ``expires_at``, never without."""

    value: str
    protocol: str
    expires_at: datetime | None


class Callback(msgspec.Struct, frozen=True):
    """What Google says of an object: that somebody saved it or took it away, or something else.

    ``object_name`` is the id without the issuer's part, None where the message names no object of
    ours. ``nonce`` is the same whenever Google repeats it; nothing of it is believed from
    ``expires_at`` on.
    """

    event_type: str
    object_name: str | None
    nonce: str
    expires_at: datetime


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Until the year 9000, as all moments here.
_Millis = Annotated[int, msgspec.Meta(ge=0, lt=221_845_392_000_000)]


class _SigningKey(msgspec.Struct, frozen=True, rename="camel"):
    signed_key: str
    signatures: tuple[str, ...]


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    protocol_version: str
    signature: str
    intermediate_signing_key: _SigningKey
    signed_message: str


class _SignedKey(msgspec.Struct, frozen=True, rename="camel"):
    key_value: str
    key_expiration: str


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    class_id: str
    event_type: str
    exp_time_millis: _Millis
    nonce: str
    object_id: str | None = None


def opened(
    raw: bytes, *, root_keys: Iterable[RootKey], issuer_id: str, verify: Verify, now: datetime
) -> Callback:
    """Return what the callback says, once everything about it is right.

    Raises:
        CallbackRefused: something is not.
    """
    try:
        envelope = msgspec.json.decode(raw, type=_Envelope)
        if envelope.protocol_version != PROTOCOL:
            raise CallbackRefused(Reason.PROTOCOL_VERSION)
        key = _intermediate_key(envelope, root_keys, verify=verify, now=now)
        signed = signed_bytes(SENDER, issuer_id, PROTOCOL, envelope.signed_message)
        if not _signs(key, envelope.signature, signed, verify=verify):
            raise CallbackRefused(Reason.MESSAGE_SIGNATURE)
        message = msgspec.json.decode(envelope.signed_message, type=_Message)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise CallbackRefused(Reason.MALFORMED) from error
    expires_at = moment_of(message.exp_time_millis)
    if expires_at <= now:
        raise CallbackRefused(Reason.MESSAGE_EXPIRED)
    ours = f"{issuer_id}."
    if not message.class_id.startswith(ours):
        raise CallbackRefused(Reason.CLASS_OF_ANOTHER_ISSUER)
    name = message.object_id
    return Callback(
        event_type=message.event_type,
        object_name=name.removeprefix(ours) if name and name.startswith(ours) else None,
        nonce=message.nonce,
        expires_at=expires_at,
    )


def signed_bytes(*parts: str) -> bytes:
    """Return what is signed of ``parts``: before each the length of its UTF-8, little-endian."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "little") + part for part in encoded)


def moment_of(millis: int) -> datetime:
    """Return the moment so many milliseconds after the start of 1970."""
    return _EPOCH + timedelta(milliseconds=millis)


def is_live(key: RootKey, now: datetime) -> bool:
    """Whether the key is for this scheme and trusted at ``now``."""
    return key.protocol == PROTOCOL and key.expires_at is not None and now < key.expires_at


def _intermediate_key(
    envelope: _Envelope, root_keys: Iterable[RootKey], *, verify: Verify, now: datetime
) -> str:
    live = [key.value for key in root_keys if is_live(key, now)]
    if not live:
        raise CallbackRefused(Reason.NO_LIVE_ROOT_KEY)
    intermediate = envelope.intermediate_signing_key
    signed = signed_bytes(SENDER, PROTOCOL, intermediate.signed_key)
    if not any(
        _signs(key, signature, signed, verify=verify)
        for key in live
        for signature in intermediate.signatures
    ):
        raise CallbackRefused(Reason.INTERMEDIATE_SIGNATURE)
    key = msgspec.json.decode(intermediate.signed_key, type=_SignedKey)
    if msgspec.convert(key.key_expiration, _Millis, strict=False) <= _millis_of(now):
        raise CallbackRefused(Reason.INTERMEDIATE_EXPIRED)
    return key.key_value


def _signs(key: str, signature: str, data: bytes, *, verify: Verify) -> bool:
    try:
        return verify(
            base64.b64decode(key, validate=True), base64.b64decode(signature, validate=True), data
        )
    except (binascii.Error, ValueError):
        return False


def _millis_of(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
