"""Pushes to Apple's service (APNs), with the certificate that signs the passes.

A push says nothing but that something changed: the phone then asks for its list. Statuses and
reasons: developer.apple.com/documentation/usernotifications, "Handling notification responses".
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from chalicelib.gateways.apple.signers import KeptSigner
from chalicelib.usecases.ports import Push, PushOutcome, Secrets

if TYPE_CHECKING:
    from chalicelib.gateways.apple.certificates import Signer
    from chalicelib.gateways.apple.http2 import Connection, Reply

# No more than an empty object: without any body Apple refuses it.
_BODY: Final = b"{}"
_KEPT_BY_APPLE_SECONDS: Final = 24 * 3600
_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 10.0
# A container that slept for longer finds a connection that only looks alive.
_IDLE_SECONDS_MAX: Final = 60.0

_OK: Final = 200
_GONE: Final = 410
_TOO_MANY: Final = 429
_DEAD_TOKENS: Final = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic"})


class _Told(msgspec.Struct):
    """What Apple says of a refusal; ``timestamp`` is in milliseconds."""

    reason: str | None = None
    timestamp: int | None = None


class ApplePushes:
    """Implements :class:`chalicelib.usecases.ports.Pushes` over one connection that is kept.

    Args:
        secrets: where the certificate is.
        name: the name of its secret.
        host: the service.
        port: its port.
        timer: seconds on a clock that only goes forward.
        roots: who may say who the service is, as PEM; by default those that the machine trusts.
    """

    def __init__(  # noqa: PLR0913 # all by name
        self,
        secrets: Secrets,
        name: str,
        *,
        host: str,
        timer: Callable[[], float],
        port: int = 443,
        roots: str | None = None,
    ) -> None:
        self._signers = KeptSigner(secrets, name)
        self._host, self._port, self._roots = host, port, roots
        self._timer = timer
        self._lock = threading.Lock()
        self._kept: tuple[Signer, Connection] | None = None
        self._used_at = 0.0

    def send(self, tokens: Sequence[str], *, now: datetime) -> dict[str, Push]:
        signer = self._signers.signer(now=now)
        wanted = list(dict.fromkeys(tokens))
        if signer is None:  # Nobody has a pass of a business without a certificate.
            return {token: Push(PushOutcome.REFUSED, reason="NoCertificate") for token in wanted}
        with self._lock:
            replies = self._replies(wanted, signer, now=now)
        return {token: _push_of(replies.get(token)) for token in wanted}

    def _replies(self, tokens: list[str], signer: Signer, *, now: datetime) -> dict[str, Reply]:
        """Return the answers; what was not answered is asked once more on a new connection."""
        from chalicelib.gateways.apple.http2 import Lost, Request  # noqa: PLC0415 # loads h2

        headers = (
            ("apns-topic", signer.issuer.pass_type_id),
            ("apns-push-type", "background"),
            ("apns-priority", "5"),
            ("apns-expiration", str(int(now.timestamp()) + _KEPT_BY_APPLE_SECONDS)),
        )
        replies: dict[str, Reply] = {}
        for _ in range(2):
            left = [
                Request(token, f"/3/device/{token}", headers, _BODY)
                for token in tokens
                if token not in replies
            ]
            if not left:
                break
            try:
                self._connection(signer).post(left, replies, seconds=_ANSWER_SECONDS)
            except Lost:
                self._close()
        self._used_at = self._timer()
        return replies

    def _connection(self, signer: Signer) -> Connection:
        from chalicelib.gateways.apple.http2 import Connection, context_of  # noqa: PLC0415

        is_idle = self._timer() - self._used_at > _IDLE_SECONDS_MAX
        if self._kept is not None and (is_idle or self._kept[0].certificate != signer.certificate):
            self._close()
        if self._kept is None:
            context = context_of(signer, roots=self._roots)
            connection = Connection(self._host, self._port, context, timer=self._timer)
            self._kept = signer, connection
            connection.open(seconds=_CONNECT_SECONDS)
        return self._kept[1]

    def _close(self) -> None:
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None


class SilentPushes:
    """Implements :class:`chalicelib.usecases.ports.Pushes` where no phone waits for them."""

    def send(self, tokens: Sequence[str], *, now: datetime) -> dict[str, Push]:  # noqa: ARG002
        return dict.fromkeys(tokens, Push(PushOutcome.SENT))


def _push_of(reply: Reply | None) -> Push:
    """Return what an answer means; None is none that came."""
    if reply is None or reply.status == 0:
        return Push(PushOutcome.LATER)
    if reply.status == _OK:
        return Push(PushOutcome.SENT)
    told = _told(reply.body)
    if reply.status == _GONE:
        return Push(PushOutcome.GONE, _moment(told.timestamp), told.reason)
    if told.reason in _DEAD_TOKENS:
        return Push(PushOutcome.GONE, None, told.reason)
    is_late = reply.status == _TOO_MANY or reply.status >= 500  # noqa: PLR2004 # HTTP's own
    return Push(PushOutcome.LATER if is_late else PushOutcome.REFUSED, None, told.reason)


def _told(body: bytes) -> _Told:
    try:
        return msgspec.json.decode(body, type=_Told)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Told()


def _moment(millis: int | None) -> datetime | None:
    try:
        return None if millis is None else datetime.fromtimestamp(millis / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
