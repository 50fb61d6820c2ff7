"""Claim any coupon from the pool of a reward: each claimer another one, however many there are."""

from datetime import datetime

from chalicelib.core import errors
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention
from chalicelib.core.coupons import coupons, pools
from chalicelib.core.coupons.coupons import Coupon, CouponDecision
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.rewards.rewards import Reward
from chalicelib.usecases.context import Context
from chalicelib.usecases.coupons.coupons import check_accounts_in_the_way, get_coupon
from chalicelib.usecases.coupons.redemptions import by_current_rules
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.rewards.limits import units_of_claim

# How many coupons a look at a shard reads. One is enough where nobody is in the way; more let the
# claimers of the last codes take different ones, and get past codes that ran out unrecorded.
_SIGHTS = (1, 10, 100)


def claim_any(  # noqa: PLR0913
    context: Context,
    reward_id: str,
    customer_id: str,
    *,
    by_staff: bool,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Coupon]:
    """Give the customer a coupon from the pool of the reward.

    Raises:
        RewardNotFound, RewardNotActive: the pool may not be drawn on.
        PoolEmpty: nothing was to be seen there. A code that was added within the second may not
            be seen yet.
        RewardLimitReached, CustomerLimitReached: the reward's limits.
        CustomerNotFound, CustomerExcluded, CustomerDeleted, ConflictRetry: as in every claim.
        Unavailable: among very many codes that have run out were none that run out later, and none
            of those that never do was found. The job takes the former out of the pool.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def decide(lost: Contention | None) -> tuple[Coupon, tuple[str, ...], Changes]:
        decision = draw(
            context,
            reward_id,
            customer_id,
            lost,
            by_staff=by_staff,
            event_id=event_id,
            origin=origin,
        )
        return decision.coupon, (decision.coupon.code,), decision.changes

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: get_coupon(context, made[0]),
    )


def draw(  # noqa: PLR0913
    context: Context,
    reward_id: str,
    customer_id: str,
    lost: Contention | None,
    *,
    by_staff: bool,
    event_id: str,
    origin: Origin,
) -> CouponDecision:
    """Return the decision that gives the customer some coupon of the pool; ``lost`` as ever.

    Raises:
        As :func:`claim_any`.
    """
    now = origin.recorded_at
    check_accounts_in_the_way(lost)
    reward = _giving(context, reward_id, by_staff=by_staff, now=now)
    units = units_of_claim(context, reward, customer_id, lost, name=event_id, origin=origin)
    return coupons.decide_claim(
        _find(context, reward, crowded=lost is not None, now=now),
        customer_id,
        reward=reward,
        settings=context.rules.settings(now=now),
        event_id=event_id,
        origin=origin,
        units=units,
    )


def _giving(context: Context, reward_id: str, *, by_staff: bool, now: datetime) -> Reward:
    """Return the reward, whose pool may be drawn on."""

    def reward() -> Reward:
        reward = context.rules.reward(reward_id, now=now)
        pools.check_gives(
            reward, by_staff=by_staff, settings=context.rules.settings(now=now), now=now
        )
        return reward

    return by_current_rules(context, reward_id, reward)


def _find(context: Context, reward: Reward, *, crowded: bool, now: datetime) -> Coupon:
    """Return a coupon to claim: any, or one at random of several where others claim them too."""
    store, random_below = context.store, context.random_below
    shards = sorted(range(store.pool_shards), key=lambda _: random_below(pools.PLACES))
    for limit in _SIGHTS[1:] if crowded else _SIGHTS:
        for shard in tuple(shards):
            sight = store.pool(
                reward.reward_id,
                shard,
                place=random_below(pools.PLACES),
                limit=limit,
            )
            found = pools.claimable(sight.coupons, now=now)
            if found:
                return found[random_below(len(found))]
            if sight.whole:
                shards.remove(shard)
        if not shards:
            raise pools.empty(reward)
    # All that was seen has run out: look at those that run out later, in their order.
    found = pools.claimable(
        store.pool_by_end(reward.reward_id, after=now, limit=_SIGHTS[-1]), now=now
    )
    if found:
        return found[random_below(len(found))]
    raise errors.Unavailable(
        "the pool is full of codes that have run out, which are being taken out of it",
        fix="try again in some minutes, or add codes to the reward",
        facts={"retry_after": 60},
    )
