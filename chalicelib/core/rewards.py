"""Rewards: the definition of something a customer can get."""

from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors, moments


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


class PurchaseAmount(StrEnum):
    """Whether a redemption must say what the purchase came to; ``hidden``: forms do not ask."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    HIDDEN = "hidden"


class Reward(msgspec.Struct, frozen=True):
    """An offer and its rules.

    Amounts are in the minor unit of the business's currency; ``percent_off_basis_points`` is in
    hundredths of a percent. The reward is active in ``[active_from, active_until)``. A coupon is
    valid until ``valid_until``, or for ``valid_days_after_claim`` days to the end of the day.
    ``usage_limit`` is how often each coupon can be used. ``stocked``: it has had codes.
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
        and reward.coupon_source is CouponSource.UPLOADED
        and not reward.stocked
    ):
        raise PoolEmpty(
            "the reward gives uploaded codes and has none",
            fix="upload codes before activating it",
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


def expiry_of_claim(reward: Reward, *, claimed_at: datetime, time_zone: str) -> datetime | None:
    """Return when a coupon claimed at ``claimed_at`` runs out, or None if it never does."""
    if reward.valid_days_after_claim is not None:
        return moments.end_of_day(
            claimed_at, days_later=reward.valid_days_after_claim, time_zone=time_zone
        )
    return reward.valid_until


def discount_of(reward: Reward, *, amount_minor: int | None) -> Discount:
    """Return what a coupon of ``reward`` takes off a purchase; never more than the purchase.

    Percentages round down, in the programme's favour.
    """
    if reward.percent_off_basis_points is not None:
        value = reward.percent_off_basis_points
        off = None if amount_minor is None else amount_minor * value // 10_000
        return Discount(reward.reward_type, value, off)
    if reward.amount_off_minor is not None:
        value = reward.amount_off_minor
        return Discount(
            reward.reward_type, value, value if amount_minor is None else min(value, amount_minor)
        )
    return Discount(reward.reward_type, None, None)
