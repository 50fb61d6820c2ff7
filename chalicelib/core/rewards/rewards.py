"""Rewards: the definition of something a customer can get."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors, moments
from chalicelib.core.coupons import patterns
from chalicelib.core.rewards.limits import UNLIMITED, Limits


class RewardNotFound(errors.NotFound):
    """No reward has this id."""

    code = "reward_not_found"


class RewardNotActive(errors.Refused):
    """The reward is not active now, so its coupons cannot be used."""

    code = "reward_not_active"


class PoolEmpty(errors.Refused):
    """The reward has no codes to give."""

    code = "pool_empty"


class RewardType(StrEnum):
    """What the customer gets. Values are public."""

    PERCENTAGE_DISCOUNT = "percentage_discount"
    DISCOUNT = "discount"
    VALUE = "value"
    FREE_DELIVERY = "free_delivery"
    GIFT = "gift"
    CASHBACK = "cashback"
    EVENT_INVITATION = "event_invitation"
    CUSTOM = "custom"


class RewardStatus(StrEnum):
    """Where the reward is in its life: ``draft → active ⇄ paused → archived``."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class CouponSource(StrEnum):
    """Where the codes come from."""

    GENERATED = "generated"
    UPLOADED = "uploaded"
    SHARED = "shared"


class PurchaseAmount(StrEnum):
    """Whether a redemption must say what the purchase came to; ``hidden``: forms do not ask."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    HIDDEN = "hidden"


class Stacking(StrEnum):
    """Whether its coupons are used beside others in one order."""

    STACKABLE = "stackable"
    EXCLUSIVE = "exclusive"


class Reward(msgspec.Struct, frozen=True):
    """An offer and its rules.

    Amounts are in the minor unit of the business's currency; ``percent_off_basis_points`` is in
    hundredths of a percent. The reward is active in ``[active_from, active_until)``. A coupon is
    valid until ``valid_until``, or for ``valid_days_after_claim`` days to the end of the day.
    ``usage_limit`` is how often each coupon can be used; one of type ``value`` until its balance
    is gone, and a shared one as often as the limits allow. ``stocked``: it has had codes.

    ``products``, ``categories`` (a line needs one of either) and ``location_ids`` say what and
    where it is for; empty ones say nothing. In one order, coupons with a lower
    ``application_order`` come first.

    ``code_pattern`` is the form of generated codes, None for our own. A pool of ``low_stock_at``
    codes is low, and filled up to ``top_up_to`` where that is set; ``top_up_id`` is the generation
    that filled it last.
    """

    reward_id: str
    name: str
    reward_type: RewardType
    created_at: datetime
    status: RewardStatus = RewardStatus.DRAFT
    description: str | None = None
    image_url: str | None = None
    percent_off_basis_points: int | None = None
    amount_off_minor: int | None = None
    coupon_source: CouponSource = CouponSource.GENERATED
    usage_limit: int = 1
    valid_until: datetime | None = None
    valid_days_after_claim: int | None = None
    active_from: datetime | None = None
    active_until: datetime | None = None
    purchase_amount: PurchaseAmount = PurchaseAmount.OPTIONAL
    minimum_purchase_minor: int | None = None
    claim_on_redeem: bool = False
    cost_in_points: int | None = None
    tax_value_minor: int | None = None
    stocked: bool = False
    limits: Limits = Limits()
    limits_per_customer: Limits = Limits()
    guests_allowed: bool = False
    maximum_discount_minor: int | None = None
    products: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    location_ids: tuple[str, ...] = ()
    stacking: Stacking = Stacking.STACKABLE
    application_order: int = 0
    code_pattern: str | None = None
    low_stock_at: int | None = None
    top_up_to: int | None = None
    top_up_id: str | None = None
    version: int = 0


class Discount(msgspec.Struct, frozen=True):
    """What a coupon takes off a purchase.

    ``value`` is in basis points for a percentage and in minor units for an amount, None for
    rewards that are not money. ``amount_off_minor`` is None where the purchase is not known.
    """

    reward_type: RewardType
    value: int | None
    amount_off_minor: int | None


def check(reward: Reward) -> None:
    """Raise ``validation_failed``, naming every fault, unless the fields go together."""
    faults: list[errors.Fault] = []

    def fault(pointer: str, detail: str) -> None:
        faults.append(errors.Fault(pointer, "not_allowed", detail))

    percentage = reward.reward_type is RewardType.PERCENTAGE_DISCOUNT
    if percentage != (reward.percent_off_basis_points is not None):
        fault(
            "/percent_off_basis_points",
            "a percentage_discount needs it" if percentage else "only a percentage_discount has it",
        )
    amount = reward.reward_type in (RewardType.DISCOUNT, RewardType.VALUE)
    if amount and reward.amount_off_minor is None:
        fault("/amount_off_minor", f"a reward of type {reward.reward_type} needs it")
    if not amount and reward.amount_off_minor is not None:
        fault("/amount_off_minor", "only rewards of type discount or value have it")
    if reward.maximum_discount_minor is not None and not percentage:
        fault("/maximum_discount_minor", "only a percentage_discount has it")
    _check_source(reward, fault)
    _check_stock(reward, fault)
    if reward.valid_until is not None and reward.valid_days_after_claim is not None:
        fault("/validity", "a fixed end and days after the claim exclude each other")
    if (
        reward.active_from is not None
        and reward.active_until is not None
        and reward.active_until <= reward.active_from
    ):
        fault("/active_until", "must be after active_from")
    if faults:
        raise errors.Invalid(
            "the fields of the reward do not go together",
            fix="correct the fields listed in errors",
            faults=tuple(faults),
        )


def _check_source(reward: Reward, fault: Callable[[str, str], None]) -> None:
    shared = reward.coupon_source is CouponSource.SHARED
    if reward.guests_allowed and not shared:
        fault("/guests_allowed", "only a shared code can be used by guests")
    if shared and reward.reward_type is RewardType.VALUE:
        fault("/type", "a shared code has no balance of its own: use discount")
    if shared and reward.claim_on_redeem:
        fault("/claim_on_redeem", "nobody claims a shared code")
    if shared and reward.valid_days_after_claim is not None:
        fault("/validity/days_after_claim", "nobody claims a shared code")
    if reward.usage_limit > 1 and (shared or reward.reward_type is RewardType.VALUE):
        fault("/usage_limit", "its uses are counted by limits, or by its balance")


def limits_claims(reward: Reward) -> bool:
    """Whether a claim of one of its coupons takes units from any limit."""
    return reward.limits != Limits() or reward.limits_per_customer != Limits()


def counted_limits(reward: Reward) -> Limits:
    """Return the limits that counters are kept for; a shared code's uses are always counted."""
    if reward.coupon_source is CouponSource.SHARED and reward.limits.total is None:
        return replace(reward.limits, total=UNLIMITED)
    return reward.limits


def _check_stock(reward: Reward, fault: Callable[[str, str], None]) -> None:
    generated = reward.coupon_source is CouponSource.GENERATED
    if reward.low_stock_at is not None and reward.coupon_source is CouponSource.SHARED:
        fault("/low_stock_at", "a shared code has no pool")
    if reward.code_pattern is not None:
        if not generated:
            fault("/code_pattern", "only generated codes have one")
        elif detail := patterns.fault_of(reward.code_pattern):
            fault("/code_pattern", detail)
        elif patterns.size(reward.code_pattern) < patterns.CODES_AN_ISSUED_ONE * (
            reward.top_up_to or 1
        ):
            fault("/code_pattern", "gives so few codes that they could be guessed")
    if reward.top_up_to is not None:
        if not generated:
            fault("/top_up_to", "only generated codes can be topped up")
        elif reward.low_stock_at is None or reward.top_up_to <= reward.low_stock_at:
            fault("/top_up_to", "must be above low_stock_at")


def check_unchanged_kind(before: Reward, after: Reward) -> None:
    """Raise ``validation_failed`` when type or source change although codes may be out."""
    changed = [
        pointer
        for pointer, old, new in (
            ("/type", before.reward_type, after.reward_type),
            ("/coupon_source", before.coupon_source, after.coupon_source),
        )
        if old != new
    ]
    if changed and before.status is not RewardStatus.DRAFT:
        raise errors.Invalid(
            "type and coupon source can be changed in draft only",
            fix="create a new reward",
            faults=tuple(
                errors.Fault(pointer, "not_allowed", "can be changed in draft only")
                for pointer in changed
            ),
        )


_TRANSITIONS: dict[RewardStatus, frozenset[RewardStatus]] = {
    RewardStatus.ACTIVE: frozenset({RewardStatus.DRAFT, RewardStatus.PAUSED}),
    RewardStatus.PAUSED: frozenset({RewardStatus.ACTIVE}),
    RewardStatus.ARCHIVED: frozenset(
        {RewardStatus.DRAFT, RewardStatus.ACTIVE, RewardStatus.PAUSED}
    ),
}


def moved_to(reward: Reward, status: RewardStatus) -> Reward:
    """Return ``reward`` in ``status``; asking for the status it has changes nothing.

    Raises:
        RewardNotActive: it cannot get there from where it is.
        PoolEmpty: it gives uploaded codes and has none.
    """
    if reward.status is status:
        return reward
    if reward.status not in _TRANSITIONS[status]:
        raise RewardNotActive(
            f"a reward that is {reward.status} cannot become {status}",
            fix="an archived reward stays archived: create a new one"
            if reward.status is RewardStatus.ARCHIVED
            else "activate the reward first",
            facts={"reward_status": reward.status},
        )
    if (
        status is RewardStatus.ACTIVE
        and reward.coupon_source is not CouponSource.GENERATED
        and not reward.stocked
    ):
        raise PoolEmpty(
            f"the reward gives {reward.coupon_source} codes and has none",
            fix="add its codes before activating it",
            facts={"reward_status": reward.status},
        )
    return replace(reward, status=status)


def stocked(reward: Reward) -> Reward:
    """Return ``reward`` with the note that it has had codes."""
    return replace(reward, stocked=True)


def check_usable(reward: Reward, *, at: datetime, time_zone: str) -> None:
    """Raise unless coupons of ``reward`` may be used at ``at``.

    The status is judged as it is now, the active period at ``at``.

    Raises:
        RewardNotActive: draft, paused or archived, or ``at`` is outside its period.
    """
    facts: dict[str, errors.Fact] = {
        "reward_status": reward.status,
        "active_from": moments.iso_or_none(reward.active_from),
        "active_until": moments.iso_or_none(reward.active_until),
    }
    if reward.status is not RewardStatus.ACTIVE:
        raise RewardNotActive(
            f"the reward is {reward.status}", fix="activate the reward", facts=facts
        )
    if reward.active_from is not None and at < reward.active_from:
        raise RewardNotActive(
            "the reward is not active yet",
            fix=f"valid from {moments.in_words(reward.active_from, time_zone=time_zone)}",
            facts=facts,
        )
    if reward.active_until is not None and at >= reward.active_until:
        raise RewardNotActive(
            "the reward is no longer active",
            fix=f"it ended {moments.in_words(reward.active_until, time_zone=time_zone)}",
            facts=facts,
        )


def has_a_future(reward: Reward, *, now: datetime) -> bool:
    """Whether codes of the active ``reward`` can be used at some time after ``now``."""
    ends = (reward.active_until, reward.valid_until)
    return all(end is None or end > now for end in ends)


def expiry_of_claim(reward: Reward, *, claimed_at: datetime, time_zone: str) -> datetime | None:
    """Return when a coupon claimed at ``claimed_at`` runs out, or None if it never does."""
    if reward.valid_days_after_claim is not None:
        return moments.end_of_day(
            claimed_at, days_later=reward.valid_days_after_claim, time_zone=time_zone
        )
    return reward.valid_until
