"""Generations of codes in the table, and how much of each pattern was ordered."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.coupons.generations import Generation, GenerationStatus
from chalicelib.core.coupons.patterns import PatternUse
from chalicelib.store import keys
from chalicelib.store.engine.attributes import EnumAttribute, IntegerAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class GenerationItem(TableItem, discriminator="generation"):
    generation_id = UnicodeAttribute()
    reward_id = UnicodeAttribute()
    pattern = UnicodeAttribute()
    wanted = IntegerAttribute()
    actor = UnicodeAttribute()
    created_at = MomentAttribute()
    status = EnumAttribute(GenerationStatus)
    made = IntegerAttribute()
    finished_at = MomentAttribute(null=True)


class PatternUseItem(TableItem, discriminator="pattern_use"):
    pattern_key = UnicodeAttribute()
    ordered = IntegerAttribute()


def indexes(generation: Generation) -> dict[str, str]:
    """Generations are listed while they are running."""
    if generation.status is not GenerationStatus.RUNNING:
        return {}
    return {
        "due_pk": keys.RUNNING_GENERATIONS,
        "due_sk": keys.at(generation.created_at, generation.generation_id),
    }


CODEC = Codec(
    Generation,
    GenerationItem,
    key=lambda generation: keys.generation(generation.generation_id),
    locate=keys.generation,
    indexes=indexes,
)
PATTERN_USE_CODEC = Codec(
    PatternUse,
    PatternUseItem,
    key=lambda use: keys.pattern_use(use.pattern_key),
    locate=keys.pattern_use,
)
