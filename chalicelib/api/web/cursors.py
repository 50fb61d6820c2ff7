"""Cursors of lists: opaque and signed, each good for the list and the filters it came from."""

import base64
import hashlib
import hmac

from chalicelib.core.cursors import InvalidCursor

_MAC_BYTES = 16


def seal(end: str, *, scope: str, secret: str) -> str:
    """Return the cursor that goes on after ``end`` in the list that ``scope`` describes."""
    data = end.encode()
    return base64.urlsafe_b64encode(_mac(data, scope, secret) + data).decode().rstrip("=")


def unseal(cursor: str, *, scope: str, secret: str) -> str:
    """Return where the list goes on.

    Raises:
        InvalidCursor: it was not made for this list and these filters, by this deployment.
    """
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise _invalid() from error
    mac, data = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(data, scope, secret)):
        raise _invalid()
    return data.decode()


def _mac(data: bytes, scope: str, secret: str) -> bytes:
    message = hashlib.sha256(scope.encode()).digest() + data
    return hmac.digest(secret.encode(), message, "sha256")[:_MAC_BYTES]


def _invalid() -> InvalidCursor:
    return InvalidCursor(
        "this cursor does not belong to this list and these filters",
        fix="send next_cursor as it was answered, with the same filters and sort",
        pointer="/query/cursor",
    )
