"""Items: what every item of the table carries, and how a snapshot becomes one and back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from pynamodb.attributes import DiscriminatorAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from chalicelib.store.keys import Key

Raw = dict[str, dict[str, Any]]
S = TypeVar("S")


class TableItem(Model):
    """An item of the table. Subclasses hold attributes and nothing else.

    They serve as the typed form of an item only; ``table.py`` makes the calls.
    """

    class Meta:
        table_name = "none"

    PK = UnicodeAttribute(hash_key=True)
    SK = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    version = NumberAttribute()
    list_pk = UnicodeAttribute(null=True)
    list_sk = UnicodeAttribute(null=True)
    holder_pk = UnicodeAttribute(null=True)
    holder_sk = UnicodeAttribute(null=True)
    due_pk = UnicodeAttribute(null=True)
    due_sk = UnicodeAttribute(null=True)
    ttl = NumberAttribute(null=True)


@dataclass(frozen=True, slots=True)
class Codec(Generic[S]):
    """How snapshots of ``kind`` are stored: attributes carry the names of the fields.

    ``key`` names the item of a snapshot, ``locate`` that of the parts of a ``Ref``.
    ``indexes`` returns the index attributes of a snapshot; None leaves it out of an index.
    """

    kind: type[S]
    item: type[TableItem]
    key: Callable[[S], Key]
    locate: Callable[..., Key]
    indexes: Callable[[S], Mapping[str, Any]] = lambda _: {}

    def encode(self, snapshot: S) -> Raw:
        """Return the item of ``snapshot`` as DynamoDB's JSON."""
        values = {field.name: getattr(snapshot, field.name) for field in fields(snapshot)}  # type: ignore[arg-type]
        pk, sk = self.key(snapshot)
        return self.item(pk, sk, **values, **self.indexes(snapshot)).serialize()

    def decode(self, raw: Raw) -> S:
        """Return the snapshot of an item; attributes that this version does not know are left."""
        values = self.item.from_raw_data(raw).attribute_values
        known = {name: values[name] for name in _names(self.kind) if name in values}
        return self.kind(**known)


def _names(kind: type) -> tuple[str, ...]:
    names: tuple[str, ...] = tuple(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    return names
