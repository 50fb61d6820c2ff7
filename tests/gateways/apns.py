"""A push service like Apple's, in a thread: HTTP/2, and it wants the pass certificate."""

import contextlib
import ipaddress
import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self

import h2.config
import h2.connection
import h2.events
import h2.settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.gateways.chains import TODAY, a_chain
from tools import apple_chain
from tools.apple_chain import Authority


@cache
def service_authority() -> Authority:
    """Return who says who the service is; nobody else trusts it."""
    return apple_chain.new_authority("Local Service Root", now=TODAY)


@cache
def _service_pem() -> str:
    root, leaf = service_authority(), a_chain().root  # Any key will do.
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root.certificate.subject)
        .public_key(leaf.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(TODAY - timedelta(hours=1))
        .not_valid_after(TODAY + timedelta(days=1))
        .add_extension(names, critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()),
            critical=False,
        )
        .sign(root.key, hashes.SHA256())
    )
    return apple_chain.pem_of(leaf.key) + Authority(certificate, leaf.key).pem


@dataclass(frozen=True)
class Pushed:
    """A push as it came."""

    token: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Apns:
    """The service: what it answers by token, and what it got.

    ``breaks`` says how many of the next connections it closes when a push comes, ``goodbyes`` how
    many with a GOAWAY before; a ``silent`` one takes pushes and never answers.
    """

    folder: Path
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    at_once: int = 1000
    breaks: int = 0
    goodbyes: int = 0
    silent: bool = False
    alpn: tuple[str, ...] = ("h2",)
    pushes: list[Pushed] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pem = self.folder / "service.pem"
        pem.write_text(_service_pem(), encoding="ascii")
        self._context.load_cert_chain(pem)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_verify_locations(cadata=a_chain().root.pem)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def counts(self) -> Counter[str]:
        return Counter(push.token for push in self.pushes)

    def __enter__(self) -> Self:
        self._context.set_alpn_protocols(list(self.alpn))
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            _end(each)
        for thread in self._threads:
            thread.join(10)

    def drop(self) -> None:
        """Break the connections that are open, without a word."""
        for each in self._open:
            _end(each)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self._start(lambda plain=plain: self._serve(plain))  # type: ignore[misc]

    def _serve(self, plain: socket.socket) -> None:
        try:
            secure = self._context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        self._open.append(secure)
        self.connections += 1
        with contextlib.suppress(OSError), secure:
            self._talk(secure)

    def _talk(self, secure: ssl.SSLSocket) -> None:
        http = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        http.local_settings = h2.settings.Settings(
            client=False,
            initial_values={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.at_once},
        )
        http.initiate_connection()
        secure.sendall(http.data_to_send())
        heads: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        while data := secure.recv(65_536):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    heads[event.stream_id] = dict(event.headers)  # type: ignore[arg-type]
                    bodies[event.stream_id] = b""
                    self.most_at_once = max(self.most_at_once, len(heads))
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    stream = event.stream_id
                    head, body = heads[stream], bodies.pop(stream)
                    token = head[":path"].removeprefix("/3/device/")
                    self.pushes.append(Pushed(token, head, body))
                    if self.goodbyes:
                        self.goodbyes -= 1
                        http.close_connection()
                        secure.sendall(http.data_to_send())
                        return
                    if self.breaks:
                        self.breaks -= 1
                        return
                    if not self.silent:
                        del heads[stream]
                        self._answer(http, stream, token, body)
            secure.sendall(http.data_to_send())

    def _answer(
        self, http: h2.connection.H2Connection, stream: int, token: str, body: bytes
    ) -> None:
        status, told = self.answers.get(token, (200, None))
        if not body:
            status, told = 400, {"reason": "PayloadEmpty"}
        http.send_headers(stream, [(":status", str(status))], end_stream=told is None)
        if told is not None:
            data = told if isinstance(told, bytes) else json.dumps(told).encode()
            http.send_data(stream, data, end_stream=True)


def _end(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
