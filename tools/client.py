"""The API as a careful shop calls it: kept connections, and the same key again when in doubt."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import urllib3

_ATTEMPTS_MAX = 8
_PAUSE_SECONDS_MAX = 4.0
# Who is told to come back later than this does so himself.
_RETRY_AFTER_SECONDS_MAX = 15
# A function may take 29 s, and its first request waits for its start.
_TIMEOUT = urllib3.Timeout(connect=5, read=45)
_RETRIED = frozenset({429, 500, 502, 503, 504})


class ApiError(Exception):
    """The API cannot be reached, or gave an answer that nothing can be done with.

    ``reply`` is the last answer; None where there was none, and nobody knows what was done.
    """

    def __init__(self, message: str, reply: "Reply | None" = None) -> None:
        super().__init__(message)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``replayed``: an earlier request with the same key had done the work."""

    status: int
    body: dict[str, Any]
    replayed: bool
    retry_after_seconds: int = 0

    @property
    def code(self) -> str | None:
        """The code of a problem, ``unknown`` where it has none; None where all went well."""
        if self.status < 400:  # noqa: PLR2004
            return None
        return str(self.body["code"]) if "code" in self.body else "unknown"


class Api:
    """Calls one deployment with one API key, from several threads at once; to be closed."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        clients: int,
        attempts: int = _ATTEMPTS_MAX,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._attempts = attempts
        self._sleep = sleep
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "*/*"}
        # Our own loop repeats requests: it knows which answers are worth it.
        self._pool = urllib3.PoolManager(
            maxsize=clients, block=True, timeout=_TIMEOUT, retries=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def send(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Reply:
        """Return the answer, a refusal too; what may pass is tried again with the same key.

        Writes without a ``key`` must be such that repeating them changes nothing.

        Raises:
            ApiError: it does not answer, or keeps failing.
        """
        headers = self._headers | ({} if key is None else {"Idempotency-Key": key})
        last, reply = "", None
        for number in range(1, self._attempts + 1):
            try:
                answer = self._pool.request(method, self._url + path, json=body, headers=headers)
                reply = _reply(answer)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                last, reply = str(error), None
            else:
                if reply.status not in _RETRIED and reply.code != "conflict_retry":
                    return reply
                last = f"{reply.status} {reply.code}"
            wait = 0 if reply is None else reply.retry_after_seconds
            if number == self._attempts or wait > _RETRY_AFTER_SECONDS_MAX:
                break
            # Full jitter: clients that failed together do not come back together.
            self._sleep(wait + random.uniform(0, min(_PAUSE_SECONDS_MAX, 0.1 * 2**number)))
        raise ApiError(f"{method} {self._url}{path} failed {number} times: {last}", reply)

    def done(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Reply:
        """Return the answer of a request that must succeed.

        Raises:
            ApiError: it was refused, or see :meth:`send`.
        """
        reply = self.send(method, path, body, key=key)
        if reply.status >= 400:  # noqa: PLR2004
            message = f"{method} {self._url}{path} was refused: {reply.status} {reply.body}"
            raise ApiError(message, reply)
        return reply

    def get(self, path: str) -> dict[str, Any]:
        """Return the body of what must be there."""
        return self.done("GET", path).body

    def listed(self, path: str, filters: str = "") -> list[Any]:
        """Return all items of a list, page after page; ``filters`` such as ``&status=active``."""
        items: list[Any] = []
        cursor = ""
        while True:  # Ends: a cursor moves through a list that nobody adds to without end.
            page = self.get(f"{path}?limit=100{filters}{cursor}")
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"


def _reply(answer: urllib3.BaseHTTPResponse) -> Reply:
    try:
        body = answer.json()
    except ValueError:
        # Of something in between, which knows nothing of problem documents.
        body = {"text": answer.data[:200].decode(errors="replace")}
    wait = answer.headers.get("Retry-After", "")
    return Reply(
        status=answer.status,
        body=body if isinstance(body, dict) else {"text": str(body)},
        replayed=answer.headers.get("Idempotent-Replayed") == "true",
        # The date that it may be instead comes from no answer of ours.
        retry_after_seconds=int(wait) if wait.isascii() and wait.isdigit() else 0,
    )
