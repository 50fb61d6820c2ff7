"""Errors as ``application/problem+json`` (RFC 9457): the only place that knows status codes."""

import re
from typing import Any, Final

from chalicelib.core import errors
from chalicelib.core.callers.tries import RateLimited

MEDIA_TYPE: Final = "application/problem+json"


class MalformedBody(errors.DomainError):
    """The body is no JSON object in UTF-8. HTTP 400."""

    code = "malformed_body"


class Unauthenticated(errors.DomainError):
    """The request carries no key, or one that is unknown, expired or revoked. HTTP 401."""

    code = "unauthenticated"


class MethodNotAllowed(errors.DomainError):
    """The path exists and does not take this method; ``Allow`` names those it takes. HTTP 405."""

    code = "method_not_allowed"


class PayloadTooLarge(errors.DomainError):
    """The body is larger than 512 KiB. HTTP 413."""

    code = "payload_too_large"


class UnsupportedMediaType(errors.DomainError):
    """The body is not declared as JSON in UTF-8. HTTP 415."""

    code = "unsupported_media_type"


class InternalError(errors.DomainError):
    """Something is broken here; the request id names the line of the log. HTTP 500."""

    code = "internal_error"


# Looked up along the error's MRO, so that a new error needs no new line here.
_STATUS_BY_FAMILY: Final[dict[type, int]] = {
    MalformedBody: 400,
    Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    MethodNotAllowed: 405,
    errors.Refused: 409,
    errors.ConflictRetry: 409,
    errors.Stale: 412,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    errors.Invalid: 422,
    RateLimited: 429,
    InternalError: 500,
    errors.Unavailable: 503,
}
# A cursor is opaque: a wrong one was damaged on the way, and no field that a person could correct.
_STATUS_BY_CODE: Final = {"invalid_cursor": 400}

_STANDARD_MEMBERS: Final = frozenset(
    {"type", "title", "status", "detail", "code", "instance", "errors", "fix"}
)
_HTTP_NOTE = re.compile(r"\s*HTTP \d{3}.*$", re.DOTALL)


def status_of(error_type: type[errors.DomainError]) -> int:
    """Return the HTTP status of an error: by its code where that has one, else by its family.

    Raises:
        LookupError: it belongs to no family; answer it like any other bug.
    """
    if error_type.code in _STATUS_BY_CODE:
        return _STATUS_BY_CODE[error_type.code]
    for family in error_type.__mro__:
        if family in _STATUS_BY_FAMILY:
            return _STATUS_BY_FAMILY[family]
    raise LookupError(f"{error_type.__name__} belongs to no family of errors")


def title_of(error_type: type[errors.DomainError]) -> str:
    """Return the fixed title of an error: the first sentence of its docstring, in plain text."""
    paragraph = (error_type.__doc__ or error_type.code.replace("_", " ")).strip().split("\n\n")[0]
    plain = _HTTP_NOTE.sub("", " ".join(paragraph.split())).replace("`", "")
    return re.split(r"[.;:]\s", plain)[0].rstrip(".")


def type_of(code: str) -> str:
    """Return the problem type of ``code``: the place in our documentation that explains it.

    The same text in every deployment, so that clients may compare it.
    """
    return f"/docs#error-{code}"


def to_problem(error: errors.DomainError, instance: str) -> dict[str, Any]:
    """Return the problem document of ``error``.

    Facts are at the top level. One that is named like a standard member, such as ``status``, is
    shown as ``current_status``: the standard's own meaning stands.

    Args:
        error: what was refused, and why.
        instance: the request id.
    """
    problem: dict[str, Any] = {
        "type": type_of(error.code),
        "title": title_of(type(error)),
        "status": status_of(type(error)),
        "detail": error.detail,
        "code": error.code,
        "instance": instance,
    }
    if error.faults:
        problem["errors"] = error.faults
    if error.fix:
        problem["fix"] = error.fix
    for name, value in error.facts.items():
        problem[f"current_{name}" if name in _STANDARD_MEMBERS else name] = value
    return problem


def headers_of(error: errors.DomainError) -> dict[str, str | list[str]]:
    """Return the headers that go with ``error``, beside those of every answer."""
    status = status_of(type(error))
    headers: dict[str, str | list[str]] = {"Content-Type": MEDIA_TYPE}
    if status == 401:  # noqa: PLR2004
        headers["WWW-Authenticate"] = 'Bearer realm="couponry"'
    if status in {429, 503} or "retry_after" in error.facts:
        headers["Retry-After"] = str(error.facts.get("retry_after", 1))
    return headers
