"""Patterns: the form of the codes that we make, how many of them there are, and each by number."""

import math

import msgspec

from chalicelib.core import errors
from chalicelib.core.coupons import codes

CODES_AN_ISSUED_ONE = 10**6
"""Of so many that a code could be, at most one is issued: the others are what a guess meets."""

_CHECK = "="
_DRAWN = {"#": codes.DIGITS, "?": codes.LETTERS, "*": codes.ALPHABET}
_LITERAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_SKIPPED = str.maketrans("", "", "-_")

DEFAULT = "*" * (codes.CHECKED_LENGTH - 1) + _CHECK
"""12 characters of an alphabet of 31 without look-alikes, the last one a check character."""


class PatternTooWeak(errors.Invalid):
    """The pattern gives so few codes that they could be guessed."""

    code = "pattern_too_weak"


class PatternExhausted(errors.Refused):
    """The pattern gives fewer codes than are wanted."""

    code = "pattern_exhausted"


class PatternUse(msgspec.Struct, frozen=True):
    """How many codes were ordered of a pattern, whatever the reward."""

    pattern_key: str
    ordered: int
    version: int = 0


def of_parts(prefix: str, length: int) -> str:
    """Return the pattern of codes with ``length`` random characters behind ``prefix``."""
    if not prefix and length == codes.CHECKED_LENGTH:
        return DEFAULT
    return prefix + "*" * length


def check(pattern: str, *, pointer: str = "/pattern") -> None:
    """Raise unless ``pattern`` says what codes look like.

    ``#`` stands for a digit, ``?`` for a letter and ``*`` for either, both without look-alikes;
    letters, digits, ``-`` and ``_`` for themselves. Only the form of :data:`DEFAULT`, with or
    without dashes, ends in ``=``, a check character.

    Raises:
        Invalid: it does not.
    """
    detail = fault_of(pattern)
    if detail is not None:
        raise errors.Invalid(
            "the pattern does not say what codes look like",
            fix="use # for a digit, ? for a letter, * for either; SUMMER-####-???? for example",
            faults=(errors.Fault(pointer, "not_allowed", detail),),
        )


def fault_of(pattern: str) -> str | None:
    """Return what is wrong with ``pattern``, see :func:`check`, or None."""
    bare = pattern.translate(_SKIPPED)
    body = bare.removesuffix(_CHECK) if key_of(pattern) == DEFAULT else bare
    if strange := set(body) - _LITERAL - set(_DRAWN):
        if _CHECK in strange:
            return f"a check character ends {codes.CHECKED_LENGTH - 1} times * and nothing else"
        return f"{min(strange)} has no meaning in a pattern"
    if not set(body) & set(_DRAWN):
        return "nothing in the pattern is random"
    if not codes.LENGTH_MIN <= len(pattern) <= codes.LENGTH_MAX:
        return f"codes have {codes.LENGTH_MIN} to {codes.LENGTH_MAX} characters"
    return None


def key_of(pattern: str) -> str:
    """Return what patterns are compared by: those that give the same codes have the same."""
    return pattern.translate(_SKIPPED).upper()


def space(pattern: str) -> int:
    """Return how many codes the pattern has numbers for; see :func:`code_of`."""
    return math.prod(len(_DRAWN[each]) for each in pattern if each in _DRAWN)


def size(pattern: str) -> int:
    """Return how many codes the pattern gives: some of its space would look like slips."""
    key = key_of(pattern)
    may_look_checked = len(key) == codes.CHECKED_LENGTH and set(key) <= set(codes.ALPHABET) | set(
        _DRAWN
    )
    # Those whose last character is not the right check character are not given.
    return space(pattern) // len(codes.ALPHABET) if may_look_checked else space(pattern)


def code_of(pattern: str, number: int) -> str | None:
    """Return the code with a number from 0 to below :func:`space`; another number, another code.

    None where it would look like a code with a check character and be none.
    """
    code = ""
    for each in pattern:
        drawn = _DRAWN.get(each)
        if drawn is not None:
            number, position = divmod(number, len(drawn))
            code += drawn[position]
        elif each == _CHECK:
            code += codes.check_character(code.translate(_SKIPPED))
        else:
            code += each
    assert number == 0, "the number is below the space of the pattern"
    key = codes.key_of(code)
    assert key is not None, "a pattern that was checked gives codes"
    return None if codes.is_slip(key) else code


def ordered(use: PatternUse, *, pattern: str, count: int, force: bool) -> PatternUse:
    """Return ``use`` of the pattern with ``count`` more codes.

    Raises:
        PatternExhausted: it does not give so many.
        PatternTooWeak: they could be guessed, and nobody insists (``force``).
    """
    wanted, codes_there_are = use.ordered + count, size(pattern)
    facts: dict[str, errors.Fact] = {
        "codes": codes_there_are,
        "ordered_before": use.ordered,
        "count_max": max(0, codes_there_are // CODES_AN_ISSUED_ONE - use.ordered),
    }
    if wanted > codes_there_are:
        raise PatternExhausted(
            f"the pattern gives {codes_there_are} codes, of which {use.ordered} are ordered",
            fix="use a longer pattern",
            facts=facts,
        )
    if wanted * CODES_AN_ISSUED_ONE > codes_there_are and not force:
        raise PatternTooWeak(
            f"of {CODES_AN_ISSUED_ONE} codes that the pattern gives at most one can be issued",
            fix="use a longer pattern, or send force if the codes need not be hard to guess",
            pointer="/pattern",
            facts=facts,
        )
    return PatternUse(use.pattern_key, wanted, use.version)
