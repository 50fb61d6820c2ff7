"""Record that coupons have run out. They are refused from that instant on without it."""

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon, CouponDecision
from chalicelib.core.customers import accounts
from chalicelib.usecases.context import Context

_PAGE = 100
# Three items each; small enough that a redemption of one of them seldom meets the transaction.
_COUPONS_A_CHANGE = 25


class Progress(msgspec.Struct, frozen=True):
    """How much a run did and what it left: ``left`` counts to a thousand for each shard.

    ``lag_seconds`` is how long the longest due coupon has been waiting.
    """

    expired: int
    left: int
    lag_seconds: int


def _never() -> None:
    """Rest not at all."""


def expire_due(
    context: Context,
    *,
    origin: Origin,
    has_time: Callable[[], bool],
    rest: Callable[[], None] = _never,
    first_shard: int = 0,
) -> Progress:
    """Record the end of every coupon that is due at ``origin.recorded_at``, while there is time.

    Reads only what is due. Can stop anywhere, run again and run twice at once: a coupon is
    recorded once, and the next run goes on where this one stopped. After each change it calls
    ``rest``, which may wait: the truth about a coupon does not depend on its end being recorded.
    """
    shards = context.store.due_shards
    expired = 0
    unfinished = []
    for number in range(shards):
        shard = (first_shard + number) % shards
        count, finished = _expire_shard(context, shard, origin=origin, has_time=has_time, rest=rest)
        expired += count
        if not finished:
            unfinished.append(shard)
    left, lag_seconds = 0, 0
    for shard in unfinished:
        backlog = context.store.backlog(shard, now=origin.recorded_at)
        left += backlog.count
        if backlog.oldest_at is not None:
            waiting = origin.recorded_at - backlog.oldest_at
            lag_seconds = max(lag_seconds, int(waiting.total_seconds()))
    return Progress(expired, left, lag_seconds)


def _expire_shard(
    context: Context,
    shard: int,
    *,
    origin: Origin,
    has_time: Callable[[], bool],
    rest: Callable[[], None],
) -> tuple[int, bool]:
    """Return how many were recorded, and whether those were all that were due."""
    expired = 0
    whole = True
    after: str | None = None
    while has_time():  # Ends: `after` moves through what was due, which only gets less.
        page = context.store.due_coupons(shard, now=origin.recorded_at, limit=_PAGE, after=after)
        for start in range(0, len(page.items), _COUPONS_A_CHANGE):
            # A page of a slow pace would take longer than what a run keeps in reserve.
            if start and not has_time():
                return expired, False
            due = page.items[start : start + _COUPONS_A_CHANGE]
            count = _expire(context, due, origin=origin)
            expired += count
            whole = whole and count == len(due)
            rest()
        after = page.end
        if after is None:
            return expired, whole
    return expired, False


def _expire(context: Context, due: Sequence[Coupon], *, origin: Origin) -> int:
    """Record the end of ``due`` together; without those that somebody else is changing.

    Redeemed, changed or expired meanwhile: the next run looks at those again, and what is still due
    then is reported as left: it may be due for ever.
    """
    decisions = [
        decision
        for coupon in due
        if (
            decision := coupons.decide_expiry(
                coupon, event_id=context.new_id("evt", origin.recorded_at), origin=origin
            )
        )
    ]
    lost = _commit(context, decisions)
    if lost is None:
        return len(decisions)
    changed = {clash.wanted.code for clash in lost.clashes if isinstance(clash.wanted, Coupon)}
    rest = [decision for decision in decisions if decision.coupon.code not in changed]
    if changed and (not rest or _commit(context, rest) is None):
        return len(rest)
    return sum(_commit(context, [decision]) is None for decision in rest)


def _commit(context: Context, decisions: Sequence[CouponDecision]) -> Contention | None:
    """Return what stood in the way, or None when all of it is written."""
    changes = Changes()
    for decision in decisions:
        changes += decision.changes
    together = Changes(
        create=changes.create, update=changes.update, count=accounts.merged(changes.count)
    )
    try:
        context.store.commit(together)
    except Contention as contention:
        return contention
    return None
