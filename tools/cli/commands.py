"""Which commands there are."""

import click

from tools.cli import (
    completion,
    coupons,
    exports,
    generations,
    imports,
    login,
    outbox,
    redemptions,
    rewards,
)
from tools.cli.session import Session


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """Coupons and rewards, from a terminal.

    Ends with 0 if it is done, 1 if the API refuses it, 2 if the command is wrong, 3 if the API is
    out of reach or keeps failing.
    """
    session = context.ensure_object(Session)
    context.call_on_close(session.close)


@main.group(name="coupons")
def coupon_commands() -> None:
    """Look at coupons, use them, make them."""


@main.group(name="imports")
def import_commands() -> None:
    """Imports of codes from files."""


@main.group(name="outbox")
def outbox_commands() -> None:
    """What is on its way to those who are told what happens."""


for command in (login.login, rewards.rewards, completion.completion):
    main.add_command(command)
for command in (
    coupons.show,
    redemptions.redeem,
    redemptions.unredeem,
    coupons.invalidate,
    coupons.transfer,
    imports.import_codes,
    exports.export,
    generations.generate,
):
    coupon_commands.add_command(command)
import_commands.add_command(imports.watch)
outbox_commands.add_command(outbox.show)
outbox_commands.add_command(outbox.replay)
