"""What is printed: the API's answer as JSON, or tables of it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Of what goes into a pipe: nothing is cut off there to fit a window.
_PIPE_WIDTH = 200


def print_json(body: Any) -> None:
    """Print the answer as it came."""
    click.echo(json.dumps(body, indent=2, ensure_ascii=False))


def print_rows(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table with a line for each row."""
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        # Text, not markup: names are other people's, and may well have brackets.
        table.add_row(*(Text(plain(cell)) for cell in row))
    _print(table)


def print_facts(body: dict[str, Any]) -> None:
    """Print a line for each fact of an answer; what it does not know is left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in _facts(body, ""):
        table.add_row(Text(name), Text(plain(value)))
    _print(table)


def plain(value: Any) -> str:
    """Return a value as text that does nothing to a terminal."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(
        each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in str(value)
    )


def _facts(body: dict[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        if isinstance(value, dict):
            yield from _facts(value, f"{before}{name}.")
        elif isinstance(value, list):
            yield from _facts({f"{name} {at}": each for at, each in enumerate(value, 1)}, before)
        elif value is not None:
            yield f"{before}{name}", value


def _print(table: Table) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    with console.capture() as capture:
        console.print(table)
    # Without the blanks that fill up its columns.
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
