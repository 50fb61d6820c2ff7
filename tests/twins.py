"""Stand-ins for what lies outside: files in a folder; what else is there only takes note."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.core.outbox.messages import Message, Subscriber
from chalicelib.usecases.ports import (
    Depth,
    FileChanged,
    FileGone,
    Posted,
    StoredFile,
    UploadForm,
)


class LocalFiles:
    """Files in a folder, which several processes can share. Writing is whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.read_sizes: list[int] = []

    def path(self, key: str) -> Path:
        return self._folder / key.replace("/", "__")

    def put(self, key: str, data: bytes) -> None:
        """Upload a file, as a client does."""
        self.path(key).write_bytes(data)

    def upload_form(self, key: str, *, size_max: int, seconds: int) -> UploadForm:
        return UploadForm("https://files.example/", {"key": key, "policy": str(size_max)})

    def link(self, key: str, *, name: str, seconds: int) -> str:
        return f"https://files.example/{key}?name={name}&seconds={seconds}"

    def find(self, key: str) -> StoredFile | None:
        path = self.path(key)
        if not path.exists():
            return None
        return StoredFile(path.stat().st_size, _etag(path))

    def read(self, key: str, *, start: int, size: int, etag: str | None = None) -> bytes:
        path = self.path(key)
        if not path.exists():
            raise FileGone(key)
        if etag is not None and etag != _etag(path):
            raise FileChanged(key)
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(size)
        self.read_sizes.append(len(data))
        return data

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        path = self.path(key)
        unfinished = path.with_name(f"{path.name}.{id(chunks)}.part")
        with unfinished.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
        unfinished.replace(path)


def _etag(path: Path) -> str:
    found = path.stat()
    return hashlib.sha256(f"{found.st_mtime_ns} {found.st_size}".encode()).hexdigest()[:32]


class NotedFunctions:
    """Functions that nobody runs: a test looks at who would have been called."""

    def __init__(self) -> None:
        self.imports: list[str] = []
        self.exports: list[str] = []

    def start_import(self, import_id: str) -> bool:
        self.imports.append(import_id)
        return True

    def start_export(self, export_id: str) -> bool:
        self.exports.append(export_id)
        return True


class NotedTopic:
    """A topic that nobody listens to. ``before`` is called with each message, and may raise."""

    def __init__(self) -> None:
        self.published: list[Message] = []
        self.before: Callable[[Message], None] = lambda _: None

    def publish(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.before(message)
            self.published.append(message)


class NotedQueues:
    """Queues that hold numbers only."""

    def __init__(self) -> None:
        self.waiting = 0
        self.dead_letters = 0

    def depth(self, subscriber: Subscriber) -> Depth:
        return Depth(self.waiting, 0, self.dead_letters)

    def replay(self, subscriber: Subscriber, *, at_most: int) -> int:
        moved = min(self.dead_letters, at_most)
        self.dead_letters -= moved
        self.waiting += moved
        return moved


@dataclass(frozen=True, slots=True)
class Letter:
    """What was sent to a server."""

    url: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def message(self) -> Any:
        return json.loads(self.body)


class NotedPosts:
    """Servers that answer as told; ``answer`` is called with each letter, and may raise."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.answer: Callable[[Letter], Posted] = lambda _: Posted(204, None, 7)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
        letter = Letter(url, body, dict(headers))
        self.sent.append(letter)
        return self.answer(letter)
