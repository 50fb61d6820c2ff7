"""How far work has come: a bar on the terminal, and nothing where stderr is no terminal."""

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

Reach = Callable[[int, int | None, str], None]
"""Told how much is done, of how much (None: not known), and what to say about it."""


@contextlib.contextmanager
def bar(title: str) -> Iterator[Reach]:
    """Show a bar until the work ends, however it ends."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(title, total=None, note="")
        yield lambda done, total, note: progress.update(
            task, completed=done, total=total, note=note
        )
