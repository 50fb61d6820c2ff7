"""The engines that tests run on, and tables on them as ``template.yaml`` describes them."""

from typing import Any

import boto3
from botocore.config import Config

from tools import template
from tools.dynamodb_local import dynamodb_local

__all__ = ["client", "create_table", "delete_table", "dynamodb_local"]


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


def create_table(endpoint: str, name: str) -> None:
    """Create the table ``name`` with the keys, indexes and stream of the deployed one."""
    client(endpoint).create_table(TableName=name, **template.table_definition())


def delete_table(endpoint: str, name: str) -> None:
    client(endpoint).delete_table(TableName=name)
