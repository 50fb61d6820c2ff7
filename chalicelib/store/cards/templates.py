"""Card templates in the table."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.cards.templates import (
    CardTemplate,
    CardType,
    CustomField,
    Design,
    Location,
    Promotion,
    TemplateStatus,
)
from chalicelib.store import keys
from chalicelib.store.engine.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.engine.items import Codec, TableItem


class CardTemplateItem(TableItem, discriminator="card_template"):
    template_id = UnicodeAttribute()
    name = UnicodeAttribute()
    card_type = EnumAttribute(CardType)
    created_at = MomentAttribute()
    status = EnumAttribute(TemplateStatus)
    title = UnicodeAttribute()
    description = UnicodeAttribute()
    terms = UnicodeAttribute()
    design = JsonAttribute(Design)
    reward_id = UnicodeAttribute(null=True)
    linked_template_id = UnicodeAttribute(null=True)
    conversion_credits_visit = BooleanAttribute()
    stamps_needed = IntegerAttribute(null=True)
    valid_days = IntegerAttribute(null=True)
    custom_fields = JsonAttribute(tuple[CustomField, ...], null=True)
    locations = JsonAttribute(tuple[Location, ...], null=True)
    promotions = JsonAttribute(tuple[Promotion, ...], null=True)


def indexes(template: CardTemplate) -> dict[str, str]:
    return {"list_pk": keys.CARD_TEMPLATES, "list_sk": template.template_id}


CODEC = Codec(
    CardTemplate,
    CardTemplateItem,
    key=lambda template: keys.card_template(template.template_id),
    locate=keys.card_template,
    indexes=indexes,
)
