"""The table's stream, read as Lambda reads it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import boto3

Raw = dict[str, Any]


def wanted(record: Raw) -> bool:
    """Whether the filter of what keeps totals lets the record through."""
    image = record["dynamodb"].get("NewImage")
    kind = image["kind"]["S"] if image else None
    if record["eventName"] == "INSERT":
        return kind in {"redemption", "coupon_batch"} or (
            kind == "coupon" and image["status"]["S"] != "unassigned"
        )
    return record["eventName"] == "MODIFY" and kind in {"redemption", "coupon"}


def tells_an_event(record: Raw) -> bool:
    """Whether the filter of the outbox lets the record through."""
    if record["eventName"] != "INSERT":
        return False
    kind: str = record["dynamodb"]["NewImage"]["kind"]["S"]
    return kind == "event"


def records(
    endpoint: str, table_name: str, let_through: Callable[[Raw], bool] = wanted
) -> list[Raw]:
    """Return every record of the table's stream so far, as an event of Lambda holds them."""
    client = boto3.client(
        "dynamodbstreams",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    found: list[Raw] = []
    for stream in client.list_streams(TableName=table_name)["Streams"]:
        arn = stream["StreamArn"]
        description = client.describe_stream(StreamArn=arn)["StreamDescription"]
        for shard in description["Shards"]:
            found += _of_shard(client, arn, shard["ShardId"])
    return [record for record in found if let_through(record)]


def event(some: Sequence[Raw]) -> Raw:
    """Return the event that carries ``some`` records."""
    return {"Records": list(some)}


def _of_shard(client: Any, arn: str, shard_id: str) -> list[Raw]:
    found: list[Raw] = []
    iterator = client.get_shard_iterator(
        StreamArn=arn, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    while iterator:
        answer = client.get_records(ShardIterator=iterator, Limit=1000)
        if not answer["Records"]:
            break
        found += [_as_lambda_has_it(record) for record in answer["Records"]]
        iterator = answer.get("NextShardIterator")
    return found


def _as_lambda_has_it(record: Raw) -> Raw:
    told_at = record["dynamodb"].get("ApproximateCreationDateTime")
    if isinstance(told_at, datetime):
        record["dynamodb"]["ApproximateCreationDateTime"] = told_at.timestamp()
    return record
