"""The queues of the subscribers, on SQS. The client is made on first use."""

import contextlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import msgspec

from chalicelib.core.errors import Unavailable
from chalicelib.core.outbox.messages import Subscriber
from chalicelib.usecases.ports import Depth

_BATCH_MAX: Final = 10
# Longer than one batch takes to be moved; what is left over by a death shows again then.
_HIDDEN_SECONDS: Final = 60


class Pair(msgspec.Struct, frozen=True):
    """The addresses of a subscriber's queue, and of the one for what it failed on."""

    queue: str
    dead_letters: str


class SqsQueues:
    """Implements :class:`chalicelib.usecases.ports.Queues`."""

    def __init__(self, pairs: Mapping[Subscriber, Pair]) -> None:
        self._pairs = pairs

    @cached_property
    def _client(self) -> Any:
        import botocore.session  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=1,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 3},
            user_agent="couponry",
        )
        return botocore.session.get_session().create_client("sqs", config=config)

    def depth(self, subscriber: Subscriber) -> Depth:
        pair = self._pairs[subscriber]
        waiting, in_flight = self._count(pair.queue)
        return Depth(waiting, in_flight, sum(self._count(pair.dead_letters)))

    def replay(self, subscriber: Subscriber, *, at_most: int) -> int:
        pair = self._pairs[subscriber]
        moved = 0
        while moved < at_most:  # Ends: what was moved or is hidden is not received again.
            with _call():
                answer = self._client.receive_message(
                    QueueUrl=pair.dead_letters,
                    MaxNumberOfMessages=min(_BATCH_MAX, at_most - moved),
                    MessageAttributeNames=["All"],
                    VisibilityTimeout=_HIDDEN_SECONDS,
                    # Asks all of its servers, so that nothing means that there is nothing.
                    WaitTimeSeconds=1,
                )
            found = answer.get("Messages", [])
            if not found:
                break
            moved += self._move(pair, found)
        return moved

    def _move(self, pair: Pair, found: list[dict[str, Any]]) -> int:
        entries = [
            {
                "Id": str(number),
                "MessageBody": message["Body"],
                "MessageAttributes": message.get("MessageAttributes", {}),
            }
            for number, message in enumerate(found)
        ]
        with _call():
            sent = self._client.send_message_batch(QueueUrl=pair.queue, Entries=entries)
            arrived = [found[int(each["Id"])] for each in sent.get("Successful", [])]
            if arrived:
                self._client.delete_message_batch(
                    QueueUrl=pair.dead_letters,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                        for number, message in enumerate(arrived)
                    ],
                )
        if len(arrived) < len(found):
            raise _unavailable()
        return len(arrived)

    def _count(self, url: str) -> tuple[int, int]:
        with _call():
            answer = self._client.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                ],
            )
        found = answer.get("Attributes", {})
        return (
            int(found.get("ApproximateNumberOfMessages", 0)),
            int(found.get("ApproximateNumberOfMessagesNotVisible", 0)),
        )


@contextlib.contextmanager
def _call() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or "Throttl" in error.response.get("Error", {}).get("Code", ""):  # noqa: PLR2004
            raise _unavailable() from error
        raise
    except BotoCoreError as error:
        raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable(
        "the queues are out of reach",
        fix="try again in a moment with the same Idempotency-Key",
        facts={"retry_after": 1},
    )
