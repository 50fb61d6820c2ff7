"""DynamoDB Local on a free port: the engine for tests of the store, of scale and of crashes."""

import contextlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tools import dynamodb_fetch

_START_TIMEOUT_SECONDS = 60
# The quick compiler and the plain collector: half the start-up CPU, and 25 % faster for a test run.
_JAVA_OPTIONS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xmx2g",
    "-Djava.library.path=DynamoDBLocal_lib",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A running engine."""

    endpoint: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End it; calls in flight are cut. With a ``path``, what it acknowledged is kept."""
        self.process.terminate()
        self.process.wait(timeout=30)


def start(*, path: Path | None = None, port: int | None = None) -> Engine:
    """Start an engine that keeps its tables in the folder ``path``, or in memory without one.

    It listens on every interface (it has no option for that), and shows the same tables to all
    credentials: functions have others than the test that looks at their work.

    Raises:
        RuntimeError: it did not answer in time, or ended; the message has what it printed.
    """
    home = dynamodb_fetch.emulator()
    port = port or free_port()
    if path is None:
        storage = ["-inMemory"]
    else:
        path.mkdir(parents=True, exist_ok=True)
        storage = ["-dbPath", str(path.resolve())]
    command = [dynamodb_fetch.java(), *_JAVA_OPTIONS, "-jar", "DynamoDBLocal.jar"]
    command += ["-port", str(port), "-disableTelemetry", "-sharedDb", *storage]
    # A file, not a pipe: nobody reads it unless the engine ends, and a full pipe would stop it.
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, cwd=home, stdout=printed, stderr=subprocess.STDOUT)
        engine = Engine(endpoint=f"http://127.0.0.1:{port}", process=process)
        try:
            _wait(engine, printed)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return engine


@contextlib.contextmanager
def dynamodb_local(path: Path | None = None) -> Iterator[str]:
    """Run an engine for the length of a ``with`` block, and yield its endpoint."""
    engine = start(path=path)
    try:
        yield engine.endpoint
    finally:
        engine.stop()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(engine: Engine, printed: IO[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if engine.process.poll() is not None:
            printed.seek(0)
            message = printed.read().decode(errors="replace")
            raise RuntimeError(f"DynamoDB Local ended while starting: {message}")
        try:
            urllib.request.urlopen(engine.endpoint, timeout=5).close()
        except urllib.error.HTTPError:
            return  # It refuses an unsigned request: it is up.
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"DynamoDB Local did not answer in {_START_TIMEOUT_SECONDS} s")
