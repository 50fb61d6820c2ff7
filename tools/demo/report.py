"""What the API shows after the replay, held against what the files imply, and how to go on."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.demo.campaigns import History
from tools.demo.expected import Expected
from tools.demo.survey import Customer, Standing

_SHOWN_MAX = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """How long a replay took, with how many clients at once."""

    attempts: int
    seconds: float
    clients: int

    @property
    def per_second(self) -> float:
        return self.attempts / self.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What the API says. ``refused`` counts answers; all else is read from its lists.

    ``measured_now`` tells whether ``speed`` is that of this run.
    """

    history: History
    expected: Expected
    standing: Standing
    refused: Counter[str]
    speed: Speed | None
    measured_now: bool

    def count(self, status: str) -> int:
        """Return how many of the coupons have the status."""
        return sum(coupon.status == status for coupon in self.standing.coupons.values())

    @property
    def lifetime_value_minor(self) -> int:
        return sum(each.lifetime_value_minor for each in self.standing.customers.values())

    def differences(self) -> list[str]:
        """Return where the API and the files disagree; nothing if all is well."""
        return [*self._wrong_counts(), *self._wrong_households()]

    def lines(self) -> list[str]:
        """Return the report for people."""
        history, speed = self.history, self.speed
        agreeing = len(history.households) - len(list(self._wrong_households()))
        rows: list[tuple[str, str, str]] = [
            ("redeemed", f"{self.count('redeemed'):,}", ""),
            *(("refused", f"{count:,}", reason) for reason, count in self.refused.most_common()),
            ("expired", f"{self.count('expired'):,}", ""),
            (
                "lifetime value",
                _money(self.lifetime_value_minor),
                f"USD, {len(self.expected.orders):,} orders counted once each",
            ),
            ("households", f"{agreeing:,}", "with the value, visits and coupons of the files"),
        ]
        if speed is not None:
            when = "" if self.measured_now else ", in an earlier run"
            note = f"{speed.attempts:,} attempts, {speed.clients} at once{when}"
            rows.append(("attempts/second", f"{speed.per_second:,.1f}", note))
        title = (
            f"{len(history.campaigns):,} campaigns, {len(history.households):,} households, "
            f"{len(history.coupons):,} coupons, {len(history.attempts):,} attempts to redeem"
        )
        return [
            title,
            *(f"  {name:<16} {figure:>12}  {note}".rstrip() for name, figure, note in rows),
        ]

    def _wrong_counts(self) -> Iterator[str]:
        found = {
            "rewards": len(self.standing.rewards),
            "customers": len(self.standing.customers),
            "coupons": len(self.standing.coupons),
            "redeemed": self.count("redeemed"),
            "expired": self.count("expired"),
            "lifetime value": self.lifetime_value_minor,
        }
        implied = {
            "rewards": len(self.history.campaigns),
            "customers": len(self.history.households),
            "coupons": len(self.history.coupons),
            "redeemed": self.expected.redeemed,
            "expired": self.expected.expired,
            "lifetime value": self.expected.lifetime_value_minor,
        }
        for reason in {*self.refused, *self.expected.refused}:
            found[f"refused as {reason}"] = self.refused[reason]
            implied[f"refused as {reason}"] = self.expected.refused[reason]
        for name, count in found.items():
            if count != implied[name]:
                yield f"{name}: {count:,}, and the files imply {implied[name]:,}"

    def _wrong_households(self) -> Iterator[str]:
        for household_id, implied in self.expected.households.items():
            found = self.standing.customers.get(household_id)
            if found is None:
                yield f"household {household_id} is no customer"
                continue
            wrong = [
                f"{name} {getattr(found, name):,} instead of {getattr(implied, name):,}"
                for name in ("lifetime_value_minor", "visits", "coupons_used")
                if getattr(found, name) != getattr(implied, name)
            ]
            # More is no fault: what you do with the customers afterwards is told there too.
            if found.events < implied.events:
                wrong.append(f"a history of {found.events} events instead of {implied.events}")
            if wrong:
                yield f"household {household_id}: {', '.join(wrong)}"


def best_customer(standing: Standing) -> tuple[str, Customer]:
    """Return household and customer with the highest lifetime value, as an example."""
    return max(standing.customers.items(), key=lambda item: item[1].lifetime_value_minor)


def shown(differences: list[str]) -> list[str]:
    """Return the first few of many lines."""
    rest = len(differences) - _SHOWN_MAX
    return differences[:_SHOWN_MAX] + ([f"and {rest:,} more"] if rest > 0 else [])


def remembered(path: Path, speed: Speed | None) -> Speed | None:
    """Return the speed over the most attempts that one run has sent, and keep it in ``path``.

    Nothing but the report reads it. ``speed`` is None when a run sent nothing.
    """
    kept = _kept(path)
    if speed is None or (kept is not None and speed.attempts < kept.attempts):
        return kept
    path.write_text(json.dumps(asdict(speed)), encoding="utf-8")
    return speed


def _kept(path: Path) -> Speed | None:
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Speed(**fields)
    except (FileNotFoundError, ValueError, TypeError):
        # Not there, or cut off when a run was killed: the next one measures again.
        return None


def _money(amount_minor: int) -> str:
    return f"{amount_minor // 100:,}.{amount_minor % 100:02}"
