"""The job on pools as the schedule calls it: an event in, a report and a line of metrics out."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core.rewards.rewards import Reward
from chalicelib.wiring import Services
from tests.conftest import services_on
from tests.usecases.world import an_offer, some_coupons

_MEASURES = {"PoolsWatched", "PoolsLow", "PoolsFilled", "CodesMade", "GenerationsRunning"}


@pytest.fixture
def services(fresh_table_name: str, monkeypatch: pytest.MonkeyPatch) -> Services:
    services = services_on(fresh_table_name)
    monkeypatch.setattr(wiring, "services", lambda: services)
    return services


def run(time: str = "2026-03-29T12:00:00Z", *, millis_left: int = 60_000) -> Any:
    """Return the function's answer to an event of EventBridge of that time."""
    import app  # noqa: PLC0415 # not on collection: its import is what some tests measure

    event = {
        "version": "0",
        "id": "1",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": time,
        "region": "us-east-1",
        "resources": [],
        "detail": {},
    }
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: millis_left)
    return app.app.handler_map["keep_stock"](event, context)


def a_low_pool(services: Services, **changes: Any) -> Reward:
    reward = an_offer(services, low_stock_at=5, **changes)
    some_coupons(services, reward, [None] * 3)
    return reward


class TestKeepStock:
    def test_fills_what_is_low_and_reports_it(self, services: Services) -> None:
        reward = a_low_pool(services, top_up_to=300)

        assert run() == {"watched": 1, "low": 0, "filled": 1, "made": 297, "running": 0}
        assert services.store.pool_size(reward.reward_id, limit=1000) == 300
        again = run("2026-03-29T12:02:00Z")
        assert again == {"watched": 1, "low": 0, "filled": 0, "made": 0, "running": 0}

    def test_stops_before_its_time_is_up_and_goes_on_the_next_time(
        self, services: Services
    ) -> None:
        a_low_pool(services, top_up_to=300)

        assert run(millis_left=10_000)["made"] == 0
        assert run()["made"] == 297


class TestMetrics:
    def test_say_how_many_pools_nobody_fills_and_which(
        self, services: Services, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """CloudWatch takes them from the log: every name that it is told must be in the line."""
        reward = a_low_pool(services)
        capsys.readouterr()

        run()

        (text,) = capsys.readouterr().out.splitlines()
        line = json.loads(text)
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert {each["Name"] for each in directive["Metrics"]} == _MEASURES
        assert all(isinstance(line[name], int) for name in _MEASURES)
        assert (line["Job"], line["PoolsLow"]) == ("keep_stock", 1)
        assert line["low_rewards"] == [reward.reward_id]
