"""Generate codes for a reward, and see how far that is."""

from datetime import datetime
from typing import Annotated

import msgspec

from chalicelib import wiring
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.origins import origin_of
from chalicelib.core import errors
from chalicelib.core.coupons import codes, generations, patterns
from chalicelib.core.coupons.generations import Generation, GenerationStatus
from chalicelib.core.rewards import rewards
from chalicelib.usecases.coupons import generation as usecases

blueprint = JsonBlueprint()

# Leaves a good half of the 29 s that an answer may take to slow calls.
_SECONDS = 10.0

Count = Annotated[int, msgspec.Meta(ge=1, le=generations.COUNT_MAX)]
PatternText = Annotated[
    str,
    msgspec.Meta(
        min_length=codes.LENGTH_MIN,
        max_length=codes.LENGTH_MAX,
        description="# is a digit, ? a letter, * either, both without look-alikes",
        examples=["SUMMER-####-????"],
    ),
]
Prefix = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=codes.LENGTH_MAX, pattern=r"^[A-Za-z0-9_-]+$(?!\n)"),
]
Length = Annotated[
    int,
    msgspec.Meta(
        ge=1, le=codes.LENGTH_MAX, description="random characters, without those of the prefix"
    ),
]


class GenerationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What codes to make: of a pattern, or with a prefix and a length, or else of the reward's.

    Without any of them a code has 12 characters of an alphabet of 31 without look-alikes, the last
    of which is a check character. `force` takes a pattern whose codes could be guessed.
    """

    count: Count
    pattern: PatternText | None = None
    prefix: Prefix | None = None
    length: Length | None = None
    force: bool = False


class GenerationView(msgspec.Struct, frozen=True, kw_only=True):
    """An order for codes, of which ``made`` are in the pool of the reward."""

    id: str
    reward_id: str
    status: GenerationStatus
    pattern: str
    count: int
    made: int
    created_at: datetime
    finished_at: datetime | None


@blueprint.operation(
    "POST",
    "/v1/rewards/{reward_id}/coupons/generate",
    body=GenerationBody,
    answer=GenerationView,
    status=201,
    key_required=True,
    refusals=(
        rewards.RewardNotFound,
        rewards.RewardNotActive,
        patterns.PatternTooWeak,
        patterns.PatternExhausted,
    ),
)
def generate_coupons(call: Call[GenerationBody, None], reward_id: str) -> Answer:
    """Generate up to 1,000,000 codes for the pool of a reward.

    Makes what it can in some seconds; a job makes the others, see the status of the generation.
    The pattern must give a million codes for each one issued, or they could be guessed.
    """
    deadline = wiring.timer() + _SECONDS
    done = usecases.generate(
        call.services.context,
        Generation(
            generation_id=call.services.new_id("gen", call.now),
            reward_id=reward_id,
            pattern=_pattern_of(call.body)
            or generations.pattern_of(call.services.context.rules.reward(reward_id, now=call.now)),
            wanted=call.body.count,
            actor=call.caller.caller_id,
            created_at=call.now,
        ),
        force=call.body.force,
        has_time=lambda: wiring.timer() < deadline,
        origin=origin_of(call),
        request=call.request,
    )
    view = _view(done.result)
    return Answer(view, location=f"/v1/generations/{view.id}", replayed=done.replayed)


@blueprint.operation(
    "GET",
    "/v1/generations/{generation_id}",
    answer=GenerationView,
    refusals=(generations.GenerationNotFound,),
)
def get_generation(call: Call[None, None], generation_id: str) -> Answer:
    """Return a generation, and how far it is."""
    return Answer(_view(usecases.get_generation(call.services.context, generation_id)))


def _pattern_of(body: GenerationBody) -> str | None:
    """Return the pattern that the body says in one way or the other, or None.

    Raises:
        Invalid: it says it in both, or no codes look like that.
    """
    if body.pattern is None and body.prefix is None and body.length is None:
        return None
    if body.pattern is None:
        pattern = patterns.of_parts(body.prefix or "", body.length or codes.CHECKED_LENGTH)
        patterns.check(pattern, pointer="/length")
        return pattern
    if body.prefix is not None or body.length is not None:
        raise errors.Invalid(
            "a pattern and a prefix or length exclude each other",
            fix="send either of them",
            pointer="/pattern",
        )
    patterns.check(body.pattern)
    return body.pattern


def _view(generation: Generation) -> GenerationView:
    return GenerationView(
        id=generation.generation_id,
        reward_id=generation.reward_id,
        status=generation.status,
        pattern=generation.pattern,
        count=generation.wanted,
        made=generation.made,
        created_at=generation.created_at,
        finished_at=generation.finished_at,
    )
