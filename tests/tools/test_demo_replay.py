import threading
import time
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.demo import replay
from tools.demo.campaigns import Attempt, History
from tools.demo.survey import Coupon, Standing

NOON = datetime(2017, 3, 1, 12, tzinfo=UTC)


def an_attempt(number: int, household_id: str = "home") -> Attempt:
    return Attempt(
        number=number,
        redeemed_at=NOON,
        code=f"CODE-{number}",
        household_id=household_id,
        order_id=None,
        amount_minor=None,
    )


class TestInOrder:
    @given(
        households=st.lists(st.sampled_from("abcdef"), max_size=40),
        clients=st.integers(1, 5),
    )
    def test_performs_each_once_and_those_of_a_household_in_turn(
        self, households: list[str], clients: int
    ) -> None:
        attempts = [an_attempt(number, name) for number, name in enumerate(households)]
        done: defaultdict[str, list[int]] = defaultdict(list)
        under_way: set[str] = set()

        def perform(attempt: Attempt) -> None:
            # Sets and lists of CPython are safe between threads, one call at a time.
            assert attempt.household_id not in under_way
            assert len(under_way) < clients
            under_way.add(attempt.household_id)
            done[attempt.household_id].append(attempt.number)
            under_way.remove(attempt.household_id)

        replay.in_order(attempts, perform, clients=clients)

        assert sorted(chain.from_iterable(done.values())) == list(range(len(households)))
        assert all(numbers == sorted(numbers) for numbers in done.values())

    def test_follows_the_time_when_alone(self) -> None:
        attempts = [an_attempt(3, "a"), an_attempt(1, "b"), an_attempt(2, "a"), an_attempt(4, "b")]
        done: list[int] = []

        replay.in_order(attempts, lambda attempt: done.append(attempt.number), clients=1)

        assert done == [1, 2, 3, 4]

    def test_performs_those_of_different_households_at_once(self) -> None:
        together = threading.Barrier(3, timeout=10)
        attempts = [an_attempt(number, str(number)) for number in range(3)]

        def perform(_: Attempt) -> None:
            together.wait()

        replay.in_order(attempts, perform, clients=3)

        assert not together.broken

    def test_begins_nothing_new_after_a_failure(self) -> None:
        attempts = [an_attempt(number, str(number % 4)) for number in range(100)]
        begun: list[int] = []

        def perform(attempt: Attempt) -> None:
            begun.append(attempt.number)
            if attempt.number == 5:
                raise ConnectionError
            # As a request does: long enough for the others to hear of the failure.
            time.sleep(0.005)

        with pytest.raises(ConnectionError):
            replay.in_order(attempts, perform, clients=2)

        assert len(begun) < 20


class TestRemaining:
    def test_is_what_did_not_redeem_its_coupon(self) -> None:
        first, again, other = (
            an_attempt(1),
            replace(an_attempt(2), code="CODE-1", order_id="8"),
            an_attempt(3),
        )
        history = History(campaigns=(), coupons=(), attempts=(first, again, other))
        redeemed = Coupon(status="redeemed", redeemed_at=NOON, order_id=None)
        claimed = Coupon(status="claimed", redeemed_at=None, order_id=None)

        standing = Standing(
            rewards={}, customers={}, coupons={"CODE-1": redeemed, "CODE-3": claimed}
        )

        assert replay.remaining(history, standing) == [again, other]

    def test_is_everything_where_nothing_stands(self) -> None:
        history = History(campaigns=(), coupons=(), attempts=(an_attempt(1),))

        assert replay.remaining(history, Standing(rewards={}, customers={}, coupons={})) == [
            an_attempt(1)
        ]
