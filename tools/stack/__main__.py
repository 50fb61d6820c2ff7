"""The command line behind ``make up``, ``down``, ``status`` and ``logs``."""

import collections
import sys
import time

import click
from botocore.exceptions import BotoCoreError, ClientError

from tools.cloudformation import DeployError
from tools.package import PackageError
from tools.stack import envfile, ministack
from tools.stack import up as start
from tools.stack.settings import from_environment


@click.group()
def main() -> None:
    """The local AWS stack."""


@main.command()
def up() -> None:
    """Start it, deploy to it and warm it; what is already so is left."""
    settings = from_environment()
    begun = time.monotonic()

    def say(step: str) -> None:
        click.echo(f"[{time.monotonic() - begun:5.1f} s] {step}")

    try:
        stack = start.up(settings, say=say)
    except (ministack.StackError, PackageError, DeployError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{stack.url}\nSettings for scripts: {settings.env_file}")


@main.command()
def down() -> None:
    """Stop it; its state is kept."""
    try:
        stopped = ministack.stop(from_environment())
    except ministack.StackError as error:
        raise click.ClickException(str(error)) from error
    click.echo("Stopped; the state is kept." if stopped else "It does not run.")


@main.command()
def status() -> None:
    """Say what runs, and where; ends with 1 if it does not run."""
    settings = from_environment()
    pid = ministack.running_pid(settings)
    if pid is None or not ministack.is_ready(settings):
        click.echo("MiniStack   not running (make up)")
        sys.exit(1)
    click.echo(f"MiniStack   process {pid} on {settings.endpoint}, log {settings.log_file}")
    try:
        cloudformation = start.client("cloudformation", settings)
        found = cloudformation.describe_stacks(StackName=settings.stack_name)["Stacks"][0]
    except (BotoCoreError, ClientError):
        click.echo(f"Stack       {settings.stack_name} is not deployed (make up)")
        sys.exit(1)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    click.echo(f"Stack       {settings.stack_name} {found['StackStatus']}")
    click.echo(f"API         {settings.url}")
    click.echo(f"Table       {outputs.get('TableName')}")
    has_key = "COUPONRY_API_KEY" in envfile.read(settings.env_file)
    click.echo(f"Settings    {settings.env_file} ({'with' if has_key else 'without'} an API key)")


@main.command()
@click.option("--lines", default=60, show_default=True, help="How many.")
def logs(lines: int) -> None:
    """Print the last lines of MiniStack's log and of the functions' logs."""
    settings = from_environment()
    if settings.log_file.exists():
        with settings.log_file.open(encoding="utf-8", errors="replace") as file:
            click.echo("".join(collections.deque(file, lines)), nl=False)
    if not ministack.is_ready(settings):
        return
    client = start.client("logs", settings)
    for group in client.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]:
        click.echo(f"== {group['logGroupName']}")
        events = client.filter_log_events(logGroupName=group["logGroupName"])["events"]
        for event in events[-lines:]:
            click.echo(event["message"].rstrip())


if __name__ == "__main__":
    main(prog_name="python -m tools.stack")
