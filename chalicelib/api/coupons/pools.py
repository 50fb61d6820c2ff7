"""Pools: claim any of a reward's unassigned coupons."""

from chalicelib.api.coupons.coupon_views import ClaimBody, CouponView, view_of
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.origins import origin_of
from chalicelib.core.callers.callers import Role
from chalicelib.core.customers import accounts
from chalicelib.core.rewards import rewards
from chalicelib.usecases.coupons import pools as usecases

blueprint = JsonBlueprint()


@blueprint.operation(
    "POST",
    "/v1/rewards/{reward_id}/claim",
    body=ClaimBody,
    answer=CouponView,
    refusals=(
        rewards.RewardNotFound,
        accounts.CustomerNotFound,
        accounts.CustomerExcluded,
        accounts.CustomerDeleted,
        rewards.RewardNotActive,
        rewards.PoolEmpty,
    ),
)
def claim_from_pool(call: Call[ClaimBody, None], reward_id: str) -> Answer:
    """Give a customer any unassigned coupon of the reward.

    Each caller gets another one. Staff may give them before and after the reward is active, an
    integration only while it is. `pool_empty` when there is none left.
    """
    done = usecases.claim_any(
        call.services.context,
        reward_id,
        call.body.customer_id,
        by_staff=call.caller.role is not Role.INTEGRATION,
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(view_of(done.result, call.now), replayed=done.replayed)
