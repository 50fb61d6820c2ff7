import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.builders import unique
from tests.http import Reply
from tests.stack import books, race, shop
from tests.stack.deployment import Deployment
from tests.stack.killer import Killer
from tests.stack.line import Line, Request
from tests.stack.race import Attempt, Race
from tests.stack.shop import Shop
from tests.stack.sizes import CLIENTS, COUPONS, DROP_SHARE
from tools.proof import figures

pytestmark = pytest.mark.xdist_group("stack")

_CUSTOMERS = 8
# Clients and coupons of the smaller races.
_FEW = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Contest:
    """A race for every code of a shop, and what the table held before and after it."""

    shop: Shop
    race: Race
    line: Line
    activity_before: dict[str, int]
    stored: Counter[str]
    killed: int

    @property
    def winners(self) -> list[Attempt]:
        return [attempt for attempt in self.race.attempts if attempt.won]


@pytest.fixture(scope="module", params=["answers-dropped", "functions-killed"])
def contest(deployment: Deployment, request: pytest.FixtureRequest) -> Iterator[Contest]:
    """Everybody races for one code after the other, each at a till with an order of its own."""
    race.warm_up(deployment, CLIENTS)
    killer = Killer(deployment.settings, chance=random.Random(7))
    with deployment.line() as line, contextlib.ExitStack() as stack:
        opened = shop.opened(line, codes=COUPONS, customers=_CUSTOMERS)
        before = books.stored(deployment)
        activity = {
            customer: books.counters(line, customer)["activity_count"]
            for customer in opened.customers
        }
        kills = request.param == "functions-killed"
        if kills:
            stack.enter_context(killer.at_work())
        done = race.run(
            deployment,
            [
                [opened.redemption(code, client=client) for client in range(CLIENTS)]
                for code in opened.codes
            ],
            seed=20180301,
            drop_share=DROP_SHARE,
            at_start=killer.arm if kills else lambda: None,
        )
        stack.close()
        found = Contest(
            shop=opened,
            race=done,
            line=line,
            activity_before=activity,
            stored=books.stored(deployment) - before,
            killed=killer.killed,
        )
        figures.record(f"race-{request.param}", _figures(found))
        yield found


class TestRaceForACoupon:
    def test_is_won_by_exactly_one(self, contest: Contest) -> None:
        wins = [sum(attempt.won for attempt in each) for each in contest.race.rounds]

        assert wins == [1] * COUPONS

    def test_redeems_every_coupon_exactly_once_and_for_the_winner(self, contest: Contest) -> None:
        for code, winner in zip(contest.shop.codes, contest.winners, strict=True):
            told = winner.settled.answer.json
            coupon = contest.line.get(f"/v1/coupons/{code}")
            (redemption,) = books.items(contest.line, f"/v1/coupons/{code}/redemptions")

            assert (coupon["status"], coupon["usages"]) == ("redeemed", 1)
            assert coupon["last_redemption"]["redemption_id"] == told["id"]
            assert redemption == {name: told[name] for name in redemption}

    def test_tells_the_winner_of_their_own_order(self, contest: Contest) -> None:
        for winner in contest.winners:
            asked, told = winner.request.body, winner.settled.answer.json
            assert {name: told[name] for name in asked} == asked

    def test_tells_everybody_else_that_it_is_used(self, contest: Contest) -> None:
        refusals = Counter(
            (attempt.settled.answer.status, attempt.settled.answer.code)
            for attempt in contest.race.attempts
            if not attempt.won
        )

        assert refusals == {(409, "coupon_already_redeemed"): COUPONS * (CLIENTS - 1)}

    def test_gives_a_retry_the_first_answer(self, contest: Contest) -> None:
        unheard = [
            (_without_id(first), _without_id(attempt.settled.answer))
            for attempt in contest.race.attempts
            for first in attempt.settled.unheard
        ]

        assert unheard
        assert [first for first, _ in unheard] == [last for _, last in unheard]

    def test_gives_the_first_answer_for_ever(self, contest: Contest) -> None:
        for winner in contest.winners:
            again = contest.line.until_answered(winner.request, chance=random.Random(1)).answer

            assert again.headers.get("idempotent-replayed") == "true"
            assert (again.status, again.raw) == (201, winner.settled.answer.raw)

    def test_says_that_an_answer_is_a_repeated_one(self, contest: Contest) -> None:
        for winner in contest.winners:
            settled = winner.settled
            first_heard = not any(answer.status == 201 for answer in settled.unheard)
            if settled.attempts == 1:
                assert "idempotent-replayed" not in settled.answer.headers
            elif not first_heard:
                assert settled.answer.headers["idempotent-replayed"] == "true"

    def test_counts_for_each_customer_what_was_won_to_the_cent(self, contest: Contest) -> None:
        counted = {
            customer: books.counters(contest.line, customer) for customer in contest.shop.customers
        }

        assert counted == books.expected_counters(
            contest.winners, activity_before=contest.activity_before
        )

    def test_is_told_once_in_the_customers_history(self, contest: Contest) -> None:
        told = Counter(winner.settled.answer.json["id"] for winner in contest.winners)
        for customer in contest.shop.customers:
            history = books.items(contest.line, f"/v1/customers/{customer}/activity")
            redeemed = [line for line in history if line["type"] == "coupon.redeemed"]

            assert len(history) == books.counters(contest.line, customer)["activity_count"]
            assert all(told.pop(line["redemption_id"]) == 1 for line in redeemed)
        assert told == {}

    def test_moves_every_coupon_to_the_list_of_redeemed_ones(self, contest: Contest) -> None:
        path = f"/v1/rewards/{contest.shop.reward_id}/coupons"

        redeemed = books.items(contest.line, f"{path}?status=redeemed")
        others = books.items(contest.line, f"{path}?status=claimed,unassigned,expired")

        assert sorted(coupon["code"] for coupon in redeemed) == sorted(contest.shop.codes)
        assert others == []

    def test_leaves_nothing_of_those_who_lost(self, contest: Contest) -> None:
        # A redemption, its order, its line of history and the record of its key.
        assert contest.stored == dict.fromkeys(("RDM", "ORDER", "EVT", "RECORD"), COUPONS)

    def test_was_hard_enough(self, contest: Contest, request: pytest.FixtureRequest) -> None:
        attempts = [attempt.settled for attempt in contest.race.attempts]
        dropped, sent = sum(each.dropped for each in attempts), sum(e.attempts for e in attempts)

        assert 0.1 < dropped / sent < 0.3
        assert any(winner.settled.dropped for winner in contest.winners)
        if "functions-killed" in request.node.callspec.id:
            assert contest.killed >= COUPONS / 4
            assert sum(each.failed for each in attempts) > 0


class TestRaceForOneUseOfMany:
    def test_redeems_as_often_as_the_limit_allows(self, deployment: Deployment) -> None:
        limit, codes = 5, 8
        with deployment.line() as line:
            opened = shop.opened(line, codes=codes, customers=2, usage_limit=limit)
            activity = _activity(line, opened)

            done = race.run(
                deployment,
                [[opened.redemption(code, client=n) for n in range(16)] for code in opened.codes],
                seed=5,
                drop_share=DROP_SHARE,
            )

            winners = [attempt for attempt in done.attempts if attempt.won]
            assert [sum(each.won for each in one) for one in done.rounds] == [limit] * codes
            assert _refusals(done) == {"coupon_already_redeemed": (16 - limit) * codes}
            for code in opened.codes:
                coupon = line.get(f"/v1/coupons/{code}")
                assert (coupon["status"], coupon["usages"]) == ("redeemed", limit)
                assert len(books.items(line, f"/v1/coupons/{code}/redemptions")) == limit
            usages = Counter(
                attempt.settled.answer.json["changed"]["coupon"]["usages"] for attempt in winners
            )
            assert usages == dict.fromkeys(range(1, limit + 1), codes)
            assert _counted(line, opened) == books.expected_counters(
                winners, activity_before=activity
            )


class TestRaceWithinAnOrder:
    def test_counts_the_order_once_whatever_coupons_are_used_in_it(
        self, deployment: Deployment
    ) -> None:
        clients, orders = 12, 4
        with deployment.line() as line:
            opened = shop.opened(line, codes=clients * orders, customers=1)
            (customer,) = opened.customers
            rounds = [
                [
                    opened.redemption(code, client=0, order_id=f"{opened.name}-O{number}")
                    for code in opened.codes[number * clients : (number + 1) * clients]
                ]
                for number in range(orders)
            ]
            for number, one_round in enumerate(rounds):
                for request in one_round:
                    request.body["amount_minor"] = 1_999 + number
            (activity,) = _activity(line, opened).values()

            done = race.run(deployment, rounds, seed=6, drop_share=DROP_SHARE)

            assert all(attempt.won for attempt in done.attempts), _refusals(done)
            assert books.counters(line, customer) == {
                "lifetime_value_minor": sum(1_999 + number for number in range(orders)),
                "visits": orders,
                "coupons_used": clients * orders,
                "activity_count": activity + clients * orders,
            }


class TestRaceForAPrintedCode:
    def test_gives_it_to_the_customer_who_redeems_it(self, deployment: Deployment) -> None:
        clients, codes = 12, 8
        with deployment.line() as line:
            opened = shop.opened(
                line, codes=codes, customers=clients, assigned=False, claim_on_redeem=True
            )
            activity = _activity(line, opened)

            done = race.run(
                deployment,
                [
                    [
                        opened.redemption(code, client=n, customer_id=customer)
                        for n, customer in enumerate(opened.customers)
                    ]
                    for code in opened.codes
                ],
                seed=8,
                drop_share=DROP_SHARE,
            )

            winners = [attempt for attempt in done.attempts if attempt.won]
            assert [sum(each.won for each in one) for one in done.rounds] == [1] * codes
            assert _refusals(done) == {"coupon_already_redeemed": (clients - 1) * codes}
            for code, winner in zip(opened.codes, winners, strict=True):
                holder = line.get(f"/v1/coupons/{code}")["customer_id"]
                assert holder == winner.request.body["customer_id"]
            assert _counted(line, opened) == books.expected_counters(
                winners, activity_before=activity
            )


class TestTheSameRequestFromAllSides:
    def test_is_carried_out_once_and_answered_alike(self, deployment: Deployment) -> None:
        # What impatient clients and proxies do: they send it again while the first is under way.
        clients, codes = _FEW, _FEW
        with deployment.line() as line:
            opened = shop.opened(line, codes=codes, customers=2)
            activity = _activity(line, opened)

            done = race.run(
                deployment,
                [[opened.redemption(code, client=0)] * clients for code in opened.codes],
                seed=9,
                drop_share=DROP_SHARE,
            )

            assert all(attempt.won for attempt in done.attempts), _refusals(done)
            for one_round in done.rounds:
                assert len({attempt.settled.answer.raw for attempt in one_round}) == 1
            assert _counted(line, opened) == books.expected_counters(
                [one_round[0] for one_round in done.rounds], activity_before=activity
            )

    def test_gives_a_coupon_to_its_customer_once(self, deployment: Deployment) -> None:
        with deployment.line() as line:
            opened = shop.opened(line, codes=_FEW, customers=1, assigned=False)
            (customer,) = opened.customers

            done = race.run(
                deployment,
                [
                    [_keyed("POST", f"/v1/coupons/{code}/claim", {"customer_id": customer})] * _FEW
                    for code in opened.codes
                ],
                seed=10,
                drop_share=DROP_SHARE,
            )

            assert Counter(_outcomes(done)) == {(200, None): _FEW * _FEW}
            history = books.items(line, f"/v1/customers/{customer}/activity")
            claims = Counter(each["code"] for each in history if each["type"] == "coupon.claimed")
            assert claims == dict.fromkeys(opened.codes, 1)

    def test_takes_a_redemption_back_once(self, deployment: Deployment) -> None:
        with deployment.line() as line:
            opened = shop.opened(line, codes=_FEW, customers=1)
            (customer,) = opened.customers
            before = books.counters(line, customer)
            for code in opened.codes:
                redemption = opened.redemption(code, client=0)
                assert line.call("POST", redemption.path, redemption.body).status == 201

            done = race.run(
                deployment,
                [
                    [_keyed("POST", f"/v1/coupons/{code}/unredeem", {})] * _FEW
                    for code in opened.codes
                ],
                seed=11,
                drop_share=DROP_SHARE,
            )

            assert Counter(_outcomes(done)) == {(200, None): _FEW * _FEW}
            activity = before["activity_count"] + 2 * _FEW
            assert books.counters(line, customer) == before | {"activity_count": activity}

    def test_adds_a_customer_once(self, deployment: Deployment) -> None:
        bodies = [{"external_id": unique("T"), "first_name": "Ada"} for _ in range(_FEW)]

        done = race.run(
            deployment,
            [[_keyed("POST", "/v1/customers", body)] * _FEW for body in bodies],
            seed=12,
            drop_share=DROP_SHARE,
        )

        assert Counter(_outcomes(done)) == {(201, None): _FEW * _FEW}
        for one_round in done.rounds:
            assert len({attempt.settled.answer.json["id"] for attempt in one_round}) == 1

    def test_changes_a_customer_as_they_were_once(self, deployment: Deployment) -> None:
        with deployment.line() as line:
            made = [line.made("/v1/customers", {"external_id": unique("T")}) for _ in range(_FEW)]
            paths = [f"/v1/customers/{each['id']}" for each in made]
            tags = [line.call("GET", path).headers["etag"] for path in paths]

            done = race.run(
                deployment,
                [
                    [_keyed("PATCH", path, {"first_name": "Ada"}, if_match=tag)] * _FEW
                    for path, tag in zip(paths, tags, strict=True)
                ],
                seed=13,
                drop_share=DROP_SHARE,
            )

            assert Counter(_outcomes(done)) == {(200, None): _FEW * _FEW}


class TestRaceToTakeARedemptionBack:
    def test_is_won_by_one(self, deployment: Deployment) -> None:
        with deployment.line() as line:
            opened = shop.opened(line, codes=_FEW, customers=1)
            (customer,) = opened.customers
            before = books.counters(line, customer)
            for code in opened.codes:
                redemption = opened.redemption(code, client=0)
                assert line.call("POST", redemption.path, redemption.body).status == 201

            done = race.run(
                deployment,
                [
                    [_keyed("POST", f"/v1/coupons/{code}/unredeem", {}) for _ in range(_FEW)]
                    for code in opened.codes
                ],
                seed=14,
                drop_share=DROP_SHARE,
            )

            outcomes = Counter(_outcomes(done))
            assert outcomes == {(200, None): _FEW, (409, "coupon_not_redeemed"): _FEW * (_FEW - 1)}
            activity = before["activity_count"] + 2 * _FEW
            assert books.counters(line, customer) == before | {"activity_count": activity}


def _keyed(method: str, path: str, body: Any, *, if_match: str | None = None) -> Request:
    return Request(method=method, path=path, body=body, key=str(uuid4()), if_match=if_match)


def _outcomes(done: Race) -> list[tuple[int, str | None]]:
    answers = [attempt.settled.answer for attempt in done.attempts]
    return [(each.status, each.code if each.status >= 400 else None) for each in answers]


def _activity(line: Line, opened: Shop) -> dict[str, int]:
    return {
        customer: books.counters(line, customer)["activity_count"] for customer in opened.customers
    }


def _counted(line: Line, opened: Shop) -> dict[str, dict[str, int]]:
    return {customer: books.counters(line, customer) for customer in opened.customers}


def _refusals(done: Race) -> Counter[str]:
    return Counter(attempt.settled.answer.code for attempt in done.attempts if not attempt.won)


def _without_id(answer: Reply) -> dict[str, Any]:
    """Return what an answer says, but for the id that every request has of its own."""
    said: dict[str, Any] = answer.json
    return {"status": answer.status, **said, "instance": None}


def _figures(contest: Contest) -> dict[str, figures.Value]:
    settled = [attempt.settled for attempt in contest.race.attempts]
    winners = [winner.settled for winner in contest.winners]
    return {
        "clients": CLIENTS,
        "coupons": COUPONS,
        "attempts sent": sum(each.attempts for each in settled),
        "answers dropped": sum(each.dropped for each in settled),
        "winners whose answer was dropped": sum(each.dropped > 0 for each in winners),
        "winners told of success by a replay": sum(
            "idempotent-replayed" in each.answer.headers for each in winners
        ),
        "function processes killed": contest.killed,
        "attempts that died with one": sum(each.failed for each in settled),
        "told to try again (conflict_retry)": sum(each.busy for each in settled),
        "told success": len(winners),
        "told that it is used": len(settled) - len(winners),
        "longest wait of a client, seconds": round(max(each.seconds for each in settled), 1),
        "seconds": round(contest.race.seconds, 1),
        "attempts a second": round(
            sum(each.attempts for each in settled) / contest.race.seconds, 1
        ),
    }
