"""The topic of the outbox, on SNS. The client is made on first use: a redemption has no use for it.

https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from chalicelib.core.errors import Unavailable
from chalicelib.core.outbox import messages
from chalicelib.core.outbox.messages import Message
from chalicelib.usecases.ports import MessageRefused

BATCH_MAX: Final = 10

_REFUSALS: Final = frozenset(
    {
        "BatchRequestTooLong",
        "InvalidParameter",
        "InvalidParameterValue",
        "ParameterValueInvalid",
    }
)
"""What is wrong with a message. Whatever else goes wrong makes the stream wait."""


class SnsTopic:
    """Implements :class:`chalicelib.usecases.ports.Topic` on one topic of SNS."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

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
        return botocore.session.get_session().create_client("sns", config=config)

    def publish(self, messages: Sequence[Message]) -> None:
        for start in range(0, len(messages), BATCH_MAX):
            self._publish(messages[start : start + BATCH_MAX])

    def _publish(self, some: Sequence[Message]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        entries = [_entry(number, message) for number, message in enumerate(some)]
        try:
            answer = self._client.publish_batch(
                TopicArn=self._arn, PublishBatchRequestEntries=entries
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _REFUSALS:
                raise MessageRefused(code) from error
            raise _unavailable() from error
        except BotoCoreError as error:
            raise _unavailable() from error
        failed = answer.get("Failed", [])
        if any(not each.get("SenderFault") for each in failed):
            raise _unavailable()
        if failed:
            raise MessageRefused(failed[0].get("Code", ""))


def _entry(number: int, message: Message) -> dict[str, Any]:
    return {
        "Id": str(number),
        "Message": messages.encoded(message),
        # MiniStack 1.5.33 leaves an absent subject out, where AWS sends null.
        "Subject": message.type,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in message.attributes.items()
        },
    }


def _unavailable() -> Unavailable:
    return Unavailable("the topic is out of reach", facts={"retry_after": 1})
