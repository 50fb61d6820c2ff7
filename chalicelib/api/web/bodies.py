"""Read what a client sends, strictly: one decode when it is right, every fault when it is not.

Types for the fields of request bodies are here too. ``Annotated[str, text(80)]`` is a line of text
of 1 to 80 characters; the other names are used as they are.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, Final, Generic, TypeVar

import msgspec

from chalicelib.api.web import problems
from chalicelib.core.errors import Fault, Invalid

AnyStruct = TypeVar("AnyStruct", bound=msgspec.Struct)

SIZE_MAX: Final = 512 * 1024
"""Bytes of a request's body. A thousand coupons with customer and expiry are 130 KB."""

MOMENT_MIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT_MAX: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Moments are ``[MOMENT_MIN, MOMENT_MAX)``: ids sort from 1970 on, and days are added to them."""

_SEND_AN_OBJECT: Final = "send one JSON object, as the documentation of the request shows it"

NO_CONTROLS: Final = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
"""Line feed and tab are text, the other control characters are accidents or attacks."""


def text(max_length: int, *, min_length: int = 1, description: str | None = None) -> msgspec.Meta:
    """Return the limits of free text: lengths in characters, no control characters."""
    return msgspec.Meta(
        min_length=min_length, max_length=max_length, pattern=NO_CONTROLS, description=description
    )


# `$` of Python also matches before a last line feed; the look-ahead makes it end where JSON
# Schema's `$` ends.
Identifier = Annotated[
    str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")
]
"""An id of ours, such as ``cus_01…``."""

Code = Annotated[
    str,
    msgspec.Meta(
        min_length=4,
        max_length=64,
        pattern=r"^[A-Za-z0-9_ -]+$(?!\n)",
        description="4 to 64 letters, digits, dashes and underscores; case does not matter",
    ),
]
"""A coupon code as a person types it."""

Currency = Annotated[
    str,
    msgspec.Meta(
        min_length=3,
        max_length=3,
        pattern=r"^[A-Z]{3}$",
        description="an ISO 4217 code in capitals, such as EUR",
    ),
]

MinorAmount = Annotated[
    int, msgspec.Meta(ge=0, le=10**12, description="an amount in minor units (cents)")
]

Moment = Annotated[
    datetime, msgspec.Meta(tz=True, description="ISO 8601 with Z or an offset; kept in UTC")
]
"""Arrives in UTC with whole milliseconds, whatever offset it was sent with."""


class BodyReader(Generic[AnyStruct]):
    """Reads JSON bodies of one type. Made once per operation; the decoder on its first request."""

    def __init__(self, body_type: type[AnyStruct]) -> None:
        self._type = body_type

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[AnyStruct]:
        return msgspec.json.Decoder(self._type)

    @cached_property
    def _info(self) -> Any:
        return msgspec.inspect.type_info(self._type)

    @cached_property
    def _has_moments(self) -> bool:
        return _has_moments(self._info)

    def read(self, raw: bytes) -> AnyStruct:
        """Return the body; an empty one counts as ``{}``.

        Raises:
            problems.MalformedBody: it is no JSON object.
            Invalid: it has faults; all of them are named, up to 50.
        """
        try:
            body = self._decoder.decode(raw or b"{}")
            if self._has_moments:
                in_utc(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
            raise self._refusal(raw or b"{}", error) from error
        return body

    def _refusal(self, raw: bytes, error: Exception) -> Exception:
        try:
            value = msgspec.json.decode(raw)
        except UnicodeDecodeError:
            return problems.MalformedBody("the body is not UTF-8", fix="send JSON in UTF-8")
        except RecursionError:
            return problems.MalformedBody("the body is nested too deeply", fix=_SEND_AN_OBJECT)
        except msgspec.DecodeError as malformed:
            return problems.MalformedBody(
                f"the body is not JSON: {malformed}", fix="correct the JSON at that place"
            )
        if not isinstance(value, dict):
            return problems.MalformedBody("the body is not a JSON object", fix=_SEND_AN_OBJECT)
        return _invalid(value, self._info, error=error, root="")


class QueryReader(Generic[AnyStruct]):
    """Reads query parameters of one type; lists are separated by commas (``status=a,b``)."""

    def __init__(self, query_type: type[AnyStruct]) -> None:
        self._type = query_type

    @cached_property
    def _info(self) -> Any:
        return msgspec.inspect.type_info(self._type)

    @cached_property
    def _kinds(self) -> dict[str, str]:
        return {field.encode_name: _query_kind(field.type) for field in self._info.fields}

    def read(self, parameters: Mapping[str, Sequence[str]]) -> AnyStruct:
        """Return the parameters.

        Raises:
            Invalid: one is unknown, repeated, missing or wrong; pointers are ``/query/<name>``.
        """
        kinds = self._kinds
        repeated = [name for name, values in parameters.items() if len(values) != 1]
        value = {
            name: _of_text(values[-1], kinds.get(name, "text"))
            for name, values in parameters.items()
            if values
        }
        if repeated:
            raise Invalid(
                "a query parameter is given more than once",
                fix="send each parameter once; separate several values with commas",
                faults=tuple(
                    Fault(_pointer("/query", name), "not_allowed", "is given more than once")
                    for name in repeated[:50]
                ),
            )
        try:
            query = msgspec.convert(value, self._type)
            in_utc(query)
        except (msgspec.ValidationError, OverflowError) as error:
            raise _invalid(value, self._info, error=error, root="/query") from error
        return query


def in_utc(value: Any) -> Any:
    """Return ``value`` with each moment in UTC and whole milliseconds; changed in place.

    In place although structs are frozen: nobody has seen them yet.

    Raises:
        OverflowError: a moment lies outside of ``[MOMENT_MIN, MOMENT_MAX)``.
    """
    if isinstance(value, datetime):
        if not MOMENT_MIN <= value < MOMENT_MAX:
            raise OverflowError("a moment is out of range")
        value = value.astimezone(UTC)
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            before = getattr(value, name)
            after = in_utc(before)
            if after is not before:
                msgspec.structs.force_setattr(value, name, after)
    elif isinstance(value, list):
        value[:] = [in_utc(item) for item in value]
    elif isinstance(value, dict):
        value.update({name: in_utc(item) for name, item in value.items()})
    elif isinstance(value, tuple):
        return tuple(in_utc(item) for item in value)
    return value


def _has_moments(info: Any) -> bool:
    kinds = msgspec.inspect
    if isinstance(info, kinds.StructType):
        inner = [field.type for field in info.fields]
    elif isinstance(info, kinds.UnionType):
        inner = list(info.types)
    elif isinstance(info, kinds.Metadata):
        inner = [info.type]
    elif isinstance(info, (kinds.ListType, kinds.VarTupleType)):
        inner = [info.item_type]
    elif isinstance(info, kinds.DictType):
        inner = [info.value_type]
    else:
        return isinstance(info, kinds.DateTimeType)
    return any(map(_has_moments, inner))


def _invalid(value: Any, info: Any, *, error: Exception, root: str) -> Invalid:
    # The cold path: a right request never imports it.
    from chalicelib.api.web import faults  # noqa: PLC0415

    found = faults.collect(value, info, root=root) or faults.from_message(str(error), root=root)
    return Invalid(
        "the query is not valid" if root else "the body is not valid",
        fix="correct each field named in errors",
        faults=found,
    )


def _pointer(root: str, name: str) -> str:
    from chalicelib.api.web import faults  # noqa: PLC0415

    return faults.join(root, name)


def _query_kind(info: Any) -> str:
    members = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    for member in members:
        kind = member.type if isinstance(member, msgspec.inspect.Metadata) else member
        if isinstance(kind, msgspec.inspect.IntType):
            return "integer"
        if isinstance(kind, msgspec.inspect.BoolType):
            return "boolean"
        if isinstance(kind, (msgspec.inspect.ListType, msgspec.inspect.VarTupleType)):
            return "list"
    return "text"


def _of_text(value: str, kind: str) -> Any:
    """Return what the text of a parameter stands for, or the text where it stands for nothing.

    By hand, because the library's lenient mode also takes numbers for moments and "1" for true.
    """
    if kind == "list":
        return value.split(",") if value else []
    if kind == "boolean":
        return {"true": True, "false": False}.get(value, value)
    digits = value.removeprefix("-")
    if kind == "integer" and digits.isascii() and digits.isdigit() and len(digits) <= 18:  # noqa: PLR2004
        return int(value)
    return value
