"""A cable between functions and a database, which a test pulls out and plugs in again."""

import contextlib
import select
import socket
import struct
import threading
from typing import Final

_PIECE: Final = 64 * 1024
# Closes with a reset: nothing more is sent, and the other side knows at once.
_RESET: Final = struct.pack("ii", 1, 0)


class Cable:
    """Passes on what is sent to ``endpoint``, a host and port of this machine, while it is plugged.

    Pulled, it cuts every call: some before the database has them, some after it has committed,
    whose answers nobody hears. The database itself knows of nothing and loses nothing.
    """

    def __init__(self, endpoint: str) -> None:
        self._target = ("127.0.0.1", int(endpoint.rpartition(":")[2]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._callers: set[socket.socket] = set()
        self._listen()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def pull(self) -> None:
        """Cut every call, and take no other."""
        # Wakes who waits in accept(); closing alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            callers, self._callers = self._callers, set()
        for caller in callers:
            with contextlib.suppress(OSError):
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                caller.shutdown(socket.SHUT_RDWR)

    def plug(self) -> None:
        """Take calls again, at the same endpoint."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        """Pass on in both directions until either side is gone."""
        with self._lock:
            self._callers.add(caller)
        with (
            caller,
            contextlib.suppress(OSError, ValueError),
            socket.create_connection(self._target) as database,
        ):
            other = {caller: database, database: caller}
            while self._passed_on(other):
                pass
        with self._lock:
            self._callers.discard(caller)

    @staticmethod
    def _passed_on(other: dict[socket.socket, socket.socket]) -> bool:
        """Pass on what has come from either side; return False when one is gone."""
        for source in select.select(list(other), [], [])[0]:
            piece = source.recv(_PIECE)
            if not piece:
                return False
            other[source].sendall(piece)
        return True
