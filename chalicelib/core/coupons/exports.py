"""Exports: jobs that write a reward's coupons or redemptions into a file."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from chalicelib.core import errors, moments
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.redemptions import Redemption
from chalicelib.core.files import leases
from chalicelib.core.rewards.rewards import CouponSource, Reward

Cells = Sequence[str | int | None]


class ExportNotFound(errors.NotFound):
    """No export has this id."""

    code = "export_not_found"


class ExportKind(StrEnum):
    """What is written. Values are public."""

    COUPONS = "coupons"
    REDEMPTIONS = "redemptions"


class ExportStatus(StrEnum):
    """Where an export is in its life. Values are public."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Export(leases.Leased, frozen=True):
    """One export: what it is to write, how far it has come, who is at it.

    Coupons are walked status by status along their life: those of ``walk[:position]`` are done,
    and of the next one up to ``after``. ``parts`` names what is written so far, in order.
    """

    export_id: str
    kind_of_rows: ExportKind
    reward_id: str
    created_at: datetime
    created_by: str
    statuses: tuple[CouponStatus, ...] = ()
    status: ExportStatus = ExportStatus.RUNNING
    finished_at: datetime | None = None
    rows: int = 0
    position: int = 0
    after: str | None = None
    parts: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The name of the file in the bucket."""
        return f"exports/{self.export_id}/{self.kind_of_rows}.csv"

    @property
    def walk(self) -> tuple[CouponStatus, ...]:
        """The recorded statuses in which coupons are looked for, along their life."""
        wanted = set(self.statuses) or set(CouponStatus)
        if CouponStatus.EXPIRED in wanted and self.kind_of_rows is ExportKind.COUPONS:
            # What has run out counts as expired before the job records it.
            wanted |= {CouponStatus.UNASSIGNED, CouponStatus.CLAIMED}
        return tuple(status for status in CouponStatus if status in wanted)

    def part_key(self, number: int) -> str:
        """The name of a part. Each worker has names of its own, so that none replaces another's."""
        return f"exports/{self.export_id}/parts/{self.worker}-{number:05}"


COUPON_COLUMNS: Final = (
    *("code", "status", "customer_id", "usages", "usage_limit", "created_at", "claimed_at"),
    *("redeemed_at", "expires_at", "metadata"),
)
REDEMPTION_COLUMNS: Final = (
    *("redemption_id", "code", "customer_id", "redeemed_at", "recorded_at", "amount_minor"),
    *("amount_off_minor", "currency", "order_id", "channel", "location_id", "actor", "comment"),
    *("reversed_at",),
)


def not_found() -> ExportNotFound:
    """Return the error for an id that names no export."""
    return ExportNotFound("no export has this id", fix="create a new export")


def statuses_with_uses(reward: Reward) -> tuple[CouponStatus, ...]:
    """Return the recorded statuses in which the reward's coupons can have redemptions."""
    # A shared code is nobody's, however often it is used; no other code of the pool ever was.
    shared = reward.coupon_source is CouponSource.SHARED
    return tuple(each for each in CouponStatus if shared or each is not CouponStatus.UNASSIGNED)


def header(kind: ExportKind) -> Cells:
    """Return the names of the columns."""
    return COUPON_COLUMNS if kind is ExportKind.COUPONS else REDEMPTION_COLUMNS


def cells_of_coupon(coupon: Coupon, *, now: datetime) -> Cells:
    """Return the coupon as it is at ``now``, in the order of :data:`COUPON_COLUMNS`."""
    return (
        coupon.code,
        coupons.status_at(coupon, now),
        coupon.customer_id,
        coupon.usages,
        coupon.usage_limit,
        moments.iso(coupon.created_at),
        moments.iso_or_none(coupon.claimed_at),
        moments.iso_or_none(coupon.redeemed_at),
        moments.iso_or_none(coupon.expires_at),
        "; ".join(f"{name}={value}" for name, value in (coupon.metadata or {}).items()),
    )


def cells_of_redemption(redemption: Redemption) -> Cells:
    """Return the redemption in the order of :data:`REDEMPTION_COLUMNS`."""
    reversal = redemption.reversal
    return (
        redemption.redemption_id,
        redemption.code,
        redemption.customer_id,
        moments.iso(redemption.redeemed_at),
        moments.iso(redemption.recorded_at),
        redemption.amount_minor,
        redemption.discount.amount_off_minor,
        redemption.currency,
        redemption.order_id,
        redemption.channel,
        redemption.location_id,
        redemption.actor,
        redemption.comment,
        moments.iso(reversal.reversed_at) if reversal else None,
    )


def taken(job: Export, worker: str, *, at: datetime) -> Export | None:
    """Return the export in the hands of ``worker``, or None if there is nothing to take."""
    if not leases.is_free(job, at=at):
        return None
    if leases.is_hopeless(job):
        return leases.done(replace(job, status=ExportStatus.FAILED, finished_at=at))
    return leases.taken(job, worker, at=at)


def completed(job: Export, *, at: datetime) -> Export:
    """Return the export with its file written."""
    return leases.done(replace(job, status=ExportStatus.COMPLETED, finished_at=at))
