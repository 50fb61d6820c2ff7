"""Recount the coupons of rewards, and compare with the totals that the stream keeps."""

from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards import reconciliations
from chalicelib.core.rewards.reconciliations import Counts, ReconcilePosition, Reconciliation
from chalicelib.core.rewards.totals import Totals
from chalicelib.usecases.context import Context
from chalicelib.usecases.rewards.totals import totals_of

_PAGE = 25


class Report(msgspec.Struct, frozen=True):
    """What a run did. ``differing``: coupons that the totals have wrong, by the recounts.

    ``unsettled``: rewards that changed meanwhile, or were too large for the time left; the next
    round counts them again. ``finished``: the run came to the end of the rewards.
    """

    rewards: int
    differing: int
    corrected: int
    unsettled: int
    finished: bool


def reconcile(context: Context, *, now: datetime, has_time: Callable[[], bool]) -> Report:
    """Recount reward by reward, from where the last run stopped, while there is time.

    Running twice at once counts some twice, and corrects none twice.
    """
    report = Report(rewards=0, differing=0, corrected=0, unsettled=0, finished=False)
    while has_time():  # Ends: each round goes on behind the one before.
        name = ref(ReconcilePosition)
        position = context.store.read(name).find(name)
        start = (position.after if position else "") or None
        page = context.store.rewards(PageRequest(limit=_PAGE, after=start, descending=False))
        end: str | None = start
        for reward in page.items:
            counted = _count(context, reward.reward_id, has_time=has_time)
            # One that a whole run is too short for must not stop the others for ever.
            if not (has_time() or report.rewards == 0):
                _go_on(context, position, end)
                return report
            report = _with(report, _compared(context, reward.reward_id, counted, now=now))
            end = reward.reward_id
        _go_on(context, position, page.end)
        if page.end is None:
            return replace(report, finished=True)
    return report


def _go_on(context: Context, before: ReconcilePosition | None, end: str | None) -> None:
    after = ReconcilePosition(end or "", version=before.version if before else 0)
    changes = Changes(update=((before, after),)) if before else Changes(create=(after,))
    try:
        if before != after:
            context.store.commit(changes)
    except Contention:
        return  # Another run goes on; where it stops is as good.


class _Recount(msgspec.Struct, frozen=True):
    """The coupons of a reward by status, and its totals when the count began."""

    counts: Counts
    before: Totals


def _compared(
    context: Context, reward_id: str, recount: _Recount | None, *, now: datetime
) -> tuple[int, int] | None:
    """Return how many coupons differ and were corrected, or None where it cannot be told."""
    if recount is None:
        return None
    name = ref(Reconciliation, reward_id)
    earlier = context.store.read(name).find(name)
    kept = totals_of(context, reward_id)
    if kept != recount.before:
        return None
    changes = reconciliations.decide(
        earlier, reward_id=reward_id, counted=recount.counts, kept=kept, now=now
    )
    try:
        context.store.commit(changes)
    except Contention:
        return None
    differing = sum(
        abs(number - getattr(kept, status)) for status, number in recount.counts.items()
    )
    return differing, sum(abs(n) for change in changes.add for _, n in change.amounts)


def _with(report: Report, found: tuple[int, int] | None) -> Report:
    if found is None:
        return replace(report, rewards=report.rewards + 1, unsettled=report.unsettled + 1)
    differing, corrected = found
    return replace(
        report,
        rewards=report.rewards + 1,
        differing=report.differing + differing,
        corrected=report.corrected + corrected,
    )


def _count(context: Context, reward_id: str, *, has_time: Callable[[], bool]) -> _Recount | None:
    """Return the recount, or None when there was no time for all of it."""
    before = totals_of(context, reward_id)
    counts: Counts = {}
    for status in CouponStatus:
        number, after = 0, None
        while True:  # Ends: each page but the last is a megabyte of what there is.
            if not has_time():
                return None
            page = context.store.count_of_reward(reward_id, status, after=after)
            number += page.count
            after = page.end
            if after is None:
                break
        counts[status.value] = number
    return _Recount(counts, before)
