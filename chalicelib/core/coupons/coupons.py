"""Coupons: their states, and every action on one but its redemption."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from chalicelib.core import activity, errors, moments
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import codes
from chalicelib.core.customers.accounts import AccountChange
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.limits import UnitTaken
from chalicelib.core.rewards.rewards import CouponSource, Reward, RewardStatus, RewardType
from chalicelib.core.settings import Settings


class CouponNotFound(errors.NotFound):
    """No coupon has this code."""

    code = "coupon_not_found"


class CouponAlreadyRedeemed(errors.Refused):
    """The coupon has been used as often as it can be."""

    code = "coupon_already_redeemed"


class CouponExpired(errors.Refused):
    """The coupon's expiry has passed."""

    code = "coupon_expired"


class CouponInvalid(errors.Refused):
    """Staff took the coupon out of use."""

    code = "coupon_invalid"


class CouponUnassigned(errors.Refused):
    """Nobody has this coupon yet."""

    code = "coupon_unassigned"


class CouponAlreadyClaimed(errors.Refused):
    """A customer has this coupon already."""

    code = "coupon_already_claimed"


class WrongCustomer(errors.Refused):
    """The coupon belongs to another customer."""

    code = "wrong_customer"


class DuplicateCode(errors.Refused):
    """A coupon with this code exists; codes differ by more than case, spaces and dashes."""

    code = "duplicate_code"


class CouponStatus(StrEnum):
    """The five states of a coupon. Values are public."""

    UNASSIGNED = "unassigned"
    CLAIMED = "claimed"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    INVALID = "invalid"


class CouponOrder(StrEnum):
    """What the coupons of a reward can be sorted by. Values are public."""

    CLAIMED_AT = "claimed_at"
    REDEEMED_AT = "redeemed_at"
    EXPIRES_AT = "expires_at"


class RedemptionRef(msgspec.Struct, frozen=True):
    """Which redemption used a coupon last, on which order. Tells a caller of their own success."""

    redemption_id: str
    customer_id: str
    order_id: str | None


class Invalidation(msgspec.Struct, frozen=True):
    """That staff took a coupon out of use: when, who, and why."""

    invalidated_at: datetime
    invalidated_by: str
    reason: str | None


class HeldUse(msgspec.Struct, frozen=True):
    """One use of a coupon that is reserved until ``lapses_at``; see ``holds.py``."""

    hold_id: str
    lapses_at: datetime
    order_id: str | None = None


class CardRef(msgspec.Struct, frozen=True):
    """The card that shows a coupon, and what it was made from."""

    serial: str
    template_id: str


class Coupon(msgspec.Struct, frozen=True):
    """One instance of a reward, with its own code and its own life.

    ``code`` is shown as issued. ``status`` is what is stored: a coupon whose expiry has passed is
    expired from that instant on, recorded or not (see :func:`status_at`). ``last_redemption`` is
    the latest that stands. ``made_by`` names the keyed request and position that created it.

    ``balance_minor`` is what is left on a coupon of type ``value``: it is used up when that is 0.
    A ``shared`` coupon is the one public code of its reward: it belongs to nobody, and what it
    has been used is in the redemptions and the counters of the limits, never on it.
    ``metadata`` came with it in an uploaded file; nothing decides by it. ``card`` shows it, on
    the phone of the customer who has it.
    """

    code: str
    reward_id: str
    status: CouponStatus
    created_at: datetime
    usage_limit: int = 1
    usages: int = 0
    customer_id: str | None = None
    claimed_at: datetime | None = None
    redeemed_at: datetime | None = None
    expires_at: datetime | None = None
    last_redemption: RedemptionRef | None = None
    made_by: str | None = None
    invalidation: Invalidation | None = None
    balance_minor: int | None = None
    shared: bool = False
    holds: tuple[HeldUse, ...] = ()
    metadata: Mapping[str, str] | None = None
    card: CardRef | None = None
    version: int = 0


_RUNNING_OUT = (CouponStatus.UNASSIGNED, CouponStatus.CLAIMED)


def key_of(typed: str) -> str:
    """Return what the typed code is looked up by.

    Raises:
        CouponNotFound: no code can look like that.
    """
    key = codes.key_of(typed)
    if key is None:
        raise not_found()
    return key


def not_found() -> CouponNotFound:
    """Return the error for a code that names no coupon."""
    return CouponNotFound("no coupon has this code", fix="check the code for typing slips")


def runs_out_at(coupon: Coupon) -> datetime | None:
    """Return when the expiry job has to record that ``coupon`` ran out, or None.

    A use that was held before the expiry can be made until its hold lapses.
    """
    if coupon.expires_at is None or coupon.status not in _RUNNING_OUT:
        return None
    return max((coupon.expires_at, *(held.lapses_at for held in coupon.holds)))


def status_at(coupon: Coupon, now: datetime) -> CouponStatus:
    """Return the status at ``now``, whether or not the expiry job has run yet."""
    end = coupon.expires_at if coupon.status in _RUNNING_OUT else None
    return CouponStatus.EXPIRED if end is not None and end <= now else coupon.status


def uses_left(coupon: Coupon) -> int:
    """Return how often ``coupon`` can still be used, as far as it says itself."""
    if coupon.balance_minor is not None:
        return 1 if coupon.balance_minor else 0
    return coupon.usage_limit - coupon.usages


def check_holder(coupon: Coupon, customer_id: str | None) -> None:
    """Raise unless ``coupon`` belongs to the customer whom the request names, if it names one.

    Raises:
        WrongCustomer: it belongs to another.
    """
    if customer_id not in (None, coupon.customer_id):
        raise WrongCustomer(
            "the coupon belongs to another customer",
            fix="check the customer, or leave customer_id out",
            pointer="/customer_id",
        )


def refused_by_status(coupon: Coupon, status: CouponStatus) -> errors.Refused:
    """Return the refusal of an action that a coupon in ``status`` does not allow."""
    facts: dict[str, errors.Fact] = {"coupon_status": status}
    if status is CouponStatus.REDEEMED:
        used = coupon.last_redemption
        assert used is not None, "a redeemed coupon names its redemption"
        facts |= {
            "redeemed_at": moments.iso_or_none(coupon.redeemed_at),
            "redemption_id": used.redemption_id,
            "order_id": used.order_id,
        }
        where = f" on order {used.order_id}" if used.order_id else ""
        return CouponAlreadyRedeemed(
            f"the coupon was used{where}",
            fix=f"used{where}: use another coupon, or have staff unredeem it",
            facts=facts,
        )
    if status is CouponStatus.EXPIRED:
        facts["expires_at"] = moments.iso_or_none(coupon.expires_at)
        return CouponExpired("the coupon has expired", fix="use another coupon", facts=facts)
    if status is CouponStatus.INVALID:
        return CouponInvalid(
            "the coupon was taken out of use", fix="use another coupon", facts=facts
        )
    if status is CouponStatus.CLAIMED:
        return CouponAlreadyClaimed(
            "a customer has this coupon already", fix="take another coupon", facts=facts
        )
    return CouponUnassigned(
        "nobody has this coupon yet", fix="claim it for a customer first", facts=facts
    )


class CouponDecision(msgspec.Struct, frozen=True):
    """The coupon after an action, and what that writes."""

    coupon: Coupon
    changes: Changes


def issue(  # noqa: PLR0913
    code: str,
    *,
    reward: Reward,
    settings: Settings,
    customer_id: str | None,
    expires_at: datetime | None,
    made_by: str | None,
    event_id: str,
    origin: Origin,
    units: tuple[UnitTaken, ...] = (),
    metadata: Mapping[str, str] | None = None,
) -> CouponDecision:
    """Decide a new coupon of ``reward``: in the pool, or claimed when ``customer_id`` is given.

    ``expires_at`` stands before the validity of the reward; it may have passed, then the coupon
    is simply due. The active period does not matter here.
    """
    assert codes.may_be_issued(code), "the caller checks the form of codes"
    now = origin.recorded_at
    coupon = Coupon(
        code=code,
        reward_id=reward.reward_id,
        status=CouponStatus.UNASSIGNED,
        created_at=now,
        usage_limit=reward.usage_limit,
        expires_at=expires_at or reward.valid_until,
        made_by=made_by,
        balance_minor=reward.amount_off_minor if reward.reward_type is RewardType.VALUE else None,
        shared=reward.coupon_source is CouponSource.SHARED,
        metadata=metadata,
    )
    if customer_id is None:
        return CouponDecision(coupon, Changes(create=(coupon,)))
    coupon = claimed(coupon, customer_id, reward=reward, settings=settings, at=now)
    event = activity.event(
        EventType.COUPON_CLAIMED,
        event_id=event_id,
        customer_id=customer_id,
        origin=origin,
        code=code,
        reward_id=reward.reward_id,
        detail={"status": coupon.status},
    )
    changes = Changes(
        create=(coupon, event),
        count=(AccountChange(customer_id, activity_count=1),),
        add=units,
    )
    return CouponDecision(coupon, changes)


def check_may_be_issued(reward: Reward) -> None:
    """Raise unless coupons of ``reward`` may be made or given: from ``draft`` on, until archived.

    Raises:
        RewardNotActive: the reward is archived.
    """
    if reward.status is RewardStatus.ARCHIVED:
        raise rewards.RewardNotActive(
            "the reward is archived",
            fix="create a new reward",
            facts={"reward_status": reward.status},
        )


def claimed(
    coupon: Coupon, customer_id: str, *, reward: Reward, settings: Settings, at: datetime
) -> Coupon:
    """Return ``coupon`` in the customer's hands from ``at`` on; an expiry of its own stays."""
    return replace(
        coupon,
        status=CouponStatus.CLAIMED,
        customer_id=customer_id,
        claimed_at=at,
        expires_at=coupon.expires_at
        or rewards.expiry_of_claim(reward, claimed_at=at, time_zone=settings.time_zone),
    )


def decide_claim(  # noqa: PLR0913
    coupon: Coupon,
    customer_id: str,
    *,
    reward: Reward,
    settings: Settings,
    event_id: str,
    origin: Origin,
    units: tuple[UnitTaken, ...] = (),
) -> CouponDecision:
    """Decide that the customer gets the unassigned ``coupon``; ``units`` are those of its limits.

    Raises:
        CouponAlreadyClaimed, CouponAlreadyRedeemed, CouponExpired, CouponInvalid: by its status.
        RewardNotActive: the reward is archived.
    """
    status = status_at(coupon, origin.recorded_at)
    if status is not CouponStatus.UNASSIGNED:
        raise refused_by_status(coupon, status)
    check_may_be_issued(reward)
    if coupon.shared:
        raise CouponAlreadyClaimed(
            "a shared code is for everybody, so nobody can claim it",
            fix="redeem it, with customer_id",
            facts={"coupon_status": status},
        )
    after = claimed(coupon, customer_id, reward=reward, settings=settings, at=origin.recorded_at)
    claim = with_event(coupon, after, EventType.COUPON_CLAIMED, event_id=event_id, origin=origin)
    return replace(claim, changes=claim.changes + Changes(add=units))


def decide_expiry_change(
    coupon: Coupon, expires_at: datetime | None, *, event_id: str, origin: Origin
) -> CouponDecision:
    """Decide a new expiry; None means never, one that has passed makes the coupon due.

    Raises:
        CouponAlreadyRedeemed, CouponExpired, CouponInvalid: by its status.
    """
    status = status_at(coupon, origin.recorded_at)
    if status not in _RUNNING_OUT:
        raise refused_by_status(coupon, status)
    if coupon.expires_at == expires_at:
        return CouponDecision(coupon, Changes())
    return with_event(
        coupon,
        replace(coupon, expires_at=expires_at),
        EventType.COUPON_EXPIRY_CHANGED,
        event_id=event_id,
        origin=origin,
        detail={
            "expires_at": moments.iso_or_none(expires_at),
            "expires_at_before": moments.iso_or_none(coupon.expires_at),
        },
        while_active=False,
    )


def decide_expiry(coupon: Coupon, *, event_id: str, origin: Origin) -> CouponDecision | None:
    """Decide to record that ``coupon`` ran out, or None when it has not, or is no longer open.

    The event says that it happened when the expiry passed, however late that is recorded.
    """
    due = runs_out_at(coupon)
    if due is None or due > origin.recorded_at:
        return None
    return with_event(
        coupon,
        replace(coupon, status=CouponStatus.EXPIRED),
        EventType.COUPON_EXPIRED,
        event_id=event_id,
        origin=origin,
        occurred_at=due,
        while_active=False,
    )


def with_event(  # noqa: PLR0913
    before: Coupon,
    after: Coupon,
    event_type: EventType,
    *,
    event_id: str,
    origin: Origin,
    occurred_at: datetime | None = None,
    detail: dict[str, str | int | None] | None = None,
    while_active: bool = True,
) -> CouponDecision:
    """Return the change with its line in the history of the assignee, if there is one."""
    changes = Changes(update=((before, after),))
    if after.customer_id is not None:
        event = activity.event(
            event_type,
            event_id=event_id,
            customer_id=after.customer_id,
            origin=origin,
            occurred_at=occurred_at,
            code=after.code,
            reward_id=after.reward_id,
            detail={"status": after.status} | (detail or {}),
        )
        count = AccountChange(after.customer_id, activity_count=1, while_active=while_active)
        changes += Changes(create=(event,), count=(count,))
    return CouponDecision(after, changes)
