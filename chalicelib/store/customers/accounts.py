"""Customers' accounts in the table: read as a snapshot, changed by adding."""

from typing import Any

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core import moments
from chalicelib.core.customers.accounts import (
    Account,
    AccountChange,
    NewestVisit,
    OlderVisit,
    Standing,
    VisitReset,
)
from chalicelib.store import keys
from chalicelib.store.engine.attributes import EnumAttribute, IntegerAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem
from chalicelib.store.engine.table import wire_key


class AccountItem(TableItem, discriminator="account"):
    customer_id = UnicodeAttribute()
    standing = EnumAttribute(Standing)
    joined_at = MomentAttribute()
    lifetime_value_minor = IntegerAttribute()
    visits = IntegerAttribute()
    coupons_used = IntegerAttribute()
    last_visit_at = MomentAttribute(null=True)
    activity_count = IntegerAttribute()


CODEC = Codec(
    Account, AccountItem, key=lambda account: keys.account(account.customer_id), locate=keys.account
)


def update_of(change: AccountChange) -> dict[str, Any]:
    """Return ``change`` as one action of a transaction: additions, and what must hold for them."""
    adds: dict[str, int] = {
        "version": 1,
        "activity_count": change.activity_count,
        "lifetime_value_minor": change.lifetime_value_minor,
        "visits": change.visits,
        "coupons_used": change.coupons_used,
    }
    values: dict[str, Any] = {f":{name}": {"N": str(n)} for name, n in adds.items() if n}
    update = "ADD " + ", ".join(f"{name} :{name}" for name, n in adds.items() if n)
    conditions = ["attribute_exists(PK)"]
    if change.while_active:
        conditions.append("standing = :active")
        values[":active"] = {"S": Standing.ACTIVE.value}
    if change.joined_by is not None:
        conditions.append("joined_at <= :joined_by")
        values[":joined_by"] = {"S": moments.iso(change.joined_by)}
    if change.at_version is not None:
        conditions.append("version = :at_version")
        values[":at_version"] = {"N": str(change.at_version)}
    match change.visit:
        case NewestVisit(at):
            conditions.append("(attribute_not_exists(last_visit_at) OR last_visit_at <= :visit)")
            values[":visit"] = {"S": moments.iso(at)}
            update += " SET last_visit_at = :visit"
        case OlderVisit(at):
            conditions.append("last_visit_at > :visit")
            values[":visit"] = {"S": moments.iso(at)}
        case VisitReset(None):
            update += " REMOVE last_visit_at"
        case VisitReset(at):
            assert at is not None
            values[":visit"] = {"S": moments.iso(at)}
            update += " SET last_visit_at = :visit"
        case None:
            pass
    return {
        "Key": wire_key(keys.account(change.customer_id)),
        "UpdateExpression": update,
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


ADDITIONS = {AccountChange: update_of}
