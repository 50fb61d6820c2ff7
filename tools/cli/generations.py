"""``couponry coupons generate``."""

from typing import Any

import click

from tools.cli import jobs
from tools.cli.failures import Failed
from tools.cli.session import Session, answered, keyed, pass_session, path_of, sent

_SHOWN = jobs.Shown("Generate", lambda job: (job["made"], job["count"], f"{job['made']:,} codes"))


@click.command()
@click.argument("reward")
@click.argument("count", type=int)
@click.option("--pattern", help="# is a digit, ? a letter, * either, such as SUMMER-####-????.")
@click.option("--prefix", help="What each code begins with.")
@click.option("--length", type=int, help="Random characters, without those of the prefix.")
@click.option("--force", is_flag=True, help="Also of a pattern whose codes could be guessed.")
@jobs.waiting
@keyed
@answered
@pass_session
def generate(
    session: Session, /, *, reward: str, wait_seconds: int, key: str, force: bool, **form: Any
) -> None:
    """Generate COUNT codes for the pool of REWARD, by its id.

    By default of the reward's own pattern, or with 12 characters that cannot be guessed.
    """
    body = sent(**form, force=force or None)
    job = session.write(path_of("rewards", reward, "coupons", "generate"), body, key=key)
    job = jobs.follow(
        session,
        job,
        path_of("generations", job["id"]),
        shown=_SHOWN,
        wait_seconds=wait_seconds,
    )
    session.show(job)
    if job["status"] not in {"running", "completed"}:
        raise Failed(f"Generated {job['made']:,} of {job['count']:,} codes: {job['status']}.")
