"""Cards in the table; a customer's are listed by the time they were issued."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.cards.cards import Card, CardStatus, Holder
from chalicelib.core.cards.templates import CardType
from chalicelib.store import keys
from chalicelib.store.engine.attributes import (
    EnumAttribute,
    IntegerAttribute,
    JsonAttribute,
    MomentAttribute,
)
from chalicelib.store.engine.items import Codec, TableItem


class CardItem(TableItem, discriminator="card"):
    serial = UnicodeAttribute()
    template_id = UnicodeAttribute()
    shown_template_id = UnicodeAttribute()
    card_type = EnumAttribute(CardType)
    customer_id = UnicodeAttribute()
    issued_at = MomentAttribute()
    shown_at = MomentAttribute()
    secret = UnicodeAttribute()
    status = EnumAttribute(CardStatus)
    installations = IntegerAttribute()
    holder = JsonAttribute(Holder)
    code = UnicodeAttribute(null=True)
    converted_by = UnicodeAttribute(null=True)
    stamps = IntegerAttribute()
    rewards_given = IntegerAttribute()
    credited_stamps = IntegerAttribute()
    expires_at = MomentAttribute(null=True)
    custom_values = JsonAttribute(dict[str, str])
    utm = JsonAttribute(dict[str, str])
    promotions = JsonAttribute(tuple[str, ...], null=True)


def indexes(card: Card) -> dict[str, str]:
    """Cards are listed by their customer."""
    return {
        "holder_pk": keys.cards_of_customer(card.customer_id),
        "holder_sk": keys.at(card.issued_at, card.serial),
    }


CODEC = Codec(
    Card, CardItem, key=lambda card: keys.card(card.serial), locate=keys.card, indexes=indexes
)
