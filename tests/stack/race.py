"""Many clients want the same thing at the same instant."""

import concurrent.futures
import contextlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.stack.deployment import Deployment
from tests.stack.line import Request, Settled

# A thread that does not come means a broken test; no race takes this long.
_MEETING_SECONDS = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """What one client asks for, and how that ended."""

    request: Request
    settled: Settled

    @property
    def won(self) -> bool:
        return self.settled.answer.status == 201


@dataclass(frozen=True, kw_only=True, slots=True)
class Race:
    """All that was asked and answered: a row for each round, in the order of the requests."""

    rounds: tuple[tuple[Attempt, ...], ...]
    seconds: float

    @property
    def attempts(self) -> list[Attempt]:
        return [attempt for one_round in self.rounds for attempt in one_round]


def run(
    deployment: Deployment,
    rounds: Sequence[Sequence[Request]],
    *,
    seed: int,
    drop_share: float = 0.0,
    at_start: Callable[[], None] = lambda: None,
) -> Race:
    """Send the requests of each round from a thread each, let go together.

    ``at_start`` is called for every round while all threads wait. ``seed`` decides which answers
    are dropped; when each thread runs is the machine's affair.
    """
    size = len(rounds[0])
    assert all(len(one_round) == size for one_round in rounds), "a thread for each request"
    barrier = threading.Barrier(size, action=at_start, timeout=_MEETING_SECONDS)

    def client(position: int) -> list[Settled]:
        chance = random.Random(f"{seed}/{position}")
        settled = []
        with deployment.line() as line:
            for one_round in rounds:
                barrier.wait()
                try:
                    settled.append(
                        line.until_answered(
                            one_round[position], drop_share=drop_share, chance=chance
                        )
                    )
                except BaseException:
                    barrier.abort()
                    raise
        return settled

    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(size) as pool:
        running = [pool.submit(client, position) for position in range(size)]
    seconds = time.monotonic() - begun
    for one in running:
        # The others only say that the barrier was broken by this one.
        with contextlib.suppress(threading.BrokenBarrierError):
            one.result()
    columns = [one.result() for one in running]
    return Race(
        rounds=tuple(
            tuple(
                Attempt(request=request, settled=column[number])
                for request, column in zip(one_round, columns, strict=True)
            )
            for number, one_round in enumerate(rounds)
        ),
        seconds=seconds,
    )


def warm_up(deployment: Deployment, clients: int) -> None:
    """Start about as many function processes as ``clients`` at once will need."""
    at_once = 4
    while at_once < clients:
        # Half of them find a process from the step before, the others start one each.
        at_once = min(2 * at_once, clients)
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            calls = [pool.submit(_call_health, deployment) for _ in range(at_once)]
        for call in calls:
            call.result()


def _call_health(deployment: Deployment) -> None:
    request = Request(method="GET", path="/v1/health")
    with deployment.line() as line:
        line.until_answered(request, chance=random.Random())
