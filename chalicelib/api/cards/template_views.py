"""What card templates are told and tell."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.web import bodies, lists
from chalicelib.api.web.bodies import Identifier, Moment
from chalicelib.core.cards.templates import (
    STAMPS_MAX,
    CardTemplate,
    CardType,
    CustomField,
    Design,
    FieldType,
    Location,
    Promotion,
    TemplateStatus,
)

Line = Annotated[str, bodies.text(120)]
Text = Annotated[str, bodies.text(4000, min_length=0)]
Colour = Annotated[
    str, msgspec.Meta(pattern=r"^#[0-9a-f]{6}$(?!\n)", description="such as #1f3a5f")
]
Stamps = Annotated[int, msgspec.Meta(ge=2, le=STAMPS_MAX)]
Days = Annotated[int, msgspec.Meta(ge=0, le=36_500)]


class FieldBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer is asked for when the card is installed; `choices` are those of a choice."""

    key: Identifier
    label: Line
    type: FieldType
    required: bool = False
    choices: Annotated[tuple[Line, ...], msgspec.Meta(max_length=50)] = ()


class DesignBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Colours, and the text beside the logo or for it."""

    background: Colour = Design().background
    foreground: Colour = Design().foreground
    label: Colour = Design().label
    logo_text: Annotated[str, bodies.text(40)] | None = None


class LocationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a phone offers the card by itself, and what it says there."""

    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)]
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)]
    text: Line | None = None


class PromotionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all cards announce, or with `chosen_only` those that name its id."""

    id: Identifier
    title: Line
    text: Annotated[str, bodies.text(1000)]
    active_from: Moment | None = None
    active_until: Moment | None = None
    chosen_only: bool = False


Fields = Annotated[tuple[FieldBody, ...], msgspec.Meta(max_length=20)]
# Apple shows as many: wallet passes have at most ten.
Locations = Annotated[tuple[LocationBody, ...], msgspec.Meta(max_length=10)]
Promotions = Annotated[tuple[PromotionBody, ...], msgspec.Meta(max_length=20)]


class TemplateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new template. A coupon card claims a coupon of the reward, a full stamp card gives one."""

    name: Line
    type: CardType
    title: Annotated[str, bodies.text(60)] | None = None
    description: Text = ""
    terms: Text = ""
    design: DesignBody = DesignBody()
    reward_id: Identifier | None = None
    linked_template_id: Identifier | None = None
    conversion_credits_visit: bool = False
    stamps_needed: Stamps | None = None
    valid_days: Days | None = None
    custom_fields: Fields = ()
    locations: Locations = ()
    promotions: Promotions = ()


class TemplatePatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes: an absent field stays. Cards that are out show it too."""

    name: Line | UnsetType = UNSET
    title: Annotated[str, bodies.text(60)] | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    terms: Text | UnsetType = UNSET
    design: DesignBody | UnsetType = UNSET
    reward_id: Identifier | UnsetType = UNSET
    linked_template_id: Identifier | UnsetType | None = UNSET
    conversion_credits_visit: bool | UnsetType = UNSET
    stamps_needed: Stamps | UnsetType = UNSET
    valid_days: Days | UnsetType | None = UNSET
    custom_fields: Fields | UnsetType = UNSET
    locations: Locations | UnsetType = UNSET
    promotions: Promotions | UnsetType = UNSET


class TemplateView(msgspec.Struct, frozen=True, kw_only=True):
    """A template. `valid_days` ends stamp and points cards; a coupon card ends with its coupon."""

    id: str
    name: str
    type: CardType
    status: TemplateStatus
    title: str
    description: str
    terms: str
    design: DesignBody
    reward_id: str | None
    linked_template_id: str | None
    conversion_credits_visit: bool
    stamps_needed: int | None
    valid_days: int | None
    custom_fields: list[FieldBody]
    locations: list[LocationBody]
    promotions: list[PromotionBody]
    created_at: datetime


class TemplatePage(msgspec.Struct, frozen=True):
    items: list[TemplateView]
    next_cursor: str | None


class TemplateQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["created_at", "-created_at"] = "-created_at"


def values_of(body: TemplateBody | TemplatePatch) -> dict[str, Any]:
    """Return the fields that were sent, in the core's words."""
    values = {
        name: value
        for name in body.__struct_fields__
        if (value := getattr(body, name)) is not UNSET
    }
    if "type" in values:
        values["card_type"] = values.pop("type")
    if "design" in values:
        values["design"] = Design(**msgspec.structs.asdict(values["design"]))
    if "custom_fields" in values:
        values["custom_fields"] = tuple(
            CustomField(field.key, field.label, field.type, field.required, field.choices)
            for field in values["custom_fields"]
        )
    if "locations" in values:
        values["locations"] = tuple(
            Location(place.latitude, place.longitude, place.text) for place in values["locations"]
        )
    if "promotions" in values:
        values["promotions"] = tuple(
            Promotion(
                promotion_id=promotion.id,
                title=promotion.title,
                text=promotion.text,
                active_from=promotion.active_from,
                active_until=promotion.active_until,
                chosen_only=promotion.chosen_only,
            )
            for promotion in values["promotions"]
        )
    return values


def view_of(template: CardTemplate) -> TemplateView:
    """Return the template as the API shows it."""
    return TemplateView(
        id=template.template_id,
        name=template.name,
        type=template.card_type,
        status=template.status,
        title=template.title,
        description=template.description,
        terms=template.terms,
        design=DesignBody(**msgspec.structs.asdict(template.design)),
        reward_id=template.reward_id,
        linked_template_id=template.linked_template_id,
        conversion_credits_visit=template.conversion_credits_visit,
        stamps_needed=template.stamps_needed,
        valid_days=template.valid_days,
        custom_fields=[
            FieldBody(
                key=field.key,
                label=field.label,
                type=field.field_type,
                required=field.required,
                choices=field.choices,
            )
            for field in template.custom_fields
        ],
        locations=[
            LocationBody(latitude=place.latitude, longitude=place.longitude, text=place.text)
            for place in template.locations
        ],
        promotions=[
            PromotionBody(
                id=promotion.promotion_id,
                title=promotion.title,
                text=promotion.text,
                active_from=promotion.active_from,
                active_until=promotion.active_until,
                chosen_only=promotion.chosen_only,
            )
            for promotion in template.promotions
        ],
        created_at=template.created_at,
    )
