"""One store for each module: making its client takes longer than most tests."""

import pytest

from chalicelib.store.capacity import Meter
from chalicelib.store.store import DynamoStore


@pytest.fixture(scope="module")
def meter() -> Meter:
    return Meter()


@pytest.fixture(scope="module")
def store(table_name: str, meter: Meter) -> DynamoStore:
    return DynamoStore(table_name, meter=meter)
