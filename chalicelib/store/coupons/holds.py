"""Holds in the table, by their id; the table removes them some weeks after they lapse."""

from typing import Any, Final

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.coupons.holds import Hold
from chalicelib.store import keys
from chalicelib.store.engine.attributes import MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem

# Until then its id is answered with hold_lapsed rather than hold_not_found.
_KEPT_SECONDS: Final = 30 * 24 * 3600


class HoldItem(TableItem, discriminator="hold"):
    hold_id = UnicodeAttribute()
    code = UnicodeAttribute()
    taken_at = MomentAttribute()
    lapses_at = MomentAttribute()
    order_id = UnicodeAttribute(null=True)


def indexes(hold: Hold) -> dict[str, Any]:
    return {"ttl": int(hold.lapses_at.timestamp()) + _KEPT_SECONDS}


CODEC = Codec(
    Hold, HoldItem, key=lambda hold: keys.hold(hold.hold_id), locate=keys.hold, indexes=indexes
)
