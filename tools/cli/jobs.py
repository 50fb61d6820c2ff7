"""Work that goes on after the API has answered: ask how far it is until it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from tools.cli import progress
from tools.cli.failures import OutOfReach
from tools.cli.session import Command, Session

_PAUSE_SECONDS = 0.5
_PAUSE_SECONDS_MAX = 5.0
_WAIT_SECONDS = 3600

Job = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """How far a job is: done, of how many if that is known, and what to say about it."""

    title: str
    measure: Callable[[Job], tuple[int, int | None, str]]


def waiting(command: Command) -> Command:
    """Let a command wait for its job, for so long."""
    return click.option(
        "--wait",
        "wait_seconds",
        type=click.IntRange(0, 24 * 3600),
        default=_WAIT_SECONDS,
        show_default=True,
        help="How many seconds to wait for the end; 0 does not wait.",
    )(command)


def follow(session: Session, job: Job, path: str, *, shown: Shown, wait_seconds: int) -> Job:
    """Return the job as it ended, or as it is where nobody waits.

    Raises:
        OutOfReach: it goes on for longer than that.
    """
    if wait_seconds == 0:
        return job
    waited, pause = 0.0, _PAUSE_SECONDS
    with progress.bar(shown.title) as reach:
        reach(*shown.measure(job))
        while job["status"] == "running":
            if waited >= wait_seconds:
                raise OutOfReach(f"{job['id']} still runs after {wait_seconds} s, and goes on.")
            session.sleep(pause)
            waited += pause
            pause = min(_PAUSE_SECONDS_MAX, pause * 1.3)
            job = session.get(path)
            reach(*shown.measure(job))
    return job
