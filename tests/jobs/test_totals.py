"""The nightly recount, called as the schedule calls it."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core import moments
from chalicelib.core.changes import Changes
from chalicelib.core.rewards.totals import TotalsChange
from chalicelib.usecases.rewards import totals
from chalicelib.wiring import Services
from tests import streams
from tests.builders import NOON
from tests.conftest import at, services_on
from tests.jobs.test_stream import follow
from tests.usecases.world import a_member, an_offer, redeem, some_coupons

_NIGHT = timedelta(days=1)
Run = Callable[..., Any]


@pytest.fixture
def services(followed_table_name: str, monkeypatch: pytest.MonkeyPatch) -> Services:
    services = at(services_on(followed_table_name), NOON)
    monkeypatch.setattr(wiring, "services", lambda: services)
    return services


def reconcile(now: datetime = NOON, *, pages: int = 1000) -> Any:
    """Return the report of a run that has time for so many looks at the clock."""
    import app  # noqa: PLC0415 # not on collection: its import is what some tests measure

    event = {
        "version": "0",
        "id": "1",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": moments.iso(now),
        "region": "us-east-1",
        "resources": [],
        "detail": {},
    }
    left = iter([60_000] * pages)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: next(left, 0))
    return app.app.handler_map["reconcile_totals"](event, context)


def _spoil(services: Services, reward_id: str) -> None:
    change = TotalsChange(reward_id, "2", None, (("claimed", 3), ("expired", -1)))
    services.store.commit(Changes(add=(change,)))


@pytest.fixture
def kept(services: Services, engine: str, followed_table_name: str) -> str:
    """The id of a reward whose totals are right."""
    offer, member = an_offer(services), a_member(services)
    codes = some_coupons(services, offer, [member, member, None])
    redeem(services, codes[0])
    follow(streams.records(engine, followed_table_name))
    return offer.reward_id


class TestReconcile:
    def test_finds_nothing_where_the_stream_has_brought_everything(
        self, services: Services, kept: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        capsys.readouterr()

        assert reconcile() == {
            "rewards": 1,
            "unsettled": 0,
            "differing": 0,
            "corrected": 0,
            "finished": 1,
        }
        line = json.loads(capsys.readouterr().out)
        assert (line["Job"], line["TotalsDiffering"]) == ("reconcile_totals", 0)

    def test_corrects_what_is_still_wrong_the_next_night_and_once(
        self, services: Services, kept: str
    ) -> None:
        right = totals.totals_of(services.context, kept)
        _spoil(services, kept)

        first, second, third = (reconcile(NOON + night * _NIGHT) for night in range(3))

        assert (first["differing"], first["corrected"]) == (4, 0)
        assert (second["differing"], second["corrected"]) == (4, 4)
        assert (third["differing"], third["corrected"]) == (0, 0)
        assert totals.totals_of(services.context, kept) == right

    def test_does_not_take_for_an_error_what_is_still_on_its_way(
        self, services: Services, kept: str, engine: str, followed_table_name: str
    ) -> None:
        codes = some_coupons(services, an_offer(services), [a_member(services)] * 2)
        assert reconcile()["differing"] == 2
        follow(streams.records(engine, followed_table_name))
        redeem(services, codes[0])

        assert reconcile(NOON + _NIGHT)["corrected"] == 0

    def test_goes_on_where_it_stopped(self, services: Services, kept: str) -> None:
        others = [an_offer(services).reward_id for _ in range(4)]
        for reward_id in others:
            _spoil(services, reward_id)

        runs: list[Any] = []
        while not runs or not runs[-1]["finished"]:
            runs.append(reconcile(pages=20))
            assert len(runs) < 20

        assert len(runs) > 2
        assert sum(run["differing"] for run in runs) == 4 * len(others)

    def test_leaves_alone_a_reward_that_changes_meanwhile(
        self, services: Services, kept: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = type(services.store).count_of_reward

        def count(store: Any, *arguments: Any, **options: Any) -> Any:
            _spoil(services, kept)
            return real(store, *arguments, **options)

        monkeypatch.setattr(type(services.store), "count_of_reward", count)

        report = reconcile()

        assert (report["unsettled"], report["differing"]) == (1, 0)


def test_a_count_goes_through_all_its_pages(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A megabyte of entries is more than a test can wait for: the engine is told of a limit."""
    offer = an_offer(services)
    some_coupons(services, offer, [None] * 30)
    client: Any = services.store._table._client  # type: ignore[attr-defined] # noqa: SLF001
    real = client.query

    def query(**options: Any) -> Any:
        counts = options.get("Select") == "COUNT"
        return real(**options, Limit=4) if counts else real(**options)

    monkeypatch.setattr(client, "query", query)

    assert reconcile()["differing"] == 30


def test_a_reward_that_no_run_has_time_for_does_not_stop_the_others(services: Services) -> None:
    rewards = [an_offer(services).reward_id for _ in range(2)]
    for reward_id in rewards:
        _spoil(services, reward_id)

    runs = [reconcile(pages=4) for _ in range(3)]

    assert [run["unsettled"] for run in runs] == [1, 1, 1]
    assert [run["finished"] for run in runs] == [0, 1, 0]
