"""Fixtures of the tests that go through HTTP: a business, and what the table holds."""

from collections.abc import Callable, Iterator

import botocore.session
import pytest
from chalice.test import Client

from chalicelib import wiring
from chalicelib.wiring import Services
from tests import engines
from tests.api.shop import Shop
from tests.conftest import a_key, services_on
from tests.http import Api

Contents = dict[tuple[str, str], object]


def books(contents: Contents) -> Contents:
    """Return what counts: all but what is noted beside it, which no rule reads."""
    return {key: item for key, item in contents.items() if not key[0].startswith(("ATT#", "TRY#"))}


@pytest.fixture(scope="session", autouse=True)
def _one_session() -> Iterator[None]:
    """Let clients share what botocore has read of DynamoDB: half the CPU of a short test."""
    shared = botocore.session.get_session()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "get_session", lambda: shared)
        yield


@pytest.fixture
def shop(api: Api, services: Services, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A business that shares its table with the other tests of the module."""
    return Shop(api, services, monkeypatch)


@pytest.fixture
def own_shop(fresh_table_name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A business on a table of its own, for settings, jobs and lists of everything."""
    import app  # noqa: PLC0415 # as tests/conftest.py does

    services = services_on(fresh_table_name)
    monkeypatch.setattr(wiring, "services", lambda: services)
    with Client(app.app) as client:
        yield Shop(Api(client, a_key(services)), services, monkeypatch)


@pytest.fixture(scope="module")
def contents(engine: str, table_name: str) -> Callable[[], Contents]:
    """Return a function that returns every item of the module's table, by its key."""
    pages = engines.client(engine).get_paginator("scan")

    def read() -> Contents:
        found = pages.paginate(TableName=table_name, ConsistentRead=True)
        return {
            (item["PK"]["S"], item["SK"]["S"]): item for page in found for item in page["Items"]
        }

    return read
