"""Create, change, list and move rewards through their life."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.core.changes import Changes, Contention
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import Page, PageRequest
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.rewards import Reward, RewardStatus
from chalicelib.usecases.context import Context
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.rewards import limits
from chalicelib.usecases.rules import get_reward


def create_reward(
    context: Context, reward: Reward, *, now: datetime, request: KeyedRequest | None
) -> Done[Reward]:
    """Add a reward.

    Raises:
        Invalid: its fields do not go together.
    """
    rewards.check(reward)

    def decide(_: Contention | None) -> tuple[Reward, tuple[str, ...], Changes]:
        return reward, (reward.reward_id,), Changes(create=(reward,))

    return once(
        context,
        request,
        now=now,
        decide=decide,
        again=lambda made: get_reward(context.store, made[0]),
    )


def update_reward(
    context: Context,
    reward_id: str,
    change: Callable[[Reward], Reward],
    *,
    now: datetime,
    request: KeyedRequest | None,
) -> Done[Reward]:
    """Store what ``change`` makes of the reward as it is now.

    Raises:
        RewardNotFound, Invalid, and what ``change`` raises.
    """

    def decide(_: Contention | None) -> tuple[Reward, tuple[str, ...], Changes]:
        before = get_reward(context.store, reward_id)
        after = change(before)
        rewards.check(after)
        rewards.check_unchanged_kind(before, after)
        if before == after:
            return after, (reward_id,), Changes()
        shares = limits.shared_out(context, before, after, now=now)
        return after, (reward_id,), Changes(update=((before, after),), add=shares)

    done = once(
        context,
        request,
        now=now,
        decide=decide,
        again=lambda _: get_reward(context.store, reward_id),
    )
    context.rules.forget(reward_id)
    return done


def move_reward(
    context: Context,
    reward_id: str,
    status: RewardStatus,
    *,
    now: datetime,
    request: KeyedRequest | None,
) -> Done[Reward]:
    """Activate, pause or archive the reward.

    Raises:
        RewardNotFound, RewardNotActive, PoolEmpty.
    """
    return update_reward(
        context,
        reward_id,
        lambda reward: rewards.moved_to(reward, status),
        now=now,
        request=request,
    )


def list_rewards(
    context: Context, request: PageRequest, *, statuses: frozenset[RewardStatus]
) -> Page[Reward]:
    """Return a page of the rewards in ``statuses``, by the time of their creation."""
    page = context.store.rewards(request)
    return Page(tuple(reward for reward in page.items if reward.status in statuses), page.end)
