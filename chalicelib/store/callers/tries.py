"""Counters of tries in the table; the table removes them some time after their window."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.callers.tries import Tries
from chalicelib.store import keys
from chalicelib.store.engine.attributes import IntegerAttribute
from chalicelib.store.engine.items import Codec, TableItem
from chalicelib.store.engine.table import wire_key


class TriesItem(TableItem, discriminator="tries"):
    guesser = UnicodeAttribute()
    window = IntegerAttribute()
    failed = IntegerAttribute()


CODEC = Codec(
    Tries,
    TriesItem,
    key=lambda tries: keys.tries(tries.guesser, tries.window),
    locate=lambda guesser, window: keys.tries(guesser, int(window)),
    indexes=lambda tries: {"ttl": int(tries.lapses_at.timestamp())},
)


def update_of(counter: Tries, times: int, *, at_most: int) -> dict[str, Any]:
    """Return the update that adds ``times`` tries, while there are fewer than ``at_most``."""
    update: dict[str, Any] = {
        "Key": wire_key(keys.tries(counter.guesser, counter.window)),
        "UpdateExpression": (
            "ADD #failed :times, version :one"
            " SET kind = :kind, guesser = :guesser, #window = :window, #ttl = :ttl"
        ),
        "ExpressionAttributeNames": {"#failed": "failed", "#window": "window", "#ttl": "ttl"},
        "ExpressionAttributeValues": {
            ":times": {"N": str(times)},
            ":one": {"N": "1"},
            ":kind": {"S": CODEC.discriminator},
            ":guesser": {"S": counter.guesser},
            ":window": {"N": str(counter.window)},
            ":ttl": {"N": str(int(counter.lapses_at.timestamp()))},
        },
        "ReturnValues": "UPDATED_NEW",
    }
    if times > 0:
        update["ConditionExpression"] = "attribute_not_exists(#failed) OR #failed < :most"
        update["ExpressionAttributeValues"][":most"] = {"N": str(at_most)}
    return update
