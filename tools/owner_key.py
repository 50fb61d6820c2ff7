"""Makes the first API key of a deployment, from which all others can be made through the API.

``python -m tools.owner_key --table NAME --name owner`` prints it, with the AWS credentials of the
environment: whoever may write to the table may make one. It is shown this once.
"""

import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import wiring
from chalicelib.core.callers.api_keys import ApiKey
from chalicelib.core.callers.callers import Role
from chalicelib.core.errors import DomainError
from chalicelib.store.engine.capacity import Meter
from chalicelib.store.store import DynamoStore
from chalicelib.usecases.callers import api_keys


@click.command()
@click.option("--table", required=True, help="The TableName among the outputs of the stack.")
@click.option("--name", required=True, help="Who or what uses the key.")
def main(table: str, name: str) -> None:
    """Make an API key with the role owner, and print it."""
    try:
        token = create(table, name=name)
    except (BotoCoreError, ClientError, DomainError) as error:
        raise click.ClickException(f"The key cannot be written to {table}: {error}") from error
    click.echo(token)


def create(table: str, *, name: str) -> str:
    """Return a new owner's key, whose hash the table now holds."""
    meter = Meter()
    services = wiring.services_for(DynamoStore(table, meter=meter), meter=meter)
    now = services.now()
    key_id = services.new_id("key", now)
    token = api_keys.token_of(key_id, services.new_secret())
    key = ApiKey(
        key_id=key_id,
        secret_hash=api_keys.hash_of(token),
        name=name,
        role=Role.OWNER,
        created_at=now,
        created_by="tools.owner_key",
    )
    api_keys.create_key(services.context, key, now=now, request=None)
    return token


if __name__ == "__main__":
    main(prog_name="python -m tools.owner_key")
