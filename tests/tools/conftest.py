"""Fixtures of the tests of clients: a server with a script, and a terminal of a user."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.servers import Server
from tests.tools.terminal import Terminal


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A user who has never logged in, in an empty folder."""
    for name in ("COUPONRY_URL", "COUPONRY_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    # Without it rich knows no terminal here; a test that wants one says so.
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Terminal(monkeypatch)
