"""Keep the totals of rewards from what the table's stream tells, and read them."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import count
from typing import Any

import msgspec

from chalicelib.core.changes import Contention, Ref, ref
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.batches import CouponBatch
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.coupons.redemptions import Redemption
from chalicelib.core.rewards import statistics, totals
from chalicelib.core.rewards.statistics import Period, Span
from chalicelib.core.rewards.totals import (
    Change,
    CouponShadow,
    Part,
    RedemptionShadow,
    Totals,
)
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.ports import Found

# Each writes its note, the totals of its reward, and those of a day of it.
_THINGS_A_CHANGE = 33

Notes = Mapping[Ref[Any], Sequence[Change[Any]]]


def keep(context: Context, changes: Sequence[Change[Any]], now: datetime) -> None:
    """Add to the totals what ``changes`` mean for them, each once however often it is given.

    Those of one item are in order; the items are in any. Other kinds of items are passed over.

    Raises:
        Unavailable, ConflictRetry: give all of them again.
    """
    by_note: dict[Ref[Any], list[Change[Any]]] = {}
    for change in changes:
        note = _note_of(change.after)
        if note is not None:
            by_note.setdefault(note, []).append(change)
    names = list(by_note)
    for start in range(0, len(names), _THINGS_A_CHANGE):
        _keep(
            {name: by_note[name] for name in names[start : start + _THINGS_A_CHANGE]}, context, now
        )


def _keep(notes: Notes, context: Context, now: datetime) -> None:
    time_zone = context.rules.settings(now=now).time_zone
    # Runs side by side begin at different shares, and a lost race goes on to the next one.
    shards = count(zlib.crc32(repr(next(iter(notes))).encode()))

    def attempt(_: Contention | None) -> None:
        found = context.store.read(*notes)
        parts = [
            part
            for name, changes in notes.items()
            if (part := _part(name, changes, found, time_zone=time_zone)) is not None
        ]
        context.store.commit(totals.together(parts, shard=next(shards) % totals.SHARDS))

    transact(context, attempt)


def _note_of(after: object) -> Ref[Any] | None:
    """Return where it says what the totals have of the thing, or None where they do not care."""
    match after:
        case Coupon():
            return ref(CouponShadow, coupons.key_of(after.code))
        case Redemption():
            return ref(RedemptionShadow, after.redemption_id)
        case CouponBatch():
            return ref(CouponBatch, after.batch_id)
        case _:
            return None


def _part(
    name: Ref[Any], changes: Sequence[Change[Any]], found: Found, *, time_zone: str
) -> Part | None:
    noted = found.find(name)
    if name.kind is CouponShadow:
        return totals.of_coupon(noted, changes, time_zone=time_zone)
    if name.kind is RedemptionShadow:
        return totals.of_redemption(noted, changes, time_zone=time_zone)
    # The table has removed it: it was counted weeks ago.
    return None if noted is None else totals.of_batch(noted, time_zone=time_zone)


class Statistics(msgspec.Struct, frozen=True):
    """The totals of a reward, and the spans of a range; amounts are in minor units."""

    totals: Totals
    over_time: tuple[Span, ...]
    currency: str


def statistics_of(  # noqa: PLR0913
    context: Context,
    reward_id: str,
    *,
    first: date | None,
    until: date | None,
    by: Period,
    now: datetime,
) -> Statistics:
    """Return the statistics of the reward, over the days of ``[first, until)``.

    Without an end the range includes today, without a start it has 30 days.

    Raises:
        RewardNotFound: no reward has this id.
        Invalid: the range is empty, or longer than two years.
    """
    context.rules.reward(reward_id, now=now)
    settings = context.rules.settings(now=now)
    today = totals.day_of(now, time_zone=settings.time_zone)
    start, end = statistics.range_of(first, until, today=today)
    days = totals.by_day(reward_id, context.store.days_of_reward(reward_id, first=start, until=end))
    return Statistics(
        totals_of(context, reward_id),
        tuple(statistics.spans(days, start, end, by=by)),
        settings.currency,
    )


def totals_of(context: Context, reward_id: str) -> Totals:
    """Return the totals of the reward, of all shares together; the reward may not exist."""
    names = [ref(Totals, reward_id, str(shard)) for shard in range(totals.SHARDS)]
    found = context.store.read(*names)
    return totals.summed(reward_id, [found.find(name) for name in names])
