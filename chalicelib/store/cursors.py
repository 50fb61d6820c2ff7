"""The secret that signs cursors, in the table."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.cursors import CursorSecret
from chalicelib.store import keys
from chalicelib.store.engine.items import Codec, TableItem


class CursorSecretItem(TableItem, discriminator="cursor_secret"):
    secret = UnicodeAttribute()


CODEC = Codec(
    CursorSecret,
    CursorSecretItem,
    key=lambda _: keys.CURSOR_SECRET,
    locate=lambda: keys.CURSOR_SECRET,
)
