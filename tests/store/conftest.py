"""One store for each module: making its client takes longer than most tests."""

import pytest

from chalicelib.store.engine.capacity import Meter
from chalicelib.usecases.ports import Store
from tests.engines import store_on


@pytest.fixture(scope="module")
def meter() -> Meter:
    return Meter()


@pytest.fixture(scope="module")
def store(table_name: str, meter: Meter) -> Store:
    return store_on(table_name, meter=meter)


@pytest.fixture
def fresh_store(fresh_table_name: str) -> Store:
    """A store on an empty table of the test alone."""
    return store_on(fresh_table_name)
