"""Activity events in the table: written once, never changed."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.activity import ActivityEvent, Channel, EventType
from chalicelib.store import keys
from chalicelib.store.engine.attributes import EnumAttribute, JsonAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class EventItem(TableItem, discriminator="event"):
    event_id = UnicodeAttribute()
    event_type = EnumAttribute(EventType)
    customer_id = UnicodeAttribute(null=True)
    occurred_at = MomentAttribute()
    recorded_at = MomentAttribute()
    actor = UnicodeAttribute()
    channel = EnumAttribute(Channel)
    code = UnicodeAttribute(null=True)
    reward_id = UnicodeAttribute(null=True)
    redemption_id = UnicodeAttribute(null=True)
    detail = JsonAttribute(dict[str, str | int | None])


CODEC = Codec(
    ActivityEvent,
    EventItem,
    key=lambda event: keys.event(event.customer_id or "", event.event_id),
    locate=keys.event,
)
