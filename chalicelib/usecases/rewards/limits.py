"""What is known of the counters of a reward's limits when a claim is decided."""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.core.activity import Origin
from chalicelib.core.changes import Contention, ref
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.rewards import limits, rewards
from chalicelib.core.rewards.limits import Ledger, LimitCounter, ShareSet, UnitTaken
from chalicelib.core.rewards.rewards import Reward
from chalicelib.usecases.context import Context


def counters_in_the_way(context: Context, lost: Contention | None) -> Ledger:
    """Return the counters that the last attempt failed on.

    Where one counter of a reward had no unit left, all of its bucket are read: another may have.
    """
    clashes = [c for c in lost.clashes if isinstance(c.wanted, UnitTaken)] if lost else []
    customers = {c.wanted.bucket: c.stored for c in clashes if c.wanted.customer_id and c.stored}
    buckets = {c.wanted.bucket: c.wanted.reward_id for c in clashes if not c.wanted.customer_id}
    counters = {bucket: _of_reward(context, reward, bucket) for bucket, reward in buckets.items()}
    return Ledger(rewards=counters, customers=customers)


def units_of_claim(  # noqa: PLR0913
    context: Context,
    reward: Reward,
    customer_id: str,
    lost: Contention | None,
    *,
    name: str,
    origin: Origin,
) -> tuple[UnitTaken, ...]:
    """Return what a claim of one coupon takes from the reward's limits; ``name`` is any of its own.

    Raises:
        RewardLimitReached, CustomerLimitReached: nothing is left.
    """
    return limits.decide_units(
        reward.reward_id,
        limits=reward.limits,
        limits_per_customer=reward.limits_per_customer,
        customer_id=customer_id,
        known=counters_in_the_way(context, lost),
        turn=limits.turn_of(name),
        at=origin.recorded_at,
        time_zone=context.rules.settings(now=origin.recorded_at).time_zone,
    )


def shared_out(
    context: Context, before: Reward, after: Reward, *, now: datetime
) -> tuple[ShareSet, ...]:
    """Return what gives the counters their shares of limits that are others after a change.

    Those of the periods under way; later ones begin with the new limit.
    """
    old = limits.of_periods(rewards.counted_limits(before))
    new = limits.of_periods(rewards.counted_limits(after))
    time_zone = context.rules.settings(now=now).time_zone
    shares: tuple[ShareSet, ...] = ()
    for period, limit in new.items():
        if old.get(period) != limit:
            bucket = limits.bucket_of(period, now, time_zone=time_zone)
            counters = _of_reward(context, after.reward_id, bucket)
            shares += limits.shared_out(after.reward_id, bucket, limit, counters)
    return shares


def counters_of(
    context: Context, coupon: Coupon, customer_id: str | None, *, origin: Origin
) -> Ledger:
    """Return every counter that a claim or a shared use of ``coupon`` would take a unit from."""
    if coupon.customer_id is not None:
        return limits.NOTHING_KNOWN
    now = origin.recorded_at
    reward = context.rules.reward(coupon.reward_id, now=now)
    time_zone = context.rules.settings(now=now).time_zone
    of_reward = {
        bucket: _of_reward(context, reward.reward_id, bucket)
        for bucket in _buckets(limits.of_periods(rewards.counted_limits(reward)), origin, time_zone)
    }
    of_customer = {}
    if customer_id is not None:
        refs = {
            bucket: ref(LimitCounter, reward.reward_id, bucket, customer_id, "0")
            for bucket in _buckets(limits.of_periods(reward.limits_per_customer), origin, time_zone)
        }
        found = context.store.read(*refs.values())
        stored = {bucket: found.find(name) for bucket, name in refs.items()}
        of_customer = {bucket: counter for bucket, counter in stored.items() if counter}
    return Ledger(rewards=of_reward, customers=of_customer)


def uses_of_shared(context: Context, coupon: Coupon) -> int:
    """Return how often the shared code has been used and not given back."""
    counters = _of_reward(context, coupon.reward_id, limits.Period.TOTAL)
    return sum(counter.used for counter in counters if counter)


def _buckets(periods: Iterable[limits.Period], origin: Origin, time_zone: str) -> list[str]:
    return [limits.bucket_of(period, origin.recorded_at, time_zone=time_zone) for period in periods]


def _of_reward(context: Context, reward_id: str, bucket: str) -> tuple[LimitCounter | None, ...]:
    refs = [ref(LimitCounter, reward_id, bucket, "", str(n)) for n in range(limits.SHARDS)]
    found = context.store.read(*refs)
    return tuple(found.find(name) for name in refs)
