"""Recounts of rewards in the table."""

from pynamodb.attributes import UnicodeAttribute

from chalicelib.core.rewards.reconciliations import ReconcilePosition, Reconciliation
from chalicelib.store import keys
from chalicelib.store.engine.attributes import JsonAttribute, MomentAttribute
from chalicelib.store.engine.items import Codec, TableItem


class ReconciliationItem(TableItem, discriminator="reconciliation"):
    reward_id = UnicodeAttribute()
    counted_at = MomentAttribute()
    difference = JsonAttribute(dict[str, int])


class ReconcilePositionItem(TableItem, discriminator="reconcile_position"):
    after = UnicodeAttribute()


CODEC = Codec(
    Reconciliation,
    ReconciliationItem,
    key=lambda found: keys.reconciliation(found.reward_id),
    locate=keys.reconciliation,
)
POSITION_CODEC = Codec(
    ReconcilePosition,
    ReconcilePositionItem,
    key=lambda _: keys.RECONCILE_POSITION,
    locate=lambda: keys.RECONCILE_POSITION,
)
