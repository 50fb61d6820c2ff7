"""Limits: how many coupons of a reward are given out, in all and to each customer.

A limit counts claims, and of a shared code its uses. It is kept in counters that are changed by
adding, inside the transaction of what they count, under the condition that a unit is left: so it
is exact whatever the concurrency.

Everybody who claims touches the counters of the reward, so each of its limits is split over
:data:`SHARDS` counters with a share of it. A claim takes a unit from any of them; when that one has
none left, it reads all of them and takes one from a counter that has. The shares add up to the
limit, so the last units are handed out one by one to whoever comes first, and nobody is refused
while one is left. The counter of a customer is one item: nobody else needs it.
"""

import calendar
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from chalicelib.core import errors, moments

SHARDS: Final = 8
"""Counters of a reward's limit: each lies in a partition that takes about 500 claims a second."""

UNLIMITED: Final = 10**15
"""The limit of a counter that is kept for its count only."""


class RewardLimitReached(errors.Refused):
    """The reward has given out as many as it may."""

    code = "reward_limit_reached"


class CustomerLimitReached(errors.Refused):
    """The customer has had as many of the reward as each customer may."""

    code = "customer_limit_reached"


class Limits(msgspec.Struct, frozen=True):
    """How many there may be: ever, and in each calendar day, week and month of the business."""

    total: int | None = None
    per_day: int | None = None
    per_week: int | None = None
    per_month: int | None = None


class Period(StrEnum):
    """What a limit counts within. Weeks begin on Monday (ISO 8601)."""

    TOTAL = "total"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class LimitCounter(msgspec.Struct, frozen=True):
    """How many units of a limit are taken, in one period.

    ``customer_id`` is None for a counter of the reward, which has a ``share`` of the limit.
    """

    reward_id: str
    bucket: str
    used: int
    customer_id: str | None = None
    shard: int = 0
    share: int = 0
    version: int = 0


class UnitTaken(msgspec.Struct, frozen=True):
    """One unit taken from a counter, under the condition that one is left.

    ``limit`` is that of the customer, or the share of a reward's counter that is not stored yet: a
    share that is stored stands, because another counter may have what it lacks.
    """

    reward_id: str
    period: Period
    bucket: str
    limit: int
    customer_id: str | None = None
    shard: int = 0


class UnitGivenBack(msgspec.Struct, frozen=True):
    """One unit put back into the counter that it was taken from."""

    reward_id: str
    bucket: str
    customer_id: str | None = None
    shard: int = 0


def bucket_of(period: Period, at: datetime, *, time_zone: str) -> str:
    """Return the name of the period of the business's calendar that ``at`` lies in."""
    day = at.astimezone(ZoneInfo(time_zone)).date()
    match period:
        case Period.TOTAL:
            return "total"
        case Period.DAY:
            return day.isoformat()
        case Period.WEEK:
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case Period.MONTH:
            return f"{day:%Y-%m}"


def ends_at(period: Period, at: datetime, *, time_zone: str) -> datetime | None:
    """Return when the period that ``at`` lies in is over, or None for ever."""
    day = at.astimezone(ZoneInfo(time_zone)).date()
    match period:
        case Period.TOTAL:
            return None
        case Period.DAY:
            days = 0
        case Period.WEEK:
            days = 6 - day.weekday()
        case Period.MONTH:
            days = calendar.monthrange(day.year, day.month)[1] - day.day
    return moments.end_of_day(at, days_later=days, time_zone=time_zone)


def shares_of(limit: int) -> tuple[int, ...]:
    """Return ``limit`` split over the counters of a reward."""
    whole, rest = divmod(limit, SHARDS)
    return tuple(whole + (shard < rest) for shard in range(SHARDS))


def of_periods(limits: Limits) -> dict[Period, int]:
    """Return the limits that are set, by their period."""
    named = {
        Period.TOTAL: limits.total,
        Period.DAY: limits.per_day,
        Period.WEEK: limits.per_week,
        Period.MONTH: limits.per_month,
    }
    return {period: limit for period, limit in named.items() if limit is not None}


class Ledger(msgspec.Struct, frozen=True):
    """What is known of a reward's counters: those of a bucket all together, or nothing of it."""

    rewards: Mapping[str, tuple[LimitCounter | None, ...]] = {}
    customers: Mapping[str, LimitCounter] = {}


NOTHING_KNOWN: Final = Ledger()


def decide_units(  # noqa: PLR0913
    reward_id: str,
    *,
    limits: Limits,
    limits_per_customer: Limits,
    customer_id: str | None,
    known: Ledger,
    turn: int,
    at: datetime,
    time_zone: str,
) -> tuple[UnitTaken, ...]:
    """Decide which counters one claim takes a unit from.

    Nothing needs to be known: then any counter with a share is taken, and the change fails where
    it has none left. ``turn`` spreads the claims over the counters; ``at`` is when the claim is
    made, however late it is reported.

    Raises:
        RewardLimitReached, CustomerLimitReached: no unit is left, as far as is known.
    """

    def end_of(period: Period) -> datetime | None:
        return ends_at(period, at, time_zone=time_zone)

    units = []
    for period, limit in of_periods(limits).items():
        bucket = bucket_of(period, at, time_zone=time_zone)
        shares = shares_of(limit)
        open_shards = [shard for shard, share in enumerate(shares) if share]
        counters = known.rewards.get(bucket)
        if counters is not None:
            open_shards = [shard for shard, left in _left(shares, counters) if left > 0]
        if not open_shards:
            raise _reached(RewardLimitReached, limit, period, until=end_of(period))
        shard = open_shards[turn % len(open_shards)]
        units.append(UnitTaken(reward_id, period, bucket, shares[shard], shard=shard))
    if customer_id is None:
        return tuple(units)
    for period, limit in of_periods(limits_per_customer).items():
        bucket = bucket_of(period, at, time_zone=time_zone)
        counter = known.customers.get(bucket)
        if counter is not None and counter.used >= limit:
            raise _reached(CustomerLimitReached, limit, period, until=end_of(period))
        units.append(UnitTaken(reward_id, period, bucket, limit, customer_id=customer_id))
    return tuple(units)


def turn_of(name: str) -> int:
    """Return a number that spreads what is called ``name`` over the counters."""
    return zlib.crc32(name.encode())


def given_back(units: Iterable[UnitTaken]) -> tuple[UnitGivenBack, ...]:
    """Return what puts ``units`` back."""
    return tuple(
        UnitGivenBack(unit.reward_id, unit.bucket, unit.customer_id, unit.shard) for unit in units
    )


class ShareSet(msgspec.Struct, frozen=True):
    """A new share of one counter of a reward, while it has the share that was read.

    ``before`` is None where the counter was not stored. Units taken meanwhile do not matter, as
    long as the new share covers them.
    """

    reward_id: str
    bucket: str
    shard: int
    before: int | None
    share: int


def shared_out(
    reward_id: str, bucket: str, limit: int, counters: tuple[LimitCounter | None, ...]
) -> tuple[ShareSet, ...]:
    """Return the shares after the limit of a bucket became ``limit``: taken units stay taken.

    A limit below what is taken gives out no more, and takes none away.
    """
    used = [counter.used if counter else 0 for counter in counters]
    rest = shares_of(max(0, limit - sum(used)))
    return tuple(
        ShareSet(
            reward_id, bucket, shard, counter.share if counter else None, used[shard] + rest[shard]
        )
        for shard, counter in enumerate(counters)
    )


def _left(
    shares: tuple[int, ...], counters: tuple[LimitCounter | None, ...]
) -> list[tuple[int, int]]:
    return [
        (shard, counter.share - counter.used if counter else shares[shard])
        for shard, counter in enumerate(counters)
    ]


def _reached(
    refusal: type[errors.Refused], limit: int, period: Period, *, until: datetime | None
) -> errors.Refused:
    whose = "the reward" if refusal is RewardLimitReached else "the customer"
    within = "" if period is Period.TOTAL else f" this {period}"
    return refusal(
        f"{whose} has had all {limit}{within}",
        fix="use another reward" if until is None else f"try again from {moments.iso(until)}",
        facts={"limit": limit, "period": period, "until": moments.iso_or_none(until)},
    )
