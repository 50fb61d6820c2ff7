"""What rewards are told and tell."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.web import bodies, lists
from chalicelib.api.web.blueprint import Call
from chalicelib.api.web.bodies import Currency, MinorAmount, Moment
from chalicelib.core import settings
from chalicelib.core.coupons import codes
from chalicelib.core.rewards.limits import Limits
from chalicelib.core.rewards.rewards import (
    CouponSource,
    PurchaseAmount,
    Reward,
    RewardStatus,
    RewardType,
    Stacking,
)

Name = Annotated[str, bodies.text(120)]
Description = Annotated[str, bodies.text(2000)]
ImageUrl = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^https://[^\s]+$(?!\n)")]
BasisPoints = Annotated[
    int, msgspec.Meta(ge=1, le=10_000, description="hundredths of a percent: 2500 is 25 %")
]
PositiveAmount = Annotated[int, msgspec.Meta(ge=1, le=10**12, description="in minor units")]
UsageLimit = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Points = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
LimitCount = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
Names = Annotated[tuple[Annotated[str, bodies.text(64)], ...], msgspec.Meta(max_length=100)]
Order = Annotated[
    int, msgspec.Meta(ge=-1000, le=1000, description="coupons with a lower one come first")
]
CodePattern = Annotated[
    str,
    msgspec.Meta(
        min_length=codes.LENGTH_MIN,
        max_length=codes.LENGTH_MAX,
        description="of generated codes; # is a digit, ? a letter, * either, without look-alikes",
    ),
]
LowStock = Annotated[
    int, msgspec.Meta(ge=1, le=10_000, description="an alarm says when so many codes are left")
]
TopUp = Annotated[
    int, msgspec.Meta(ge=1, le=100_000, description="generate codes up to so many when it is low")
]


class Validity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a coupon can be used: until a moment, or to the end of the nth day after its claim.

    Days end at midnight in the business's time zone.
    """

    ends_at: Moment | None = None
    days_after_claim: Annotated[int, msgspec.Meta(ge=0, le=36_500)] | None = None


class LimitsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many there may be: ever, and in each calendar day, week and month of the business.

    Claims are counted, of a shared code its uses, from when the limit is set.
    """

    total: LimitCount | None = None
    per_day: LimitCount | None = None
    per_week: LimitCount | None = None
    per_month: LimitCount | None = None


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
    limits: LimitsBody | None = None
    limits_per_customer: LimitsBody | UnsetType | None = UNSET
    guests_allowed: bool = False
    maximum_discount_minor: PositiveAmount | None = None
    products: Names = ()
    categories: Names = ()
    location_ids: Names = ()
    stacking: Stacking = Stacking.STACKABLE
    application_order: Order = 0
    code_pattern: CodePattern | None = None
    low_stock_at: LowStock | None = None
    top_up_to: TopUp | None = None


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
    limits: LimitsBody | UnsetType | None = UNSET
    limits_per_customer: LimitsBody | UnsetType | None = UNSET
    guests_allowed: bool | UnsetType = UNSET
    maximum_discount_minor: PositiveAmount | UnsetType | None = UNSET
    products: Names | UnsetType | None = UNSET
    categories: Names | UnsetType | None = UNSET
    location_ids: Names | UnsetType | None = UNSET
    stacking: Stacking | UnsetType = UNSET
    application_order: Order | UnsetType = UNSET
    code_pattern: CodePattern | UnsetType | None = UNSET
    low_stock_at: LowStock | UnsetType | None = UNSET
    top_up_to: TopUp | UnsetType | None = UNSET


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
    limits: LimitsBody
    limits_per_customer: LimitsBody
    guests_allowed: bool
    maximum_discount_minor: int | None
    products: tuple[str, ...]
    categories: tuple[str, ...]
    location_ids: tuple[str, ...]
    stacking: Stacking
    application_order: int
    code_pattern: str | None
    low_stock_at: int | None
    top_up_to: int | None
    created_at: datetime


class RewardPage(msgspec.Struct, frozen=True):
    items: list[RewardView]
    next_cursor: str | None


class RewardQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: tuple[RewardStatus, ...] = ()
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["created_at", "-created_at"] = "-created_at"


def values_of(call: Call[Any, Any]) -> dict[str, Any]:
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
    for name in ("limits", "limits_per_customer"):
        if name in values:
            values[name] = _limits(values[name])
    for name in ("products", "categories", "location_ids"):
        if name in values:
            values[name] = values[name] or ()
    return values


def _limits(body: LimitsBody | None) -> Limits:
    body = body or LimitsBody()
    return Limits(body.total, body.per_day, body.per_week, body.per_month)


def _limits_view(limits: Limits) -> LimitsBody:
    return LimitsBody(
        total=limits.total,
        per_day=limits.per_day,
        per_week=limits.per_week,
        per_month=limits.per_month,
    )


def view_of(call: Call[Any, Any], reward: Reward) -> RewardView:
    """Return the reward as the API shows it."""
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
        limits=_limits_view(reward.limits),
        limits_per_customer=_limits_view(reward.limits_per_customer),
        guests_allowed=reward.guests_allowed,
        maximum_discount_minor=reward.maximum_discount_minor,
        products=reward.products,
        categories=reward.categories,
        location_ids=reward.location_ids,
        stacking=reward.stacking,
        application_order=reward.application_order,
        code_pattern=reward.code_pattern,
        low_stock_at=reward.low_stock_at,
        top_up_to=reward.top_up_to,
        created_at=reward.created_at,
    )
