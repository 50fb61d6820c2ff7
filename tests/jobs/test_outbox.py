"""The function that publishes what happened, given what an engine's stream really holds."""

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.core.changes import ref
from chalicelib.core.errors import Unavailable
from chalicelib.core.outbox import messages
from chalicelib.core.outbox.messages import Message
from chalicelib.core.rewards.rewards import CouponSource
from chalicelib.core.stream import ParkedRecord
from chalicelib.gateways.topics import SnsTopic
from chalicelib.usecases.ports import MessageRefused
from chalicelib.wiring import Services
from tests import streams
from tests.builders import NOON
from tests.conftest import at, services_on
from tests.twins import NotedTopic
from tests.usecases.world import a_member, an_offer, redeem, some_coupons


@pytest.fixture
def services(followed_table_name: str, monkeypatch: pytest.MonkeyPatch) -> Services:
    services = at(services_on(followed_table_name), NOON)
    monkeypatch.setattr(wiring, "services", lambda: services)
    return services


@pytest.fixture
def topic(services: Services) -> NotedTopic:
    assert isinstance(services.topic, NotedTopic)
    return services.topic


@pytest.fixture
def told(engine: str, followed_table_name: str) -> Callable[[], list[Any]]:
    """Return a function that returns what the stream has told of events so far."""
    return lambda: streams.records(engine, followed_table_name, streams.tells_an_event)


def publish(records: Sequence[Any]) -> Any:
    """Return the function's answer to ``records``, given as Lambda gives them."""
    import app  # noqa: PLC0415 # not on collection: its import is what some tests measure

    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    return app.app.handler_map["publish_events"](streams.event(records), context)


class TestPublisher:
    def test_tells_every_event_in_the_order_of_recording(
        self, services: Services, topic: NotedTopic, told: Callable[[], list[Any]]
    ) -> None:
        member = a_member(services)
        codes = some_coupons(services, an_offer(services), [member] * 12)
        redeem(services, codes[0])

        assert publish(told()) == {"published": 14, "parked": 0}

        of_member = [each for each in topic.published if each.customer_id == member]
        assert [each.type for each in of_member] == [
            "customer.created",
            *["coupon.claimed"] * 12,
            "coupon.redeemed",
        ]
        assert of_member[-1].code == codes[0]
        assert json.loads(messages.encoded(of_member[-1]))["recorded_at"] == "2026-03-29T12:00:00Z"

    def test_tells_of_a_guest_without_a_customer(
        self, services: Services, topic: NotedTopic, told: Callable[[], list[Any]]
    ) -> None:
        offer = an_offer(services, coupon_source=CouponSource.SHARED, guests_allowed=True)
        (code,) = some_coupons(services, offer, [None])
        redeem(services, code)

        publish(told())

        (message,) = topic.published
        assert message.attributes == {"event_type": "coupon.redeemed", "channel": "scanner"}

    def test_lets_the_batch_come_again_while_the_topic_is_out_of_reach(
        self, services: Services, topic: NotedTopic, told: Callable[[], list[Any]]
    ) -> None:
        some_coupons(services, an_offer(services), [a_member(services)] * 5)
        records = told()
        topic.before = _fails_on(3, Unavailable("out of reach"), topic)
        with pytest.raises(Unavailable):
            publish(records)

        topic.before = lambda _: None
        publish(records)

        assert len({each.id for each in topic.published}) == 6

    def test_parks_what_the_topic_refuses_and_tells_the_rest(
        self, services: Services, topic: NotedTopic, told: Callable[[], list[Any]]
    ) -> None:
        codes = some_coupons(services, an_offer(services), [a_member(services)] * 9)

        def refuse(message: Message) -> None:
            if message.code == codes[4]:
                raise MessageRefused("too large")

        topic.before = refuse
        records = told()

        assert publish(records) == {"published": 9, "parked": 1}
        assert {each.code for each in topic.published} == {None, *codes} - {codes[4]}
        parked = [
            found
            for record in records
            if (found := _parked(services, record["eventID"])) is not None
        ]
        assert [each.error for each in parked] == ["MessageRefused"]


def _fails_on(count: int, error: Exception, topic: NotedTopic) -> Callable[[Message], None]:
    def fail(_: Message) -> None:
        if len(topic.published) == count:
            raise error

    return fail


def _parked(services: Services, record_id: str) -> ParkedRecord | None:
    name = ref(ParkedRecord, record_id, "publish")
    return services.store.read(name).find(name)


@pytest.fixture
def message() -> Message:
    return Message(
        id="evt_1",
        type="coupon.redeemed",
        occurred_at=NOON,
        recorded_at=NOON,
        customer_id="cus_1",
        actor="key_1",
        channel="scanner",
    )


class TestSnsTopic:
    """The real one, with its calls answered as AWS documents them."""

    @pytest.fixture
    def sns(self, monkeypatch: pytest.MonkeyPatch) -> tuple[SnsTopic, Stubber]:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        topic = SnsTopic("arn:aws:sns:us-east-1:000000000000:events")
        stubber = Stubber(topic._client)  # noqa: SLF001 # the client is what is answered for
        stubber.activate()
        return topic, stubber

    def test_sends_ten_at_once_with_attributes_and_a_subject(
        self, sns: tuple[SnsTopic, Stubber], message: Message
    ) -> None:
        topic, stubber = sns
        some = [replace(message, id=f"evt_{number}") for number in range(11)]
        for group in (some[:10], some[10:]):
            stubber.add_response(
                "publish_batch",
                {"Successful": [], "Failed": []},
                {
                    "TopicArn": "arn:aws:sns:us-east-1:000000000000:events",
                    "PublishBatchRequestEntries": [
                        {
                            "Id": str(number),
                            "Message": messages.encoded(each),
                            "Subject": "coupon.redeemed",
                            "MessageAttributes": {
                                "event_type": _text("coupon.redeemed"),
                                "channel": _text("scanner"),
                                "customer_id": _text("cus_1"),
                            },
                        }
                        for number, each in enumerate(group)
                    ],
                },
            )

        topic.publish(some)

        stubber.assert_no_pending_responses()

    @pytest.mark.parametrize(
        ("sender_fault", "error"), [(False, Unavailable), (True, MessageRefused)]
    )
    def test_says_whose_fault_it_is_that_one_failed(
        self,
        sns: tuple[SnsTopic, Stubber],
        message: Message,
        sender_fault: bool,  # noqa: FBT001 # as AWS says it
        error: type[Exception],
    ) -> None:
        topic, stubber = sns
        failed = {"Id": "0", "Code": "Wrong", "SenderFault": sender_fault}
        stubber.add_response("publish_batch", {"Successful": [], "Failed": [failed]})

        with pytest.raises(error):
            topic.publish([message])

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("InvalidParameter", MessageRefused),
            ("BatchRequestTooLong", MessageRefused),
            # Nothing of these is a message's fault: what happened must not be put aside for them.
            ("AuthorizationError", Unavailable),
            ("NotFound", Unavailable),
            ("Throttled", Unavailable),
            ("InternalError", Unavailable),
        ],
    )
    def test_parks_nothing_for_a_fault_of_the_topic(
        self,
        sns: tuple[SnsTopic, Stubber],
        message: Message,
        code: str,
        error: type[Exception],
    ) -> None:
        topic, stubber = sns
        stubber.add_client_error("publish_batch", code)

        with pytest.raises(error):
            topic.publish([message])


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}
