"""A server that says what a test wrote down, whatever it is asked."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DROPPED = 0


class Server(ThreadingHTTPServer):
    """Answers with the next of ``script``: status, body, headers; DROPPED closes the connection."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[tuple[Any, ...]] = []
        self.keys: list[str | None] = []
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.server.keys.append(self.headers.get("Idempotency-Key"))
        self.server.paths.append(self.path)
        status, body, *more = self.server.script.pop(0)
        if status == DROPPED:
            self.close_connection = True
            return
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in more[0].items() if more else ():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - the library's name

    def log_message(self, *_: Any) -> None:
        pass
