"""Rewards: create, change, list, activate, pause and archive."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from chalicelib.api import bodies, lists
from chalicelib.api.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.bodies import Currency, MinorAmount, Moment
from chalicelib.core import rewards, settings
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.rewards import (
    CouponSource,
    PurchaseAmount,
    Reward,
    RewardStatus,
    RewardType,
)
from chalicelib.usecases import rewards as usecases
from chalicelib.usecases import rules

blueprint = JsonBlueprint(__name__)

Name = Annotated[str, bodies.text(120)]
Description = Annotated[str, bodies.text(2000)]
ImageUrl = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^https://[^\s]+$(?!\n)")]
BasisPoints = Annotated[
    int, msgspec.Meta(ge=1, le=10_000, description="hundredths of a percent: 2500 is 25 %")
]
PositiveAmount = Annotated[int, msgspec.Meta(ge=1, le=10**12, description="in minor units")]
UsageLimit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Points = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class Validity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a coupon can be used: until a moment, or to the end of the nth day after its claim.

    Days end at midnight in the business's time zone.
    """

    ends_at: Moment | None = None
    days_after_claim: Annotated[int, msgspec.Meta(ge=0, le=36_500)] | None = None


class RewardBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new reward, as a draft. Amounts are in minor units of the business's currency."""

    name: Name
    type: RewardType
    description: Description | None = None
    image_url: ImageUrl | None = None
    percent_off_basis_points: BasisPoints | None = None
    amount_off_minor: PositiveAmount | None = None
    currency: Currency | None = None
    coupon_source: CouponSource = CouponSource.GENERATED
    usage_limit: UsageLimit = 1
    validity: Validity | None = None
    active_from: Moment | None = None
    active_until: Moment | None = None
    purchase_amount: PurchaseAmount = PurchaseAmount.OPTIONAL
    minimum_purchase_minor: MinorAmount | None = None
    claim_on_redeem: bool = False
    cost_in_points: Points | None = None
    tax_value_minor: MinorAmount | None = None


class RewardPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes: an absent field stays, null clears it. Coupons keep the limit they have."""

    name: Name | UnsetType = UNSET
    type: RewardType | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    image_url: ImageUrl | UnsetType | None = UNSET
    percent_off_basis_points: BasisPoints | UnsetType | None = UNSET
    amount_off_minor: PositiveAmount | UnsetType | None = UNSET
    currency: Currency | UnsetType = UNSET
    coupon_source: CouponSource | UnsetType = UNSET
    usage_limit: UsageLimit | UnsetType = UNSET
    validity: Validity | UnsetType | None = UNSET
    active_from: Moment | UnsetType | None = UNSET
    active_until: Moment | UnsetType | None = UNSET
    purchase_amount: PurchaseAmount | UnsetType = UNSET
    minimum_purchase_minor: MinorAmount | UnsetType | None = UNSET
    claim_on_redeem: bool | UnsetType = UNSET
    cost_in_points: Points | UnsetType | None = UNSET
    tax_value_minor: MinorAmount | UnsetType | None = UNSET


class RewardView(msgspec.Struct, frozen=True, kw_only=True):
    """A reward. It is active in ``[active_from, active_until)`` while its status is ``active``."""

    id: str
    status: RewardStatus
    name: str
    type: RewardType
    description: str | None
    image_url: str | None
    percent_off_basis_points: int | None
    amount_off_minor: int | None
    currency: str
    coupon_source: CouponSource
    usage_limit: int
    validity: Validity | None
    active_from: datetime | None
    active_until: datetime | None
    purchase_amount: PurchaseAmount
    minimum_purchase_minor: int | None
    claim_on_redeem: bool
    cost_in_points: int | None
    tax_value_minor: int | None
    created_at: datetime


class RewardPage(msgspec.Struct, frozen=True):
    items: list[RewardView]
    next_cursor: str | None


class RewardQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: tuple[RewardStatus, ...] = ()
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["created_at", "-created_at"] = "-created_at"


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
        reward_id=services.new_id("rwd", call.now), created_at=call.now, **_values(call)
    )
    done = usecases.create_reward(services.context, reward, now=call.now, request=call.request)
    view = _view(call, done.result)
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
        call, page, lambda reward: _view(call, reward), path="/v1/rewards"
    )
    return Answer(RewardPage(items, cursor))


@blueprint.operation(
    "GET", "/v1/rewards/{reward_id}", answer=RewardView, refusals=(rewards.RewardNotFound,)
)
def get_reward(call: Call[None, None], reward_id: str) -> Answer:
    """Return a reward."""
    return Answer(_view(call, rules.get_reward(call.services.store, reward_id)))


@blueprint.operation(
    "PATCH",
    "/v1/rewards/{reward_id}",
    body=RewardPatch,
    answer=RewardView,
    refusals=(rewards.RewardNotFound, settings.CurrencyMismatch),
)
def update_reward(call: Call[RewardPatch, None], reward_id: str) -> Answer:
    """Change a reward; in force everywhere within 60 seconds."""
    values = _values(call)

    def change(reward: Reward) -> Reward:
        call.check_match(_view(call, reward))
        return replace(reward, **values)

    done = usecases.update_reward(
        call.services.context, reward_id, change, now=call.now, request=call.request
    )
    return Answer(_view(call, done.result), replayed=done.replayed)


def _move(verb: str, status: RewardStatus, doc: str) -> Callable[..., Answer]:
    def move(call: Call[None, None], reward_id: str) -> Answer:
        done = usecases.move_reward(
            call.services.context, reward_id, status, now=call.now, request=call.request
        )
        return Answer(_view(call, done.result), replayed=done.replayed)

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


def _values(call: Call[Any, Any]) -> dict[str, Any]:
    """Return the fields that were sent, in the core's words.

    Raises:
        CurrencyMismatch: the amounts are in another currency than the business's.
    """
    body = call.body
    values = {
        name: value
        for name in body.__struct_fields__
        if (value := getattr(body, name)) is not UNSET
    }
    currency = values.pop("currency", None)
    kept = call.services.context.rules.settings(now=call.now)
    settings.check_currency(currency, settings=kept)
    if "type" in values:
        values["reward_type"] = values.pop("type")
    if "validity" in values:
        validity = values.pop("validity") or Validity()
        values["valid_until"] = validity.ends_at
        values["valid_days_after_claim"] = validity.days_after_claim
    return values


def _view(call: Call[Any, Any], reward: Reward) -> RewardView:
    ends_at, days = reward.valid_until, reward.valid_days_after_claim
    unlimited = ends_at is None and days is None
    return RewardView(
        id=reward.reward_id,
        status=reward.status,
        name=reward.name,
        type=reward.reward_type,
        description=reward.description,
        image_url=reward.image_url,
        percent_off_basis_points=reward.percent_off_basis_points,
        amount_off_minor=reward.amount_off_minor,
        currency=call.services.context.rules.settings(now=call.now).currency,
        coupon_source=reward.coupon_source,
        usage_limit=reward.usage_limit,
        validity=None if unlimited else Validity(ends_at=ends_at, days_after_claim=days),
        active_from=reward.active_from,
        active_until=reward.active_until,
        purchase_amount=reward.purchase_amount,
        minimum_purchase_minor=reward.minimum_purchase_minor,
        claim_on_redeem=reward.claim_on_redeem,
        cost_in_points=reward.cost_in_points,
        tax_value_minor=reward.tax_value_minor,
        created_at=reward.created_at,
    )
