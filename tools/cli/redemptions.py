"""``couponry coupons redeem`` and ``unredeem``."""

from typing import Any

import click

from tools.cli.session import Session, answered, keyed, pass_session, path_of, sent


@click.command()
@click.argument("code")
@click.option("--customer", "customer_id", metavar="ID", help="Who uses it.")
@click.option("--amount-minor", type=int, help="Of the purchase, in cents, before coupons.")
@click.option("--currency", help="Of the amount, such as USD.")
@click.option("--order", "order_id", metavar="ID", help="Of the purchase, in your shop.")
@click.option("--location", "location_id", metavar="ID", help="Where it is used.")
@click.option("--hold", "hold_id", metavar="ID", help="The hold that is used.")
@click.option("--comment", help="For staff only.")
@keyed
@answered
@pass_session
def redeem(session: Session, /, *, code: str, key: str, **fields: Any) -> None:
    """Redeem a coupon, once and only once."""
    body = sent(**fields, channel="cli")
    session.show(session.write(path_of("coupons", code, "redemptions"), body, key=key))


@click.command()
@click.argument("code")
@click.option("--redemption", metavar="ID", help="Which one; by default the latest.")
@click.option("--reason", help="For staff only.")
@keyed
@answered
@pass_session
def unredeem(
    session: Session, *, code: str, redemption: str | None, reason: str | None, key: str
) -> None:
    """Take back a redemption of a coupon."""
    body = sent(redemption_id=redemption, reason=reason)
    session.show(session.write(path_of("coupons", code, "unredeem"), body, key=key))
