"""The functions that send to webhooks: from their queue, and again where that failed."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import standardwebhooks
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.errors import Unavailable
from chalicelib.core.outbox import messages
from chalicelib.core.outbox.deliveries import LEASE, Delivery, DeliveryStatus
from chalicelib.core.outbox.messages import Message, Subscriber
from chalicelib.core.webhooks import webhooks
from chalicelib.core.webhooks.webhooks import RETRY_AFTER, Webhook, WebhookStatus
from chalicelib.usecases.ports import Posted
from chalicelib.wiring import Services
from tests.builders import NOON, unique
from tests.conftest import Clock, services_on
from tests.twins import Letter, NotedPosts
from tests.usecases.unsteady import fails, unsteady

_TIME = 60_000
_NO_TIME = 19_000


class Desk:
    """The two functions on a table of their own, and servers that answer as told."""

    def __init__(self, services: Services, patch: pytest.MonkeyPatch) -> None:
        self.clock = Clock(NOON)
        self._patch = patch
        self.services = replace(services, clock=self.clock)
        self.use(self.services)
        assert isinstance(services.posts, NotedPosts)
        self.servers = services.posts

    def use(self, services: Services) -> None:
        self._patch.setattr(wiring, "services", lambda: services)

    def webhook(self, **changes: Any) -> Webhook:
        webhook_id = self.services.new_id("whk", NOON)
        secret = webhooks.secret_of(self.services.new_secret())
        webhook = Webhook(webhook_id, f"https://{webhook_id}.example/", secret, NOON, "key_1")
        webhook = replace(webhook, **changes)
        self.services.store.commit(Changes(create=(webhook,)))
        return webhook

    def message(self, **changes: Any) -> Message:
        message = Message(
            id=self.services.new_id("evt", self.clock.moment),
            type="coupon.redeemed",
            occurred_at=NOON,
            recorded_at=NOON,
            customer_id="cus_1",
            actor="key_1",
            channel="scanner",
        )
        return replace(message, **changes)

    def receive(self, *some: Message | str, millis: int = _TIME) -> set[int]:
        """Let the function receive messages, and return the places of those it failed on."""
        records = [
            {
                "messageId": str(number),
                "receiptHandle": "r",
                "body": each if isinstance(each, str) else messages.encoded(each),
            }
            for number, each in enumerate(some)
        ]
        answer = self._run("deliver_webhooks", {"Records": records}, millis)
        return {int(each["itemIdentifier"]) for each in answer["batchItemFailures"]}

    def retry(self, *, at: datetime, millis: int = _TIME) -> Any:
        self.clock.moment = at
        event = {
            "version": "0",
            "account": "1",
            "region": "us-east-1",
            "detail": {},
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "time": "2018-03-01T00:00:00Z",
            "id": "1",
            "resources": [],
        }
        return self._run("retry_webhooks", event, millis)

    def _run(self, function: str, event: Any, millis: int) -> Any:
        import app  # noqa: PLC0415 # not on collection: its import is what some tests measure

        context = SimpleNamespace(get_remaining_time_in_millis=lambda: millis)
        return app.app.handler_map[function](event, context)

    def delivery(self, message: Message, webhook: Webhook) -> Delivery:
        name = ref(Delivery, message.id, Subscriber.WEBHOOKS, webhook.webhook_id)
        found = self.services.store.read(name).find(name)
        assert found is not None
        return found

    def stored(self, webhook: Webhook) -> Webhook:
        name = ref(Webhook, webhook.webhook_id)
        found = self.services.store.read(name).find(name)
        assert found is not None
        return found


@pytest.fixture
def desk(fresh_table_name: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(services_on(fresh_table_name), monkeypatch)


def answers(*statuses: int | None) -> Callable[[Letter], Posted]:
    """Return a server that answers so, one after the other; None is no answer."""
    left = list(statuses)

    def answer(_: Letter) -> Posted:
        status = left.pop(0)
        return Posted(status, None if status else "timed_out", 5)

    return answer


class TestAMessage:
    def test_is_sent_to_each_webhook_that_wants_it(self, desk: Desk) -> None:
        everything = desk.webhook()
        desk.webhook(event_types=("card.issued",))
        desk.webhook(status=WebhookStatus.DISABLED)
        message = desk.message()

        assert desk.receive(message) == set()

        (letter,) = desk.servers.sent
        assert letter.url == everything.url
        assert letter.message["id"] == message.id == letter.headers["webhook-id"]
        delivery = desk.delivery(message, everything)
        assert (delivery.status, delivery.due_at) == (DeliveryStatus.DELIVERED, None)
        assert [each.answer_status for each in delivery.attempts] == [204]

    def test_is_signed_so_that_shops_accept_it(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        webhook = desk.webhook()
        now = desk.services.now().now(tz=NOON.tzinfo)
        desk.clock.moment = now
        message = desk.message()

        desk.receive(message)

        (letter,) = desk.servers.sent
        told = standardwebhooks.Webhook(webhook.secret).verify(letter.body, dict(letter.headers))
        assert told == json.loads(messages.encoded(message))

    def test_that_comes_again_is_sent_once(self, desk: Desk) -> None:
        desk.webhook()
        message = desk.message()

        assert desk.receive(message, message) == set()
        assert desk.receive(message) == set()

        assert len(desk.servers.sent) == 1

    def test_that_cannot_be_read_fails_alone(self, desk: Desk) -> None:
        desk.webhook()

        assert desk.receive(desk.message(), "{}", desk.message(), "no JSON") == {1, 3}

        assert len(desk.servers.sent) == 2

    def test_fails_while_the_table_is_busy_and_is_sent_when_it_comes_again(
        self, desk: Desk
    ) -> None:
        desk.webhook()
        some = [desk.message() for _ in range(3)]
        slow, line = unsteady(desk.services)
        # The first one is created and recorded; the second cannot be created.
        line.before += [lambda: None, lambda: None, fails(Unavailable("busy"))]
        desk.use(slow)

        assert desk.receive(*some) == {1}
        assert desk.receive(some[1]) == set()

        assert [each.message["id"] for each in desk.servers.sent] == [
            some[0].id,
            some[2].id,
            some[1].id,
        ]

    def test_is_left_to_the_job_when_time_is_short(self, desk: Desk) -> None:
        webhook = desk.webhook()
        message = desk.message()

        assert desk.receive(message, millis=_NO_TIME) == set()
        assert desk.servers.sent == []
        assert desk.retry(at=NOON)["delivered"] == 1

        assert desk.delivery(message, webhook).status is DeliveryStatus.DELIVERED

    def test_keeps_one_webhook_from_waiting_for_another(self, desk: Desk) -> None:
        slow, good = desk.webhook(), desk.webhook()
        desk.servers.answer = lambda letter: Posted(
            None if letter.url == slow.url else 200, "timed_out", 8000
        )
        some = [desk.message() for _ in range(4)]
        desk.receive(*some, millis=_NO_TIME)

        done = desk.retry(at=NOON)

        assert (done["delivered"], done["failed"]) == (4, 4)
        assert {desk.delivery(each, good).status for each in some} == {DeliveryStatus.DELIVERED}
        # The slow one is asked once in a run; the rest is tried when that would have been.
        held = [desk.delivery(each, slow) for each in some]
        assert {each.due_at for each in held} == {NOON + RETRY_AFTER[0]}
        errors = sorted(str(each.attempts[-1].error) for each in held)
        assert errors == [*["not_tried"] * 3, "timed_out"]


class TestASenderWhoDies:
    """After a kill nothing more is written; the tests fail its commits to the same effect."""

    def _dies(self, desk: Desk, after: int) -> Services:
        """Return services whose function gets no further than ``after`` commits."""
        dying, line = unsteady(desk.services)
        line.before += [lambda: None] * after + [fails(SystemExit())] * 10
        return dying

    def test_before_it_sends_has_it_sent_by_the_job(self, desk: Desk) -> None:
        webhook = desk.webhook()
        message = desk.message()

        def die(_: Letter) -> Posted:
            raise SystemExit

        desk.servers.answer = die
        with pytest.raises(SystemExit):
            desk.receive(message)
        desk.servers.sent.clear()
        desk.servers.answer = answers(200)

        assert desk.receive(message) == set()
        assert desk.servers.sent == [], "somebody may be sending it"
        assert desk.retry(at=NOON + LEASE)["delivered"] == 1

        assert desk.delivery(message, webhook).status is DeliveryStatus.DELIVERED

    def test_before_it_records_has_it_sent_a_second_time_and_no_third(self, desk: Desk) -> None:
        webhook = desk.webhook()
        message = desk.message()
        desk.use(self._dies(desk, after=1))
        with pytest.raises(SystemExit):
            desk.receive(message)
        desk.use(desk.services)

        for _ in range(3):
            desk.receive(message)
        before_the_end = desk.retry(at=NOON + LEASE - timedelta(milliseconds=1))
        assert before_the_end["delivered"] == 0
        desk.retry(at=NOON + LEASE)
        desk.retry(at=NOON + 2 * LEASE)

        assert [each.message["id"] for each in desk.servers.sent] == [message.id] * 2
        assert len(desk.delivery(message, webhook).attempts) == 1

    def test_that_only_seemed_dead_does_not_undo_what_another_did(self, desk: Desk) -> None:
        webhook = desk.webhook()
        message = desk.message()

        def late(_: Letter) -> Posted:
            desk.servers.answer = answers(200)
            desk.retry(at=NOON + LEASE)
            return Posted(500, None, 60_000)

        desk.servers.answer = late
        desk.receive(message)

        delivery = desk.delivery(message, webhook)
        assert delivery.status is DeliveryStatus.DELIVERED
        assert [each.answer_status for each in delivery.attempts] == [200]


class TestAFailure:
    def test_is_tried_again_for_a_day_and_then_given_up(self, desk: Desk) -> None:
        webhook = desk.webhook()
        message = desk.message()
        desk.servers.answer = answers(*[503, None] * 4)
        desk.receive(message)
        at = NOON
        for wait in RETRY_AFTER:
            at += wait
            assert desk.retry(at=at - timedelta(milliseconds=1))["failed"] == 0
            assert desk.retry(at=at)["failed"] == 1

        delivery = desk.delivery(message, webhook)
        assert (delivery.status, delivery.finished_at) == (DeliveryStatus.FAILED, at)
        assert [each.answer_status for each in delivery.attempts] == [503, None] * 4
        assert delivery.attempts[-1].error == "timed_out"
        assert desk.retry(at=at + timedelta(days=3))["failed"] == 0

    def test_is_over_when_it_arrives(self, desk: Desk) -> None:
        webhook = desk.webhook()
        message = desk.message()
        desk.servers.answer = answers(500, 302, 200)
        desk.receive(message)
        assert desk.stored(webhook).failing_since == NOON

        at = NOON + RETRY_AFTER[0]
        desk.retry(at=at)
        assert desk.delivery(message, webhook).status is DeliveryStatus.WAITING
        desk.retry(at=at + RETRY_AFTER[1])

        assert desk.delivery(message, webhook).status is DeliveryStatus.DELIVERED
        assert desk.stored(webhook).failing_since is None

    def test_of_five_days_disables_the_webhook(self, desk: Desk) -> None:
        webhook = desk.webhook()
        desk.servers.answer = lambda _: Posted(500, None, 5)
        desk.receive(desk.message())
        desk.clock.moment = NOON + timedelta(days=5)
        desk.receive(desk.message())
        assert desk.stored(webhook).status is WebhookStatus.ACTIVE

        at = desk.clock.moment
        for wait in RETRY_AFTER:
            at += wait
            desk.retry(at=at)

        assert desk.stored(webhook).status is WebhookStatus.DISABLED
        before = len(desk.servers.sent)
        desk.receive(desk.message())
        assert len(desk.servers.sent) == before

    def test_with_410_disables_it_at_once_and_gives_up_what_is_on_its_way(self, desk: Desk) -> None:
        webhook = desk.webhook()
        some = [desk.message() for _ in range(2)]
        desk.servers.answer = answers(410)
        desk.receive(some[0])
        desk.receive(some[1])

        assert desk.stored(webhook).status is WebhookStatus.DISABLED
        assert len(desk.servers.sent) == 1

    @pytest.mark.parametrize("gone", [True, False])
    def test_to_a_webhook_that_is_no_more_is_the_last(self, desk: Desk, gone: bool) -> None:  # noqa: FBT001
        webhook = desk.webhook()
        message = desk.message()
        desk.servers.answer = answers(500)
        desk.receive(message)
        stored = desk.stored(webhook)
        changes = Changes(delete=(stored,))
        if not gone:
            changes = Changes(update=((stored, webhooks.disabled(stored, at=NOON)),))
        desk.services.store.commit(changes)

        desk.retry(at=NOON + RETRY_AFTER[0])

        delivery = desk.delivery(message, webhook)
        assert delivery.status is DeliveryStatus.FAILED
        error = "webhook_deleted" if gone else "webhook_disabled"
        assert (len(desk.servers.sent), delivery.attempts[-1].error) == (1, error)


class TestTheJob:
    def test_leaves_what_another_run_has_taken(self, desk: Desk) -> None:
        desk.webhook()
        desk.receive(desk.message(), millis=_NO_TIME)
        slow, line = unsteady(desk.services)
        line.before.append(fails(Contention()))
        desk.use(slow)

        assert desk.retry(at=NOON)["delivered"] == 0
        assert desk.retry(at=NOON)["delivered"] == 1

        assert len(desk.servers.sent) == 1

    def test_stops_in_time_and_says_how_far_behind_it_is(self, desk: Desk) -> None:
        desk.webhook()
        desk.receive(*_some(desk, 3), millis=_NO_TIME)
        assert desk.retry(at=NOON, millis=_NO_TIME)["delivered"] == 0

        done = desk.retry(at=NOON + timedelta(minutes=7))

        assert done == {"delivered": 3, "failed": 0, "lag_seconds": 420}

    def test_reads_only_what_is_due(self, desk: Desk) -> None:
        desk.webhook()
        desk.receive(*_some(desk, 30))
        desk.services.capacity.reset()

        desk.retry(at=NOON + timedelta(hours=1))

        # Nothing in any shard: a query each, and none of what was delivered.
        assert desk.services.capacity.round_trips == desk.services.store.delivery_shards


def _some(desk: Desk, count: int) -> Sequence[Message]:
    return [desk.message(customer_id=unique("cus_")) for _ in range(count)]
