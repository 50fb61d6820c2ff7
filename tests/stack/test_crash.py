"""The database goes away in the middle of redemptions, and comes back (docs/adr/0006)."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.stack import books, race, shop
from tests.stack.cable import Cable
from tests.stack.deployment import Deployment, deployed
from tests.stack.race import Race
from tests.stack.sizes import DROP_SHARE
from tools import dynamodb_local
from tools.proof import figures

pytestmark = pytest.mark.xdist_group("stack")

_CLIENTS = 8
_COUPONS = 30
_GAPS = 3
_AWAY_SECONDS = 1


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    """The way to an engine that never stops: ending it would lose what it has said yes to."""
    with dynamodb_local.dynamodb_local() as endpoint:
        cable = Cable(endpoint)
        yield cable
        cable.pull()


@pytest.fixture(scope="module")
def behind_cable(cable: Cable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("behind-cable")
    with deployed(home, dynamodb_endpoint=cable.endpoint) as running:
        yield running


class TestDatabaseThatGoesAway:
    def test_loses_and_doubles_no_redemption(self, cable: Cable, behind_cable: Deployment) -> None:
        race.warm_up(behind_cable, _CLIENTS)
        with behind_cable.line() as line:
            opened = shop.opened(line, codes=_COUPONS, customers=3)
            before = books.stored(behind_cable)
            activity = {
                customer: books.counters(line, customer)["activity_count"]
                for customer in opened.customers
            }

            done = _race_through_gaps(behind_cable, opened, cable)

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
            grown = books.stored(behind_cable) - before
            assert grown == dict.fromkeys(("RDM", "ORDER", "EVT", "RECORD"), _COUPONS)
            failed = sum(each.settled.failed for each in done.attempts)
            assert failed > 0, "nobody was at it when the database went away"
            figures.record(
                "database-away",
                {
                    "clients": _CLIENTS,
                    "coupons": _COUPONS,
                    "times the database went away": _GAPS,
                    "attempts sent": sum(each.settled.attempts for each in done.attempts),
                    "attempts that failed with it": failed,
                    "winners told of success by a replay": sum(
                        "idempotent-replayed" in winner.settled.answer.headers for winner in winners
                    ),
                    "told success": len(winners),
                    "seconds": round(done.seconds, 1),
                },
            )


def _race_through_gaps(deployment: Deployment, opened: shop.Shop, cable: Cable) -> Race:
    """Race for every code; in some rounds the database goes away after the start."""
    chance = random.Random(3)
    gaps = threading.Semaphore(0)
    started = 0
    last = False

    def at_start() -> None:
        nonlocal started
        started += 1
        if started % (_COUPONS // _GAPS) == 5:
            gaps.release()

    def pull() -> None:
        for _ in range(_GAPS):
            gaps.acquire()
            if last:
                return
            # In the middle of the reads, of the commits, or of the answers.
            time.sleep(chance.uniform(0, 0.1))
            cable.pull()
            time.sleep(_AWAY_SECONDS)
            cable.plug()

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
        gaps.release(_GAPS)
        puller.join()
