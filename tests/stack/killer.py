"""Kills processes that run functions, in the middle of their work."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tools.stack import ministack
from tools.stack.settings import Settings

# About as long as a race for one coupon takes.
_DELAY_SECONDS_MAX = 0.15


class Killer:
    """Strikes a random while after each ``arm()``, or not, as ``chance`` has it."""

    def __init__(self, settings: Settings, *, chance: random.Random) -> None:
        self.killed = 0
        self._settings = settings
        self._chance = chance
        self._armed = threading.Event()
        self._done = False

    def arm(self) -> None:
        self._armed.set()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._done = True
            self._armed.set()
            thread.join()

    def _work(self) -> None:
        while True:
            self._armed.wait()
            self._armed.clear()
            if self._done:
                return
            time.sleep(self._chance.uniform(0, _DELAY_SECONDS_MAX))
            living = [each for each in ministack.function_processes(self._settings) if _lives(each)]
            for pid in self._chance.sample(
                living, min(len(living), self._chance.choice((0, 0, 1, 2)))
            ):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self.killed += 1


def processes_of(settings: Settings, function: str) -> list[int]:
    """Return the living processes that run ``function``, by its name (Linux)."""
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
    found = []
    for pid in ministack.function_processes(settings):
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and _lives(pid):
                found.append(pid)
    return found


def _lives(pid: int) -> bool:
    """Tell whether the process still runs; MiniStack looks at dead ones when it needs them next."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
