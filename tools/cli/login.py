"""``couponry login``."""

import click

from tools.cli import credentials
from tools.cli.failures import OutOfReach
from tools.cli.session import Session, pass_session


@click.command()
@click.option("--url", help="Of the API, such as https://….amazonaws.com/api.")
@click.option("--local", is_flag=True, help="Take URL and key of the local stack.")
@pass_session
def login(session: Session, *, url: str | None, local: bool) -> None:
    """Check and remember with which key which API is called.

    Takes COUPONRY_URL and COUPONRY_API_KEY from the environment, or else asks for them. The key is
    no option: it would stay in the history of the shell.
    """
    if local and url is not None:
        raise click.UsageError("--local has its own URL.")
    found = credentials.of_local_stack() if local else None
    if found is None and url is None:
        found = credentials.of_environment()
    if found is None:
        found = credentials.checked(
            url or click.prompt("URL", err=True),
            click.prompt("API key", hide_input=True, err=True),
        )
    session.use(found)
    # Every key of the business may read this one.
    if "items" not in session.get("/v1/rewards?limit=1"):
        raise OutOfReach(f"What answers at {found.url} is not Couponry.")
    path = credentials.keep(found)
    click.echo(f"Logged in at {found.url}; kept in {path}", err=True)
