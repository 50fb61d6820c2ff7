"""How our types are written into items."""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from pynamodb.attributes import Attribute
from pynamodb.constants import NUMBER, STRING

from chalicelib.core import moments

E = TypeVar("E", bound=StrEnum)


class MomentAttribute(Attribute[datetime]):
    """A moment as ISO 8601 text with milliseconds, so that it sorts and can be compared."""

    attr_type = STRING

    def serialize(self, value: datetime) -> str:
        return moments.iso(value)

    def deserialize(self, value: str) -> datetime:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)


class IntegerAttribute(Attribute[int]):
    """A whole number. PynamoDB's own takes any number, by way of JSON."""

    attr_type = NUMBER

    def serialize(self, value: int) -> str:
        return str(value)

    def deserialize(self, value: str) -> int:
        return int(value)


class DateAttribute(Attribute[date]):
    """A calendar day as ISO 8601 text."""

    attr_type = STRING

    def serialize(self, value: date) -> str:
        return value.isoformat()

    def deserialize(self, value: str) -> date:
        return date.fromisoformat(value)


class EnumAttribute(Attribute[E]):
    """A member of a StrEnum, as its value."""

    attr_type = STRING

    def __init__(self, enum: type[E], **options: Any) -> None:
        super().__init__(**options)
        self._enum = enum

    def serialize(self, value: E) -> str:
        return value.value

    def deserialize(self, value: str) -> E:
        return self._enum(value)


class JsonAttribute(Attribute[Any]):
    """A dataclass, tuple or mapping as JSON text: smaller than a map, and never queried."""

    attr_type = STRING

    def __init__(self, kind: Any, **options: Any) -> None:
        super().__init__(**options)
        self._decoder = msgspec.json.Decoder(kind)

    def serialize(self, value: Any) -> str:
        return _JSON.encode(value).decode()

    def deserialize(self, value: str) -> Any:
        return self._decoder.decode(value)


_JSON = msgspec.json.Encoder()
