"""Functions that are told to work and not waited for. The client is made on first use."""

import json
from functools import cached_property
from typing import Any


class LambdaFunctions:
    """Implements :class:`chalicelib.usecases.ports.Functions` on AWS Lambda.

    A call that is lost is made up for by the schedule that looks for stalled jobs.
    """

    def __init__(self, *, imports: str, exports: str) -> None:
        self._imports = imports
        self._exports = exports

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
        return botocore.session.get_session().create_client("lambda", config=config)

    def start_import(self, import_id: str) -> bool:
        return self._start(self._imports, {"import_id": import_id})

    def start_export(self, export_id: str) -> bool:
        return self._start(self._exports, {"export_id": export_id})

    def _start(self, function: str, payload: dict[str, str]) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            self._client.invoke(
                FunctionName=function,
                InvocationType="Event",
                Payload=json.dumps(payload).encode(),
            )
        except (BotoCoreError, ClientError) as error:
            print(json.dumps({"event": "function.not_started", "error": str(error)}))  # noqa: T201
            return False
        return True
