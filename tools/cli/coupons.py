"""``couponry coupons``: look at one, take it out of use, pass it on."""

import click

from tools.cli.session import Session, answered, keyed, pass_session, path_of, sent


@click.command()
@click.argument("code")
@answered
@pass_session
def show(session: Session, *, code: str) -> None:
    """Show a coupon, however its CODE is typed."""
    session.show(session.get(path_of("coupons", code)))


@click.command()
@click.argument("code")
@click.option("--reason", help="For staff only.")
@keyed
@answered
@pass_session
def invalidate(session: Session, *, code: str, reason: str | None, key: str) -> None:
    """Take a coupon out of use, for good."""
    path = path_of("coupons", code, "invalidate")
    session.show(session.write(path, sent(reason=reason), key=key))


@click.command()
@click.argument("code")
@click.option("--customer", metavar="ID", help="Who receives it.")
@click.option("--email", help="Who receives it.")
@keyed
@answered
@pass_session
def transfer(
    session: Session, *, code: str, customer: str | None, email: str | None, key: str
) -> None:
    """Pass a coupon on to another customer, by id or e-mail."""
    if customer is None and email is None:
        raise click.UsageError("Who receives it? --customer or --email says so.")
    body = sent(customer_id=customer, email=email)
    session.show(session.write(path_of("coupons", code, "transfer"), body, key=key))
