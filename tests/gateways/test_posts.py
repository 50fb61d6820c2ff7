"""Posts to real servers on this machine, some of which misbehave."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.gateways.posts import HttpPosts
from tools.dynamodb_local import free_port

Serve = Callable[[socket.socket], None]


class Server:
    """Speaks with each connection as ``serve`` does, and keeps their requests."""

    def __init__(self, serve: Serve) -> None:
        self.heard: list[bytes] = []
        self._serve = serve
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=b"

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with connection, contextlib.suppress(OSError):
                    self.heard.append(_request(connection))
                    self._serve(connection)


def _request(connection: socket.socket) -> bytes:
    """Return a whole request; whoever speaks anything else is heard once."""
    heard = connection.recv(65536)
    while heard.startswith(b"POST") and not heard.endswith(b"}"):
        heard += connection.recv(65536)
    return heard


@pytest.fixture
def start() -> Iterator[Callable[[Serve], Server]]:
    servers: list[Server] = []

    def begin(serve: Serve) -> Server:
        servers.append(Server(serve))
        return servers[-1]

    yield begin
    for each in servers:
        each.close()


def says(answer: bytes) -> Serve:
    return lambda connection: connection.sendall(answer)


def trickles(connection: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def posts(**options: Any) -> HttpPosts:
    return HttpPosts(timer=time.perf_counter, **{"private_allowed": True, **options})


_OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class TestPost:
    def test_brings_body_and_headers_and_says_what_was_answered(
        self, start: Callable[[Serve], Server]
    ) -> None:
        server = start(says(_OK))

        posted = posts().post(server.url, b'{"a": 1}', {"webhook-id": "evt_1"})

        assert (posted.status, posted.error) == (204, None)
        head, _, body = server.heard[0].partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        assert lines[0] == "post /hook?a=b http/1.1"
        assert {f"host: 127.0.0.1:{server.port}", "webhook-id: evt_1"} <= set(lines)
        assert body == b'{"a": 1}'

    def test_follows_nobody_elsewhere(self, start: Callable[[Serve], Server]) -> None:
        other = start(says(_OK))
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n"

        posted = posts().post(start(says(moved.encode())).url, b"{}", {})

        assert posted.status == 307
        assert other.heard == []

    @pytest.mark.parametrize(
        ("serve", "error"),
        [
            pytest.param(lambda _: None, "invalid_answer", id="nothing"),
            pytest.param(says(b"garbage\r\n\r\n"), "invalid_answer", id="garbage"),
            pytest.param(says(b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000), "invalid_answer", id="long"),
            pytest.param(trickles, "timed_out", id="a byte now and then"),
            pytest.param(lambda _: time.sleep(5), "timed_out", id="silence"),
        ],
    )
    def test_says_why_there_was_no_answer(
        self, start: Callable[[Serve], Server], serve: Serve, error: str
    ) -> None:
        posted = posts(exchange_seconds=0.4).post(start(serve).url, b"{}", {})

        assert (posted.status, posted.error) == (None, error)

    def test_reads_no_more_than_the_beginning(self, start: Callable[[Serve], Server]) -> None:
        sent = 0

        def floods(connection: socket.socket) -> None:
            nonlocal sent
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while sent < 100_000_000:
                sent += connection.send(b"x" * 65536)

        posted = posts().post(start(floods).url, b"{}", {})

        assert posted.status == 200
        assert sent < 100_000_000

    def test_says_that_nobody_listens(self) -> None:
        posted = posts().post(f"http://127.0.0.1:{free_port()}/", b"{}", {})

        assert posted.error == "connection_failed"

    def test_says_that_there_is_no_such_name(self) -> None:
        assert posts().post("http://nobody.invalid/", b"{}", {}).error == "name_not_found"

    def test_trusts_no_server_that_cannot_speak_tls(self, start: Callable[[Serve], Server]) -> None:
        server = start(says(_OK))

        posted = posts().post(f"https://127.0.0.1:{server.port}/", b"{}", {})

        assert posted.error == "tls_failed"


class TestPostToTheInternetOnly:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
    def test_connects_to_nothing_in_a_network_of_ours(
        self, start: Callable[[Serve], Server], host: str
    ) -> None:
        server = start(says(_OK))

        posted = posts(private_allowed=False).post(f"https://{host}:{server.port}/", b"{}", {})

        assert posted.error == "address_not_allowed"
        assert server.heard == []

    def test_is_not_sent_without_tls(self, start: Callable[[Serve], Server]) -> None:
        server = start(says(_OK))

        posted = posts(private_allowed=False).post(server.url, b"{}", {})

        assert (posted.error, server.heard) == ("address_not_allowed", [])

    def test_connects_to_the_address_that_was_checked(
        self, start: Callable[[Serve], Server], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The name means something public when it is asked for, and this machine ever after."""
        server = start(says(_OK))
        asked: list[Any] = []
        public = ("8.8.8.8", server.port)
        private = ("127.0.0.1", server.port)

        def resolve(*arguments: Any, **_: Any) -> list[Any]:
            asked.append(arguments)
            address = public if len(asked) == 1 else private
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address)]

        connected: list[Any] = []

        def connect(_: socket.socket, address: Any) -> None:
            connected.append(address)
            raise ConnectionRefusedError

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        monkeypatch.setattr(socket.socket, "connect", connect)

        posts(private_allowed=False).post("https://rebinds.example/", b"{}", {})

        assert (len(asked), connected) == (1, [public])

    def test_takes_no_public_address_beside_a_private_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 443))
            for address in ("8.8.8.8", "10.0.0.1")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        posted = posts(private_allowed=False).post("https://shop.example/", b"{}", {})

        assert posted.error == "address_not_allowed"
