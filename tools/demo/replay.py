"""Sends the attempts to redeem, in the order of time, those of one household one by one."""

import heapq
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools.client import Api, ApiError
from tools.demo.campaigns import Attempt, History
from tools.demo.load import key_of
from tools.demo.survey import Standing

_CONFLICT = 409


def remaining(history: History, standing: Standing) -> list[Attempt]:
    """Return the attempts that did not redeem their coupon: those to come, and those refused.

    A refusal is not kept by the API, so asking again is how to know it.
    """
    return [
        attempt
        for attempt in history.attempts
        if (coupon := standing.coupons.get(attempt.code)) is None
        or not coupon.was_redeemed_by(attempt)
    ]


def redeem(api: Api, attempt: Attempt, *, customer_id: str) -> str | None:
    """Send one attempt; return None when it redeemed its coupon, else the code of the refusal.

    Raises:
        ApiError: the API does not answer, or not with what a till could show.
    """
    body: dict[str, Any] = {
        "customer_id": customer_id,
        "redeemed_at": attempt.redeemed_at.isoformat(),
        "channel": "checkout",
    }
    if attempt.order_id is not None:
        body["order_id"] = attempt.order_id
    if attempt.amount_minor is not None:
        body |= {"amount_minor": attempt.amount_minor, "currency": "USD"}
    path = f"/v1/coupons/{attempt.code}/redemptions"
    reply = api.send("POST", path, body, key=key_of(f"attempt-{attempt.number}", [path, body]))
    if reply.code is not None and reply.status != _CONFLICT:
        raise ApiError(f"POST {path} was refused: {reply.status} {reply.body}")
    return reply.code


def in_order(
    attempts: Sequence[Attempt], perform: Callable[[Attempt], None], *, clients: int
) -> None:
    """Perform each attempt once, ``clients`` at a time, the earliest first.

    An attempt begins after the one before it of the same household has ended. Stops at the first
    exception, when those under way have ended, and raises it.
    """
    Turns(attempts).run(perform, clients=clients)


class Turns:
    """Whose turn it is: the earliest attempt of a household that has none under way."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self._waiting: dict[str, deque[Attempt]] = defaultdict(deque)
        for attempt in sorted(attempts, key=lambda attempt: attempt.number):
            self._waiting[attempt.household_id].append(attempt)
        self._ready = [(queue[0].number, household) for household, queue in self._waiting.items()]
        heapq.heapify(self._ready)
        self._open = len(attempts)
        self._stopped = False
        self._changed = threading.Condition()

    def run(self, perform: Callable[[Attempt], None], *, clients: int) -> None:
        """See :func:`in_order`."""
        with ThreadPoolExecutor(clients) as pool:
            workers = [pool.submit(self._work, perform) for _ in range(clients)]
            try:
                for worker in workers:
                    worker.result()
            finally:
                # After an interruption by the keyboard, which comes to this thread alone.
                self._stop()

    def _work(self, perform: Callable[[Attempt], None]) -> None:
        while (attempt := self._take()) is not None:
            try:
                perform(attempt)
            except BaseException:
                self._stop()
                raise
            self._done(attempt)

    def _take(self) -> Attempt | None:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._stopped or not self._open)
            if self._stopped or not self._open:
                return None
            _, household = heapq.heappop(self._ready)
            return self._waiting[household].popleft()

    def _done(self, attempt: Attempt) -> None:
        with self._changed:
            self._open -= 1
            queue = self._waiting[attempt.household_id]
            if queue:
                heapq.heappush(self._ready, (queue[0].number, attempt.household_id))
            self._changed.notify_all()

    def _stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
