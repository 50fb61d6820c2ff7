"""Holds: one use of a coupon, reserved for an order for a while.

A hold stands on the coupon itself, so that whoever wants to use the coupon sees it and one version
guards both. It frees itself: from the moment it lapses on nothing looks at it any more.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors, moments
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon, CouponStatus, HeldUse
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.rewards import Reward
from chalicelib.core.settings import Settings

LENGTH_DEFAULT: Final = timedelta(minutes=15)
LENGTH_MAX: Final = timedelta(days=7)


class HoldNotFound(errors.NotFound):
    """No hold has this id, or it was released."""

    code = "hold_not_found"


class HoldLapsed(errors.Refused):
    """The hold's time is over, so it reserves nothing any more."""

    code = "hold_lapsed"


class CouponHeld(errors.Refused):
    """Every use that the coupon has left is reserved for an order."""

    code = "coupon_held"


class Hold(msgspec.Struct, frozen=True):
    """What a hold's id leads to. The truth is on the coupon: :class:`HeldUse`."""

    hold_id: str
    code: str
    taken_at: datetime
    lapses_at: datetime
    order_id: str | None = None
    version: int = 0


class HoldDecision(msgspec.Struct, frozen=True):
    """The hold and its coupon after the decision, and what that writes."""

    hold: Hold
    coupon: Coupon
    changes: Changes


def not_found(pointer: str | None = None) -> HoldNotFound:
    """Return the error for an id that names no hold."""
    return HoldNotFound("there is no such hold", fix="hold the coupon again", pointer=pointer)


def live(coupon: Coupon, now: datetime) -> tuple[HeldUse, ...]:
    """Return the holds on ``coupon`` that have not lapsed."""
    return tuple(held for held in coupon.holds if held.lapses_at > now)


def own(
    coupon: Coupon, *, hold_id: str | None, order_id: str | None, now: datetime
) -> HeldUse | None:
    """Return the live hold that a redemption uses: the named one, or that of its order.

    Raises:
        HoldNotFound, HoldLapsed: the named one cannot be used.
    """
    if hold_id is None:
        return next((h for h in live(coupon, now) if h.order_id and h.order_id == order_id), None)
    held = next((held for held in coupon.holds if held.hold_id == hold_id), None)
    if held is None:
        raise not_found("/hold_id")
    if held.lapses_at <= now:
        raise _lapsed(held.lapses_at, "/hold_id")
    return held


def check_free(coupon: Coupon, *, own_hold: HeldUse | None, now: datetime) -> None:
    """Raise unless a use of ``coupon`` is left beside those that others hold.

    Raises:
        CouponHeld: they hold all that is left.
    """
    others = [held for held in live(coupon, now) if held != own_hold]
    if len(others) >= coupons.uses_left(coupon):
        until = min(held.lapses_at for held in others)
        raise CouponHeld(
            "the coupon is held for an order",
            fix=f"send its hold_id, or try again from {moments.iso(until)}",
            facts={"lapses_at": moments.iso(until), "held": len(others)},
        )


def without(coupon: Coupon, gone: HeldUse | None, *, now: datetime) -> tuple[HeldUse, ...]:
    """Return the holds that stay on ``coupon`` once ``gone`` is used or released."""
    return tuple(held for held in live(coupon, now) if held != gone)


def decide_hold(  # noqa: PLR0913
    coupon: Coupon,
    *,
    hold_id: str,
    length: timedelta,
    customer_id: str | None,
    order_id: str | None,
    reward: Reward,
    settings: Settings,
    origin: Origin,
) -> HoldDecision:
    """Decide to reserve one use of ``coupon`` for ``length``.

    Raises:
        CouponAlreadyRedeemed, CouponExpired, CouponInvalid, CouponUnassigned: by its status.
        WrongCustomer, RewardNotActive: it cannot be redeemed either.
        CouponHeld: all uses are held.
        Invalid: a shared code has no uses to reserve.
    """
    now = origin.recorded_at
    status = coupons.status_at(coupon, now)
    if coupon.shared:
        raise errors.Invalid(
            "a shared code cannot be held",
            fix="redeem it when the order is paid",
            pointer="/path/code",
        )
    if status is not CouponStatus.CLAIMED:
        raise coupons.refused_by_status(coupon, status)
    coupons.check_holder(coupon, customer_id)
    rewards.check_usable(reward, at=now, time_zone=settings.time_zone)
    check_free(coupon, own_hold=None, now=now)
    hold = Hold(hold_id, coupon.code, now, now + length, order_id)
    after = replace(coupon, holds=(*live(coupon, now), HeldUse(hold_id, hold.lapses_at, order_id)))
    return HoldDecision(hold, after, Changes(create=(hold,), update=((coupon, after),)))


def decide_prolongation(
    hold: Hold, coupon: Coupon, length: timedelta, *, origin: Origin
) -> HoldDecision:
    """Decide that the hold lasts for ``length`` from now.

    Raises:
        HoldLapsed: it is over; what it held may be somebody else's.
        HoldNotFound: it was used or released.
    """
    now = origin.recorded_at
    if hold.lapses_at <= now:
        raise _lapsed(hold.lapses_at)
    held = _on(coupon, hold)
    later = replace(hold, lapses_at=now + length)
    holds = tuple(
        replace(each, lapses_at=later.lapses_at) if each is held else each
        for each in live(coupon, now)
    )
    after = replace(coupon, holds=holds)
    return HoldDecision(later, after, Changes(update=((hold, later), (coupon, after))))


def decide_release(hold: Hold, coupon: Coupon, *, origin: Origin) -> HoldDecision:
    """Decide that the hold ends now; one that has lapsed is only put away.

    Raises:
        HoldNotFound: it was used or released before.
    """
    held = _on(coupon, hold)
    after = replace(coupon, holds=without(coupon, held, now=origin.recorded_at))
    return HoldDecision(hold, after, Changes(delete=(hold,), update=((coupon, after),)))


def _on(coupon: Coupon, hold: Hold) -> HeldUse:
    held = next((each for each in coupon.holds if each.hold_id == hold.hold_id), None)
    if held is None:
        raise not_found()
    return held


def _lapsed(lapses_at: datetime, pointer: str | None = None) -> HoldLapsed:
    return HoldLapsed(
        "the hold has lapsed",
        fix="hold the coupon again, or redeem it without hold_id",
        pointer=pointer,
        facts={"lapses_at": moments.iso(lapses_at)},
    )
