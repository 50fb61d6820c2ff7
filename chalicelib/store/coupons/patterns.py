"""How many codes of each pattern were ordered, in the table."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.coupons.patterns import PatternUse
from chalicelib.store import keys
from chalicelib.store.engine.attributes import IntegerAttribute
from chalicelib.store.engine.items import Codec, TableItem


class PatternUseItem(TableItem, discriminator="pattern_use"):
    pattern_key = UnicodeAttribute()
    ordered = IntegerAttribute()


CODEC = Codec(
    PatternUse,
    PatternUseItem,
    key=lambda use: keys.pattern_use(use.pattern_key),
    locate=keys.pattern_use,
)
