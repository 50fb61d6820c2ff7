from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core import moments

_ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
]
_moments = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 # Hypothesis adds the zone
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestEndOfDay:
    @pytest.mark.parametrize(
        ("zone", "moment", "days", "end"),
        [
            pytest.param("UTC", "2026-03-29T12:00", 0, "2026-03-30T00:00", id="today"),
            pytest.param("UTC", "2026-03-29T00:00", 0, "2026-03-30T00:00", id="from its start"),
            pytest.param("UTC", "2026-03-29T23:59:59", 0, "2026-03-30T00:00", id="to its end"),
            pytest.param("UTC", "2026-01-30T12:00", 30, "2026-03-02T00:00", id="over months"),
            # It is the 30th already in Berlin.
            pytest.param("Europe/Berlin", "2026-03-29T22:30", 0, "2026-03-30T22:00", id="Berlin"),
            # A day of 23 hours counts as one, and so does one of 25.
            pytest.param("Europe/Berlin", "2026-03-28T12:00", 1, "2026-03-29T22:00", id="spring"),
            pytest.param("Europe/Berlin", "2026-10-24T12:00", 1, "2026-10-25T23:00", id="autumn"),
            pytest.param("Asia/Tokyo", "2026-03-29T16:00", 0, "2026-03-30T15:00", id="Tokyo"),
            pytest.param("Asia/Kathmandu", "2026-01-01T00:00", 0, "2026-01-01T18:15", id="5:45"),
            # The clocks went forward at midnight: the next day begins at 01:00.
            pytest.param(
                "America/Sao_Paulo", "2018-11-03T12:00", 0, "2018-11-04T03:00", id="no midnight"
            ),
            # The clocks go back at 01:00 to 00:00: the day begins at the first midnight of two.
            pytest.param(
                "America/Havana", "2026-10-31T12:00", 0, "2026-11-01T04:00", id="two midnights"
            ),
            # Samoa crossed the date line: there was no 30 December 2011.
            pytest.param(
                "Pacific/Apia", "2011-12-29T12:00", 0, "2011-12-30T10:00", id="a day left out"
            ),
        ],
    )
    def test_is_the_first_instant_of_the_next_local_day(
        self, zone: str, moment: str, days: int, end: str
    ) -> None:
        found = moments.end_of_day(_utc(moment), days_later=days, time_zone=zone)

        assert found == _utc(end)
        assert found.utcoffset() == timedelta()

    @given(_moments, st.integers(0, 400), st.sampled_from(_ZONES))
    def test_parts_the_days_of_the_calendar(
        self, moment: datetime, days_later: int, name: str
    ) -> None:
        """The instant before is still that day or before it, the instant itself is after it."""
        zone = ZoneInfo(name)
        last_day = moment.astimezone(zone).date() + timedelta(days=days_later)

        end = moments.end_of_day(moment, days_later=days_later, time_zone=name)

        assert end > moment
        assert end.astimezone(zone).date() > last_day
        assert (end - timedelta(milliseconds=1)).astimezone(zone).date() <= last_day


class TestIso:
    @pytest.mark.parametrize(
        ("moment", "text"),
        [
            (datetime(2026, 3, 29, 12, 0, tzinfo=UTC), "2026-03-29T12:00:00.000Z"),
            (datetime(2026, 3, 29, 12, 0, 0, 999999, tzinfo=UTC), "2026-03-29T12:00:00.999Z"),
            (
                datetime(2026, 3, 29, 0, 30, tzinfo=ZoneInfo("Europe/Berlin")),
                "2026-03-28T23:30:00.000Z",
            ),
        ],
    )
    def test_is_utc_with_milliseconds(self, moment: datetime, text: str) -> None:
        assert moments.iso(moment) == text

    @given(_moments, _moments)
    def test_sorts_like_time(self, one: datetime, other: datetime) -> None:
        early, late = sorted((one, other))

        assert moments.iso(early) <= moments.iso(late)

    def test_of_none_is_none(self) -> None:
        assert moments.iso_or_none(None) is None


class TestInWords:
    def test_is_the_clock_on_the_wall_of_the_business(self) -> None:
        moment = _utc("2026-11-24T08:00")

        assert moments.in_words(moment, time_zone="Europe/Berlin") == "Tue 2026-11-24 09:00"
