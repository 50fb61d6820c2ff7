"""A connection to Apple's push service: HTTP/2 with a client certificate, many requests at once."""

from __future__ import annotations

import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import h2.config
import h2.connection
import h2.events
import msgspec
from h2.exceptions import ProtocolError

if TYPE_CHECKING:
    from chalicelib.gateways.apple.certificates import Signer

AT_ONCE_MAX: Final = 100
"""Requests under way on a connection; Apple allows ten times as many."""

_READ_BYTES: Final = 65_536


class Lost(Exception):
    """The connection is of no use any more; what was not answered may have arrived or not."""


class Request(msgspec.Struct, frozen=True):
    """A POST. ``name`` tells its answer from those of others."""

    name: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Reply(msgspec.Struct):
    """An answer, as far as it has come."""

    status: int = 0
    body: bytes = b""


class Connection:
    """One connection. ``timer`` returns seconds and only goes forward."""

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext, *, timer: Callable[[], float]
    ) -> None:
        self._authority = host if port == 443 else f"{host}:{port}"  # noqa: PLR2004 # HTTPS
        self._timer = timer
        self._names: dict[int, str] = {}
        self._has_settings = False
        self._host, self._port, self._context = host, port, context
        self._socket: socket.socket | None = None
        self._http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding=None)
        )

    def open(self, *, seconds: float) -> None:
        """Connect, and wait until the service has said what it takes.

        Raises:
            Lost: it cannot be reached, or does not want us.
        """
        deadline = self._timer() + seconds
        try:
            plain = socket.create_connection((self._host, self._port), timeout=seconds)
            self._socket = plain
            secure = self._context.wrap_socket(plain, server_hostname=self._host)
            self._socket = secure
        except OSError as error:
            raise Lost(repr(error)) from error
        if secure.selected_alpn_protocol() != "h2":
            raise Lost("it speaks no HTTP/2")
        self._http.initiate_connection()
        self._flush()
        while not self._has_settings:
            for _ in self._events(deadline):
                pass

    def close(self) -> None:
        """Give the connection up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def post(
        self, requests: Sequence[Request], replies: dict[str, Reply], *, seconds: float
    ) -> None:
        """Send ``requests``, and put each answer into ``replies`` by its name as it is complete.

        Raises:
            Lost: the connection broke, was closed, or took longer than ``seconds``.
        """
        deadline = self._timer() + seconds
        waiting = list(reversed(requests))
        under_way: dict[int, Reply] = {}
        self._names.clear()
        while waiting or under_way:
            room = min(self._http.remote_settings.max_concurrent_streams, AT_ONCE_MAX)
            while waiting and len(under_way) < room:
                request = waiting.pop()
                stream = self._send(request)
                self._names[stream] = request.name
                under_way[stream] = Reply()
            self._flush()
            for event in self._events(deadline):
                self._take(event, under_way, replies)

    def _send(self, request: Request) -> int:
        try:
            stream = self._http.get_next_available_stream_id()
            named = (":method", "POST"), (":scheme", "https"), (":path", request.path)
            headers = [*named, (":authority", self._authority), *request.headers]
            self._http.send_headers(stream, headers)
            self._http.send_data(stream, request.body, end_stream=True)
        except ProtocolError as error:
            raise Lost(repr(error)) from error
        return stream

    def _take(
        self,
        event: h2.events.Event,
        under_way: dict[int, Reply],
        replies: dict[str, Reply],
    ) -> None:
        stream = getattr(event, "stream_id", None)
        if stream not in under_way:
            return
        if isinstance(event, h2.events.ResponseReceived):
            under_way[stream].status = int(dict(event.headers)[b":status"])
        elif isinstance(event, h2.events.DataReceived):
            under_way[stream].body += event.data
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            replies[self._names[stream]] = under_way.pop(stream)

    def _events(self, deadline: float) -> Iterator[h2.events.Event]:
        """Wait for what comes next, and return it."""
        left = deadline - self._timer()
        if left <= 0 or self._socket is None:
            raise Lost("it took too long")
        self._socket.settimeout(left)
        try:
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise Lost("it was closed")
            events = self._http.receive_data(data)
        except (OSError, ProtocolError) as error:
            raise Lost(repr(error)) from error
        for event in events:
            if isinstance(event, h2.events.RemoteSettingsChanged):
                self._has_settings = True
            elif isinstance(event, h2.events.DataReceived):
                self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        yield from events
        if any(isinstance(event, h2.events.ConnectionTerminated) for event in events):
            raise Lost("it says goodbye")
        self._flush()

    def _flush(self) -> None:
        assert self._socket is not None, "it is open"
        try:
            self._socket.sendall(self._http.data_to_send())
        except OSError as error:
            raise Lost(repr(error)) from error


def context_of(signer: Signer, *, roots: str | None) -> ssl.SSLContext:
    """Return how to prove that we are who signs the passes.

    ``roots`` are trusted instead of those of the machine, as PEM.
    """
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 # as certificates.py
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    context = ssl.create_default_context(cadata=roots)
    context.set_alpn_protocols(["h2"])
    key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = [each.public_bytes(Encoding.PEM) for each in (signer.certificate, signer.intermediate)]
    # Python takes them from a file only: this one is ours alone, and gone at once.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(b"".join([key, *chain]))
        file.flush()
        context.load_cert_chain(file.name)
    return context
