"""Tell everybody outside what happened: nothing that did not, and all that did."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.core.outbox import messages
from chalicelib.core.rewards.totals import Change
from chalicelib.usecases import stream
from chalicelib.usecases.context import Context
from chalicelib.usecases.ports import Topic
from chalicelib.usecases.stream import Record


def publish(context: Context, topic: Topic, records: Sequence[Record], *, now: datetime) -> int:
    """Publish the new activity events of ``records``; return how many were parked instead.

    Each at least once: a batch that fails is published again, and subscribers know an event that
    they had by its id.

    Raises:
        Unavailable: the topic or the table is out of reach; give all of them again.
    """

    def tell(_: Context, changes: Sequence[Change[Any]], __: datetime) -> None:
        topic.publish([messages.message_of(change.after) for change in changes])

    return stream.apply(context, records, now=now, appliers={"publish": tell})
