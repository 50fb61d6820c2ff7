"""A deployment to test against: a stack of its own, and an owner's key to it."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests import engines
from tests.conftest import a_key, services_on
from tests.stack.line import Line
from tools.stack import up
from tools.stack.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """The deployed API and what stands behind it. ``token`` is an owner's key."""

    settings: Settings
    outputs: dict[str, str]
    token: str

    @property
    def table_name(self) -> str:
        return self.outputs["TableName"]

    def line(self) -> Line:
        """Return a new connection to the API."""
        return Line(self.settings.url, self.token)

    def client(self, service: str) -> Any:
        """Return a boto3 client of this stack."""
        elsewhere = self.settings.extra_environment.get(f"AWS_ENDPOINT_URL_{service.upper()}")
        return up.client(service, self.settings, endpoint=elsewhere)


@contextlib.contextmanager
def deployed(
    home: Path, *, dynamodb_endpoint: str | None = None, warm_workers: int = 4
) -> Iterator[Deployment]:
    """Deploy the project to a stack of its own for the length of a ``with`` block."""
    with engines.local_stack(
        home, dynamodb_endpoint=dynamodb_endpoint, warm_workers=warm_workers
    ) as (settings, stack):
        with mock.patch.dict(os.environ):
            # Of an engine that other tests of this process use.
            os.environ.pop("AWS_ENDPOINT_URL_DYNAMODB", None)
            os.environ.update(up.environment(settings, stack.outputs))
            token = a_key(services_on(stack.outputs["TableName"]))
        yield Deployment(settings=settings, outputs=stack.outputs, token=token)
