"""What a view is given and what it gives back."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from chalicelib import wiring
from chalicelib.api.web.lookups import Lookup
from chalicelib.core import errors
from chalicelib.core.callers.callers import Caller, Role
from chalicelib.core.idempotency import KeyedRequest

Body = TypeVar("Body")
Query = TypeVar("Query")

encode: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
"""The one JSON encoder of the API."""

ANONYMOUS: Final = Caller(caller_id="anonymous", role=Role.ANALYST)
"""The caller of a public operation; such an operation gives it nothing to decide."""


class Answer(msgspec.Struct, frozen=True):
    """A success. Refusals are raised.

    Args:
        body: a struct of the operation's ``answer`` type, or None where that is None (204).
        status: one of the operation's ``further`` ones, without a body; by default its ``status``.
        location: where the created thing is, from the root of the API (``/v1/…``).
        replayed: this was done before, by a request with the same Idempotency-Key.
        etag: whether ``body`` is the representation that GET answers at this path; by default it
            is for GET, PATCH and PUT.
        headers: further headers.
    """

    body: Any = None
    status: int | None = None
    location: str | None = None
    replayed: bool = False
    etag: bool | None = None
    headers: dict[str, str] | None = None


class Call(msgspec.Struct, Generic[Body, Query], frozen=True, kw_only=True):
    """A request that was authenticated, allowed and read.

    ``now`` is UTC in whole milliseconds. ``request`` is None for reads and for writes without an
    Idempotency-Key. ``lookup`` says what the caller is told of a refusal that is not raised.
    """

    body: Body
    query: Query
    caller: Caller
    services: wiring.Services
    now: datetime
    request: KeyedRequest | None
    if_match: str | None
    request_id: str
    lookup: Lookup

    def check_match(self, view: Any) -> None:
        """Check that ``view``, the current representation, is the one that If-Match names.

        Without If-Match, or with ``*``, everything matches.

        Raises:
            errors.Stale: it is another one.
        """
        if self.if_match is None or self.if_match.strip() == "*":
            return
        named = {tag.strip() for tag in self.if_match.split(",")}
        if etag_of(encode(view)) not in named:
            raise errors.Stale(
                "this was changed since it was read",
                fix="read it again, and decide with what it is now",
                pointer="/header/If-Match",
            )


def etag_of(encoded: bytes) -> str:
    """Return the strong entity tag of an encoded representation."""
    return f'"{hashlib.sha256(encoded).hexdigest()[:32]}"'
