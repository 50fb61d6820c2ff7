"""A process that works on an import as the function does, to be killed in the middle of it.

``python -m tests.usecases.import_worker TABLE FOLDER IMPORT CLOCK_AHEAD_SECONDS``
"""

import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chalicelib import wiring
from chalicelib.store.engine.capacity import Meter
from chalicelib.usecases.coupons import importing
from chalicelib.usecases.workers import Worker
from tests.engines import store_on
from tests.twins import LocalFiles


def main(table_name: str, folder: str, import_id: str, ahead_seconds: str) -> None:
    # Ahead of the leases of those that were killed.
    ahead = timedelta(seconds=float(ahead_seconds))
    meter = Meter()
    services = wiring.services_for(store_on(table_name, meter=meter), meter=meter)
    worker = Worker(
        context=services.context,
        files=LocalFiles(Path(folder)),
        name=services.new_id("run", services.now()),
        clock=lambda: datetime.now(UTC).replace(microsecond=0) + ahead,
        has_time=lambda: True,
    )
    job = importing.work(worker, import_id)
    print(json.dumps({"status": job and job.status, "peak_kib": peak_kib(os.getpid())}))  # noqa: T201


def peak_kib(process_id: int) -> int:
    """Return the most memory that a process has had resident since it began this program.

    Unlike ``ru_maxrss``, which a process has from the one that started it.
    """
    status = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found.group(1))


if __name__ == "__main__":
    main(*sys.argv[1:])
