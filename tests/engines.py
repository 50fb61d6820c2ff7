"""The engines that tests run on, and tables on them as ``template.yaml`` describes them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.store.engine.capacity import Meter
from chalicelib.store.store import DynamoStore
from tools import template
from tools.dynamodb_local import dynamodb_local, free_port
from tools.stack import ministack
from tools.stack import up as stack_up
from tools.stack.settings import Settings

__all__ = [
    "client",
    "create_table",
    "delete_table",
    "dynamodb_local",
    "items",
    "local_stack",
    "store_on",
]

# A busy machine's engine is slower than any AWS, and its time-outs are nobody's mistake.
_PATIENCE_SECONDS = 60
_SEGMENTS = 256


def client(endpoint: str) -> Any:
    """Return a botocore client of the engine at ``endpoint``; it accepts any credentials."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=64),
    )


def create_table(endpoint: str, name: str, *, stream: bool = False) -> None:
    """Create the table ``name`` with the keys and indexes of the deployed one.

    And with its stream, if somebody reads it: DynamoDB Local searches all stream records for
    each write, which was four fifths of the time of a test run.
    """
    definition = template.table_definition()
    if not stream:
        del definition["StreamSpecification"]
    client(endpoint).create_table(TableName=name, **definition)


def items(endpoint: str, name: str, **options: Any) -> Iterator[dict[str, Any]]:
    """Yield every item of the table, which only a test does; ``options`` are those of a Scan.

    In segments: for each page DynamoDB Local reads the whole table, or one segment of it.
    """
    pages = client(endpoint).get_paginator("scan")
    for segment in range(_SEGMENTS):
        for page in pages.paginate(
            TableName=name, Segment=segment, TotalSegments=_SEGMENTS, **options
        ):
            yield from page["Items"]


def delete_table(endpoint: str, name: str) -> None:
    client(endpoint).delete_table(TableName=name)


def store_on(table_name: str, *, meter: Meter | None = None) -> DynamoStore:
    """Return a store on a table of the engine that the environment names, and wait for it."""
    return DynamoStore(table_name, meter=meter or Meter(), read_timeout_seconds=_PATIENCE_SECONDS)


@contextlib.contextmanager
def local_stack(
    home: Path,
    *,
    dynamodb_endpoint: str | None = None,
    enforce_policies: bool = False,
    warm_workers: int = 2,
) -> Iterator[tuple[Settings, stack_up.Stack]]:
    """Deploy the project to a stack of its own, apart from the developer's, and stop it at the end.

    Args:
        home: an empty folder for its state and logs.
        dynamodb_endpoint: an engine for the table, such as ``dynamodb_local()``, which survives
            what kills MiniStack's; without one it is MiniStack's.
        enforce_policies: refuse functions what their roles do not allow.
        warm_workers: how many function processes run before the first request.
    """
    environment = {"AUTH": "true" if enforce_policies else "false"}
    if dynamodb_endpoint is not None:
        environment["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb_endpoint
    settings = Settings(
        port=free_port(), home=home, warm_workers=warm_workers, extra_environment=environment
    )
    try:
        yield settings, stack_up.up(settings, say=lambda _: None)
    finally:
        # Nobody reads its state again: no need to wait until it is written.
        ministack.kill(settings)
