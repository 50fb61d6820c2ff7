"""Every fault of a request that did not decode, field by field. Runs only when something is wrong.

msgspec stops at the first fault. This walks the same types again and names all of them; a test
holds the two to the same verdict.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import inspect as info

from chalicelib.api.web.bodies import MOMENT_MAX, MOMENT_MIN, NO_CONTROLS
from chalicelib.core.errors import Fault

FAULTS_MAX: Final = 50
_TOKEN_LENGTH_MAX: Final = 64
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)


def collect(value: Any, kind: info.Type, *, root: str = "") -> tuple[Fault, ...]:
    """Return what is wrong with ``value`` as a ``kind``: at most 50 faults, none if it is right.

    Args:
        value: decoded JSON.
        kind: what :func:`msgspec.inspect.type_info` says of the wanted type.
        root: the pointer to ``value`` itself; empty for a body.
    """
    return tuple(islice(_faults(value, kind, root), FAULTS_MAX))


def from_message(message: str, *, root: str = "") -> tuple[Fault, ...]:
    """Return the fault that a message of msgspec names, such as one of a ``__post_init__``."""
    match = _AT.match(message)
    assert match is not None, "the pattern matches every text"
    tokens = re.findall(r"[^.\[\]]+", match["path"] or "")
    pointer = root
    for token in tokens:
        pointer = join(pointer, token)
    return (Fault(pointer, "not_allowed", match["what"]),)


def join(pointer: str, token: str | int) -> str:
    """Return the pointer to ``token`` below ``pointer`` (RFC 6901); long names are cut."""
    name = str(token)[:_TOKEN_LENGTH_MAX]
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


def _faults(value: Any, kind: info.Type, pointer: str) -> Iterator[Fault]:
    described = ""
    if isinstance(kind, info.Metadata):
        described = (kind.extra_json_schema or {}).get("description", "")
        kind = kind.type
    if isinstance(kind, info.UnionType):
        yield from _union_faults(value, kind, pointer)
    elif not _has_shape(value, kind):
        yield Fault(pointer, "wrong_type", f"must be {_name(kind)}, not {_name_of(value)}")
    elif isinstance(kind, info.StructType):
        yield from _struct_faults(value, kind, pointer)
    elif isinstance(kind, (info.ListType, info.VarTupleType)):
        yield from _length_faults(value, kind, pointer, unit="items")
        for index, item in enumerate(value):
            yield from _faults(item, kind.item_type, join(pointer, index))
    elif isinstance(kind, info.DictType):
        yield from _length_faults(value, kind, pointer, unit="entries")
        for name, item in value.items():
            yield from _faults(name, kind.key_type, join(pointer, name))
            yield from _faults(item, kind.value_type, join(pointer, name))
    else:
        yield from _scalar_faults(value, kind, pointer, described)


def _union_faults(value: Any, kind: info.UnionType, pointer: str) -> Iterator[Fault]:
    fitting = [member for member in kind.types if _has_shape(value, member)]
    if not fitting:
        names = " or ".join(dict.fromkeys(_name(member) for member in kind.types))
        yield Fault(pointer, "wrong_type", f"must be {names}, not {_name_of(value)}")
    elif all(any(_faults(value, member, pointer)) for member in fitting):
        yield from _faults(value, fitting[0], pointer)


def _struct_faults(value: dict[str, Any], kind: info.StructType, pointer: str) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in kind.fields}
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, join(pointer, name))
        elif field.required:
            yield Fault(join(pointer, name), "required", "is required")
    if kind.forbid_unknown_fields:
        for name in value:
            if name not in fields:
                yield Fault(join(pointer, name), "unknown_field", "is not a field of this request")


def _length_faults(value: Any, kind: Any, pointer: str, *, unit: str) -> Iterator[Fault]:
    if kind.min_length is not None and len(value) < kind.min_length:
        yield Fault(pointer, "too_short", f"must have at least {kind.min_length} {unit}")
    if kind.max_length is not None and len(value) > kind.max_length:
        yield Fault(pointer, "too_long", f"must have at most {kind.max_length} {unit}")


def _scalar_faults(value: Any, kind: info.Type, pointer: str, described: str) -> Iterator[Fault]:
    if isinstance(kind, info.StrType):
        lengths = list(_length_faults(value, kind, pointer, unit="characters"))
        yield from lengths
        if not lengths and kind.pattern is not None and not re.search(kind.pattern, value):
            yield Fault(pointer, "bad_format", _format(kind.pattern, described))
    elif isinstance(kind, (info.IntType, info.FloatType)):
        if not _is_in_range(value, kind):
            yield Fault(pointer, "out_of_range", _range(kind))
    elif isinstance(kind, info.DateTimeType):
        yield from _moment_faults(value, kind, pointer)
    elif isinstance(kind, info.DateType):
        if _converted(value, date) is None:
            yield Fault(pointer, "bad_format", "must be a date such as 2026-11-24")
    elif isinstance(kind, (info.EnumType, info.LiteralType)):
        allowed = _values(kind)
        if value not in allowed:
            listed = ", ".join(map(str, allowed))
            yield Fault(pointer, "not_allowed", f"must be one of: {listed}")


def _moment_faults(value: str, kind: info.DateTimeType, pointer: str) -> Iterator[Fault]:
    moment = _converted(value, datetime)
    if moment is None:
        yield Fault(pointer, "bad_format", "must be a time such as 2026-11-24T09:00:00Z")
    elif kind.tz and moment.tzinfo is None:
        yield Fault(pointer, "bad_format", "needs a time zone: Z or an offset such as +01:00")
    elif moment.tzinfo is not None and not MOMENT_MIN <= moment < MOMENT_MAX:
        yield Fault(
            pointer, "out_of_range", f"must lie from {MOMENT_MIN.year} to {MOMENT_MAX.year - 1}"
        )


def _converted(value: str, wanted: type) -> Any:
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return None


def _is_in_range(value: float, kind: info.IntType | info.FloatType) -> bool:
    return not (
        (kind.ge is not None and value < kind.ge)
        or (kind.gt is not None and value <= kind.gt)
        or (kind.le is not None and value > kind.le)
        or (kind.lt is not None and value >= kind.lt)
        or (kind.multiple_of is not None and value % kind.multiple_of)
    )


def _range(kind: info.IntType | info.FloatType) -> str:
    bounds = (
        ("at least", kind.ge),
        ("more than", kind.gt),
        ("at most", kind.le),
        ("less than", kind.lt),
        ("a multiple of", kind.multiple_of),
    )
    return "must be " + " and ".join(
        f"{word} {bound}" for word, bound in bounds if bound is not None
    )


def _format(pattern: str, described: str) -> str:
    if pattern == NO_CONTROLS:
        return "must not contain control characters"
    return f"must be {described}" if described else f"must match {pattern}"


def _values(kind: info.EnumType | info.LiteralType) -> list[Any]:
    if isinstance(kind, info.LiteralType):
        return list(kind.values)
    return [member.value for member in kind.cls]


def _has_shape(value: Any, kind: info.Type) -> bool:
    if isinstance(kind, info.Metadata):
        return _has_shape(value, kind.type)
    if isinstance(kind, (info.EnumType, info.LiteralType)):
        return any(type(value) is type(known) for known in _values(kind))
    if isinstance(kind, info.FloatType):
        return type(value) in {int, float}
    wanted = _PYTHON.get(type(kind))
    return wanted is None or type(value) is wanted


def _name(kind: info.Type) -> str:
    if isinstance(kind, info.Metadata):
        return _name(kind.type)
    if isinstance(kind, (info.EnumType, info.LiteralType)):
        return "one of: " + ", ".join(map(str, _values(kind)))
    if isinstance(kind, info.FloatType):
        return "a number"
    return _NAMES.get(_PYTHON.get(type(kind), object), "another value")


def _name_of(value: Any) -> str:
    return _NAMES.get(type(value), "another value")


_PYTHON: Final[dict[type, type]] = {
    info.StrType: str,
    info.IntType: int,
    info.BoolType: bool,
    info.NoneType: type(None),
    info.StructType: dict,
    info.DictType: dict,
    info.ListType: list,
    info.VarTupleType: list,
    info.DateTimeType: str,
    info.DateType: str,
}
_NAMES: Final[dict[type, str]] = {
    str: "a string",
    int: "an integer",
    float: "a number with a fraction",
    bool: "true or false",
    type(None): "null",
    dict: "an object",
    list: "a list",
}
