"""Posts to servers of other people, who may be slow, wrong or up to something."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from chalicelib.core.webhooks import addresses
from chalicelib.usecases.ports import Posted

CONNECT_SECONDS: Final = 3
EXCHANGE_SECONDS: Final = 8

_ADDRESSES_TRIED_MAX: Final = 2
_ANSWER_BYTES_MAX: Final = 64 * 1024
_PORTS: Final = {"http": 80, "https": 443}


class _NotAllowed(Exception):
    """The name stands for an address that is not on the internet."""


_REASONS: Final[dict[type[Exception], str]] = {
    _NotAllowed: "address_not_allowed",
    socket.gaierror: "name_not_found",
    TimeoutError: "timed_out",
    ssl.SSLError: "tls_failed",
}


class HttpPosts:
    """Implements :class:`chalicelib.usecases.ports.Posts`.

    A name is looked up once, its addresses are checked, and the connection goes to the address
    that was checked: a name that changes in between leads nowhere else. Redirects are not
    followed, proxies not asked, and of an answer only the beginning is read.

    Args:
        timer: returns seconds on a clock that only goes forward.
        private_allowed: also plain HTTP, and servers in private networks; for the local stack.
        exchange_seconds: from the connection to the end of the answer, however it trickles in.
    """

    def __init__(
        self,
        *,
        timer: Callable[[], float],
        private_allowed: bool,
        exchange_seconds: float = EXCHANGE_SECONDS,
    ) -> None:
        self._timer = timer
        self._private_allowed = private_allowed
        self._exchange_seconds = exchange_seconds

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        begun = self._timer()
        status, error = self._post(urlsplit(url), body, headers)
        return Posted(status, error, round((self._timer() - begun) * 1000))

    def _post(
        self, parts: SplitResult, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int | None, str | None]:
        try:
            connected = self._connected(parts)
        except (OSError, _NotAllowed) as error:
            return None, _reason(error, otherwise="connection_failed")
        late = threading.Event()
        # The time-out of a socket is for each read: who answers a byte a second meets this one.
        watch = threading.Timer(self._exchange_seconds, _cut, (connected, late))
        watch.daemon = True
        watch.start()
        try:
            return _exchange(connected, parts, body, headers), None
        except (OSError, http.client.HTTPException) as error:
            reason = _reason(error, otherwise="invalid_answer")
            return None, "timed_out" if late.is_set() else reason
        finally:
            watch.cancel()
            connected.close()

    def _connected(self, parts: SplitResult) -> socket.socket:
        if parts.scheme != "https" and not self._private_allowed:
            raise _NotAllowed
        host = parts.hostname or ""
        port = parts.port or _PORTS[parts.scheme]
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # All of them: a public one beside a private one is no accident.
        if not self._private_allowed and not all(
            addresses.is_public(str(address[0])) for *_, address in found
        ):
            raise _NotAllowed
        failed: OSError = socket.gaierror()
        for family, kind, protocol, _, address in found[:_ADDRESSES_TRIED_MAX]:
            connection = socket.socket(family, kind, protocol)
            connection.settimeout(CONNECT_SECONDS)
            try:
                connection.connect(address)
            except OSError as error:
                connection.close()
                failed = error
                continue
            connection.settimeout(self._exchange_seconds)
            if parts.scheme == "http":
                return connection
            return ssl.create_default_context().wrap_socket(
                connection, server_hostname=host, do_handshake_on_connect=False
            )
        raise failed


def _exchange(
    connected: socket.socket, parts: SplitResult, body: bytes, headers: Mapping[str, str]
) -> int:
    """Return the status of the answer."""
    if isinstance(connected, ssl.SSLSocket):
        connected.do_handshake()
    client = http.client.HTTPConnection(parts.netloc)
    client.sock = connected
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with contextlib.closing(client):
        client.request("POST", target, body=body, headers={**headers, "user-agent": "Couponry"})
        answer = client.getresponse()
        answer.read(_ANSWER_BYTES_MAX)
        return answer.status


def _reason(error: Exception, *, otherwise: str) -> str:
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), otherwise)


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):
        # Not the method of an SSLSocket, which takes its state from under the thread that reads.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
