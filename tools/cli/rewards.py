"""``couponry rewards``."""

from typing import Any
from urllib.parse import urlencode

import click

from tools.cli import output
from tools.cli.session import Session, answered, pass_session

_STATUSES = ("draft", "active", "paused", "archived")


@click.command()
@click.option("--status", multiple=True, type=click.Choice(_STATUSES), help="May be repeated.")
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True)
@click.option("--cursor", help="Go on where a list ended.")
@answered
@pass_session
def rewards(session: Session, *, status: tuple[str, ...], limit: int, cursor: str | None) -> None:
    """List rewards, the newest first."""
    query = [("limit", str(limit)), *(("status", each) for each in status)]
    if cursor is not None:
        query.append(("cursor", cursor))
    page = session.get(f"/v1/rewards?{urlencode(query)}")
    if session.as_json:
        output.print_json(page)
        return
    names = ("id", "name", "status", "off", "codes")
    rows = (
        (each["id"], each["name"], each["status"], _off(each), each["coupon_source"])
        for each in page["items"]
    )
    output.print_rows(names, rows)
    if page["next_cursor"] is not None:
        click.echo(f"More: --cursor {page['next_cursor']}", err=True)


def _off(reward: dict[str, Any]) -> str:
    if reward["percent_off_basis_points"] is not None:
        return f"{reward['percent_off_basis_points'] / 100:g} %"
    if reward["amount_off_minor"] is not None:
        return f"{reward['amount_off_minor']} minor units of {reward['currency']}"
    return str(reward["type"]).replace("_", " ")
