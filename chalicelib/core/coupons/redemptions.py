"""Redemptions: the record of each use of a coupon, and the request to make one."""

from datetime import datetime

import msgspec

from chalicelib.core import activity, errors
from chalicelib.core.coupons.baskets import Line
from chalicelib.core.coupons.coupons import CouponStatus, RedemptionRef
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.rewards.limits import UnitTaken
from chalicelib.core.rewards.rewards import Discount


class RedemptionNotFound(errors.NotFound):
    """The coupon has no redemption with this id."""

    code = "redemption_not_found"


class RedeemedAtOutOfRange(errors.Invalid):
    """The time of use is in the future, or too long ago for a late upload."""

    code = "redeemed_at_out_of_range"


class PurchaseAmountRequired(errors.Invalid):
    """The reward asks for the amount of the purchase."""

    code = "purchase_amount_required"


class MinimumPurchaseNotMet(errors.Invalid):
    """The purchase is smaller than the reward asks for."""

    code = "minimum_purchase_not_met"


class RedeemCoupon(msgspec.Struct, frozen=True):
    """A request to redeem.

    The ids are made once per request, so that the same attempt is known again when it is decided
    a second time; ``redemption_id`` is a ULID of the time of use. ``redeemed_at`` is given for a
    late upload only. ``amount_minor`` is the purchase before our coupons are taken off. A use
    that was held for the order is found by ``hold_id``, or by the order. ``card_event_id`` is for
    the card that turns into another one.
    """

    code: str
    redemption_id: str
    event_ids: tuple[str, str]
    customer_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    order_id: str | None = None
    comment: str | None = None
    location_id: str | None = None
    redeemed_at: datetime | None = None
    lines: tuple[Line, ...] = ()
    hold_id: str | None = None
    request: KeyedRequest | None = None
    card_event_id: str = ""


class Reversal(msgspec.Struct, frozen=True):
    """That a redemption no longer stands: when, by whom, and why."""

    reversed_at: datetime
    reversed_by: str
    reason: str | None


class CardAfter(msgspec.Struct, frozen=True):
    """What a redemption turned a card into."""

    serial: str
    card_type: str
    template_id: str
    stamps: int


class Redemption(msgspec.Struct, frozen=True):
    """The record of one use of a coupon, kept for ever; only ``reversal`` is ever added.

    ``counted_minor``, ``counted_visits``, ``newest_visit``, ``coupon_*`` and ``card`` are what it
    changed, so that its answer can be given again. ``previous`` stood for the coupon before it. A
    guest's has no customer. ``units`` are those that a use of a shared code took from the limits;
    ``exclusive`` is the reward's rule at the time.
    """

    redemption_id: str
    code: str
    reward_id: str
    customer_id: str | None
    redeemed_at: datetime
    recorded_at: datetime
    actor: str
    channel: activity.Channel
    currency: str
    discount: Discount
    coupon_status: CouponStatus
    coupon_usages: int
    coupon_claimed: bool = False
    counted_minor: int = 0
    counted_visits: int = 0
    newest_visit: bool = False
    amount_minor: int | None = None
    order_id: str | None = None
    comment: str | None = None
    location_id: str | None = None
    lines: tuple[Line, ...] = ()
    previous: RedemptionRef | None = None
    reversal: Reversal | None = None
    units: tuple[UnitTaken, ...] = ()
    exclusive: bool = False
    coupon_balance_minor: int | None = None
    card: CardAfter | None = None
    version: int = 0
