"""A large file is imported by processes that are killed in the middle, and nothing is wrong."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.imports import Import
from chalicelib.core.files.leases import LEASE
from chalicelib.store.engine import codecs
from chalicelib.usecases.coupons import imports
from chalicelib.wiring import Services
from tests import engines
from tests.builders import NOON, an_origin, unique
from tests.conftest import services_on
from tests.stack.uploads import Upload
from tests.twins import LocalFiles, NotedFunctions
from tests.usecases.import_worker import peak_kib
from tests.usecases.world import a_member, an_offer, coupon_of, find, redeem
from tools.proof import figures

ROWS = int(os.environ.get("COUPONRY_IMPORT_ROWS") or 5_000)
_FLOOR_ROWS = max(1_000, ROWS // 50)
_KILLED_AT = (0.35, 0.7)
_PEAK_MIB_MAX = 256


class _Run:
    """One import of a file, by one process after the other."""

    def __init__(self, services: Services, table_name: str, files: Path, job: Import) -> None:
        self._services = services
        self._arguments = [table_name, str(files), job.import_id]
        self._import_id = job.import_id
        self._size = job.size_bytes or 0
        self.peak_mib = 0.0
        self.workers = 0

    def until(self, share: float) -> None:
        """Let a process work, and kill it when that share of the file is done."""
        process = self._start()
        while self.job().offset < share * self._size:
            assert process.poll() is None, "it has ended before it could be killed"
            time.sleep(0.005)
        # Anywhere in the next steps: in a read, in a transaction, or between them.
        time.sleep(random.uniform(0, 0.2))
        self.peak_mib = max(self.peak_mib, peak_kib(process.pid) / 1024)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def to_the_end(self) -> Import:
        process = self._start()
        printed, _ = process.communicate()
        assert process.returncode == 0
        said = json.loads(printed)
        assert said["status"], "there was nothing to take"
        self.peak_mib = max(self.peak_mib, said["peak_kib"] / 1024)
        return self.job()

    def job(self) -> Import:
        job = find(self._services, Import, self._import_id)
        assert job is not None
        return job

    def _start(self) -> "subprocess.Popen[bytes]":
        # Each is as far ahead as the leases of those before it need to run out.
        ahead = self.workers * LEASE.total_seconds()
        self.workers += 1
        command = [sys.executable, "-m", "tests.usecases.import_worker", *self._arguments]
        return subprocess.Popen([*command, str(ahead)], stdout=subprocess.PIPE)


def _started(services: Services, files: LocalFiles, reward_id: str, content: bytes) -> Import:
    job = Import(services.new_id("imp", NOON), reward_id, NOON, "key_1")
    context, functions = services.context, NotedFunctions()
    imports.create(context, job, origin=an_origin(), request=None)
    files.put(job.upload_key, content)
    return imports.start(
        context, files, functions, job.import_id, origin=an_origin(), request=None
    ).result


def _floor(engine: str, table_name: str, *, rows: int) -> float:
    """Return how many coupons a second raw transactions of 100 conditional puts write."""
    client = engines.client(engine)
    prefix, reward_id = unique("RAW"), unique("rwd_raw")
    begun = time.monotonic()
    for start in range(0, rows, 100):
        actions = []
        for number in range(start, start + 100):
            code = f"{prefix}-{number:08}"
            item = codecs.encode(Coupon(code, reward_id, CouponStatus.UNASSIGNED, NOON))
            item["version"] = {"N": "1"}
            condition = "attribute_not_exists(PK)"
            put = {"TableName": table_name, "Item": item, "ConditionExpression": condition}
            actions.append({"Put": put})
        client.transact_write_items(TransactItems=actions)
    return rows / (time.monotonic() - begun)


def _counted(engine: str, table_name: str, reward_id: str) -> tuple[int, int]:
    """Return how many coupons of the reward there are, and how many its batches tell of."""
    coupons = told = 0
    for item in engines.items(
        engine,
        table_name,
        FilterExpression="reward_id = :reward AND (#kind = :coupon OR #kind = :batch)",
        ExpressionAttributeNames={"#kind": "kind"},
        ExpressionAttributeValues={
            ":reward": {"S": reward_id},
            ":coupon": {"S": "coupon"},
            ":batch": {"S": "coupon_batch"},
        },
        ProjectionExpression="#kind, created",
    ):
        coupons += item["kind"]["S"] == "coupon"
        if "created" in item:
            told += sum(msgspec.json.decode(item["created"]["S"]).values())
    return coupons, told


@pytest.fixture
def timed() -> Callable[[Callable[[], Any]], tuple[Any, float]]:
    def measure(call: Callable[[], Any]) -> tuple[Any, float]:
        begun = time.monotonic()
        result = call()
        return result, time.monotonic() - begun

    return measure


class TestAFileOfMany:
    def test_is_imported_exactly_although_its_workers_are_killed(
        self,
        engine: str,
        fresh_table_name: str,
        tmp_path: Path,
        timed: Callable[[Callable[[], Any]], tuple[Any, float]],
    ) -> None:
        services, files = services_on(fresh_table_name), LocalFiles(tmp_path)
        upload = Upload(prefix=unique("MANY"), rows=ROWS)
        content = upload.content()
        reward = an_offer(services, claim_on_redeem=True)
        floors = [_floor(engine, fresh_table_name, rows=_FLOOR_ROWS)]
        job = _started(services, files, reward.reward_id, content)
        run = _Run(services, fresh_table_name, tmp_path, job)

        def work() -> Import:
            for share in _KILLED_AT:
                run.until(share)
            return run.to_the_end()

        done, seconds = timed(work)

        floors.append(_floor(engine, fresh_table_name, rows=_FLOOR_ROWS))
        assert (done.status, done.created, done.duplicate, done.invalid) == (
            "completed_with_errors",
            upload.created,
            upload.duplicates,
            len(upload.refused) - upload.duplicates,
        )
        assert files.path(done.refused_key).read_bytes().decode() == upload.refused_file()
        counted = _counted(engine, fresh_table_name, reward.reward_id)
        assert counted == (upload.created, upload.created)
        assert run.peak_mib < _PEAK_MIB_MAX
        used = [line for line in range(1, ROWS, ROWS // 20) if line not in upload.refused]
        member = a_member(services)
        for line in used:
            redeem(services, upload.code(line), customer_id=member)

        again = _Run(
            services,
            fresh_table_name,
            tmp_path,
            _started(services, files, reward.reward_id, content),
        )
        second, again_seconds = timed(again.to_the_end)

        assert (second.created, second.duplicate) == (0, upload.created + upload.duplicates)
        assert {coupon_of(services, upload.code(line)).status for line in used} == {
            CouponStatus.REDEEMED
        }
        assert again.peak_mib < _PEAK_MIB_MAX
        floor = sum(floors) / len(floors)
        figures.record(
            "import",
            {
                "rows": ROWS,
                "size of the file in bytes": len(content),
                "created": done.created,
                "duplicates": done.duplicate,
                "invalid": done.invalid,
                "workers killed with SIGKILL": len(_KILLED_AT),
                "peak memory of a worker in MiB": round(max(run.peak_mib, again.peak_mib)),
                "seconds, with the starts of three workers": round(seconds, 1),
                "rows a second": round(ROWS / seconds),
                "raw floor before, coupons a second": round(floors[0]),
                "raw floor after, coupons a second": round(floors[1]),
                "share of the floor": round(ROWS / seconds / floor, 2),
                "rows a second when all are there already": round(ROWS / again_seconds),
            },
        )
