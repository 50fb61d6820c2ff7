"""How a command ends that did not do what it was told, and what it says on stderr."""

from collections.abc import Iterator

import click

from tools.cli import output
from tools.client import Reply


class Failed(click.ClickException):
    """What was asked for came to an end, and not to a good one."""

    exit_code = 1


class Refused(Failed):
    """The API said no, and why; nothing was done."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("\n".join(_lines(reply)))


class OutOfReach(click.ClickException):
    """The API does not answer or keeps failing; what was asked for may have been done."""

    exit_code = 3


def _lines(reply: Reply) -> Iterator[str]:
    problem = reply.body
    if "code" not in problem:
        # API Gateway's own, for one.
        yield f"{reply.status} {output.plain(problem)}"
        return
    yield f"{output.plain(problem.get('detail'))} ({problem['code']})"
    for fault in problem.get("errors", ()):
        yield f"  {fault['pointer']}: {output.plain(fault['detail'])}"
    if "fix" in problem:
        yield f"Fix: {output.plain(problem['fix'])}"
