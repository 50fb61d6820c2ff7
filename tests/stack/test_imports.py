"""Codes are imported and exported through the deployed stack, as a client does it."""

import csv
import io
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders import unique
from tests.stack import uploads
from tests.stack.deployment import Deployment
from tests.stack.line import Line
from tests.stack.uploads import Upload
from tools.proof import figures

pytestmark = pytest.mark.xdist_group("stack")

ROWS = int(os.environ.get("COUPONRY_STACK_IMPORT_ROWS") or 2_000)
_PATIENCE_SECONDS = 300


@pytest.fixture
def line(deployment: Deployment) -> Iterator[Line]:
    with deployment.line() as opened:
        yield opened


def _a_reward(line: Line) -> str:
    body = {
        "name": "Ten percent",
        "type": "percentage_discount",
        "percent_off_basis_points": 1000,
        "coupon_source": "uploaded",
        "claim_on_redeem": True,
    }
    return str(line.made("/v1/rewards", body)["id"])


def _started(line: Line, reward_id: str, content: bytes) -> str:
    made = line.made("/v1/imports", {"reward_id": reward_id})
    assert uploads.send(made["upload"], content) in {200, 201, 204}
    path = f"/v1/imports/{made['import']['id']}"
    assert line.get(path)["status"] == "uploaded"
    started = line.call("POST", f"{path}/start", headers={"Idempotency-Key": unique("k")})
    assert (started.status, started.json["status"]) == (200, "running")
    return path


def _ended(line: Line, path: str) -> Any:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        found = line.get(path)
        if found.get("finished_at"):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


class TestImport:
    def test_of_a_file_counts_and_refuses_exactly(self, line: Line) -> None:
        upload = Upload(prefix=unique("IMP"), rows=ROWS)
        content, reward_id = upload.content(), _a_reward(line)
        begun = time.monotonic()

        done = _ended(line, _started(line, reward_id, content))

        seconds = time.monotonic() - begun
        counts = {name: done[name] for name in ("status", "created", "duplicate", "invalid")}
        assert counts == {
            "status": "completed_with_errors",
            "created": upload.created,
            "duplicate": upload.duplicates,
            "invalid": len(upload.refused) - upload.duplicates,
        }
        link = line.get(done["refused_rows"])
        assert uploads.download(link["url"]) == upload.refused_file()
        line.call("POST", f"/v1/rewards/{reward_id}/activate")
        customer = line.made("/v1/customers", {"external_id": unique("I")})["id"]
        used = next(n for n in range(1, ROWS) if n not in upload.refused)
        redemptions = f"/v1/coupons/{upload.code(used)}/redemptions"
        line.made(redemptions, {"customer_id": customer})

        again = _ended(line, _started(line, reward_id, content))

        assert (again["created"], again["duplicate"]) == (0, upload.created + upload.duplicates)
        assert line.get(f"/v1/coupons/{upload.code(used)}")["status"] == "redeemed"
        figures.record(
            "import-deployed",
            {
                "rows": ROWS,
                "created": done["created"],
                "duplicates": done["duplicate"],
                "invalid": done["invalid"],
                "rows a second": round(ROWS / seconds),
            },
        )

    def test_shows_how_the_file_is_read_before_it_starts(self, line: Line) -> None:
        made = line.made("/v1/imports", {"reward_id": _a_reward(line)})
        uploads.send(made["upload"], "\ufeffGutschein;Ablauf\nABCD-1;2030-01-01\n".encode())
        path = f"/v1/imports/{made['import']['id']}"

        line.call(
            "PATCH", path, {"mapping": {"code": "gutschein", "expires_at": 2}, "has_header": True}
        )
        preview = line.get(f"{path}/preview")

        assert (preview["encoding"], preview["bom"], preview["delimiter"]) == ("utf-8", True, ";")
        assert preview["columns"] == ["Gutschein", "Ablauf"]
        (row,) = preview["rows"]
        assert (row["line"], row["coupon"]["code"]) == (2, "ABCD-1")
        assert row["coupon"]["expires_at"].startswith("2030-01-02T00:00:00")


class TestExport:
    def test_holds_what_was_imported(self, line: Line) -> None:
        reward_id, codes = _a_reward(line), [f"{unique('EXP')}-{n}" for n in range(300)]
        _ended(line, _started(line, reward_id, "\n".join(codes).encode()))

        made = line.made("/v1/exports", {"kind": "coupons", "reward_id": reward_id})
        path = f"/v1/exports/{made['id']}"
        done = _ended(line, path)

        assert (done["status"], done["rows"]) == ("completed", 300)
        rows = list(csv.DictReader(io.StringIO(uploads.download(done["url"]))))
        assert {row["code"] for row in rows} == set(codes)
        assert {row["status"] for row in rows} == {"unassigned"}
