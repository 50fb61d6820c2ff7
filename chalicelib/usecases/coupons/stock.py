"""Look after the pools of rewards that have a low mark: say which are low, and fill them."""

from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import generations, patterns
from chalicelib.core.coupons.generations import Generation
from chalicelib.core.coupons.patterns import PatternUse
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.rewards import Reward
from chalicelib.usecases.context import Context
from chalicelib.usecases.rewards.totals import totals_of

_PAGE = 100


class Stock(msgspec.Struct, frozen=True):
    """How many pools were looked at, which are low with nothing to fill them, how many are filled.

    ``complete``: all that are watched were looked at.
    """

    watched: int = 0
    low: tuple[str, ...] = ()
    filled: int = 0
    complete: bool = True


def order_what_is_low(context: Context, *, now: datetime, has_time: Callable[[], bool]) -> Stock:
    """Order codes for each pool that is low; :func:`generation.go_on` makes them.

    Costs a read for each pool that is not low. May run twice at once: an order is a change of the
    reward, made only while the reward is as it was before its codes were counted.
    """
    watched, filled = 0, 0
    low: list[str] = []
    request = PageRequest(limit=_PAGE, descending=False)
    while True:
        page = context.store.watched_pools(request)
        for reward in page.items:
            if not has_time():
                return Stock(watched, tuple(low), filled, complete=False)
            watched += 1
            size = _size_if_low(context, reward, now=now)
            if size is None:
                continue
            if _fill(context, reward, size=size, now=now):
                filled += 1
            else:
                low.append(reward.reward_id)
        if page.end is None:
            return Stock(watched, tuple(low), filled)
        request = replace(request, after=page.end)


def _size_if_low(context: Context, reward: Reward, *, now: datetime) -> int | None:
    """Return how many codes are left, or None where that is enough."""
    mark = reward.low_stock_at
    if mark is None or not rewards.has_a_future(reward, now=now):
        return None
    # The totals cost the same at any size, but may be behind: what is low is counted.
    if totals_of(context, reward.reward_id).unassigned > mark:
        return None
    size = context.store.pool_size(reward.reward_id, limit=mark + 1)
    return None if size > mark else size


def _fill(context: Context, reward: Reward, *, size: int, now: datetime) -> bool:
    """Order codes for the pool, unless that was done; return whether it is being filled."""
    if reward.top_up_to is None:
        return False
    generation = generations.top_up(
        reward, size=size, generation_id=context.new_id("gen", now), now=now
    )
    use_ref = ref(PatternUse, patterns.key_of(generation.pattern))
    last_ref = ref(Generation, reward.top_up_id or "none")
    found = context.store.read(use_ref, last_ref)
    if generations.is_filling(found.find(last_ref), now=now):
        return True
    try:
        order = generations.order(generation, use=found.find(use_ref), force=False)
        noted = replace(reward, top_up_id=generation.generation_id)
        context.store.commit(order + Changes(update=((reward, noted),)))
    except (errors.Refused, errors.Invalid):
        return False
    except Contention:
        # Ordered or changed by somebody else meanwhile; the next run looks again.
        return True
    return True
