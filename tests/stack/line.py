"""A client's line to the deployed API: one connection, which may be a bad one."""

import http.client
import json
import random
import select
import socket
import time
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from tests.http import Reply

# API Gateway gives up after 29.
_TIMEOUT_SECONDS = 35
# What a client waits for an answer that counts, all attempts together.
_PATIENCE_SECONDS = 180
_PAUSE_SECONDS_MAX = 1.0
# Servers close a connection that nobody uses; a request that meets the closing is lost.
_IDLE_SECONDS_MAX = 2
_TRY_AGAIN = frozenset({429, 502, 503, 504})


class AnswerLost(Exception):
    """No answer has come back; nobody knows whether the request was carried out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request that can be sent again: the ``key`` goes as Idempotency-Key."""

    method: str
    path: str
    body: Any = None
    key: str | None = None
    if_match: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        found = {"Idempotency-Key": self.key, "If-Match": self.if_match}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """How a request ended, after however many attempts.

    ``unheard`` are answers of the API that this client never got to see. ``dropped`` counts these
    and those that nobody saw; ``failed`` counts attempts that the API did not answer (connection
    broken, function dead, table out of reach), ``busy`` those it asked to repeat. ``seconds`` is
    how long the client waited, all attempts together.
    """

    answer: Reply
    unheard: tuple[Reply, ...] = ()
    dropped: int = 0
    failed: int = 0
    busy: int = 0
    seconds: float = 0.0

    @property
    def attempts(self) -> int:
        return 1 + self.dropped + self.failed + self.busy


class Line:
    """One connection, kept alive. Not for use by two threads."""

    def __init__(self, url: str, token: str | None) -> None:
        address = urlsplit(url)
        assert address.hostname is not None, url
        self._base = address.path
        self._token = token
        self._connection = http.client.HTTPConnection(
            address.hostname, address.port, timeout=_TIMEOUT_SECONDS
        )
        self._used_at = 0.0

    def __enter__(self) -> Self:
        self._connection.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Reply:
        """Send a request once and return its answer.

        Raises:
            AnswerLost: the connection broke.
        """
        self._send(method, path, body, headers or {})
        return self._receive()

    def get(self, path: str) -> Any:
        """Return what is at ``path``; there must be something."""
        reply = self.call("GET", path)
        assert reply.status == 200, reply.raw
        return reply.json

    def made(self, path: str, body: Any) -> Any:
        """Return what a POST that must succeed has made."""
        reply = self.call("POST", path, body)
        assert reply.status in (200, 201), reply.raw
        return reply.json

    def until_answered(
        self, request: Request, *, drop_share: float = 0.0, chance: random.Random
    ) -> Settled:
        """Send ``request`` again and again until an answer that counts is there.

        ``drop_share`` of the answers get lost after the API has given them: the connection is cut,
        or the client looks away. ``chance`` decides which, and how long to wait between attempts.

        Raises:
            TimeoutError: there was none for three minutes.
        """
        unheard: list[Reply] = []
        dropped = failed = busy = 0
        begun = time.monotonic()
        while time.monotonic() < begun + _PATIENCE_SECONDS:
            try:
                self._send(request.method, request.path, request.body, request.headers)
                if chance.random() < drop_share:
                    unheard += self._drop(look=chance.random() < 0.5)
                    dropped += 1
                    continue
                answer = self._receive()
            except AnswerLost:
                failed += 1
            else:
                if not _is_passing(answer):
                    return Settled(
                        answer=answer,
                        unheard=tuple(unheard),
                        dropped=dropped,
                        failed=failed,
                        busy=busy,
                        seconds=time.monotonic() - begun,
                    )
                if answer.status in (502, 503, 504):
                    failed += 1
                else:
                    busy += 1
            time.sleep(chance.uniform(0, min(_PAUSE_SECONDS_MAX, 0.05 * 2 ** (failed + busy))))
        raise TimeoutError(f"no answer after {dropped} drops, {failed} failures, {busy} refusals")

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> None:
        sent = {"Content-Type": "application/json", "Accept": "*/*"} | headers
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        if time.monotonic() - self._used_at > _IDLE_SECONDS_MAX:
            self._connection.close()
        self._used_at = time.monotonic()
        try:
            self._connection.request(method, self._base + path, headers=sent, body=data)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise AnswerLost from error

    def _receive(self) -> Reply:
        try:
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise AnswerLost from error
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, headers, content)

    def _drop(self, *, look: bool) -> list[Reply]:
        """Lose the answer once the API has given it; return it for the record if ``look``."""
        if look:
            answer = self._receive()
            return [] if _is_passing(answer) else [answer]
        connected: socket.socket | None = self._connection.sock
        assert connected is not None, "a request has just been sent"
        select.select([connected], [], [], _TIMEOUT_SECONDS)
        self._connection.close()
        return []


def _is_passing(answer: Reply) -> bool:
    """Tell whether the API asks to send the same request again."""
    if answer.status in _TRY_AGAIN:
        return True
    return answer.status == 409 and answer.code == "conflict_retry"
