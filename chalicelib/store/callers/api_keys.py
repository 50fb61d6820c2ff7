"""API keys in the table: their hash, never the key."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.callers.api_keys import ApiKey
from chalicelib.core.callers.callers import Role
from chalicelib.store import keys
from chalicelib.store.engine.attributes import EnumAttribute, JsonAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class ApiKeyItem(TableItem, discriminator="api_key"):
    key_id = UnicodeAttribute()
    secret_hash = UnicodeAttribute()
    name = UnicodeAttribute()
    role = EnumAttribute(Role)
    created_at = MomentAttribute()
    created_by = UnicodeAttribute()
    expires_at = MomentAttribute(null=True)
    revoked_at = MomentAttribute(null=True)
    origins = JsonAttribute(tuple[str, ...], null=True)


CODEC = Codec(
    ApiKey,
    ApiKeyItem,
    key=lambda key: keys.api_key(key.key_id),
    locate=keys.api_key,
    indexes=lambda key: {"list_pk": keys.API_KEYS, "list_sk": key.key_id},
)
