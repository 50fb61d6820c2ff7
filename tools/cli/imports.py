"""``couponry coupons import`` and ``couponry imports watch``."""

from pathlib import Path
from typing import Any

import click

from tools.cli import files, jobs, output
from tools.cli.failures import Failed, OutOfReach
from tools.cli.jobs import Job
from tools.cli.session import Session, answered, keyed, pass_session, path_of, sent

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}


def _measure(job: Job) -> tuple[int, int | None, str]:
    note = f"{job['created']:,} added, {job['duplicate'] + job['invalid']:,} refused"
    return job["processed_bytes"], job["size_bytes"], note


_SHOWN = jobs.Shown("Import", _measure)


def _check_new(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.exists():
        raise click.BadParameter(f"{path} is there already.")
    return path


_refused_option = click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_check_new,
    help="Where to put a file of the refused rows, if there are any.",
)


@click.command(name="import")
@click.argument("reward")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--delimiter", type=click.Choice(list(_DELIMITERS)), help="Else detected.")
@click.option("--encoding", help="Such as utf-8 or windows-1252; else detected.")
@click.option("--header/--no-header", default=None, help="Whether line 1 has names; else detected.")
@click.option("--code-column", metavar="COLUMN", help="By name or number; else detected.")
@click.option("--expiry-column", metavar="COLUMN", help="By name or number.")
@click.option("--assignee-column", metavar="COLUMN", help="Customer ids or e-mails.")
@click.option("--metadata-column", metavar="COLUMN", multiple=True, help="May be repeated.")
@click.option("--preview", is_flag=True, help="Show how the file is read, and add nothing.")
@_refused_option
@jobs.waiting
@keyed
@answered
@pass_session
def import_codes(  # noqa: PLR0913 # its options
    session: Session,
    /,
    *,
    reward: str,
    file: Path,
    delimiter: str | None,
    encoding: str | None,
    header: bool | None,
    preview: bool,
    refused: Path | None,
    wait_seconds: int,
    key: str,
    **columns: Any,
) -> None:
    """Add the codes in FILE (CSV) to the pool of REWARD, by its id."""
    body = sent(
        reward_id=reward,
        delimiter=None if delimiter is None else _DELIMITERS[delimiter],
        encoding=encoding,
        has_header=header,
        mapping=_mapping(**columns),
    )
    made = session.write("/v1/imports", body, key=key)
    import_id = made["import"]["id"]
    path = path_of("imports", import_id)
    try:
        # Null when the command was carried out before, with this key.
        if made["upload"] is not None:
            files.upload(made["upload"], file, sleep=session.sleep)
        if preview:
            _preview(session, path, key=key)
            return
        job = session.write(f"{path}/start", {}, key=f"{key}-start", hint="")
    except OutOfReach as error:
        hint = (
            f"See whether it runs: couponry imports watch {import_id}\n"
            f"If it does not, repeat the command with --idempotency-key {key}"
        )
        raise OutOfReach(f"{error.message}\n{hint}") from error
    # It goes on when this command is broken off.
    click.echo(f"Started; to follow it elsewhere: couponry imports watch {import_id}", err=True)
    _follow(session, job, refused=refused, wait_seconds=wait_seconds)


@click.command()
@click.argument("import_id", metavar="ID")
@_refused_option
@jobs.waiting
@answered
@pass_session
def watch(session: Session, *, import_id: str, refused: Path | None, wait_seconds: int) -> None:
    """Show how far an import is, until it ends."""
    job = session.get(path_of("imports", import_id))
    _follow(session, job, refused=refused, wait_seconds=wait_seconds)


def _mapping(**columns: Any) -> dict[str, Any] | None:
    given = {
        name.removesuffix("_column"): [_column(each) for each in value]
        if isinstance(value, tuple)
        else _column(value)
        for name, value in columns.items()
        if value
    }
    names = {"expiry": "expires_at"}
    return {names.get(name, name): value for name, value in given.items()} or None


def _column(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else text


def _preview(session: Session, path: str, *, key: str) -> None:
    found = session.get(f"{path}/preview")
    session.write(f"{path}/cancel", {}, key=f"{key}-cancel", hint="")
    if session.as_json:
        output.print_json(found)
        return
    rows = found.pop("rows")
    output.print_facts(found)
    names = ("line", "code", "expires_at", "assignee", "fault", "cells")
    output.print_rows(names, (_preview_row(row) for row in rows))


def _preview_row(row: dict[str, Any]) -> tuple[Any, ...]:
    coupon = row["coupon"] or {}
    read = (coupon.get(name) for name in ("code", "expires_at", "assignee"))
    return (row["line"], *read, row["fault"], " | ".join(row["cells"]))


def _follow(session: Session, job: Job, *, refused: Path | None, wait_seconds: int) -> None:
    path = path_of("imports", job["id"])
    try:
        job = jobs.follow(session, job, path, shown=_SHOWN, wait_seconds=wait_seconds)
    except OutOfReach as error:
        hint = f"Go on watching: couponry imports watch {job['id']}"
        raise OutOfReach(f"{error.message}\n{hint}") from error
    if refused is not None and job["refused_rows"] is not None:
        link = session.get(job["refused_rows"])
        if link["rows"]:
            files.download(link["url"], refused, sleep=session.sleep)
            click.echo(f"{link['rows']:,} refused rows in {refused}", err=True)
    session.show(job)
    if job["status"] in {"failed", "cancelled"}:
        raise Failed(f"{job['id']}: {job['status']} ({job['failure'] or 'by somebody'}).")
