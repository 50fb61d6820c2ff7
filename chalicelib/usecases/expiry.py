"""Record that coupons have run out. They are refused from that instant on without it."""

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.core import accounts, coupons
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention
from chalicelib.core.coupons import Coupon, CouponDecision
from chalicelib.usecases.context import Context

_PAGE = 100
# Three items each; small enough that a redemption of one of them seldom meets the transaction.
_COUPONS_A_CHANGE = 25


class Progress(msgspec.Struct, frozen=True):
    """How much a run did and what it left: ``left`` counts to some thousands for each shard.

    ``lag_seconds`` is how long the longest due coupon has been waiting.
    """

    expired: int
    left: int
    lag_seconds: int


def expire_due(
    context: Context, *, origin: Origin, has_time: Callable[[], bool], first_shard: int = 0
) -> Progress:
    """Record the end of every coupon that is due at ``origin.recorded_at``, while there is time.

    Reads only what is due. Can stop anywhere, run again and run twice at once: a coupon is
    recorded once, and the next run goes on where this one stopped.
    """
    shards = context.store.due_shards
    expired = 0
    unfinished = []
    for number in range(shards):
        shard = (first_shard + number) % shards
        count, finished = _expire_shard(context, shard, origin=origin, has_time=has_time)
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
    context: Context, shard: int, *, origin: Origin, has_time: Callable[[], bool]
) -> tuple[int, bool]:
    """Return how many were recorded, and whether those were all that were due."""
    expired = 0
    whole = True
    after: str | None = None
    while has_time():  # Ends: `after` moves through what was due, which only gets less.
        page = context.store.due_coupons(shard, now=origin.recorded_at, limit=_PAGE, after=after)
        for start in range(0, len(page.items), _COUPONS_A_CHANGE):
            due = page.items[start : start + _COUPONS_A_CHANGE]
            count = _expire(context, due, origin=origin)
            expired += count
            whole = whole and count == len(due)
        after = page.end
        if after is None:
            return expired, whole
    return expired, False


def _expire(context: Context, due: Sequence[Coupon], *, origin: Origin) -> int:
    """Record the end of ``due`` together, or one by one where something else is changing them."""
    decisions = [
        decision
        for coupon in due
        if (
            decision := coupons.decide_expiry(
                coupon, event_id=context.new_id("evt", origin.recorded_at), origin=origin
            )
        )
    ]
    if _commit(context, decisions):
        return len(decisions)
    return sum(_commit(context, [decision]) for decision in decisions)


def _commit(context: Context, decisions: Sequence[CouponDecision]) -> bool:
    changes = Changes()
    for decision in decisions:
        changes += decision.changes
    together = Changes(
        create=changes.create, update=changes.update, count=accounts.merged(changes.count)
    )
    try:
        context.store.commit(together)
    except Contention:
        # Redeemed, changed or expired by somebody else meanwhile. The next run looks again, and
        # what is still due then is reported as left: it may be due for ever.
        return False
    return True
