"""``make demo``."""

import sys
import time
from pathlib import Path

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from tools.client import ApiError
from tools.cloudformation import DeployError
from tools.demo import campaigns, report
from tools.demo.report import Report
from tools.demo.run import run
from tools.package import PackageError
from tools.stack import ministack
from tools.stack import up as stack_up
from tools.stack.settings import Settings, from_environment

_EXPECTED = (
    ApiError,
    BotoCoreError,
    ClientError,
    DeployError,
    PackageError,
    ministack.StackError,
)


@click.command()
def main() -> None:
    """Replay a year of real coupon campaigns through the deployed stack, and report."""
    settings = from_environment()
    begun = time.monotonic()

    def say(step: str) -> None:
        click.echo(f"[{time.monotonic() - begun:5.1f} s] {step}")

    try:
        stack = stack_up.up(settings, say=say)
        done = run(campaigns.read(), settings, stack, console=Console(), say=say)
    except _EXPECTED as error:
        raise click.ClickException(
            f"{error}\nThe log is {_short(settings.log_file)}. "
            "What is done is done: `make demo` goes on from there."
        ) from error
    except KeyboardInterrupt:
        raise click.ClickException("Interrupted: `make demo` goes on from there.") from None
    click.echo("\n" + "\n".join(done.lines()))
    differences = done.differences()
    if differences:
        click.echo("\nThis is not what the files imply:", err=True)
        click.echo("\n".join(f"  {line}" for line in report.shown(differences)), err=True)
    click.echo("\n" + "\n".join(_next_commands(settings, done)))
    sys.exit(1 if differences else 0)


def _next_commands(settings: Settings, done: Report) -> list[str]:
    household, customer = report.best_customer(done.standing)
    code = next(c.code for c in done.history.coupons if c.household_id == household)
    curl = 'curl -sH "Authorization: Bearer $COUPONRY_API_KEY" $COUPONRY_URL'
    return [
        f"  API       {settings.url}/v1/health",
        f"  Docs      {settings.url}/docs",
        f"  OpenAPI   {settings.url}/openapi.json",
        "",
        "Next:",
        f"  . {_short(settings.env_file)}",
        f"  {curl}/v1/customers?external_id={household}",
        f"  {curl}/v1/customers/{customer.customer_id}/activity",
        f"  {curl}/v1/coupons/{code}",
        "  make status   make logs   make down",
    ]


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    main(prog_name="python -m tools.demo")
