"""Calls from the pages of a shop, which browsers let through if we say so (CORS)."""

from collections.abc import Iterable
from typing import Final

from chalicelib.core.callers.callers import Caller
from chalicelib.core.errors import Forbidden

_EXPOSED: Final = "Idempotent-Replayed, X-Request-Id, Retry-After"
_MAY_BE_SENT: Final = "Authorization, Content-Type, Idempotency-Key"
# Chrome keeps no answer for longer.
_KEPT_SECONDS: Final = 7200


def origin_of(caller: Caller, sent: str | None) -> str | None:
    """Return the origin that may read the answer; None for callers that are no pages.

    Raises:
        Forbidden: a publishable key from elsewhere than the shop it was made for.
    """
    if not caller.is_stranger:
        return None
    if sent is None or sent not in caller.origins:
        raise Forbidden(
            "a publishable key works on the pages of its own shop only",
            fix="call from a page of one of the key's origins, or add a key for this one",
        )
    return sent


def answer_headers(origin: str) -> dict[str, str]:
    """Return the headers that let a page of ``origin`` read an answer."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": _EXPOSED,
        "Vary": "Origin",
    }


def preflight_headers(origin: str, methods: Iterable[str]) -> dict[str, str]:
    """Return the headers that let a page send its request.

    A browser asks without the key, so that no page is refused here: the request itself is.
    """
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": ", ".join(sorted(methods)),
        "Access-Control-Allow-Headers": _MAY_BE_SENT,
        "Access-Control-Max-Age": str(_KEPT_SECONDS),
        "Vary": "Origin",
    }
