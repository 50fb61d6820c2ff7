"""The outbox: what its subscribers have before them, and what they failed on."""

import msgspec

from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.origins import origin_of
from chalicelib.core.outbox.messages import Subscriber
from chalicelib.usecases.outbox import queues as usecases

blueprint = JsonBlueprint()


class SubscriberView(msgspec.Struct, frozen=True, kw_only=True):
    """About how many messages wait, are being worked on, and were given up."""

    subscriber: Subscriber
    waiting: int
    in_flight: int
    dead_letters: int


class OutboxView(msgspec.Struct, frozen=True, kw_only=True):
    subscribers: list[SubscriberView]


class ReplayBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to get its messages again."""

    subscriber: Subscriber


class ReplayView(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages are in the queue again, and about how many are left."""

    subscriber: Subscriber
    replayed: int
    left: int


@blueprint.operation("GET", "/v1/outbox", answer=OutboxView)
def get_outbox(call: Call[None, None]) -> Answer:
    """Return how many messages each subscriber has before it, and failed on.

    Numbers are about right: the queues count a little behind.
    """
    queues = call.services.queues
    views = []
    for subscriber in Subscriber:
        depth = queues.depth(subscriber)
        views.append(
            SubscriberView(
                subscriber=subscriber,
                waiting=depth.waiting,
                in_flight=depth.in_flight,
                dead_letters=depth.dead_letters,
            )
        )
    return Answer(OutboxView(subscribers=views))


@blueprint.operation("POST", "/v1/outbox/replay", body=ReplayBody, answer=ReplayView)
def replay_outbox(call: Call[ReplayBody, None]) -> Answer:
    """Give a subscriber again what it failed on, up to 500 messages at once.

    Those that it had already it knows: nobody is told twice.
    """
    subscriber = call.body.subscriber
    done = usecases.replay(
        call.services.context,
        call.services.queues,
        subscriber,
        origin=origin_of(call),
        request=call.request,
    )
    view = ReplayView(subscriber=subscriber, replayed=done.result.replayed, left=done.result.left)
    return Answer(view, replayed=done.replayed)
