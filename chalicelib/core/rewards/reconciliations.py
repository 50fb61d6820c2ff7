"""Recounts of what the totals say, so that a difference is seen, and made good if it lasts."""

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from chalicelib.core.changes import Changes
from chalicelib.core.rewards.totals import Totals, TotalsChange

Counts = dict[str, int]


class Reconciliation(msgspec.Struct, frozen=True):
    """A difference that a recount found: by status, what there was more than the totals had.

    ``counted_at``: when it was found first.
    """

    reward_id: str
    counted_at: datetime
    difference: Counts
    version: int = 0


class ReconcilePosition(msgspec.Struct, frozen=True):
    """How far the recounts have come in the list of rewards; empty at its start."""

    after: str
    version: int = 0


LASTING = timedelta(hours=23)
"""From one night to the next: about as long as the stream keeps a record."""


def decide(
    earlier: Reconciliation | None, *, reward_id: str, counted: Counts, kept: Totals, now: datetime
) -> Changes:
    """Decide what a recount changes: a difference is noted, and made good when it lasts.

    A recount sees changes that the stream is still to bring, and the totals are not to have them
    twice. Such a difference is gone a day later; one that is the same then is an error. It is added
    like every other change, so what the stream brings meanwhile counts as well; and with the note,
    so that it is added once.
    """
    difference = {
        status: n for status in counted if (n := counted[status] - getattr(kept, status)) != 0
    }
    after = Reconciliation(reward_id, now, difference)
    if earlier is None:
        return Changes(create=(after,)) if difference else Changes()
    if difference != earlier.difference:
        return _noted(earlier, after)
    if not difference or now - earlier.counted_at < LASTING:
        return Changes()
    change = TotalsChange(reward_id, "0", None, tuple(sorted(difference.items())))
    return _noted(earlier, replace(after, difference={})) + Changes(add=(change,))


def _noted(earlier: Reconciliation, after: Reconciliation) -> Changes:
    return Changes(update=((earlier, replace(after, version=earlier.version)),))
