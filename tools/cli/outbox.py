"""``couponry outbox``."""

import click

from tools.cli import output
from tools.cli.session import Session, answered, keyed, pass_session


@click.command()
@answered
@pass_session
def show(session: Session) -> None:
    """Show what each subscriber has before it, and what it failed on."""
    found = session.get("/v1/outbox")
    if session.as_json:
        output.print_json(found)
        return
    names = ("subscriber", "waiting", "in_flight", "dead_letters")
    output.print_rows(names, ([each[name] for name in names] for each in found["subscribers"]))


@click.command()
@click.argument("subscriber")
@keyed
@answered
@pass_session
def replay(session: Session, *, subscriber: str, key: str) -> None:
    """Give SUBSCRIBER, such as webhooks, again what it failed on."""
    body = {"subscriber": subscriber}
    replayed = step = 0
    while True:  # Ends: what was moved is no longer there.
        answer = session.write("/v1/outbox/replay", body, key=f"{key}-{step}")
        replayed += answer["replayed"]
        step += 1
        if not answer["left"] or not answer["replayed"]:
            break
    session.show({"subscriber": subscriber, "replayed": replayed, "left": answer["left"]})
