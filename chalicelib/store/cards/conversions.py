"""Conversions of cards, as an action that needs no read."""

from typing import Any

from chalicelib.core import moments
from chalicelib.core.cards.conversions import CardConverted
from chalicelib.store import keys
from chalicelib.store.engine.table import wire_key


def update_of(change: CardConverted) -> dict[str, Any]:
    """Return ``change`` as one action of a transaction, with what must hold for it."""
    sets = {
        "card_type": {"S": change.card_type.value},
        "shown_template_id": {"S": change.shown_template_id},
        "converted_by": {"S": change.converted_by},
        "stamps": {"N": str(change.stamps)},
        "credited_stamps": {"N": str(change.stamps)},
        "shown_at": {"S": moments.iso(change.shown_at)},
    }
    if change.expires_at is not None:
        sets["expires_at"] = {"S": moments.iso(change.expires_at)}
    return {
        "Key": wire_key(keys.card(change.serial)),
        "UpdateExpression": "SET "
        + ", ".join(f"{name} = :{name}" for name in sets)
        + " ADD version :one",
        "ConditionExpression": "card_type = :coupon AND #status <> :deleted",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {f":{name}": value for name, value in sets.items()}
        | {":one": {"N": "1"}, ":coupon": {"S": "coupon"}, ":deleted": {"S": "deleted"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


ADDITIONS = {CardConverted: update_of}
