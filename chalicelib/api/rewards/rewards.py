"""Rewards: create, change, list, activate, pause and archive."""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from chalicelib.api.rewards.reward_views import (
    RewardBody,
    RewardPage,
    RewardPatch,
    RewardQuery,
    RewardView,
    values_of,
    view_of,
)
from chalicelib.api.web import lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.core import settings
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.limits import Limits
from chalicelib.core.rewards.rewards import (
    CouponSource,
    Reward,
    RewardStatus,
)
from chalicelib.usecases import rules
from chalicelib.usecases.rewards import rewards as usecases

blueprint = JsonBlueprint()


@blueprint.operation(
    "POST",
    "/v1/rewards",
    body=RewardBody,
    answer=RewardView,
    status=201,
    refusals=(settings.CurrencyMismatch,),
)
def create_reward(call: Call[RewardBody, None]) -> Answer:
    """Add a reward, as a draft."""
    services = call.services
    reward = Reward(
        reward_id=services.new_id("rwd", call.now), created_at=call.now, **values_of(call)
    )
    if call.body.limits_per_customer is UNSET and reward.coupon_source is CouponSource.SHARED:
        # Once for each customer, unless the request says otherwise.
        reward = replace(reward, limits_per_customer=Limits(total=1))
    done = usecases.create_reward(services.context, reward, now=call.now, request=call.request)
    view = view_of(call, done.result)
    return Answer(view, location=f"/v1/rewards/{view.id}", replayed=done.replayed)


@blueprint.operation(
    "GET", "/v1/rewards", query=RewardQuery, answer=RewardPage, refusals=(InvalidCursor,)
)
def list_rewards(call: Call[None, RewardQuery]) -> Answer:
    """List rewards."""
    request = lists.page_request(call, path="/v1/rewards", sort=call.query.sort)
    page = usecases.list_rewards(
        call.services.context, request, statuses=lists.chosen(call.query.status, RewardStatus)
    )
    items, cursor = lists.page_of(
        call, page, lambda reward: view_of(call, reward), path="/v1/rewards"
    )
    return Answer(RewardPage(items, cursor))


@blueprint.operation(
    "GET", "/v1/rewards/{reward_id}", answer=RewardView, refusals=(rewards.RewardNotFound,)
)
def get_reward(call: Call[None, None], reward_id: str) -> Answer:
    """Return a reward."""
    return Answer(view_of(call, rules.get_reward(call.services.store, reward_id)))


@blueprint.operation(
    "PATCH",
    "/v1/rewards/{reward_id}",
    body=RewardPatch,
    answer=RewardView,
    refusals=(rewards.RewardNotFound, settings.CurrencyMismatch),
)
def update_reward(call: Call[RewardPatch, None], reward_id: str) -> Answer:
    """Change a reward; in force everywhere within 60 seconds."""
    values = values_of(call)

    def change(reward: Reward) -> Reward:
        call.check_match(view_of(call, reward))
        return replace(reward, **values)

    done = usecases.update_reward(
        call.services.context, reward_id, change, now=call.now, request=call.request
    )
    return Answer(view_of(call, done.result), replayed=done.replayed)


def _move(verb: str, status: RewardStatus, doc: str) -> Callable[..., Answer]:
    def move(call: Call[None, None], reward_id: str) -> Answer:
        done = usecases.move_reward(
            call.services.context, reward_id, status, now=call.now, request=call.request
        )
        return Answer(view_of(call, done.result), replayed=done.replayed)

    move.__name__ = f"{verb}_reward"
    move.__doc__ = doc
    return blueprint.operation(
        "POST",
        f"/v1/rewards/{{reward_id}}/{verb}",
        answer=RewardView,
        refusals=(rewards.RewardNotFound, rewards.RewardNotActive, rewards.PoolEmpty),
    )(move)


activate_reward = _move(
    "activate",
    RewardStatus.ACTIVE,
    "Activate a reward that is a draft or paused.\n\n"
    "One that gives uploaded codes must have had some.",
)
pause_reward = _move("pause", RewardStatus.PAUSED, "Pause an active reward.")
archive_reward = _move("archive", RewardStatus.ARCHIVED, "Archive a reward, for ever.")
