"""Items: what every item of the table carries, and how a snapshot becomes one and back."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec
from pynamodb.attributes import DiscriminatorAttribute, UnicodeAttribute
from pynamodb.models import Model

from chalicelib.store.engine.attributes import IntegerAttribute
from chalicelib.store.keys import Key

Raw = dict[str, dict[str, Any]]
S = TypeVar("S", bound=msgspec.Struct)


class TableItem(Model):
    """An item of the table. Subclasses hold attributes and nothing else.

    They serve as the typed form of an item only; ``table.py`` makes the calls.
    """

    class Meta:
        table_name = "none"

    PK = UnicodeAttribute(hash_key=True)
    SK = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    version = IntegerAttribute()
    list_pk = UnicodeAttribute(null=True)
    list_sk = UnicodeAttribute(null=True)
    holder_pk = UnicodeAttribute(null=True)
    holder_sk = UnicodeAttribute(null=True)
    due_pk = UnicodeAttribute(null=True)
    due_sk = UnicodeAttribute(null=True)
    ttl = IntegerAttribute(null=True)


class Codec(Generic[S]):
    """How snapshots of ``kind`` are stored: attributes carry the names of the fields.

    PynamoDB's attributes do the typing; going around its models is a third of the CPU of a
    redemption's own code.

    Args:
        kind: the dataclass of the snapshots.
        item: the attributes.
        key: names the item of a snapshot.
        locate: names the item of the parts of a ``Ref``.
        indexes: returns further attributes of a snapshot, those of the indexes above all.
    """

    def __init__(
        self,
        kind: type[S],
        item: type[TableItem],
        *,
        key: Callable[[S], Key],
        locate: Callable[..., Key],
        indexes: Callable[[S], Mapping[str, Any]] | None = None,
    ) -> None:
        self.kind = kind
        self.discriminator: str = TableItem.kind.get_discriminator(item) or ""
        self.locate = locate
        self._key = key
        self._indexes = indexes
        self._attributes = item.get_attributes()
        names = kind.__struct_fields__
        self._fields = [(name, *self._attribute(name)) for name in names]
        # What may be absent is left out when it is empty, too.
        self._optional = {name for name in names if self._attributes[name].null}
        required = names[: len(names) - len(kind.__struct_defaults__)]
        self._absent = {name: None for name in required if name in self._optional}

    def encode(self, snapshot: S) -> Raw:
        """Return the item of ``snapshot`` as DynamoDB's JSON."""
        pk, sk = self._key(snapshot)
        raw: Raw = {"PK": {"S": pk}, "SK": {"S": sk}, "kind": {"S": self.discriminator}}
        for name, wire_type, serialize, _ in self._fields:
            value = getattr(snapshot, name)
            if value is not None and (value != () or name not in self._optional):
                raw[name] = {wire_type: serialize(value)}
        for name, value in (self._indexes(snapshot) if self._indexes else {}).items():
            wire_type, serialize, _ = self._attribute(name)
            raw[name] = {wire_type: serialize(value)}
        return raw

    def decode(self, raw: Raw) -> S:
        """Return the snapshot of an item; attributes that this version does not know are left."""
        return self.kind(
            **self._absent
            | {
                name: deserialize(raw[name][wire_type])
                for name, wire_type, _, deserialize in self._fields
                if name in raw
            }
        )

    def _attribute(self, name: str) -> tuple[str, Callable[[Any], Any], Callable[[Any], Any]]:
        attribute = self._attributes[name]
        return attribute.attr_type, attribute.serialize, attribute.deserialize
