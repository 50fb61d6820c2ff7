"""Attempts to redeem per second through the deployed stack, by the number of clients at once.

What one machine's MiniStack makes of it says nothing of AWS; the ratios say whether clients wait
for one another.
"""

import random
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from tests.stack import race, shop
from tests.stack.deployment import Deployment, deployed
from tests.stack.line import Request
from tools.proof import figures

CLIENTS = (1, 4, 16)
_CUSTOMERS = 20


@dataclass(frozen=True, slots=True)
class Rate:
    """``clients`` at once, each with coupons of its own; ``ratio`` to what one client gets.

    ``attempts_a_second`` is the median of the rounds.
    """

    clients: int
    attempts_a_second: float
    ratio: float


def measure(
    deployment: Deployment,
    *,
    clients: Sequence[int] = CLIENTS,
    attempts: int = 160,
    rounds: int = 3,
) -> list[Rate]:
    """Redeem ``attempts`` coupons with each number of clients, in turn, ``rounds`` times."""
    assert all(attempts % each == 0 for each in clients), "every client has as much to do"
    race.warm_up(deployment, max(clients))
    rates: dict[int, list[float]] = {each: [] for each in clients}
    for _ in range(rounds):
        for each in clients:
            with deployment.line() as line:
                opened = shop.opened(line, codes=attempts, customers=_CUSTOMERS)
            requests = [opened.redemption(code, client=0) for code in opened.codes]
            seconds = _redeem(deployment, requests, clients=each)
            rates[each].append(attempts / seconds)
    medians = {each: statistics.median(found) for each, found in rates.items()}
    alone = medians[clients[0]]
    return [Rate(each, median, median / alone) for each, median in medians.items()]


def run(*, attempts: int = 160, rounds: int = 3) -> list[Rate]:
    """Measure on a stack of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="couponry-attempts-") as home,
        deployed(Path(home), warm_workers=max(CLIENTS)) as deployment,
    ):
        return measure(deployment, attempts=attempts, rounds=rounds)


def _redeem(deployment: Deployment, requests: Sequence[Request], *, clients: int) -> float:
    """Return how many seconds ``clients`` took to have all ``requests`` answered with success."""
    barrier = threading.Barrier(clients + 1)

    def client(number: int) -> None:
        chance = random.Random(number)
        with deployment.line() as line:
            barrier.wait()
            for request in requests[number::clients]:
                answer = line.until_answered(request, chance=chance).answer
                assert answer.status == 201, answer.raw  # noqa: PLR2004 - HTTP's own number

    with ThreadPoolExecutor(clients) as pool:
        working = [pool.submit(client, number) for number in range(clients)]
        barrier.wait()
        begun = time.perf_counter()
        for one in working:
            one.result()
        return time.perf_counter() - begun


@click.command()
@click.option("--attempts", default=160, show_default=True, help="Redemptions a round.")
@click.option("--rounds", default=3, show_default=True)
def main(attempts: int, rounds: int) -> None:
    """Print attempts per second through the deployed stack."""
    click.echo("Redemptions through the deployed stack, each answered with success")
    click.echo("  clients   attempts/s   to one client")
    rates = run(attempts=attempts, rounds=rounds)
    for rate in rates:
        click.echo(f"  {rate.clients:7} {rate.attempts_a_second:12.1f} {rate.ratio:15.2f}")
    measured: dict[str, figures.Value] = {"attempts a round": attempts, "rounds": rounds}
    for rate in rates:
        who = "1 client" if rate.clients == 1 else f"{rate.clients} clients"
        measured[f"attempts a second, {who}"] = round(rate.attempts_a_second, 1)
        measured[f"ratio, {who} to one"] = round(rate.ratio, 2)
    figures.record("attempts", measured)


if __name__ == "__main__":
    main(prog_name="python -m bench.attempts")
