"""What a request carries besides its body's content: who, how much, what kind, which key."""

import hashlib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec
from chalice.app import Request

from chalicelib import wiring
from chalicelib.api.web import problems
from chalicelib.api.web.bodies import SIZE_MAX
from chalicelib.api.web.operations import Operation
from chalicelib.core.callers.callers import Caller
from chalicelib.core.errors import Fault, Forbidden, Invalid
from chalicelib.core.idempotency import KeyedRequest

PATH_VALUE_LENGTH_MAX: Final = 128
"""Characters of an id or a code in a path: well below what a key of the table can hold."""

KEY_LENGTH_MAX: Final = 255

_NETWORK_BITS = 64

_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_JSON = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?', re.IGNORECASE)

# Equal requests are told by what they say, not by the order of their fields.
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def id_of(request: Request) -> str:
    """Return the request id: the gateway's, else the function's."""
    given = request.context.get("requestId") or getattr(
        request.lambda_context, "aws_request_id", None
    )
    return str(given or "unknown")


def root_of(request: Request) -> str:
    """Return the address that the API was called at, without a slash at its end.

    API Gateway says in a header of its own which scheme that was, and serves no foreign host.
    """
    scheme = request.headers.get("x-forwarded-proto", "http")
    return f"{scheme}://{request.headers.get('host', 'localhost')}{stage_of(request)}"


def stage_of(request: Request) -> str:
    """Return what API Gateway puts before our paths (``/dev``), or nothing."""
    whole = str(request.context.get("path") or "")
    path = str(request.to_original_event().get("path") or "")
    return whole.removesuffix(path) if path and whole.endswith(path) else ""


def network_of(request: Request) -> str:
    """Return where the request came from: an IPv4 address, or the /64 of an IPv6 address.

    A home or a phone has a whole /64 to itself. The address is the one that API Gateway was called
    from, which nobody can make up.
    """
    given = str((request.context.get("identity") or {}).get("sourceIp") or "")
    try:
        address = ipaddress.ip_address(given)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), _NETWORK_BITS), strict=False))


def authenticate(request: Request, services: wiring.Services) -> Caller:
    """Return who calls.

    Raises:
        problems.Unauthenticated: there is no key, or nobody has it.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise problems.Unauthenticated(
            "the request carries no API key", fix="send Authorization: Bearer <your key>"
        )
    caller = services.authenticate(token) if len(token) <= KEY_LENGTH_MAX else None
    if caller is None:
        raise problems.Unauthenticated(
            "the API key is unknown, expired or revoked", fix="use a key that is still listed"
        )
    return caller


def authorise(caller: Caller, operation: Operation) -> None:
    """Check that the caller's role may do this.

    Raises:
        Forbidden: it may not.
    """
    if caller.role not in operation.roles:
        allowed = ", ".join(sorted(operation.roles))
        raise Forbidden(
            f"a key with the role {caller.role} may not do this", fix=f"use a key of: {allowed}"
        )


def raw_body(request: Request) -> bytes:
    """Return the bytes of a JSON body.

    Raises:
        problems.UnsupportedMediaType: it says that it is something else.
        problems.PayloadTooLarge: it has more than 512 KiB.
        problems.MalformedBody: it cannot be bytes of UTF-8.
    """
    # Without a type it is taken for JSON, as API Gateway does.
    declared = request.headers.get("content-type") or "application/json"
    if not (declared == "application/json" or _JSON.fullmatch(declared.strip())):
        raise problems.UnsupportedMediaType(
            "the body is not declared as JSON", fix="send Content-Type: application/json"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise problems.UnsupportedMediaType(
            "the body is compressed", fix="send it without Content-Encoding"
        )
    try:
        raw = request.raw_body
    except ValueError as error:
        raise problems.MalformedBody("the body is not UTF-8", fix="send JSON in UTF-8") from error
    if len(raw) > SIZE_MAX:
        raise problems.PayloadTooLarge(
            "the body is too large", fix="send less at once", facts={"size_max": SIZE_MAX}
        )
    return raw.encode() if isinstance(raw, str) else raw


def path_values(arguments: Mapping[str, str]) -> dict[str, str]:
    """Return the path's values, percent-decoded (Chalice and API Gateway pass them encoded).

    Raises:
        Invalid: one is no text, has control characters or more than 128 characters.
    """
    return {name: _path_value(name, value) for name, value in arguments.items()}


def query_values(request: Request) -> dict[str, Sequence[str]]:
    """Return the query's parameters, each with every value that it was given."""
    parameters = request.query_params
    if not parameters:
        return {}
    return {name: parameters.getlist(name) for name in parameters}


def keyed(
    request: Request, operation: Operation, *, caller: Caller, path: Mapping[str, str], raw: bytes
) -> KeyedRequest | None:
    """Return what the Idempotency-Key stands for, or None without one.

    ``path`` has the decoded values of the path; ``raw`` is the body, already found to be right.

    Raises:
        Invalid: the key is missing where it is required, or not 1 to 255 visible ASCII characters.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        if operation.key_required:
            raise _invalid_key("required", "this request needs an Idempotency-Key")
        return None
    if not _KEY.fullmatch(key):
        raise _invalid_key("bad_format", f"must be 1 to {KEY_LENGTH_MAX} visible ASCII characters")
    # Values of the path hold no line feed, so that the parts cannot be mistaken for one another.
    said = "\n".join((operation.method, operation.path, *path.values(), _canonical(raw)))
    return KeyedRequest(key_hash=_sha256(f"{caller.caller_id}\n{key}"), fingerprint=_sha256(said))


def _path_value(name: str, value: str) -> str:
    try:
        decoded = unquote(value, errors="strict") if "%" in value else value
        decoded.encode()
    except UnicodeError:
        decoded = "\0"
    if len(decoded) > PATH_VALUE_LENGTH_MAX:
        code, detail = "too_long", f"must have at most {PATH_VALUE_LENGTH_MAX} characters"
    elif _CONTROLS.search(decoded):
        code, detail = "bad_format", "must be text in UTF-8 without control characters"
    else:
        return decoded
    raise Invalid(
        "the path is not valid",
        fix="percent-encode the path as UTF-8",
        faults=(Fault(f"/path/{name}", code, detail),),
    )


def _canonical(raw: bytes) -> str:
    return _encode_sorted(msgspec.json.decode(raw)).decode() if raw else ""


def _sha256(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()


def _invalid_key(code: str, detail: str) -> Invalid:
    return Invalid(
        "the Idempotency-Key is not valid",
        fix="send a new random key with each new request, and the same one when you repeat it",
        faults=(Fault("/header/Idempotency-Key", code, detail),),
    )
