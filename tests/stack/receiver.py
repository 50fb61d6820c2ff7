"""A shop's server, which keeps what it is told."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

# Moments on a quiet machine; tests side by side make it wait.
_PATIENCE_SECONDS = 120


class Receiver:
    """Answers 204 to everything, after ``seconds``; to be used in a ``with`` block."""

    def __init__(self, *, seconds: float = 0) -> None:
        self.told: list[Any] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert self.headers["webhook-id"] == message["id"]
                receiver.told.append(message)
                time.sleep(seconds)
                with contextlib.suppress(OSError):  # Who asked may have been killed.
                    self.send_response(204)
                    self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def wait_for(self, wanted: Callable[[Any], bool]) -> Any:
        """Return the first message that is wanted, once it has come."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for message in list(self.told):
                if wanted(message):
                    return message
            time.sleep(0.05)
        raise AssertionError(self.told)
