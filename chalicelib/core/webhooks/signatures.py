"""Signatures of the Standard Webhooks scheme, version 1.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from chalicelib.core.webhooks.webhooks import SECRET_PREFIX


def headers_of(
    message_id: str, body: bytes, secrets: Iterable[str], *, at: datetime
) -> dict[str, str]:
    """Return the headers that prove to who knows one of ``secrets`` that ``body`` is ours.

    ``message_id`` is the same in every attempt; ``at`` is the attempt's own time, which receivers
    check against their clock.
    """
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(signed, secret) for secret in secrets),
    }


def _signature(signed: bytes, secret: str) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
