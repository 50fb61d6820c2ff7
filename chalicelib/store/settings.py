"""The settings of the business in the table, and the secret that signs cursors."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.core.cursors import CursorSecret
from chalicelib.core.settings import Settings
from chalicelib.store import keys
from chalicelib.store.engine.attributes import IntegerAttribute
from chalicelib.store.engine.items import Codec, TableItem


class SettingsItem(TableItem, discriminator="settings"):
    business_name = UnicodeAttribute()
    currency = UnicodeAttribute()
    time_zone = UnicodeAttribute()
    language = UnicodeAttribute()
    late_upload_limit_hours = IntegerAttribute()
    foreign_codes = BooleanAttribute()


class CursorSecretItem(TableItem, discriminator="cursor_secret"):
    secret = UnicodeAttribute()


CODEC = Codec(Settings, SettingsItem, key=lambda _: keys.SETTINGS, locate=lambda: keys.SETTINGS)
CURSOR_SECRET_CODEC = Codec(
    CursorSecret,
    CursorSecretItem,
    key=lambda _: keys.CURSOR_SECRET,
    locate=lambda: keys.CURSOR_SECRET,
)
