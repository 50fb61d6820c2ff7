"""``couponry coupons export``."""

from pathlib import Path

import click

from tools.cli import files, jobs
from tools.cli.failures import Failed
from tools.cli.session import Session, answered, keyed, pass_session, path_of

_STATUSES = ("unassigned", "claimed", "redeemed", "expired", "invalid")
# How many there will be shows at the end only.
_SHOWN = jobs.Shown("Export", lambda job: (job["rows"], None, f"{job['rows']:,} rows"))


@click.command()
@click.argument("reward")
@click.option(
    "--kind",
    type=click.Choice(["coupons", "redemptions"]),
    default="coupons",
    show_default=True,
    help="What is in the file.",
)
@click.option("--status", multiple=True, type=click.Choice(_STATUSES), help="May be repeated.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where to put the file; by default coupons-REWARD.csv here.",
)
@click.option("--force", is_flag=True, help="In place of a file that is there.")
@jobs.waiting
@keyed
@answered
@pass_session
def export(  # noqa: PLR0913 # its options
    session: Session,
    *,
    reward: str,
    kind: str,
    status: tuple[str, ...],
    output: Path | None,
    force: bool,
    wait_seconds: int,
    key: str,
) -> None:
    """Write the coupons of REWARD, by its id, or their redemptions into a CSV file."""
    path = output or Path(f"{kind}-{Path(reward).name}.csv")
    if path.exists() and not force:
        raise click.UsageError(f"{path} is there already; --force replaces it.")
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"{path.parent} is no folder.")
    body = {"kind": kind, "reward_id": reward, "status": list(status)}
    job = session.write("/v1/exports", body, key=key)
    job = jobs.follow(
        session,
        job,
        path_of("exports", job["id"]),
        shown=_SHOWN,
        wait_seconds=wait_seconds,
    )
    if job["url"] is not None:
        files.download(job["url"], path, sleep=session.sleep)
        click.echo(f"{job['rows']:,} rows in {path}", err=True)
    if session.as_json or job["url"] is None:
        session.show(job)
    if job["status"] == "failed":
        raise Failed(f"{job['id']} failed.")
