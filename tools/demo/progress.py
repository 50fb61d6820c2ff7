"""How far a step has come: a bar in a terminal, a line for each tenth elsewhere."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[int], None]
"""Told, from any thread, how many more are done."""

_TENTHS = 10
_FEW = 50


@contextlib.contextmanager
def bar(title: str, total: int, *, console: Console) -> Iterator[Advance]:
    """Show how many of ``total`` are done, unless they are few."""
    if total < _FEW:
        yield lambda _: None
    elif console.is_terminal:
        with _bar(console) as progress:
            task = progress.add_task(title, total=total)
            yield lambda count: progress.advance(task, count)
    else:
        yield _Lines(title, total, console=console).advance


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("  {task.description:<12}"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


class _Lines:
    def __init__(self, title: str, total: int, *, console: Console) -> None:
        self._title, self._total, self._console = title, total, console
        self._done = 0
        self._lock = threading.Lock()

    def advance(self, count: int) -> None:
        with self._lock:
            before = self._done * _TENTHS // self._total
            self._done += count
            if self._done * _TENTHS // self._total > before:
                self._console.print(
                    f"  {self._title:<12} {self._done:>6,} of {self._total:,}", highlight=False
                )
