"""Fixtures of the tests that go through HTTP: a business, and what the table holds."""

from collections.abc import Callable

import pytest

from chalicelib.wiring import Services
from tests import engines
from tests.api.shop import Shop
from tests.http import Api

Contents = dict[tuple[str, str], object]


@pytest.fixture
def shop(api: Api, services: Services, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(api, services, monkeypatch)


@pytest.fixture(scope="module")
def contents(engine: str, table_name: str) -> Callable[[], Contents]:
    """Return a function that returns every item of the table, by its key."""
    pages = engines.client(engine).get_paginator("scan")

    def read() -> Contents:
        found = pages.paginate(TableName=table_name, ConsistentRead=True)
        return {
            (item["PK"]["S"], item["SK"]["S"]): item for page in found for item in page["Items"]
        }

    return read
