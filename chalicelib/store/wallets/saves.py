"""What Google says of a card's objects, beside the card; and which callbacks were taken."""

from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.wallets.google import ObjectKind
from chalicelib.core.wallets.saves import CallbackNonce, SavedObject
from chalicelib.store import keys
from chalicelib.store.engine.attributes import EnumAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class SavedObjectItem(TableItem, discriminator="saved_object"):
    serial = UnicodeAttribute()
    object_kind = EnumAttribute(ObjectKind)
    is_saved = BooleanAttribute()
    said_until = MomentAttribute()


SAVED_OBJECT_CODEC = Codec(
    SavedObject,
    SavedObjectItem,
    key=lambda saved: keys.saved_object(saved.serial, saved.object_kind),
    locate=keys.saved_object,
)


class CallbackNonceItem(TableItem, discriminator="callback_nonce"):
    nonce = UnicodeAttribute()
    lapses_at = MomentAttribute()


def indexes(nonce: CallbackNonce) -> dict[str, Any]:
    return {"ttl": int(nonce.lapses_at.timestamp())}


NONCE_CODEC = Codec(
    CallbackNonce,
    CallbackNonceItem,
    key=lambda nonce: keys.callback_nonce(nonce.nonce),
    locate=keys.callback_nonce,
    indexes=indexes,
)
