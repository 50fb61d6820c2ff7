"""Card templates: how the cards of one kind look, what they ask, and what they turn into."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from chalicelib.core import errors
from chalicelib.core.rewards.rewards import CouponSource, Reward, RewardType

STAMPS_MAX: Final = 50
"""Stamps that a full card has, at most: more do not fit a phone."""


class TemplateNotFound(errors.NotFound):
    """No card template has this id."""

    code = "template_not_found"


class TemplateArchived(errors.Refused):
    """The template makes no new cards."""

    code = "template_archived"


class CardType(StrEnum):
    """What a card is. Values are public."""

    COUPON = "coupon"
    STAMP = "stamp"
    POINTS = "points"


class TemplateStatus(StrEnum):
    """Whether a template makes new cards. Values are public."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class FieldType(StrEnum):
    """What a custom field holds. Values are public."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    PHONE = "phone"
    EMAIL = "email"


class CustomField(msgspec.Struct, frozen=True):
    """What a customer is asked for when the card is installed; ``choices`` of a choice."""

    key: str
    label: str
    field_type: FieldType
    required: bool = False
    choices: tuple[str, ...] = ()


class Design(msgspec.Struct, frozen=True):
    """Colours as ``#rrggbb``; ``logo_text`` stands beside the logo, or for it."""

    background: str = "#1f3a5f"
    foreground: str = "#ffffff"
    label: str = "#c9d6e6"
    logo_text: str | None = None


class Location(msgspec.Struct, frozen=True):
    """Where a phone offers the card by itself, in degrees; ``text`` is what it says."""

    latitude: float
    longitude: float
    text: str | None = None


class Promotion(msgspec.Struct, frozen=True):
    """What cards announce in ``[active_from, active_until)``.

    With ``chosen_only`` only cards that name it show it, else all of the template.
    """

    promotion_id: str
    title: str
    text: str
    active_from: datetime | None = None
    active_until: datetime | None = None
    chosen_only: bool = False


class CardTemplate(msgspec.Struct, frozen=True):
    """What cards are made from.

    ``reward_id``: a coupon card claims a coupon of it, a full stamp card gives one. When a coupon
    card is redeemed it becomes a card of ``linked_template_id``; with ``conversion_credits_visit``
    the visit is its first stamp. ``valid_days`` ends cards without a coupon so many days after
    they were issued.
    """

    template_id: str
    name: str
    card_type: CardType
    created_at: datetime
    status: TemplateStatus = TemplateStatus.ACTIVE
    title: str = ""
    description: str = ""
    terms: str = ""
    design: Design = Design()
    reward_id: str | None = None
    linked_template_id: str | None = None
    conversion_credits_visit: bool = False
    stamps_needed: int | None = None
    valid_days: int | None = None
    custom_fields: tuple[CustomField, ...] = ()
    locations: tuple[Location, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    version: int = 0


def not_found(pointer: str | None = None) -> TemplateNotFound:
    """Return the error for an id that names no template."""
    return TemplateNotFound(
        "there is no such card template", fix="check the id of the template", pointer=pointer
    )


def check(template: CardTemplate) -> None:
    """Raise ``validation_failed``, naming every fault, unless the fields go together."""
    faults: list[errors.Fault] = []

    def fault(pointer: str, detail: str) -> None:
        faults.append(errors.Fault(pointer, "not_allowed", detail))

    kind = template.card_type
    if (kind is CardType.POINTS) == (template.reward_id is not None):
        fault(
            "/reward_id",
            "a card of points has none" if template.reward_id else f"a {kind} card needs it",
        )
    if (kind is CardType.STAMP) != (template.stamps_needed is not None):
        fault(
            "/stamps_needed",
            "only a stamp card has it" if template.stamps_needed else "a stamp card needs it",
        )
    if kind is CardType.COUPON and template.valid_days is not None:
        fault("/valid_days", "a coupon card ends with its coupon")
    if kind is not CardType.COUPON and template.linked_template_id is not None:
        fault("/linked_template_id", "only a coupon card turns into another card")
    if template.conversion_credits_visit and template.linked_template_id is None:
        fault("/conversion_credits_visit", "needs linked_template_id")
    _check_fields(template.custom_fields, fault)
    for place, promotion in enumerate(template.promotions):
        start, end = promotion.active_from, promotion.active_until
        if start is not None and end is not None and end <= start:
            fault(f"/promotions/{place}/active_until", "must be after active_from")
    if faults:
        raise errors.Invalid(
            "the fields of the template do not go together",
            fix="correct the fields listed in errors",
            faults=tuple(faults),
        )


def _check_fields(fields: tuple[CustomField, ...], fault: Callable[[str, str], None]) -> None:
    keys = [field.key for field in fields]
    for place, field in enumerate(fields):
        if field.key in keys[:place]:
            fault(f"/custom_fields/{place}/key", "another field has it")
        if (field.field_type is FieldType.CHOICE) != bool(field.choices):
            fault(f"/custom_fields/{place}/choices", "a choice has them, and nothing else")


def check_unchanged_type(before: CardTemplate, after: CardTemplate) -> None:
    """Raise ``validation_failed`` when the type changes: cards are out there."""
    if before.card_type is not after.card_type:
        raise errors.Invalid(
            "the type of a template stays", fix="create another template", pointer="/type"
        )


def check_reward(template: CardTemplate, reward: Reward) -> None:
    """Raise unless cards of the template can have coupons of ``reward``.

    A card shows one coupon with one use: no shared code, no balance, and for a coupon card no
    second use.

    Raises:
        Invalid: the reward is of another kind.
    """
    detail = None
    if reward.coupon_source is CouponSource.SHARED:
        detail = "a shared code belongs to nobody, so no card has it"
    elif template.card_type is CardType.COUPON and reward.reward_type is RewardType.VALUE:
        detail = "a coupon with a balance is no coupon card"
    elif template.card_type is CardType.COUPON and reward.usage_limit != 1:
        detail = "the coupon of a card has one use"
    if detail is not None:
        raise errors.Invalid(detail, fix="use another reward", pointer="/reward_id")


def check_link(linked: CardTemplate) -> None:
    """Raise unless coupon cards can turn into cards of ``linked``.

    Raises:
        Invalid: it is a coupon template, or archived.
    """
    if linked.card_type is CardType.COUPON or linked.status is TemplateStatus.ARCHIVED:
        raise errors.Invalid(
            "a coupon card turns into a stamp or points card that is not archived",
            fix="use another template",
            pointer="/linked_template_id",
        )


def check_makes_cards(template: CardTemplate) -> None:
    """Raise unless the template makes new cards.

    Raises:
        TemplateArchived: it does not.
    """
    if template.status is TemplateStatus.ARCHIVED:
        raise TemplateArchived(
            "the template is archived",
            fix="use another template",
            facts={"template_status": template.status},
        )
