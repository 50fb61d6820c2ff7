"""Nothing goes through the whole table, and no transaction names an item twice."""

import io
import re
import tokenize
from pathlib import Path

import pytest

from chalicelib.core.changes import Changes
from chalicelib.store.engine import table
from tests.builders import a_coupon, unique
from tests.engines import store_on
from tests.store.calls import client_of, forbid_repeats, forbid_scans
from tools.paths import ROOT

_SOURCES = sorted((ROOT / "chalicelib").rglob("*.py"))
# What the store may call; a Scan, or PartiQL that could become one, is not among them. State is
# written in transactions; single writes are notes and counts beside it (tests/store/test_notes.py).
_CALLS = {"get_item", "batch_get_item", "query", "transact_write_items", "put_item", "update_item"}


def _names(path: Path) -> set[str]:
    """Return the names that the code of a file uses, without comments and texts."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return {token.string.lower() for token in tokens if token.type == tokenize.NAME}


class TestSource:
    @pytest.mark.parametrize("path", _SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
    def test_scans_nothing(self, path: Path) -> None:
        assert not _names(path) & {"scan", "rate_limited_scan", "execute_statement"}

    def test_calls_the_engine_in_these_ways_only(self) -> None:
        source = Path(table.__file__).read_text(encoding="utf-8")

        assert set(re.findall(r"_client\.(\w+)\(", source)) == _CALLS


class TestGuards:
    """All tests of the use cases run behind them."""

    def test_fail_a_scan(self, table_name: str) -> None:
        store = store_on(table_name)
        forbid_scans(store)

        with pytest.raises(AssertionError, match="Scan"):
            client_of(store).scan(TableName=table_name)

    def test_fail_a_transaction_that_names_an_item_twice(self, table_name: str) -> None:
        store = store_on(table_name)
        forbid_repeats(store)
        coupon = a_coupon(code=unique("C"), version=0)

        with pytest.raises(AssertionError, match="twice"):
            store.commit(Changes(create=(coupon, coupon)))
