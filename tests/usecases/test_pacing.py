"""Work at a set rate, on a clock that only sleeping and working move."""

from dataclasses import dataclass, field

import hypothesis.strategies as st
import pytest
from hypothesis import given

from chalicelib.usecases.pacing import BURST_SECONDS, Pace

_RATE = 100.0


@dataclass
class Time:
    """A clock, and what was slept."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def timer(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def _pace(time: Time, rate: float | None = _RATE) -> Pace:
    return Pace(rate, timer=time.timer, sleep=time.sleep)


class TestPace:
    def test_waits_until_what_was_spent_is_earned(self) -> None:
        time = Time()
        pace = _pace(time)

        for _ in range(3):
            pace.spend(50)

        assert time.slept == [0.5, 0.5, 0.5]

    def test_counts_the_time_that_the_work_took(self) -> None:
        time = Time()
        pace = _pace(time)
        time.now += 0.3

        pace.spend(50)

        assert time.slept == [pytest.approx(0.2)]

    def test_does_not_wait_where_the_work_is_slower_than_its_rate(self) -> None:
        time = Time()
        pace = _pace(time)
        for _ in range(5):
            time.now += 1
            pace.spend(50)

        assert time.slept == []

    def test_saves_up_no_more_than_a_burst(self) -> None:
        time = Time()
        pace = _pace(time)
        time.now += 3600

        pace.spend(_RATE * BURST_SECONDS)
        assert time.slept == []
        pace.spend(_RATE)
        assert time.slept == [1]

    def test_without_a_rate_never_waits(self) -> None:
        time = Time()
        _pace(time, None).spend(10**9)

        assert time.slept == []

    @given(
        rate=st.floats(50, 10_000),
        steps=st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1000)), min_size=1, max_size=50),
    )
    def test_never_exceeds_its_rate_by_more_than_a_burst(
        self, rate: float, steps: list[tuple[float, float]]
    ) -> None:
        time = Time()
        pace, began, spent = _pace(time, rate), time.now, 0.0
        for worked_seconds, units in steps:
            time.now += worked_seconds
            pace.spend(units)
            spent += units
            earned = (time.now - began) * rate
            assert spent <= (earned + BURST_SECONDS * rate) * (1 + 1e-9)
