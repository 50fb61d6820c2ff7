"""Generations: orders for new codes, carried out in slices, each in one transaction."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import coupons, patterns
from chalicelib.core.coupons.patterns import PatternUse
from chalicelib.core.rewards.rewards import CouponSource, Reward, RewardStatus

COUNT_MAX = 1_000_000
KEEPER = "job:keep_stock"
"""The actor of what fills pools by itself."""
# Much longer than an index takes to show what was written.
_SEEN_AFTER = timedelta(minutes=1)


class GenerationNotFound(errors.NotFound):
    """No generation has this id."""

    code = "generation_not_found"


class GenerationStatus(StrEnum):
    """How far a generation is. Values are public.

    ``exhausted``: no more codes of the pattern were found free. ``stopped``: the reward was
    archived.
    """

    RUNNING = "running"
    COMPLETED = "completed"
    EXHAUSTED = "exhausted"
    STOPPED = "stopped"


class Generation(msgspec.Struct, frozen=True):
    """An order for ``wanted`` new codes of a reward, of which ``made`` are in its pool."""

    generation_id: str
    reward_id: str
    pattern: str
    wanted: int
    actor: str
    created_at: datetime
    status: GenerationStatus = GenerationStatus.RUNNING
    made: int = 0
    finished_at: datetime | None = None
    version: int = 0

    @property
    def missing(self) -> int:
        """How many codes are still to be made."""
        return self.wanted - self.made


def top_up(reward: Reward, *, size: int, generation_id: str, now: datetime) -> Generation:
    """Return the order that fills the pool of ``reward``, which holds ``size`` codes."""
    assert reward.top_up_to is not None, "only pools with a level are filled"
    return Generation(
        generation_id=generation_id,
        reward_id=reward.reward_id,
        pattern=pattern_of(reward),
        wanted=reward.top_up_to - size,
        actor=KEEPER,
        created_at=now,
    )


def is_filling(last: Generation | None, *, now: datetime) -> bool:
    """Whether the pool's last filling is under way, or so fresh that its codes may not be seen."""
    if last is None:
        return False
    return last.finished_at is None or now < last.finished_at + _SEEN_AFTER


def pattern_of(reward: Reward) -> str:
    """Return the form of the codes of ``reward``, where nobody asks for another."""
    return reward.code_pattern or patterns.DEFAULT


def check_generates(reward: Reward) -> None:
    """Raise unless codes of ``reward`` may be generated.

    Raises:
        RewardNotActive: the reward is archived.
        Invalid: its codes come from elsewhere.
    """
    coupons.check_may_be_issued(reward)
    if reward.coupon_source is not CouponSource.GENERATED:
        raise errors.Invalid(
            f"the codes of this reward are {reward.coupon_source}",
            fix="create a reward whose coupon_source is generated",
            facts={"coupon_source": reward.coupon_source},
        )


def order(generation: Generation, *, use: PatternUse | None, force: bool) -> Changes:
    """Return what an order for codes writes; ``use`` is what was ordered of the pattern before.

    Raises:
        PatternTooWeak, PatternExhausted: by :func:`patterns.ordered`.
    """
    before = use or PatternUse(patterns.key_of(generation.pattern), 0)
    after = patterns.ordered(
        before, pattern=generation.pattern, count=generation.wanted, force=force
    )
    if use is None:
        return Changes(create=(generation, after))
    return Changes(create=(generation,), update=((use, after),))


def advanced(generation: Generation, added: int, *, now: datetime) -> Generation:
    """Return ``generation`` with ``added`` more codes made."""
    after = replace(generation, made=generation.made + added)
    return finished(after, GenerationStatus.COMPLETED, now=now) if after.missing == 0 else after


def finished(generation: Generation, status: GenerationStatus, *, now: datetime) -> Generation:
    """Return ``generation`` at its end."""
    return replace(generation, status=status, finished_at=now)


def stops(reward: Reward) -> bool:
    """Whether a generation for ``reward`` ends before all codes are made."""
    return reward.status is RewardStatus.ARCHIVED
