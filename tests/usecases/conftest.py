"""Services with caches of their own for each test, on one client for each module."""

import pytest

from chalicelib import wiring
from chalicelib.store.engine.capacity import Meter
from chalicelib.store.store import DynamoStore
from chalicelib.wiring import Services
from tests.engines import store_on
from tests.store.calls import forbid_repeats, forbid_scans


@pytest.fixture(scope="module")
def store_and_meter(table_name: str) -> tuple[DynamoStore, Meter]:
    """One store for the module: making its client takes longer than most tests."""
    meter = Meter()
    store = store_on(table_name, meter=meter)
    forbid_scans(store)
    forbid_repeats(store)
    return store, meter


@pytest.fixture
def services(store_and_meter: tuple[DynamoStore, Meter]) -> Services:
    store, meter = store_and_meter
    meter.reset()
    return wiring.services_for(store, meter=meter)
