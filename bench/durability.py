"""Does DynamoDB Local keep what it acknowledged, when it ends in the middle of its work?

``python -m bench.durability --signal kill`` (or ``terminate``); the answer is in docs/adr/0006.
"""

import itertools
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import botocore.session
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tools import dynamodb_local

_TABLE = "durability"
_CLIENTS = 6
_ITEMS = 8
# Older transactions are on disk long since; only the youngest can be missing.
_CHECKED = 12


@click.command()
@click.option("--signal", type=click.Choice(["kill", "terminate"]), default="kill")
@click.option("--rounds", default=60, help="How often the engine ends.")
def main(signal: str, rounds: int) -> None:
    """Put transactions of eight items from six threads, end the engine, look at the last ones."""
    folder = Path(tempfile.mkdtemp())
    engine = dynamodb_local.start(path=folder)
    port = int(engine.endpoint.rpartition(":")[2])
    client = _client(engine.endpoint)
    client.create_table(
        TableName=_TABLE,
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    acknowledged = lost = torn = 0
    for number in range(rounds):
        done: list[list[str]] = [[] for _ in range(_CLIENTS)]
        threads = [
            threading.Thread(
                target=_write,
                args=(_client(engine.endpoint), f"{number}/{position}", done[position]),
            )
            for position in range(_CLIENTS)
        ]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.3, 1.0))
        engine.process.send_signal(9 if signal == "kill" else 15)
        engine.process.wait()
        for thread in threads:
            thread.join()
        engine = dynamodb_local.start(path=folder, port=port)
        client = _client(engine.endpoint)
        for name in (name for names in done for name in names[-_CHECKED:]):
            kept = sum("Item" in _get(client, f"{name}/{item}") for item in range(_ITEMS))
            lost += kept == 0
            torn += 0 < kept < _ITEMS
        acknowledged += sum(map(len, done))
    engine.stop()
    click.echo(f"{rounds} times {signal}: {acknowledged} acknowledged, {lost} lost, {torn} torn")


def _client(endpoint: str) -> Any:
    return botocore.session.get_session().create_client(
        "dynamodb",
        region_name="eu-central-1",
        endpoint_url=endpoint,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5),
    )


def _write(client: Any, prefix: str, done: list[str]) -> None:
    """Put until the engine is gone; add to ``done`` what it has acknowledged."""
    for number in itertools.count():
        name = f"{prefix}/{number}"
        puts = [
            {"Put": {"TableName": _TABLE, "Item": {"PK": {"S": f"{name}/{item}"}}}}
            for item in range(_ITEMS)
        ]
        try:
            client.transact_write_items(TransactItems=puts)
        except (BotoCoreError, ClientError):
            return
        done.append(name)


def _get(client: Any, key: str) -> Any:
    return client.get_item(TableName=_TABLE, Key={"PK": {"S": key}}, ConsistentRead=True)


if __name__ == "__main__":
    main()
