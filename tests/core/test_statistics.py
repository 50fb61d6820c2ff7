from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import Invalid
from chalicelib.core.rewards import statistics
from chalicelib.core.rewards.statistics import Period, Span
from chalicelib.core.rewards.totals import DayTotals, Totals

_SUNDAY = date(2026, 3, 29)
_DAYS = {
    day: DayTotals("rwd_1", "all", day, claims=1, redemptions=2, purchase_minor=3, discount_minor=4)
    for day in (date(2026, 2, 28), _SUNDAY, date(2026, 3, 30), date(2026, 4, 1))
}


class TestSpans:
    def test_by_day_show_every_day_of_the_range_and_nothing_else(self) -> None:
        assert statistics.spans(_DAYS, _SUNDAY, date(2026, 4, 1), by=Period.DAY) == [
            Span(_SUNDAY, date(2026, 3, 30), 1, 2, 3, 4),
            Span(date(2026, 3, 30), date(2026, 3, 31), 1, 2, 3, 4),
            Span(date(2026, 3, 31), date(2026, 4, 1)),
        ]

    def test_by_week_begin_on_monday(self) -> None:
        assert statistics.spans(_DAYS, _SUNDAY, date(2026, 4, 2), by=Period.WEEK) == [
            Span(_SUNDAY, date(2026, 3, 30), 1, 2, 3, 4),
            Span(date(2026, 3, 30), date(2026, 4, 2), 2, 4, 6, 8),
        ]

    def test_by_month_begin_on_the_first(self) -> None:
        assert statistics.spans(_DAYS, date(2026, 2, 1), date(2026, 4, 2), by=Period.MONTH) == [
            Span(date(2026, 2, 1), date(2026, 3, 1), 1, 2, 3, 4),
            Span(date(2026, 3, 1), date(2026, 4, 1), 2, 4, 6, 8),
            Span(date(2026, 4, 1), date(2026, 4, 2), 1, 2, 3, 4),
        ]

    @given(
        first=st.dates(date(2025, 1, 1), date(2027, 1, 1)),
        length=st.integers(1, statistics.DAYS_MAX),
        by=st.sampled_from(Period),
    )
    def test_follow_one_another_through_the_whole_range(
        self, first: date, length: int, by: Period
    ) -> None:
        until = date.fromordinal(first.toordinal() + length)

        found = statistics.spans(_DAYS, first, until, by=by)

        assert (found[0].day_from, found[-1].day_until) == (first, until)
        assert all(one.day_until == other.day_from for one, other in pairwise(found))
        assert sum(span.claims for span in found) == sum(first <= day < until for day in _DAYS)


def _after(day: date, days: int) -> date:
    return date.fromordinal(day.toordinal() + days)


class TestRangeOf:
    @pytest.mark.parametrize("length", [1, statistics.DAYS_MAX])
    def test_takes_one_day_to_two_years(self, length: int) -> None:
        given = _SUNDAY, _after(_SUNDAY, length)

        assert statistics.range_of(*given, today=date(2026, 1, 1)) == given

    def test_ends_with_today_and_has_30_days_unless_told(self) -> None:
        assert statistics.range_of(None, None, today=_SUNDAY) == (
            date(2026, 2, 28),
            date(2026, 3, 30),
        )

    @pytest.mark.parametrize("length", [0, -1, statistics.DAYS_MAX + 1])
    def test_refuses_no_days_and_too_many(self, length: int) -> None:
        with pytest.raises(Invalid):
            statistics.range_of(_SUNDAY, _after(_SUNDAY, length), today=_SUNDAY)

    @pytest.mark.parametrize("until", [date.min, date(1, 1, 5), date.max])
    @pytest.mark.parametrize("first", [None, date.min, date(9999, 12, 1)])
    def test_refuses_years_that_coupons_do_not_have(self, first: date | None, until: date) -> None:
        with pytest.raises(Invalid):
            statistics.range_of(first, until, today=_SUNDAY)


class TestRate:
    def test_is_how_many_of_those_that_anybody_had_have_a_use(self) -> None:
        assert statistics.rate_basis_points(Totals("rwd_1", "all", claims=3, used=1)) == 3333

    def test_is_unknown_where_nobody_had_any(self) -> None:
        assert statistics.rate_basis_points(Totals("rwd_1", "all", used=1)) is None
