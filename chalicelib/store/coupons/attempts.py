"""Refused attempts in the table; the table removes them when their time is over."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.activity import Channel
from chalicelib.core.coupons.attempts import Attempt
from chalicelib.core.errors import Fact
from chalicelib.store import keys
from chalicelib.store.engine.attributes import EnumAttribute, JsonAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class AttemptItem(TableItem, discriminator="attempt"):
    attempt_id = UnicodeAttribute()
    code = UnicodeAttribute()
    reward_id = UnicodeAttribute()
    refusal = UnicodeAttribute()
    attempted_at = MomentAttribute()
    actor = UnicodeAttribute()
    channel = EnumAttribute(Channel)
    facts = JsonAttribute(dict[str, Fact])
    customer_named = UnicodeAttribute(null=True)
    customer_holding = UnicodeAttribute(null=True)
    location_id = UnicodeAttribute(null=True)
    key_hash = UnicodeAttribute(null=True)


def indexes(attempt: Attempt) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ttl": int(attempt.lapses_at.timestamp()),
        "list_pk": keys.attempts_of_coupon(attempt.code),
        "list_sk": attempt.attempt_id,
    }
    if attempt.customer_id is not None:
        found["holder_pk"] = keys.attempts_of_customer(attempt.customer_id)
        found["holder_sk"] = attempt.attempt_id
    return found


CODEC = Codec(
    Attempt,
    AttemptItem,
    key=lambda attempt: keys.attempt(attempt.code, attempt.key_hash or attempt.attempt_id),
    locate=keys.attempt,
    indexes=indexes,
)
