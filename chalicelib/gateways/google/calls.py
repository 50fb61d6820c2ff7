"""Calls to Google over HTTP, each with an end. The client is made on first use."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from chalicelib.core.errors import Unavailable

_CONNECT_SECONDS: Final = 2.0
_READ_SECONDS: Final = 8.0


class Caller:
    """Keeps connections open between calls; a container may find them closed, and opens others."""

    @cached_property
    def _pool(self) -> Any:
        import urllib3  # noqa: PLC0415 # a redemption needs none of it

        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        return urllib3.PoolManager(timeout=timeout, retries=False)

    def post_form(self, address: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
        """Return the status and the body of the answer to a form.

        Raises:
            Unavailable: there is no answer.
        """
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._call("POST", address, urlencode(fields).encode(), kind)

    def send(self, method: str, address: str, body: bytes, token: str) -> tuple[int, bytes]:
        """Return the status and the body of the answer to JSON.

        Raises:
            Unavailable: there is no answer.
        """
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        return self._call(method, address, body, headers)

    def _call(
        self, method: str, address: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            answer = self._pool.request(method, address, body=body, headers=headers)
        except HTTPError as error:
            raise Unavailable(
                "Google is out of reach", fix="try again in a moment", facts={"retry_after": 1}
            ) from error
        return answer.status, answer.data
