"""Starts and stops MiniStack, which plays AWS on one port of 127.0.0.1."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tools.stack.settings import Settings

_START_TIMEOUT_SECONDS = 60
_STOP_TIMEOUT_SECONDS = 60
# Those that this very process started: it must ask for their end, or they stay zombies.
_children: "dict[int, subprocess.Popen[bytes]]" = {}


class StackError(Exception):
    """The local stack cannot do what was asked; the message tells a developer why."""


def running_pid(settings: Settings) -> int | None:
    """Return the process id of this stack's MiniStack, or None if it does not run."""
    try:
        pid = int(settings.pid_file.read_text(encoding="utf-8"))
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError, PermissionError):
        return None
    # Ids are used again after a restart of the machine: make sure that it is still ours.
    command = Path(f"/proc/{pid}/cmdline")
    if command.exists() and b"ministack" not in command.read_bytes():
        return None
    return pid


def is_ready(settings: Settings) -> bool:
    """Tell whether a MiniStack answers on the port, be it this stack's or another's."""
    try:
        url = f"{settings.endpoint}/_ministack/ready"
        with urllib.request.urlopen(url, timeout=5) as answer:
            ready: bool = answer.status == 200  # noqa: PLR2004 - HTTP's own number
            return ready
    except OSError:
        return False


def start(settings: Settings) -> bool:
    """Start MiniStack unless it runs; return whether it had to be started.

    Raises:
        StackError: the port is taken by another program, or MiniStack does not come up.
    """
    if running_pid(settings) is not None:
        _wait_until_ready(settings, process=None)
        return False
    if _port_is_taken(settings.port):
        raise StackError(
            f"Port {settings.port} is taken by another program, which is not the stack of "
            f"{settings.home}. Stop it, or choose another: COUPONRY_PORT=9200 make up"
        )
    settings.home.mkdir(parents=True, exist_ok=True)
    _forget_stream_positions(settings)
    with settings.log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env=_environment(settings),
            cwd=settings.home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    settings.pid_file.write_text(str(process.pid), encoding="utf-8")
    _wait_until_ready(settings, process=process)
    return True


def stop(settings: Settings) -> bool:
    """Stop MiniStack so that it saves its state; return whether it ran."""
    pid = running_pid(settings)
    if pid is not None:
        # SIGTERM saves the state; SIGKILL loses everything since the start.
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_TIMEOUT_SECONDS
        while _is_alive(pid):
            if time.monotonic() > deadline:
                raise StackError(
                    f"MiniStack (process {pid}) does not stop; see {settings.log_file}"
                )
            time.sleep(0.05)
    settings.pid_file.unlink(missing_ok=True)
    return pid is not None


def kill(settings: Settings) -> None:
    """End MiniStack as a power cut would, for tests; everything since its start is lost."""
    pid = running_pid(settings)
    if pid is not None:
        os.killpg(pid, signal.SIGKILL)
        while _is_alive(pid):
            time.sleep(0.02)
    settings.pid_file.unlink(missing_ok=True)


def function_processes(settings: Settings) -> list[int]:
    """Return the ids of the processes that run functions, for tests that kill them (Linux)."""
    parent = running_pid(settings)
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold spaces; state and parent follow it.
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(stat.parent.name))
    return sorted(found)


def _environment(settings: Settings) -> dict[str, str]:
    scratch = settings.home / "tmp"
    # Function processes leave their folders here at every stop.
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    # Neither a developer's account nor an engine that a test talks to reaches the functions.
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and name != "PYTHONPATH"
    }
    own = {
        "GATEWAY_PORT": str(settings.port),
        # The default is every interface.
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "localhost",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(settings.state),
        "S3_PERSIST": "1",
        # The default is one folder of /tmp for every MiniStack of the machine.
        "S3_DATA_DIR": str(settings.state / "s3"),
        # Listeners that nobody asked for; the first is open to every interface.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        "LAMBDA_WARM_TTL_SECONDS": "3600",
        "TMPDIR": str(scratch),
    }
    return inherited | own | settings.extra_environment


def _forget_stream_positions(settings: Settings) -> None:
    """Make stream consumers start afresh.

    MiniStack 1.5.33 saves how far each consumer has read but not the stream itself, so after a
    restart it would skip as many new records as it had read before. To be dropped once it saves
    both or neither.
    """
    path = settings.state / "lambda.json"
    if path.exists():
        state = json.loads(path.read_text(encoding="utf-8"))
        with contextlib.suppress(KeyError):
            state["payload"]["dynamodb_stream_positions"]["data"] = {}
            path.write_text(json.dumps(state), encoding="utf-8")


def _wait_until_ready(settings: Settings, *, process: "subprocess.Popen[bytes] | None") -> None:
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while not is_ready(settings):
        if process is not None and process.poll() is not None:
            settings.pid_file.unlink(missing_ok=True)
            raise StackError(f"MiniStack ended while starting; see {settings.log_file}")
        if time.monotonic() > deadline:
            raise StackError(f"MiniStack does not answer; see {settings.log_file}")
        time.sleep(0.05)


def _port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_alive(pid: int) -> bool:
    child = _children.get(pid)
    if child is not None:
        if child.poll() is None:
            return True
        del _children[pid]
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
