"""The real campaigns of ``data/complete_journey``: what happened, in the files' own order."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from tools.paths import ROOT

FOLDER = ROOT / "data" / "complete_journey"


@dataclass(frozen=True, kw_only=True, slots=True)
class Campaign:
    """One reward; its coupons are valid through the end of ``ends_on``, UTC."""

    campaign_id: str
    campaign_type: str
    starts_on: date
    ends_on: date

    @property
    def name(self) -> str:
        """By which its reward is found again."""
        return f"Campaign {self.campaign_id} ({self.campaign_type})"

    @property
    def starts_at(self) -> datetime:
        return datetime.combine(self.starts_on, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        return end_of(self.ends_on)


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenCoupon:
    """A coupon that a household was given; it runs out at ``expires_at``."""

    code: str
    campaign_id: str
    household_id: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A try to redeem; ``number`` counts from 1 in order of time. Amounts are USD cents."""

    number: int
    redeemed_at: datetime
    code: str
    household_id: str
    order_id: str | None
    amount_minor: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """A year of campaigns."""

    campaigns: tuple[Campaign, ...]
    coupons: tuple[GivenCoupon, ...]
    attempts: tuple[Attempt, ...]

    @property
    def households(self) -> tuple[str, ...]:
        """Everybody who was given a coupon, in the order of the first."""
        return tuple(dict.fromkeys(coupon.household_id for coupon in self.coupons))

    @property
    def begins_at(self) -> datetime:
        """A moment before everything that happens."""
        moments = [campaign.starts_at for campaign in self.campaigns]
        return min([*moments, *(attempt.redeemed_at for attempt in self.attempts)])


def read(folder: Path = FOLDER) -> History:
    """Return what the files of ``folder`` say."""
    return History(
        campaigns=tuple(
            Campaign(
                campaign_id=row["campaign_id"],
                campaign_type=row["campaign_type"],
                starts_on=date.fromisoformat(row["start_date"]),
                ends_on=date.fromisoformat(row["end_date"]),
            )
            for row in _rows(folder / "campaigns.csv")
        ),
        coupons=tuple(
            GivenCoupon(
                code=row["code"],
                campaign_id=row["campaign_id"],
                household_id=row["household_id"],
                expires_at=end_of(date.fromisoformat(row["expires_on"])),
            )
            for row in _rows(folder / "coupons.csv")
        ),
        attempts=tuple(
            Attempt(
                number=number,
                redeemed_at=datetime.fromisoformat(row["redeemed_at"]),
                code=row["code"],
                household_id=row["household_id"],
                order_id=row["order_id"] or None,
                amount_minor=int(row["amount_minor"]) if row["amount_minor"] else None,
            )
            for number, row in enumerate(_rows(folder / "redemptions.csv"), start=1)
        ),
    )


def end_of(day: date) -> datetime:
    """Return the moment at which the UTC day is over."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
