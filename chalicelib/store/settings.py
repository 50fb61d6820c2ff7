"""The settings of the business in the table."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

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


CODEC = Codec(Settings, SettingsItem, key=lambda _: keys.SETTINGS, locate=lambda: keys.SETTINGS)
