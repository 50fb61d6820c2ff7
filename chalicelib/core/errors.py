"""The ways the core says no. Every concrete error lives beside the function that raises it.

Codes are public API: clients switch on them, so they never change once released. The table of all
of them, with their HTTP status, is in the README of the API (``GET /docs``).
"""

from collections.abc import Mapping
from typing import ClassVar

import msgspec

Fact = str | int | bool | None


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with one field of a request.

    ``pointer`` is a JSON Pointer (RFC 6901) into the body, or ``/query/<name>``,
    ``/header/<name>``, ``/path/<name>`` for what is not in the body.
    """

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """A refusal that the caller can act on.

    Args:
        detail: what happened, for a person; no personal data, no internals.
        fix: what would help, for a person; empty where nothing does.
        pointer: the field of the request that it is about, or None.
        facts: what decided it (``status``, ``expires_at``, …), shown beside the code.
    """

    code: ClassVar[str] = "domain_error"

    def __init__(
        self,
        detail: str,
        *,
        fix: str = "",
        pointer: str | None = None,
        facts: Mapping[str, Fact] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fix = fix
        self.faults: tuple[Fault, ...] = (
            () if pointer is None else (Fault(pointer, self.code, fix or detail),)
        )
        self.facts = dict(facts or {})


class NotFound(DomainError):
    """The thing named in the request does not exist, or is not the caller's to see. HTTP 404."""


class Forbidden(DomainError):
    """The caller is known, and may not do this. HTTP 403."""

    code = "forbidden"


class Refused(DomainError):
    """The rules say no. The same request gets the same answer until something changes. HTTP 409."""


class Invalid(DomainError):
    """The request itself is wrong: a field is missing, out of range or contradicts another.

    HTTP 422. Unlike the other families it can carry several faults at once.
    """

    code = "validation_failed"

    def __init__(
        self,
        detail: str,
        *,
        fix: str = "",
        pointer: str | None = None,
        facts: Mapping[str, Fact] | None = None,
        faults: tuple[Fault, ...] = (),
    ) -> None:
        super().__init__(detail, fix=fix, pointer=pointer, facts=facts)
        self.faults = faults or self.faults


class Stale(DomainError):
    """``If-Match`` names a state that is gone. HTTP 412."""

    code = "precondition_failed"


class ConflictRetry(DomainError):
    """Too many callers wrote the same thing at once, after our own retries. HTTP 409."""

    code = "conflict_retry"


class Unavailable(DomainError):
    """The table throttles or is out of reach. HTTP 503 with ``Retry-After``.

    ``facts["retry_after"]`` is in seconds.
    """

    code = "temporarily_unavailable"


def by_code(code: str) -> type[DomainError]:
    """Return the class of the refusal with this public code."""
    kinds = [DomainError]
    for kind in kinds:  # Grows while it is walked through: all classes there are.
        if kind.code == code:
            return kind
        kinds += kind.__subclasses__()
    raise LookupError(code)
