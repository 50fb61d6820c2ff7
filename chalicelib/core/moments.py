"""Moments are aware datetimes in UTC with whole milliseconds; days are those of the business."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def end_of_day(moment: datetime, *, days_later: int, time_zone: str) -> datetime:
    """Return the first instant after the local day that lies ``days_later`` days after ``moment``.

    In UTC. Days are counted on the calendar of ``time_zone`` (an IANA name), so that a day of 23
    or 25 hours counts as one.
    """
    zone = ZoneInfo(time_zone)
    last_day = moment.astimezone(zone).date() + timedelta(days=days_later)
    return datetime.combine(last_day + timedelta(days=1), time(), zone).astimezone(UTC)


def in_words(moment: datetime, *, time_zone: str) -> str:
    """Return ``moment`` as staff at the counter read it, such as ``Tue 2026-11-24 09:00``."""
    return moment.astimezone(ZoneInfo(time_zone)).strftime("%a %Y-%m-%d %H:%M")


def iso(moment: datetime) -> str:
    """Return ``moment`` as the API writes it: ISO 8601 with milliseconds and ``Z``.

    All moments have the same width, so that the text sorts like the time.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def iso_or_none(moment: datetime | None) -> str | None:
    """Return ``moment`` as the API writes it, or None where there is none."""
    return None if moment is None else iso(moment)
