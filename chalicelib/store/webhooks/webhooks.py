"""Webhooks in the table. Their secrets sign, so that they must be kept as they are."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.activity import EventType
from chalicelib.core.webhooks.webhooks import Webhook, WebhookStatus
from chalicelib.store import keys
from chalicelib.store.engine.attributes import EnumAttribute, JsonAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class WebhookItem(TableItem, discriminator="webhook"):
    webhook_id = UnicodeAttribute()
    url = UnicodeAttribute()
    secret = UnicodeAttribute()
    created_at = MomentAttribute()
    created_by = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    event_types = JsonAttribute(tuple[EventType, ...], null=True)
    status = EnumAttribute(WebhookStatus)
    previous_secret = UnicodeAttribute(null=True)
    previous_secret_until = MomentAttribute(null=True)
    failing_since = MomentAttribute(null=True)
    disabled_at = MomentAttribute(null=True)


CODEC = Codec(
    Webhook,
    WebhookItem,
    key=lambda webhook: keys.webhook(webhook.webhook_id),
    locate=keys.webhook,
    indexes=lambda webhook: {"list_pk": keys.WEBHOOKS, "list_sk": webhook.webhook_id},
)
