"""Structured log lines: one per request, on standard output, as JSON.

No line holds a code, a key, a path as it was called, or anything about a person: routes are written
as patterns, callers by id.
"""

import sys
import traceback
from typing import Any, Final

from chalicelib.api.web.calls import encode

_FRAMES_MAX: Final = 40


def write(event: str, *, level: str, **fields: Any) -> None:
    """Write one line. A single write, so that lines of several threads do not mix."""
    line = encode({"event": event, "level": level, **fields}).decode()
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def level_of(status: int) -> str:
    """Return the level of an answer: a server's fault is an error, a refusal wakes nobody."""
    return "error" if status >= 500 else "info"  # noqa: PLR2004


def unexpected(error: BaseException, *, request_id: str, route: str) -> None:
    """Write where an error came from that nobody expected: types and frames of the whole chain.

    Messages are left out. They hold the values that did not fit, such as an e-mail address in a
    KeyError or an item in a ValidationException; a frame and a type find the place without them.
    Error codes of AWS are kept, which are names.
    """
    chain: list[dict[str, Any]] = []
    link: BaseException | None = error
    while link is not None and len(chain) < 5:  # noqa: PLR2004
        chain.append(_described(link))
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    write("request.failed", level="error", request_id=request_id, route=route, errors=chain)


def _described(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_MAX:]
    described: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        described["aws_error"] = str(response.get("Error", {}).get("Code", ""))
    return described
