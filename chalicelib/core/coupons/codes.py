"""Coupon codes: shown as issued, compared without case, spaces, dashes and underscores."""

import re

LENGTH_MIN = 4
LENGTH_MAX = 64
DIGITS = "0123456789"
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without I, L and O, which read like 1 and 0."""
ALPHABET = "23456789" + LETTERS
"""What can be told apart in print and by ear."""
CHECKED_LENGTH = 12

_ISSUED = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9_-]{4,64}", re.ASCII)
_SKIPPED = re.compile(r"[\s_-]+")
_KEY = re.compile(r"[A-Z0-9]{1,64}", re.ASCII)
_CHECKED = re.compile(f"[{ALPHABET}]{{{CHECKED_LENGTH}}}", re.ASCII)
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
# The check character itself has the weight 1.
_FIRST_WEIGHT = 2


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


def check_character(body: str) -> str:
    """Return the character that completes ``body``, of the alphabet, to a code with a check.

    A weighted sum modulo 31, the size of the alphabet: a prime, and the weights differ, so it
    shows every single wrong character and every two that changed places.
    """
    total = sum(
        weight * _VALUES[character] for weight, character in enumerate(body, start=_FIRST_WEIGHT)
    )
    return ALPHABET[-total % len(ALPHABET)]


def is_slip(key: str) -> bool:
    """Whether ``key`` looks like a code with a check character, but for one that does not fit.

    No code that we make is one. A code of another system may be.
    """
    return looks_checked(key) and check_character(key[:-1]) != key[-1]


def looks_checked(key: str) -> bool:
    """Whether ``key`` has the form of our codes with a check character: 12 of the alphabet.

    One of digits alone is none: numbers of 12 digits are common elsewhere.
    """
    return _CHECKED.fullmatch(key) is not None and not key.isdigit()
