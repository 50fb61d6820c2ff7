"""The application behind a real port, with files that can be sent and fetched."""

import contextlib
import email
import email.policy
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from chalice.local import LambdaContext
from chalice.test import Client

from chalicelib.usecases.ports import UploadForm
from tests.twins import LocalFiles, NotedFunctions


class ReachableFiles(LocalFiles):
    """Files in a folder that a client can reach at ``url``."""

    url = ""

    def upload_form(self, key: str, *, size_max: int, seconds: int) -> UploadForm:
        form = super().upload_form(key, size_max=size_max, seconds=seconds)
        return UploadForm(f"{self.url}/files", form.fields)

    def link(self, key: str, *, name: str, seconds: int) -> str:
        return f"{self.url}/files/{key}"


class LiveServer(ThreadingHTTPServer):
    """Passes requests on to the application; the next ``lost`` answers to writes do not arrive.

    Only those of paths that end with ``losing``.
    """

    daemon_threads = True

    def __init__(self, client: Client, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.client = client
        self.files = ReachableFiles(folder)
        self.files.url = self.url
        self.functions = NotedFunctions()
        self.lost = 0
        self.losing = ""
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, path and Idempotency-Key of each."""
        self.authorised: list[str | None] = []
        """What the file store was sent to prove who calls."""
        # Chalice's test client puts a copy of the environment in its place, which threads mix up.
        self.one_at_a_time = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def work(self) -> None:
        """Run the functions that were called, as AWS would beside the API."""
        import app  # noqa: PLC0415 # as tests/conftest.py does

        calls = [("import_coupons", {"import_id": each}) for each in self.functions.imports]
        calls += [("export_rows", {"export_id": each}) for each in self.functions.exports]
        self.functions.imports.clear()
        self.functions.exports.clear()
        for name, event in calls:
            app.app.handler_map[name](event, LambdaContext(name, 512, max_runtime_ms=900_000))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LiveServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # The application's log lines are not what the command line says. Its caller waits.
        with self.server.one_at_a_time, contextlib.redirect_stdout(io.StringIO()):
            if self.path.startswith("/files"):
                self.server.authorised.append(self.headers.get("Authorization"))
                status, headers, content = self._file(body)
            else:
                status, headers, content = self._api(body)
        if self.server.lost and self.command == "POST" and self.path.endswith(self.server.losing):
            self.server.lost -= 1
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - the library's name

    def log_message(self, *_: Any) -> None:
        pass

    def _api(self, body: bytes) -> tuple[int, dict[str, Any], bytes]:
        if self.command == "GET":
            self.server.work()
        key = self.headers.get("Idempotency-Key")
        self.server.requests.append((self.command, self.path, key))
        sent = {
            name: value
            for name, value in self.headers.items()
            if name not in {"Host", "Content-Length"}
        }
        answer = self.server.client.http.request(self.command, self.path, headers=sent, body=body)
        return answer.status_code, dict(answer.headers), answer.body

    def _file(self, body: bytes) -> tuple[int, dict[str, Any], bytes]:
        if self.command == "GET":
            path = self.server.files.path(self.path.removeprefix("/files/"))
            return (200, {}, path.read_bytes()) if path.exists() else (404, {}, b"gone")
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts()
        form = {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
            for part in parts
        }
        key, data = form["key"], form["file"]
        assert isinstance(key, bytes)
        assert isinstance(data, bytes)
        self.server.files.put(key.decode(), data)
        return 204, {}, b""
