"""What the files imply, worked out from them alone: the report is held to it."""

from collections import Counter
from dataclasses import dataclass, field

from tools.demo.campaigns import Attempt, History


@dataclass(slots=True)
class Household:
    """What one household's purchases and coupons add up to; amounts in USD cents.

    ``events`` counts what its history must tell at least: joining, and what became of each coupon.
    """

    lifetime_value_minor: int = 0
    visits: int = 0
    coupons_used: int = 0
    events: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """The outcome of every attempt in its order, and what that adds up to."""

    redeemed: int
    refused: Counter[str]
    expired: int
    households: dict[str, Household]
    orders: set[str] = field(default_factory=set)

    @property
    def lifetime_value_minor(self) -> int:
        return sum(household.lifetime_value_minor for household in self.households.values())


def of(history: History) -> Expected:
    """Return what a correct system shows after the replay, once every coupon has run out."""
    households = {household_id: Household() for household_id in history.households}
    expires_at = {}
    for coupon in history.coupons:
        # Given, and later either redeemed or expired.
        households[coupon.household_id].events += 2
        expires_at[coupon.code] = coupon.expires_at
    used: set[str] = set()
    orders: set[str] = set()
    refused: Counter[str] = Counter()
    for attempt in history.attempts:
        if attempt.code in used:
            refused["coupon_already_redeemed"] += 1
        elif attempt.redeemed_at >= expires_at[attempt.code]:
            refused["coupon_expired"] += 1
        else:
            used.add(attempt.code)
            _count(attempt, households[attempt.household_id], orders)
    return Expected(
        redeemed=len(used),
        refused=refused,
        expired=len(history.coupons) - len(used),
        households=households,
        orders=orders,
    )


def _count(attempt: Attempt, household: Household, orders: set[str]) -> None:
    """Count the purchase, unless another coupon was used in the same order before."""
    household.coupons_used += 1
    if attempt.order_id is not None:
        if attempt.order_id in orders:
            return
        orders.add(attempt.order_id)
    household.visits += 1
    household.lifetime_value_minor += attempt.amount_minor or 0
