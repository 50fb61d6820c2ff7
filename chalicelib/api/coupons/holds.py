"""Holds: reserve a use of a coupon for an order, prolong the hold, release it."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from chalicelib.api.coupons.purchases import OrderId
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.bodies import Identifier
from chalicelib.api.web.origins import origin_of
from chalicelib.core.coupons import coupons, holds
from chalicelib.core.coupons.holds import LENGTH_DEFAULT, LENGTH_MAX, Hold
from chalicelib.core.rewards import rewards
from chalicelib.usecases.coupons import holds as usecases

blueprint = JsonBlueprint()

_MINUTE = timedelta(minutes=1)
Minutes = Annotated[
    int, msgspec.Meta(ge=1, le=LENGTH_MAX // _MINUTE, description="how long, from now on")
]


class HoldBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom and how long. A redemption on the same order uses the hold without naming it."""

    order_id: OrderId | None = None
    customer_id: Identifier | None = None
    minutes: Minutes = LENGTH_DEFAULT // _MINUTE


class HoldPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    minutes: Minutes


class HoldView(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a coupon, reserved until ``lapses_at``."""

    id: str
    code: str
    order_id: str | None
    taken_at: datetime
    lapses_at: datetime


@blueprint.operation(
    "POST",
    "/v1/coupons/{code}/holds",
    body=HoldBody,
    answer=HoldView,
    status=201,
    refusals=(
        coupons.CouponNotFound,
        coupons.CouponAlreadyRedeemed,
        coupons.CouponExpired,
        coupons.CouponInvalid,
        coupons.CouponUnassigned,
        coupons.WrongCustomer,
        rewards.RewardNotActive,
        holds.CouponHeld,
    ),
)
def hold_coupon(call: Call[HoldBody, None], code: str) -> Answer:
    """Hold a use of a coupon for an order.

    Nobody else can use what is held. It is honoured after the coupon's expiry, and frees itself
    when its time is over.
    """
    done = usecases.hold(
        call.services.context,
        code,
        length=call.body.minutes * _MINUTE,
        customer_id=call.body.customer_id,
        order_id=call.body.order_id,
        origin=origin_of(call),
        request=call.request,
    )
    hold = done.result
    return Answer(_view(hold), location=f"/v1/holds/{hold.hold_id}", replayed=done.replayed)


@blueprint.operation("GET", "/v1/holds/{hold_id}", answer=HoldView, refusals=(holds.HoldNotFound,))
def get_hold(call: Call[None, None], hold_id: str) -> Answer:
    """Return a hold, also for some weeks after it has lapsed."""
    return Answer(_view(usecases.get_hold(call.services.context, hold_id)))


@blueprint.operation(
    "PATCH",
    "/v1/holds/{hold_id}",
    body=HoldPatch,
    answer=HoldView,
    refusals=(holds.HoldNotFound, holds.HoldLapsed),
)
def prolong_hold(call: Call[HoldPatch, None], hold_id: str) -> Answer:
    """Let a hold last longer, or shorter, from now on."""

    def check(hold: Hold) -> None:
        call.check_match(_view(hold))

    done = usecases.prolong(
        call.services.context,
        hold_id,
        call.body.minutes * _MINUTE,
        check=check,
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(_view(done.result), replayed=done.replayed)


@blueprint.operation(
    "DELETE",
    "/v1/holds/{hold_id}",
    status=204,
    refusals=(holds.HoldNotFound,),
)
def release_hold(call: Call[None, None], hold_id: str) -> Answer:
    """Release a hold: others can use the coupon again."""
    done = usecases.release(
        call.services.context, hold_id, origin=origin_of(call), request=call.request
    )
    return Answer(replayed=done.replayed)


def _view(hold: Hold) -> HoldView:
    return HoldView(
        id=hold.hold_id,
        code=hold.code,
        order_id=hold.order_id,
        taken_at=hold.taken_at,
        lapses_at=hold.lapses_at,
    )
