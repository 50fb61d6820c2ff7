"""What is on record after a race, to be held against what the clients were told."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from tests.stack.deployment import Deployment
from tests.stack.line import Line
from tests.stack.race import Attempt


def items(line: Line, path: str) -> list[Any]:
    """Return all items of a list, page by page."""
    found: list[Any] = []
    cursor = ""
    while True:  # Ends with the list.
        separator = "&" if "?" in path else "?"
        page = line.get(f"{path}{separator}limit=100{cursor}")
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def counters(line: Line, customer_id: str) -> dict[str, int]:
    """Return what is counted for the customer."""
    customer = line.get(f"/v1/customers/{customer_id}")
    names = ("lifetime_value_minor", "visits", "coupons_used", "activity_count")
    return {name: customer[name] for name in names}


def expected_counters(
    winners: Sequence[Attempt], *, activity_before: dict[str, int]
) -> dict[str, dict[str, int]]:
    """Return, by customer, the counters that ``winners`` were told to have caused."""
    totals = {
        customer_id: {
            "lifetime_value_minor": 0,
            "visits": 0,
            "coupons_used": 0,
            "activity_count": count,
        }
        for customer_id, count in activity_before.items()
    }
    orders: dict[str, set[str]] = defaultdict(set)
    for winner in winners:
        told = winner.settled.answer.json
        count = totals[told["customer_id"]]
        count["coupons_used"] += 1
        count["activity_count"] += 1 + told["changed"]["coupon"]["claimed"]
        if told["order_id"] not in orders[told["customer_id"]]:
            orders[told["customer_id"]].add(told["order_id"])
            count["lifetime_value_minor"] += told["amount_minor"]
            count["visits"] += 1
    return totals


def stored(deployment: Deployment) -> Counter[str]:
    """Return how many items of each kind the table holds, read past the API.

    Without what is noted beside the decisions: refused attempts, tries, and what the stream keeps.
    """
    dynamodb = deployment.client("dynamodb")
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=deployment.table_name, ProjectionExpression="PK, SK", ConsistentRead=True
    )
    found = [item for page in pages for item in page["Items"]]
    return Counter(_kind(item) for item in found if not _is_beside(item))


def _is_beside(item: dict[str, Any]) -> bool:
    partition: str = item["PK"]["S"]
    noted = partition.startswith(("ATT#", "TRY#")) or "#totals#" in partition
    return noted or item["SK"]["S"] == "SHADOW"


def _kind(item: dict[str, Any]) -> str:
    sort: str = item["SK"]["S"]
    return sort.partition("#")[0]
