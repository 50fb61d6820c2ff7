"""What waits in the queues of the subscribers, and what they failed on."""

import msgspec

from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.outbox.messages import Subscriber
from chalicelib.usecases.context import Context
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.ports import Queues

REPLAYED_MAX = 500
"""At most so many at once: a request has half a minute."""


class Replay(msgspec.Struct, frozen=True):
    """How many messages were moved back, and about how many are left."""

    replayed: int
    left: int


def replay(
    context: Context,
    queues: Queues,
    subscriber: Subscriber,
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Replay]:
    """Give the subscriber again what it failed on; what it had by then it knows.

    Raises:
        Unavailable: the queues are out of reach; some messages may have been moved.
    """

    def decide(_: Contention | None) -> tuple[Replay, tuple[str, ...], Changes]:
        moved = queues.replay(subscriber, at_most=REPLAYED_MAX)
        found = Replay(moved, queues.depth(subscriber).dead_letters)
        return found, (str(found.replayed), str(found.left)), Changes()

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda made: Replay(int(made[0]), int(made[1])),
    )
