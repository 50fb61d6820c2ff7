"""Card templates: how the cards of one kind look, what they ask, and what they turn into."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from chalicelib.core import errors

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
