"""The expiry job as the schedule calls it: an event in, a report and a line of metrics out."""

import json
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.core.activity import Channel, EventType
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.usecases.pacing import Pace
from chalicelib.wiring import Services
from tests.builders import NOON
from tests.conftest import at, services_on
from tests.usecases.world import (
    a_member,
    an_offer,
    coupon_of,
    events_of,
    redeem,
    some_coupons,
)

# The clock of the machine is elsewhere: only the time of the event counts.
_ELSEWHERE = NOON + timedelta(days=400)
_MEASURES = {"Expired": "Count", "ExpiryLeft": "Count", "ExpiryLagSeconds": "Seconds"}


@dataclass
class Job:
    """The function, called as Lambda calls it."""

    capsys: pytest.CaptureFixture[str]

    def run(self, time: str = "2026-03-29T12:00:00Z", *, millis_left: int = 60_000) -> Any:
        """Return its answer to an event of EventBridge of that time."""
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
        self.capsys.readouterr()
        return app.app.handler_map["expire_coupons"](event, context)

    def metrics(self) -> Any:
        """Return the one line that the last run printed."""
        (line,) = self.capsys.readouterr().out.splitlines()
        return json.loads(line)


@pytest.fixture
def services(fresh_table_name: str) -> Services:
    return at(services_on(fresh_table_name), _ELSEWHERE)


@pytest.fixture
def job(
    services: Services, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Job:
    monkeypatch.setattr(wiring, "services", lambda: services)
    return Job(capsys)


def _due(services: Services, count: int = 1) -> tuple[str, list[str]]:
    """Return a customer, and the codes of their coupons that ran out ten minutes ago."""
    customer_id = a_member(services)
    ended = NOON - timedelta(minutes=10)
    owners = [customer_id] * count
    return customer_id, some_coupons(services, an_offer(services), owners, expires_at=ended)


class TestExpireCoupons:
    def test_reports_what_it_did(self, services: Services, job: Job) -> None:
        _, codes = _due(services, 3)

        assert job.run() == {"expired": 3, "left": 0, "lag_seconds": 0}
        assert {coupon_of(services, code).status for code in codes} == {CouponStatus.EXPIRED}

    def test_again_reports_nothing_to_do(self, services: Services, job: Job) -> None:
        _due(services, 3)
        job.run()

        assert job.run() == {"expired": 0, "left": 0, "lag_seconds": 0}

    def test_says_who_it_was_and_when(self, services: Services, job: Job) -> None:
        customer_id, _ = _due(services)

        job.run()

        event = events_of(services, customer_id)[-1]
        assert event.event_type is EventType.COUPON_EXPIRED
        assert (event.actor, event.channel) == ("job:expire_coupons", Channel.JOB)
        assert (event.occurred_at, event.recorded_at) == (NOON - timedelta(minutes=10), NOON)

    @pytest.mark.parametrize(
        ("time", "expired"),
        [
            ("2026-03-29T11:49:59Z", 0),
            ("2026-03-29T11:50:00Z", 1),
            ("2026-03-29T13:49:59+02:00", 0),
            ("2026-03-29T13:50:00+02:00", 1),
        ],
    )
    def test_decides_as_of_the_time_of_the_event(
        self, services: Services, job: Job, time: str, expired: int
    ) -> None:
        """Not of the clock of the machine, which is long past all of it."""
        _due(services)

        assert job.run(time)["expired"] == expired

    def test_stops_before_its_time_is_up_and_says_what_is_left(
        self, services: Services, job: Job
    ) -> None:
        _due(services, 3)

        assert job.run(millis_left=10_000) == {"expired": 0, "left": 3, "lag_seconds": 600}
        assert job.run() == {"expired": 3, "left": 0, "lag_seconds": 0}

    def test_leaves_what_was_redeemed_in_time(self, services: Services, job: Job) -> None:
        _, (code,) = _due(services)
        redeem(services, code, redeemed_at=NOON - timedelta(minutes=11))

        assert job.run()["expired"] == 0
        assert coupon_of(services, code).status is CouponStatus.REDEEMED


class TestPace:
    def test_is_of_the_write_units_that_the_run_spends(
        self, services: Services, job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []
        pace = Pace(100, timer=lambda: 0.0, sleep=slept.append)
        paced = replace(services, expiry_pace=pace)
        monkeypatch.setattr(wiring, "services", lambda: paced)
        _due(services, 3)

        job.run()

        # The clock of this pace stands still, so its debt is all that was spent.
        assert slept[-1] * 100 == pytest.approx(job.metrics()["write_units"])

    @pytest.mark.parametrize(("set_to", "rate"), [("", None), ("2000", 2000.0)])
    def test_is_set_by_the_environment(
        self, monkeypatch: pytest.MonkeyPatch, set_to: str, rate: float | None
    ) -> None:
        monkeypatch.setenv("EXPIRY_WRITE_UNITS_PER_SECOND", set_to)

        assert services_on("any").expiry_pace.units_per_second == rate


class TestMetrics:
    def test_are_one_line_in_the_embedded_format(self, services: Services, job: Job) -> None:
        """CloudWatch takes them from the log: every name that it is told must be in the line."""
        _due(services, 2)
        job.run()

        line = job.metrics()

        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "Couponry"
        assert {each["Name"]: each["Unit"] for each in directive["Metrics"]} == _MEASURES
        assert all(isinstance(line[name], int) for name in _MEASURES)
        for dimensions in directive["Dimensions"]:
            assert all(isinstance(line[name], str) and line[name] for name in dimensions)

    def test_are_measured_when_they_are_measured(self, services: Services, job: Job) -> None:
        """CloudWatch drops what is stamped with a time long ago, as a run of last year would be."""
        job.run()

        assert job.metrics()["_aws"]["Timestamp"] == int(_ELSEWHERE.timestamp() * 1000)

    def test_say_what_the_run_said(self, services: Services, job: Job) -> None:
        _due(services, 3)
        job.run(millis_left=1)

        line = job.metrics()

        assert {name: line[name] for name in _MEASURES} == {
            "Expired": 0,
            "ExpiryLeft": 3,
            "ExpiryLagSeconds": 600,
        }

    def test_say_what_the_run_cost(self, services: Services, job: Job) -> None:
        _due(services, 3)
        job.run()

        line = job.metrics()

        assert line["write_units"] > 0
        assert line["read_units"] > 0
        assert line["round_trips"] >= services.store.due_shards
        job.run()
        assert job.metrics()["write_units"] == 0

    def test_name_no_code_and_no_customer(self, services: Services, job: Job) -> None:
        customer_id, (code,) = _due(services)
        job.run()

        text = json.dumps(job.metrics())

        assert code not in text
        assert customer_id not in text
