"""One store for each module: making its client takes longer than most tests."""

import pytest

from chalicelib.store.engine.capacity import Meter
from chalicelib.store.store import DynamoStore
from chalicelib.usecases.ports import Store


@pytest.fixture(scope="module")
def meter() -> Meter:
    return Meter()


@pytest.fixture(scope="module")
def store(table_name: str, meter: Meter) -> Store:
    return DynamoStore(table_name, meter=meter)


@pytest.fixture
def fresh_store(fresh_table_name: str) -> Store:
    """A store on an empty table of the test alone."""
    return DynamoStore(fresh_table_name, meter=Meter())
