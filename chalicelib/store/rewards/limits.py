"""Counters of limits in the table: read as snapshots, changed by adding."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.rewards.limits import LimitCounter, ShareSet, UnitGivenBack, UnitTaken
from chalicelib.store import keys
from chalicelib.store.engine.attributes import IntegerAttribute
from chalicelib.store.engine.items import Codec, TableItem
from chalicelib.store.engine.table import wire_key


class LimitCounterItem(TableItem, discriminator="limit"):
    reward_id = UnicodeAttribute()
    bucket = UnicodeAttribute()
    used = IntegerAttribute()
    customer_id = UnicodeAttribute(null=True)
    shard = IntegerAttribute()
    share = IntegerAttribute()


def key(counter: LimitCounter | UnitTaken | UnitGivenBack) -> keys.Key:
    return locate(counter.reward_id, counter.bucket, counter.customer_id or "", str(counter.shard))


def locate(reward_id: str, bucket: str, customer_id: str, shard: str) -> keys.Key:
    if customer_id:
        return keys.limit_of_customer(customer_id, reward_id, bucket)
    return keys.limit_of_reward(reward_id, bucket, shard)


CODEC = Codec(LimitCounter, LimitCounterItem, key=key, locate=locate)


def take(unit: UnitTaken) -> dict[str, Any]:
    """Return the action that takes one unit, if one is left.

    A counter that is not stored yet begins here, so it gets everything that a snapshot has.
    """
    begun = LimitCounter(
        unit.reward_id,
        unit.bucket,
        used=0,
        customer_id=unit.customer_id,
        shard=unit.shard,
        share=unit.limit,
    )
    fixed = {
        name: value
        for name, value in CODEC.encode(begun).items()
        if name not in ("PK", "SK", "used", "version")
    }
    # The limit of a customer may be another today; the share of a shard is what was given to it.
    limit = "#share" if unit.customer_id is None else ":share"
    return {
        "Key": wire_key(key(unit)),
        "UpdateExpression": "ADD used :one, version :one SET "
        + ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in fixed),
        "ConditionExpression": f"attribute_not_exists(PK) OR used < {limit}",
        "ExpressionAttributeNames": {f"#{name}": name for name in fixed},
        "ExpressionAttributeValues": {":one": {"N": "1"}}
        | {f":{name}": value for name, value in fixed.items()},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def give_back(unit: UnitGivenBack) -> dict[str, Any]:
    """Return the action that puts one unit back."""
    return {
        "Key": wire_key(key(unit)),
        "UpdateExpression": "ADD used :less, version :one",
        "ConditionExpression": "used > :none",
        "ExpressionAttributeValues": {
            ":less": {"N": "-1"},
            ":one": {"N": "1"},
            ":none": {"N": "0"},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def set_share(change: ShareSet) -> dict[str, Any]:
    """Return the action that gives a counter another share of the limit."""
    begun = LimitCounter(
        change.reward_id, change.bucket, used=0, shard=change.shard, share=change.share
    )
    fixed = {
        name: value
        for name, value in CODEC.encode(begun).items()
        if name not in ("PK", "SK", "share", "version")
    }
    values = {f":{name}": value for name, value in fixed.items()}
    values |= {":share": {"N": str(change.share)}, ":one": {"N": "1"}}
    if change.before is None:
        condition = "attribute_not_exists(PK)"
    else:
        condition = "#share = :before AND used <= :share"
        values[":before"] = {"N": str(change.before)}
    return {
        "Key": wire_key(key(begun)),
        "UpdateExpression": "ADD version :one SET #share = :share, "
        + ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in fixed),
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#share": "share"} | {f"#{name}": name for name in fixed},
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


ADDITIONS = {ShareSet: set_share, UnitGivenBack: give_back, UnitTaken: take}
