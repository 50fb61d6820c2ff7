"""Statistics of a reward: its totals, and what happened over time."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

import msgspec

from chalicelib.core import errors
from chalicelib.core.rewards.totals import DayTotals, Totals

DAYS_MAX = 732
_DAYS_SHOWN = 30
# As of moments in the API; days are added to them.
_DAY_MIN, _DAY_MAX = date(1970, 1, 1), date(9000, 1, 1)


class Period(StrEnum):
    """How long the spans are that statistics are shown by. Values are public."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Span(msgspec.Struct, frozen=True):
    """What happened in ``[day_from, day_until)``; amounts are in minor units."""

    day_from: date
    day_until: date
    claims: int = 0
    redemptions: int = 0
    purchase_minor: int = 0
    discount_minor: int = 0


def range_of(first: date | None, until: date | None, *, today: date) -> tuple[date, date]:
    """Return the range ``[first, until)``: without an end with today, without a start 30 days.

    Raises:
        Invalid: it is empty, longer than two years, or in no year that coupons have.
    """
    until = until or today + timedelta(days=1)
    if _DAY_MIN < until <= _DAY_MAX:
        first = first or until - timedelta(days=_DAYS_SHOWN)
        if 0 < (until - first).days <= DAYS_MAX:
            return first, until
    raise errors.Invalid(
        f"the range must have 1 to {DAYS_MAX} days",
        fix="send a day_until after day_from, at most two years later",
        pointer="/query/day_until",
    )


def spans(days: Mapping[date, DayTotals], first: date, until: date, *, by: Period) -> list[Span]:
    """Return the spans of ``[first, until)`` one after the other, also those of nothing.

    A week begins on Monday. The first and the last one are cut where the range ends.
    """
    found = []
    while first < until:
        end = min(until, _next(first, by))
        inside = [days[day] for day in days if first <= day < end]
        found.append(
            Span(
                first,
                end,
                claims=sum(day.claims for day in inside),
                redemptions=sum(day.redemptions for day in inside),
                purchase_minor=sum(day.purchase_minor for day in inside),
                discount_minor=sum(day.discount_minor for day in inside),
            )
        )
        first = end
    return found


def rate_basis_points(totals: Totals) -> int | None:
    """Return how many of the coupons that anybody had have a use, or None where nobody had any."""
    return totals.used * 10_000 // totals.claims if totals.claims > 0 else None


def _next(day: date, by: Period) -> date:
    """Return the first day after the span that ``day`` lies in."""
    if by is Period.DAY:
        return day + timedelta(days=1)
    if by is Period.WEEK:
        return day + timedelta(days=7 - day.weekday())
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
