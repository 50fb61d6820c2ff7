"""The expiry job in a process of its own, as it is a function of its own: ``python -m`` this.

Each line of the input is how many milliseconds a slice may take; each line of the output is what
the job reports of it. The environment says which table, and at what rate.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

# What the job keeps in reserve of the time that Lambda gives it.
_RESERVE_MILLIS = 15_000


@dataclass
class Slices:
    """A job under way."""

    process: subprocess.Popen[str]

    def begin(self, *, millis: int) -> None:
        """Let it run for so long, and return at once."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{millis}\n")
        self.process.stdin.flush()

    def has_reported(self) -> bool:
        """Whether the slice is over."""
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], 0)[0])

    def report(self) -> Any:
        """Wait for the end of the slice, and return what it reports."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())


@contextmanager
def a_job(table_name: str, *, as_of: str, rate: float | None) -> Iterator[Slices]:
    """Run the job as of a time, with so many write units a second; ready when it is yielded."""
    environment = os.environ | {
        "TABLE_NAME": table_name,
        "EXPIRY_WRITE_UNITS_PER_SECOND": "" if rate is None else str(rate),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.slices", as_of],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        job = Slices(process)
        # With no time it does nothing, but everything is imported and connected.
        job.begin(millis=-1)
        job.report()
        yield job
        assert process.stdin is not None
        process.stdin.close()


def _run(as_of: str, *, millis: int) -> None:
    import app  # noqa: PLC0415 # the tests import this file for `a_job` only

    ends_at = time.monotonic() + millis / 1000
    event = {
        "version": "0",
        "id": "1",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "1",
        "time": as_of,
        "region": "us-east-1",
        "resources": [],
        "detail": {},
    }
    context = SimpleNamespace(
        get_remaining_time_in_millis=lambda: (
            _RESERVE_MILLIS + int((ends_at - time.monotonic()) * 1000)
        )
    )
    app.app.handler_map["expire_coupons"](event, context)
    sys.stdout.flush()


if __name__ == "__main__":
    for line in sys.stdin:
        _run(sys.argv[1], millis=int(line))
