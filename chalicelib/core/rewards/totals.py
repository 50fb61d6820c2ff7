"""What the coupons and redemptions of a reward add up to, for all time and by day.

Totals are kept by what follows the table's stream, so that no claim and no redemption waits for
them. Beside each coupon that has changed, and each redemption, a shadow says what the totals have
of it, and as of which version. It is written together with the totals: what the stream brings
twice, or late, finds itself counted and changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from chalicelib.core.changes import Changes
from chalicelib.core.coupons.batches import CouponBatch
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.redemptions import Redemption

SHARDS = 4
"""Over how many items the totals of a reward are spread; their sum is what counts."""

S = TypeVar("S")


class Totals(msgspec.Struct, frozen=True):
    """One share of a reward's totals; may be negative, their sum is not.

    Coupons are counted by the status that is stored. ``used``: coupons with a use that stands.
    ``claims``: coupons that anybody ever had. ``redemptions`` stand, and so do the amounts, in
    minor units: purchases that a coupon was used at, and what was taken off them.
    """

    reward_id: str
    shard: str
    unassigned: int = 0
    claimed: int = 0
    redeemed: int = 0
    expired: int = 0
    invalid: int = 0
    used: int = 0
    claims: int = 0
    redemptions: int = 0
    purchase_minor: int = 0
    discount_minor: int = 0
    version: int = 0


class DayTotals(msgspec.Struct, frozen=True):
    """One share of what happened on one day of the business."""

    reward_id: str
    shard: str
    day: date
    claims: int = 0
    redemptions: int = 0
    purchase_minor: int = 0
    discount_minor: int = 0
    version: int = 0


class TotalsChange(msgspec.Struct, frozen=True):
    """What is added to one share: that of all time, or that of ``day``."""

    reward_id: str
    shard: str
    day: date | None
    amounts: tuple[tuple[str, int], ...]


class CouponShadow(msgspec.Struct, frozen=True):
    """What the totals have of a coupon, as of its version ``applied``.

    ``redeemed_at`` and ``expires_at`` are what lists of the reward are sorted by.
    """

    code: str
    reward_id: str
    applied: int
    status: CouponStatus
    used: bool = False
    claimed_on: date | None = None
    redeemed_at: datetime | None = None
    expires_at: datetime | None = None
    version: int = 0


class RedemptionShadow(msgspec.Struct, frozen=True):
    """What the totals have of a redemption, as of its version ``applied``."""

    redemption_id: str
    reward_id: str
    applied: int
    day: date
    stands: bool
    purchase_minor: int = 0
    discount_minor: int = 0
    version: int = 0


class Change(msgspec.Struct, Generic[S], frozen=True):
    """A write of one item, as the stream tells it: None is what was not stored."""

    before: S | None
    after: S


Amounts = Counter[tuple[date | None, str]]
"""Additions to totals, by day (None for all time) and name."""


class Part(msgspec.Struct, frozen=True):
    """What one thing adds to the totals of a reward, and the note that it has been added."""

    reward_id: str
    amounts: Amounts
    note: Changes


def of_coupon(
    shadow: CouponShadow | None, changes: Sequence[Change[Coupon]], *, time_zone: str
) -> Part | None:
    """Return what the changes of one coupon add, or None when that is known already.

    What a new coupon adds is in the batch that it was created with.
    """
    latest = max(changes, key=lambda change: change.after.version).after
    if shadow is not None:
        if latest.version <= shadow.applied:
            return None
        known = shadow
    else:
        first = min(changes, key=lambda change: change.after.version)
        known = _shadow(first.before or first.after, None, time_zone=time_zone)
    after = _shadow(latest, known.claimed_on, time_zone=time_zone)
    if shadow is not None:
        note = Changes(update=((shadow, replace(after, version=shadow.version)),))
    else:
        if after.status is CouponStatus.UNASSIGNED and replace(after, applied=0) == replace(
            known, applied=0
        ):
            return None
        note = Changes(create=(after,))
    return Part(latest.reward_id, _difference(_coupon_amounts(known), _coupon_amounts(after)), note)


def of_redemption(
    shadow: RedemptionShadow | None, changes: Sequence[Change[Redemption]], *, time_zone: str
) -> Part | None:
    """Return what the changes of one redemption add, or None when that is known already."""
    latest = max(changes, key=lambda change: change.after.version).after
    if shadow is not None and latest.version <= shadow.applied:
        return None
    after = RedemptionShadow(
        redemption_id=latest.redemption_id,
        reward_id=latest.reward_id,
        applied=latest.version,
        # As first counted: the business may have moved to another time zone since.
        day=shadow.day if shadow else day_of(latest.redeemed_at, time_zone=time_zone),
        stands=latest.reversal is None,
        purchase_minor=latest.amount_minor or 0,
        discount_minor=latest.discount.amount_off_minor or 0,
    )
    if shadow is None:
        return Part(latest.reward_id, _redemption_amounts(after), Changes(create=(after,)))
    return Part(
        latest.reward_id,
        _difference(_redemption_amounts(shadow), _redemption_amounts(after)),
        Changes(update=((shadow, replace(after, version=shadow.version)),)),
    )


def of_batch(batch: CouponBatch, *, time_zone: str) -> Part | None:
    """Return what the coupons created together add, or None when that has been done."""
    if batch.counted:
        return None
    amounts: Amounts = Counter({(None, str(status)): n for status, n in batch.created.items()})
    amounts[None, "used"] = batch.used
    amounts[None, "claims"] = batch.claims
    amounts[day_of(batch.created_at, time_zone=time_zone), "claims"] = batch.claims
    note = Changes(update=((batch, replace(batch, counted=True)),))
    return Part(batch.reward_id, amounts, note)


def together(parts: Sequence[Part], *, shard: int) -> Changes:
    """Return the change that adds ``parts`` to the totals, to one share of each reward's."""
    sums: dict[tuple[str, date | None], Counter[str]] = {}
    changes = Changes()
    for part in parts:
        changes += part.note
        for (day, name), amount in part.amounts.items():
            sums.setdefault((part.reward_id, day), Counter())[name] += amount
    added = [
        TotalsChange(reward_id, str(shard), day, amounts)
        for (reward_id, day), names in sums.items()
        if (amounts := tuple((name, n) for name, n in sorted(names.items()) if n))
    ]
    return changes + Changes(add=tuple(added))


_SUMMED = tuple(
    name for name in Totals.__struct_fields__ if name not in {"reward_id", "shard", "version"}
)


def summed(reward_id: str, shares: Iterable[Totals | None]) -> Totals:
    """Return the sum of ``shares``; what nobody has added to yet is None."""
    sums: Counter[str] = Counter()
    for share in shares:
        if share is not None:
            sums.update({name: getattr(share, name) for name in _SUMMED})
    return Totals(reward_id, "all", **sums)


def by_day(reward_id: str, shares: Iterable[DayTotals]) -> dict[date, DayTotals]:
    """Return the sums of each day's shares."""
    days: dict[date, DayTotals] = {}
    for share in shares:
        so_far = days.get(share.day, DayTotals(reward_id, "all", share.day))
        days[share.day] = replace(
            so_far,
            claims=so_far.claims + share.claims,
            redemptions=so_far.redemptions + share.redemptions,
            purchase_minor=so_far.purchase_minor + share.purchase_minor,
            discount_minor=so_far.discount_minor + share.discount_minor,
        )
    return days


def day_of(moment: datetime, *, time_zone: str) -> date:
    """Return the day of the business that ``moment`` lies in."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def _shadow(coupon: Coupon, claimed_on: date | None, *, time_zone: str) -> CouponShadow:
    if coupon.claimed_at is None:
        claimed_on = None
    elif claimed_on is None:
        claimed_on = day_of(coupon.claimed_at, time_zone=time_zone)
    return CouponShadow(
        code=coupon.code,
        reward_id=coupon.reward_id,
        applied=coupon.version,
        status=coupon.status,
        used=coupon.usages > 0,
        claimed_on=claimed_on,
        redeemed_at=coupon.redeemed_at,
        expires_at=coupon.expires_at,
    )


def _coupon_amounts(shadow: CouponShadow) -> Amounts:
    amounts: Amounts = Counter({(None, str(shadow.status)): 1, (None, "used"): int(shadow.used)})
    if shadow.claimed_on is not None:
        amounts[None, "claims"] = 1
        amounts[shadow.claimed_on, "claims"] = 1
    return amounts


def _redemption_amounts(shadow: RedemptionShadow) -> Amounts:
    amounts: Amounts = Counter()
    if shadow.stands:
        for day in (None, shadow.day):
            amounts[day, "redemptions"] = 1
            amounts[day, "purchase_minor"] = shadow.purchase_minor
            amounts[day, "discount_minor"] = shadow.discount_minor
    return amounts


def _difference(before: Amounts, after: Amounts) -> Amounts:
    amounts = after.copy()
    amounts.subtract(before)
    return Counter({name: amount for name, amount in amounts.items() if amount})
