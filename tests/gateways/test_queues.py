"""The queues, with the calls of SQS answered as AWS documents them."""

from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from chalicelib.core.errors import Unavailable
from chalicelib.core.outbox.messages import Subscriber
from chalicelib.gateways.queues import Pair, SqsQueues
from chalicelib.usecases.ports import Depth

_QUEUE, _DEAD = "https://sqs.example/q", "https://sqs.example/d"
_W = Subscriber.WEBHOOKS
_TEXT = {"DataType": "String", "StringValue": "coupon.redeemed"}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> tuple[SqsQueues, Stubber]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    queues = SqsQueues({_W: Pair(_QUEUE, _DEAD)})
    stubber = Stubber(queues._client)  # noqa: SLF001 # the client is what is answered for
    stubber.activate()
    return queues, stubber


def _received(stubber: Stubber, count: int) -> None:
    found: list[Any] = [
        {
            "Body": f"body {number}",
            "ReceiptHandle": f"handle {number}",
            "MessageAttributes": {"event_type": _TEXT},
        }
        for number in range(count)
    ]
    stubber.add_response("receive_message", {"Messages": found})


def _sent(stubber: Stubber, count: int, *, failed: int = 0) -> None:
    entries = [
        {
            "Id": str(number),
            "MessageBody": f"body {number}",
            "MessageAttributes": {"event_type": _TEXT},
        }
        for number in range(count)
    ]
    succeeded = [
        {"Id": str(number), "MessageId": "m", "MD5OfMessageBody": "x"}
        for number in range(failed, count)
    ]
    lost = [{"Id": str(n), "Code": "InternalError", "SenderFault": False} for n in range(failed)]
    stubber.add_response(
        "send_message_batch",
        {"Successful": succeeded, "Failed": lost},
        {"QueueUrl": _QUEUE, "Entries": entries},
    )


def _deleted(stubber: Stubber, numbers: range) -> None:
    stubber.add_response(
        "delete_message_batch",
        {"Successful": [], "Failed": []},
        {
            "QueueUrl": _DEAD,
            "Entries": [
                {"Id": str(place), "ReceiptHandle": f"handle {number}"}
                for place, number in enumerate(numbers)
            ],
        },
    )


class TestReplay:
    def test_moves_what_is_there_and_deletes_it_only_then(
        self, sqs: tuple[SqsQueues, Stubber]
    ) -> None:
        queues, stubber = sqs
        for count in (10, 2):
            _received(stubber, count)
            _sent(stubber, count)
            _deleted(stubber, range(count))
        stubber.add_response("receive_message", {})

        assert queues.replay(_W, at_most=500) == 12

        stubber.assert_no_pending_responses()

    def test_moves_no_more_than_is_asked_for(self, sqs: tuple[SqsQueues, Stubber]) -> None:
        queues, stubber = sqs
        wanted = {
            "QueueUrl": _DEAD,
            "MaxNumberOfMessages": 3,
            "MessageAttributeNames": ["All"],
            "VisibilityTimeout": ANY,
            "WaitTimeSeconds": ANY,
        }
        message = {"Body": "body 0", "ReceiptHandle": "handle 0", "MessageAttributes": {}}
        stubber.add_response("receive_message", {"Messages": [message] * 3}, wanted)
        stubber.add_response(
            "send_message_batch",
            {
                "Successful": [
                    {"Id": str(n), "MessageId": "m", "MD5OfMessageBody": "x"} for n in range(3)
                ],
                "Failed": [],
            },
        )
        stubber.add_response("delete_message_batch", {"Successful": [], "Failed": []})

        assert queues.replay(_W, at_most=3) == 3

    def test_deletes_nothing_that_has_not_arrived(self, sqs: tuple[SqsQueues, Stubber]) -> None:
        queues, stubber = sqs
        _received(stubber, 3)
        _sent(stubber, 3, failed=1)
        _deleted(stubber, range(1, 3))

        with pytest.raises(Unavailable):
            queues.replay(_W, at_most=500)

        stubber.assert_no_pending_responses()


class TestDepth:
    def test_counts_what_waits_and_what_is_worked_on(self, sqs: tuple[SqsQueues, Stubber]) -> None:
        queues, stubber = sqs
        for url, visible, hidden in ((_QUEUE, "7", "2"), (_DEAD, "3", "1")):
            stubber.add_response(
                "get_queue_attributes",
                {
                    "Attributes": {
                        "ApproximateNumberOfMessages": visible,
                        "ApproximateNumberOfMessagesNotVisible": hidden,
                    }
                },
                {"QueueUrl": url, "AttributeNames": ANY},
            )

        assert queues.depth(_W) == Depth(waiting=7, in_flight=2, dead_letters=4)

    def test_is_unknown_while_the_queues_are_out_of_reach(
        self, sqs: tuple[SqsQueues, Stubber]
    ) -> None:
        queues, stubber = sqs
        stubber.add_client_error("get_queue_attributes", "InternalError", http_status_code=500)

        with pytest.raises(Unavailable):
            queues.depth(_W)
