"""The database dies in the middle of redemptions, and comes back with what it had acknowledged."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import books, race, shop
from tests.stack.deployment import Deployment, deployed
from tests.stack.race import Race
from tests.stack.sizes import DROP_SHARE
from tools import dynamodb_local
from tools.proof import figures

pytestmark = pytest.mark.xdist_group("stack")

_CLIENTS = 8
_COUPONS = 30
_CRASHES = 3


class _Database:
    """An engine on files, which can go away in the middle of its work.

    It is ended with SIGTERM: calls in flight are cut, before and after their commit. SIGKILL would
    take away transactions that this engine has acknowledged (docs/adr/0006), which no client can
    tell from a coupon that was never redeemed, and which DynamoDB itself never does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = dynamodb_local.start(path=path)
        self.endpoint = self._engine.endpoint

    def crash(self) -> None:
        """End it, whoever is waiting for it, and start it again on the same files."""
        self._engine.stop()
        port = int(self.endpoint.rpartition(":")[2])
        self._engine = dynamodb_local.start(path=self._path, port=port)

    def stop(self) -> None:
        self._engine.stop()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Database]:
    running = _Database(tmp_path_factory.mktemp("database"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def on_database(
    database: _Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("on-database")
    with deployed(home, dynamodb_endpoint=database.endpoint) as running:
        yield running


class TestDatabaseThatDies:
    def test_loses_and_doubles_no_redemption(
        self, database: _Database, on_database: Deployment
    ) -> None:
        race.warm_up(on_database, _CLIENTS)
        with on_database.line() as line:
            opened = shop.opened(line, codes=_COUPONS, customers=3)
            before = books.stored(on_database)
            activity = {
                customer: books.counters(line, customer)["activity_count"]
                for customer in opened.customers
            }

            done = _race_through_crashes(on_database, opened, database)

            winners = [attempt for attempt in done.attempts if attempt.won]
            assert [sum(each.won for each in one) for one in done.rounds] == [1] * _COUPONS
            refused = Counter(each.settled.answer.code for each in done.attempts if not each.won)
            assert refused == {"coupon_already_redeemed": _COUPONS * (_CLIENTS - 1)}
            for winner in winners:
                # Whoever was told of success, by whatever attempt, is told the same now.
                told = [answer for answer in winner.settled.unheard if answer.status == 201]
                again = line.call(
                    "POST",
                    winner.request.path,
                    winner.request.body,
                    headers=winner.request.headers,
                )
                answers = [*told, winner.settled.answer, again]
                assert len({(answer.status, answer.raw) for answer in answers}) == 1
            counted = {customer: books.counters(line, customer) for customer in opened.customers}
            assert counted == books.expected_counters(winners, activity_before=activity)
            grown = books.stored(on_database) - before
            assert grown == dict.fromkeys(("RDM", "ORDER", "EVT", "RECORD"), _COUPONS)
            failed = sum(each.settled.failed for each in done.attempts)
            assert failed > 0, "nobody was at it when the engine died"
            figures.record(
                "database-ended",
                {
                    "clients": _CLIENTS,
                    "coupons": _COUPONS,
                    "times the engine was ended": _CRASHES,
                    "attempts sent": sum(each.settled.attempts for each in done.attempts),
                    "attempts that failed with it": failed,
                    "winners told of success by a replay": sum(
                        "idempotent-replayed" in winner.settled.answer.headers for winner in winners
                    ),
                    "told success": len(winners),
                    "seconds": round(done.seconds, 1),
                },
            )


def _race_through_crashes(deployment: Deployment, opened: shop.Shop, database: _Database) -> Race:
    """Race for every code; in some rounds the database dies a moment after the start."""
    chance = random.Random(3)
    crashes = threading.Semaphore(0)
    started = 0
    last = False

    def at_start() -> None:
        nonlocal started
        started += 1
        if started % (_COUPONS // _CRASHES) == 5:
            crashes.release()

    def pull() -> None:
        for _ in range(_CRASHES):
            crashes.acquire()
            if last:
                return
            # In the middle of the reads, of the commits, or of the answers.
            time.sleep(chance.uniform(0, 0.1))
            database.crash()

    puller = threading.Thread(target=pull)
    puller.start()
    try:
        return race.run(
            deployment,
            [
                [opened.redemption(code, client=client) for client in range(_CLIENTS)]
                for code in opened.codes
            ],
            seed=4,
            drop_share=DROP_SHARE,
            at_start=at_start,
        )
    finally:
        last = True
        crashes.release(_CRASHES)
        puller.join()
