"""Files on their way: what is sent again, what is given up, what nobody is shown."""

import stat
from pathlib import Path
from typing import Any

import pytest

from tests.tools.servers import DROPPED, Server
from tools.cli import files
from tools.cli.failures import Failed, OutOfReach

SIGNATURE = "X-Amz-Signature=secret"


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def form(server: Server) -> dict[str, Any]:
    return {"url": f"{server.url}/files", "fields": {"key": "a/b.csv"}, "size_max": 1000}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "codes.csv"
    path.write_bytes(b"ABCD-1\n")
    return path


MAY_PASS = [
    pytest.param((DROPPED, None), id="lost"),
    pytest.param((503, b"SlowDown"), id="too much"),
    pytest.param((429, b"wait"), id="too often"),
]


class TestUpload:
    @pytest.mark.parametrize("failure", MAY_PASS)
    def test_is_sent_again_as_it_was(
        self,
        server: Server,
        form: dict[str, Any],
        file: Path,
        pauses: list[float],
        failure: tuple[int, Any],
    ) -> None:
        server.script = [failure, failure, (204, b"")]

        files.upload(form, file, sleep=pauses.append)

        assert len(server.bodies) == 3
        assert all(b"\r\n\r\nABCD-1\n\r\n--" in body for body in server.bodies)
        assert pauses == [1, 2]

    def test_is_given_up_after_some_tries(
        self, server: Server, form: dict[str, Any], file: Path, pauses: list[float]
    ) -> None:
        server.script = [(503, b"SlowDown")] * 9

        with pytest.raises(OutOfReach, match="failed 4 times: it answers 503"):
            files.upload(form, file, sleep=pauses.append)

    def test_that_is_refused_is_not_sent_again(
        self, server: Server, form: dict[str, Any], file: Path, pauses: list[float]
    ) -> None:
        server.script = [(403, b"<Code>AccessDenied</Code>")]

        with pytest.raises(Failed, match="AccessDenied"):
            files.upload(form, file, sleep=pauses.append)

        assert pauses == []


class TestDownload:
    @pytest.mark.parametrize("failure", MAY_PASS)
    def test_is_fetched_again_and_is_whole(
        self, server: Server, tmp_path: Path, pauses: list[float], failure: tuple[int, Any]
    ) -> None:
        server.script = [failure, (200, b"code\r\nABCD-1\r\n")]
        path = tmp_path / "out.csv"

        files.download(f"{server.url}/x", path, sleep=pauses.append)

        assert path.read_bytes() == b"code\r\nABCD-1\r\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]

    def test_that_never_arrives_shows_nobody_the_address(
        self, server: Server, tmp_path: Path, pauses: list[float]
    ) -> None:
        server.script = [(DROPPED, None)] * 9

        with pytest.raises(OutOfReach) as caught:
            files.download(f"{server.url}/x?{SIGNATURE}", tmp_path / "out.csv", sleep=pauses.append)

        assert SIGNATURE not in caught.value.message
        assert list(tmp_path.iterdir()) == []
