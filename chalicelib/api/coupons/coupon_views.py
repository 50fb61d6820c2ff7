"""A coupon as the API shows it, and the bodies that several operations on coupons take."""

from datetime import datetime
from typing import Annotated

import msgspec

from chalicelib.api.web import bodies
from chalicelib.api.web.bodies import Identifier
from chalicelib.core.coupons import coupons, holds
from chalicelib.core.coupons.coupons import Coupon, CouponStatus

# Its form is judged for each code, so that a bad one does not stop the rest.
AnyCode = Annotated[str, bodies.text(200)]


class ClaimBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    customer_id: Identifier


class LastRedemption(msgspec.Struct, frozen=True, kw_only=True):
    redemption_id: str
    customer_id: str
    order_id: str | None


class InvalidationView(msgspec.Struct, frozen=True, kw_only=True):
    """When staff took the coupon out of use, who did, and why."""

    invalidated_at: datetime
    invalidated_by: str
    reason: str | None


class HeldView(msgspec.Struct, frozen=True, kw_only=True):
    """A use that is reserved."""

    hold_id: str
    order_id: str | None
    lapses_at: datetime


class CouponView(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon. ``last_redemption`` is the latest that stands; a shared one names none.

    ``metadata`` came with it in an imported file.

    ``balance_minor`` is what is left on a coupon of type ``value``, null for others.
    """

    code: str
    status: CouponStatus
    reward_id: str
    customer_id: str | None
    usages: int
    usage_limit: int
    created_at: datetime
    claimed_at: datetime | None
    redeemed_at: datetime | None
    expires_at: datetime | None
    last_redemption: LastRedemption | None
    balance_minor: int | None
    shared: bool
    holds: list[HeldView]
    invalidation: InvalidationView | None
    metadata: dict[str, str]


def view_of(coupon: Coupon, now: datetime) -> CouponView:
    """Return ``coupon`` as it is at ``now``."""
    last, invalidation = coupon.last_redemption, coupon.invalidation
    return CouponView(
        code=coupon.code,
        status=coupons.status_at(coupon, now),
        reward_id=coupon.reward_id,
        customer_id=coupon.customer_id,
        usages=coupon.usages,
        usage_limit=coupon.usage_limit,
        created_at=coupon.created_at,
        claimed_at=coupon.claimed_at,
        redeemed_at=coupon.redeemed_at,
        expires_at=coupon.expires_at,
        last_redemption=None
        if last is None
        else LastRedemption(
            redemption_id=last.redemption_id,
            customer_id=last.customer_id,
            order_id=last.order_id,
        ),
        balance_minor=coupon.balance_minor,
        shared=coupon.shared,
        holds=[
            HeldView(hold_id=held.hold_id, order_id=held.order_id, lapses_at=held.lapses_at)
            for held in holds.live(coupon, now)
        ],
        invalidation=None
        if invalidation is None
        else InvalidationView(
            invalidated_at=invalidation.invalidated_at,
            invalidated_by=invalidation.invalidated_by,
            reason=invalidation.reason,
        ),
        metadata=dict(coupon.metadata or {}),
    )
