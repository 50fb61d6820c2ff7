"""Coupon codes: shown as issued, compared without case, spaces, dashes and underscores."""

import re

LENGTH_MIN = 4
LENGTH_MAX = 64

_ISSUED = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9_-]{4,64}", re.ASCII)
_SKIPPED = re.compile(r"[\s_-]+")
_KEY = re.compile(r"[A-Z0-9]{1,64}", re.ASCII)


def may_be_issued(code: str) -> bool:
    """Whether ``code`` has 4 to 64 of ``A-Z a-z 0-9 - _``, with at least one letter or digit."""
    return _ISSUED.fullmatch(code) is not None


def key_of(typed: str) -> str | None:
    """Return what ``typed`` is compared by, or None if no code can look like that.

    People type what they read: ``summer 10`` finds ``SUMMER-10``.
    """
    # Upper-casing first would turn letters such as the long s into ASCII ones.
    key = _SKIPPED.sub("", typed)
    key = key.upper() if key.isascii() else ""
    return key if _KEY.fullmatch(key) else None
