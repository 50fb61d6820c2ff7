"""Fixtures that all tests share: an engine, a table, the services on it, and the API in front."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
from chalice.test import Client
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.core.callers.api_keys import ApiKey
from chalicelib.core.callers.callers import Role
from chalicelib.store.engine.capacity import Meter
from chalicelib.usecases.callers import api_keys
from chalicelib.wiring import Services
from tests import engines
from tests.engines import store_on
from tests.http import Api
from tests.schedule import pytest_xdist_make_scheduler
from tests.twins import LocalFiles, NotedFunctions, NotedPosts, NotedQueues, NotedTopic

__all__ = ["pytest_xdist_make_scheduler"]


# A test never asserts a time. In CI the examples are the same every time.
hypothesis.settings.register_profile(
    "couponry", deadline=None, derandomize="CI" in os.environ, print_blob=True
)
hypothesis.settings.load_profile("couponry")


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The endpoint of a DynamoDB Local of this worker; its transactions are real ones."""
    os.environ.update(
        AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1"
    )
    with engines.dynamodb_local() as endpoint:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
        yield endpoint
        del os.environ["AWS_ENDPOINT_URL_DYNAMODB"]


@pytest.fixture(scope="module")
def table_name(engine: str) -> Iterator[str]:
    """A table of this test module. Tests keep out of each other's way by their own names."""
    name = f"couponry-{uuid4().hex[:12]}"
    engines.create_table(engine, name)
    yield name
    engines.delete_table(engine, name)


@pytest.fixture
def fresh_table_name(engine: str) -> Iterator[str]:
    """An empty table of this test alone, for what looks at everything that is due."""
    name = f"couponry-{uuid4().hex[:12]}"
    engines.create_table(engine, name)
    yield name
    engines.delete_table(engine, name)


@pytest.fixture
def followed_table_name(engine: str) -> Iterator[str]:
    """An empty table of this test alone, with the stream of the deployed one."""
    name = f"couponry-{uuid4().hex[:12]}"
    engines.create_table(engine, name, stream=True)
    yield name
    engines.delete_table(engine, name)


@cache
def _folder() -> Path:
    """Return a folder of this process, which goes away with it."""
    folder = tempfile.mkdtemp(prefix="couponry-files-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def services_on(table_name: str) -> Services:
    """Return new services, with caches of their own, on the table; files lie in a folder."""
    meter = Meter()
    services = wiring.services_for(store_on(table_name, meter=meter), meter=meter)
    topic, queues, posts = NotedTopic(), NotedQueues(), NotedPosts()
    return replace(
        services,
        files=LocalFiles(_folder()),
        functions=NotedFunctions(),
        open_topic=lambda: topic,
        open_queues=lambda: queues,
        open_posts=lambda: posts,
    )


@pytest.fixture
def services(table_name: str) -> Services:
    return services_on(table_name)


class Clock:
    """A clock that a test sets; it stands still."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


ORIGIN = "https://shop.example"


def a_key(services: Services, role: Role = Role.OWNER) -> str:
    """Return a new API key of ``role``; a publishable one is for the pages of ``ORIGIN``."""
    key_id = services.new_id("key", services.now())
    publishable = role is Role.STOREFRONT
    token = api_keys.token_of(key_id, services.new_secret(), publishable=publishable)
    key = ApiKey(key_id, api_keys.hash_of(token), "test", role, services.now(), "test")
    if publishable:
        key = replace(key, origins=(ORIGIN,))
    api_keys.create_key(services.context, key, now=services.now(), request=None)
    return token


@pytest.fixture
def api(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The application behind Chalice's test client, called as an owner."""
    import app  # noqa: PLC0415 # not on collection: it is what some tests measure

    monkeypatch.setattr(wiring, "services", lambda: services)
    with Client(app.app) as client:
        yield Api(client, a_key(services))


def at(services: Services, moment: datetime) -> Services:
    """Return ``services`` whose clock stands still at ``moment``."""
    return replace(services, clock=Clock(moment))
