"""Generate codes for a reward: ordered at once, made slice by slice, by whoever has the time."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.core.activity import Channel, Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import coupons, generations, patterns
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.coupons.generations import Generation, GenerationStatus
from chalicelib.core.coupons.patterns import PatternUse
from chalicelib.core.errors import DomainError
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import PageRequest
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.coupons import adding
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.rules import get_reward

# A transaction holds 100 items: the generation, its batch and the reward's first codes are others.
CODES_A_SLICE = 96
# So often codes are drawn that are all taken before the pattern counts as exhausted.
_DRAWS_MAX = 10
# Of 31 codes that look like one with a check character, one is.
_TRIES_A_CODE = 200
_RUNNING_MAX = 25


class Progress(msgspec.Struct, frozen=True):
    """How much a run of the job made, and how many generations are still running."""

    made: int
    running: int


class _Overtaken(Exception):
    """Somebody else works on the generation."""


def generate(  # noqa: PLR0913
    context: Context,
    ordered: Generation,
    *,
    force: bool,
    has_time: Callable[[], bool],
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Generation]:
    """Order codes, and make as many of them as there is time for; a job makes the others.

    Sent again with the same key it goes on with them.

    Raises:
        RewardNotFound, RewardNotActive, Invalid: no codes can be generated for the reward.
        PatternTooWeak, PatternExhausted: the pattern does not give so many.
    """
    use_ref = ref(PatternUse, patterns.key_of(ordered.pattern))

    def decide(_: Contention | None) -> tuple[Generation, tuple[str, ...], Changes]:
        generations.check_generates(get_reward(context.store, ordered.reward_id))
        use = context.store.read(use_ref).find(use_ref)
        changes = generations.order(ordered, use=use, force=force)
        return replace(ordered, version=1), (ordered.generation_id,), changes

    done = once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: get_generation(context, made[0]),
    )
    after, _ = _work(context, done.result, has_time=has_time, now=origin.recorded_at)
    return Done(after, done.replayed)


def get_generation(context: Context, generation_id: str) -> Generation:
    """Return the generation.

    Raises:
        GenerationNotFound: there is none with this id.
    """
    name = ref(Generation, generation_id)
    generation = context.store.read(name).find(name)
    if generation is None:
        raise generations.GenerationNotFound(
            "no generation has this id", fix="use the id that the order was answered with"
        )
    return generation


def go_on(context: Context, *, now: datetime, has_time: Callable[[], bool]) -> Progress:
    """Work on all running generations while there is time, each a slice in turn.

    Can stop anywhere, run again and run twice at once: a slice and the count of it are one change.
    """
    page = context.store.running_generations(PageRequest(limit=_RUNNING_MAX, descending=False))
    running = [each for each in page.items if each.status is GenerationStatus.RUNNING]
    made, left = 0, list(running)
    while left and has_time():
        for generation in tuple(left):
            left.remove(generation)
            before = generation.made
            after, ours = _slice(context, generation, now=now)
            if ours:
                made += after.made - before
            if ours and after.status is GenerationStatus.RUNNING:
                left.append(after)
    return Progress(made, len(left) + (page.end is not None))


def _work(
    context: Context, generation: Generation, *, has_time: Callable[[], bool], now: datetime
) -> tuple[Generation, bool]:
    """Make codes until all are made or there is no more time."""
    ours = True
    while ours and generation.status is GenerationStatus.RUNNING and has_time():
        generation, ours = _slice(context, generation, now=now)
    return generation, ours


def _slice(context: Context, generation: Generation, *, now: datetime) -> tuple[Generation, bool]:
    """Make one slice of codes; return the generation, and whether nobody else works on it."""
    try:
        return _make(context, generation, now=now), True
    except _Overtaken:
        return get_generation(context, generation.generation_id), False


def _make(context: Context, generation: Generation, *, now: datetime) -> Generation:
    reward = context.rules.reward(generation.reward_id, now=now)
    if generations.stops(reward):
        return _finish(context, generation, GenerationStatus.STOPPED, now=now)
    origin = Origin(actor=generation.actor, channel=Channel.JOB, recorded_at=now)
    after = generation

    def beside(results: Mapping[int, Coupon | DomainError], lost: Contention | None) -> Changes:
        nonlocal after
        if lost is not None and lost.stored(Generation) is not None:
            raise _Overtaken
        added = sum(isinstance(result, Coupon) for result in results.values())
        after = generations.advanced(generation, added, now=now)
        return Changes() if added == 0 else Changes(update=((generation, after),))

    for number in range(_DRAWS_MAX):
        codes = _draw(context, generation, look=number > 0)
        chunk = {
            position: coupons.issue(
                code,
                reward=reward,
                settings=context.rules.settings(now=now),
                customer_id=None,
                expires_at=None,
                made_by=None,
                event_id="",
                origin=origin,
            )
            for position, code in enumerate(codes)
        }
        if chunk:
            stocks = None if reward.stocked else reward.reward_id
            adding.add(context, chunk, stocks=stocks, at=now, beside=beside, look=False)
        if after.made > generation.made:
            return replace(after, version=generation.version + 1)
    return _finish(context, generation, GenerationStatus.EXHAUSTED, now=now)


def _draw(context: Context, generation: Generation, *, look: bool) -> list[str]:
    """Return codes for the next slice, drawn at random; ``look`` for some that are not taken."""
    pattern = generation.pattern
    wanted = min(CODES_A_SLICE, generation.missing)
    count = CODES_A_SLICE if look else wanted
    space = patterns.space(pattern)
    drawn: dict[str, None] = {}
    for _ in range(count * _TRIES_A_CODE):
        code = patterns.code_of(pattern, context.random_below(space))
        if code is not None:
            drawn[code] = None
        if len(drawn) == min(count, space):
            break
    if not look or not drawn:
        return list(drawn)[:wanted]
    names = {code: ref(Coupon, coupons.key_of(code)) for code in drawn}
    found = context.store.read(*names.values())
    return [code for code, name in names.items() if found.find(name) is None][:wanted]


def _finish(
    context: Context, generation: Generation, status: GenerationStatus, *, now: datetime
) -> Generation:
    after = generations.finished(generation, status, now=now)

    def attempt(lost: Contention | None) -> Generation:
        if lost is not None and lost.stored(Generation) is not None:
            raise _Overtaken
        context.store.commit(Changes(update=((generation, after),)))
        return replace(after, version=generation.version + 1)

    return transact(context, attempt)
