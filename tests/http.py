"""HTTP as a client sees it, through Chalice's test client."""

import json
from dataclasses import dataclass
from typing import Any

from chalice.test import Client


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``headers`` have lower-case names."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self.raw
        return str(self.json["code"])


class Api:
    """Calls the application with an API key."""

    def __init__(self, client: Client, token: str | None) -> None:
        self._client = client
        self._token = token

    def with_token(self, token: str | None) -> "Api":
        """Return the same API, called with another key or none."""
        return Api(self._client, token)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send a request; ``body`` goes as JSON, ``raw`` as it is."""
        sent = {"Content-Type": "application/json", "Accept": "*/*"}
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        sent |= headers or {}
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else b"")
        answer = self._client.http.request(method, path, headers=sent, body=data)
        found = {name.lower(): str(value) for name, value in answer.headers.items()}
        return Reply(answer.status_code, found, answer.body)

    def get(self, path: str, **options: Any) -> Reply:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Reply:
        return self.call("POST", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Reply:
        return self.call("PATCH", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Reply:
        return self.call("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> Reply:
        return self.call("DELETE", path, **options)

    def made(self, path: str, body: Any) -> Any:
        """Return what a POST that must succeed has made."""
        reply = self.post(path, body)
        assert reply.status in (200, 201), reply.raw
        return reply.json
