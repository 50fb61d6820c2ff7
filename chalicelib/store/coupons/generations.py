"""Generations of codes in the table."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.coupons.generations import Generation, GenerationStatus
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
