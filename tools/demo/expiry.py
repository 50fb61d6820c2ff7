"""Runs the deployed expiry job as of a moment, the way the schedule does."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.client import ApiError

_RUNS_MAX = 50


def expire(
    lambda_client: Any, function: str, *, as_of: datetime, say: Callable[[str], None]
) -> int:
    """Invoke the job until it finds nothing due at ``as_of``; return how many it recorded.

    Raises:
        ApiError: the job fails, or does not come to an end.
    """
    expired = 0
    for _ in range(_RUNS_MAX):
        report = _invoke(lambda_client, function, as_of=as_of)
        expired += report["expired"]
        say(f"Recorded {report['expired']:,} as expired, {report['left']:,} left")
        # What it lost to a run of the schedule at the same time is not left, so it looks again.
        if report["left"] == 0 and report["expired"] == 0:
            return expired
    raise ApiError(f"{function} does not come to an end: {report}")


def _invoke(lambda_client: Any, function: str, *, as_of: datetime) -> dict[str, int]:
    event = {
        "version": "0",
        "id": "demo",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": as_of.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": lambda_client.meta.region_name,
        "resources": [],
        "detail": {},
    }
    try:
        answer = lambda_client.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        raise ApiError(f"{function} cannot be invoked: {error}") from error
    if "FunctionError" in answer:
        raise ApiError(f"{function} failed: {payload}")
    report: dict[str, int] = payload
    return report
