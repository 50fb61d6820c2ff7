"""Redemptions and their reversals as the API shows them."""

from datetime import datetime
from typing import Any

import msgspec

from chalicelib.api.coupons.coupon_views import CouponView, view_of
from chalicelib.core.activity import Channel
from chalicelib.core.coupons.baskets import Line
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.coupons.redemptions import CardAfter, Redemption
from chalicelib.core.rewards.rewards import RewardType
from chalicelib.usecases.coupons.reversals import Reversed


class DiscountView(msgspec.Struct, frozen=True, kw_only=True):
    """What the coupon takes off. ``value`` is in basis points for a percentage, else minor units.

    ``amount_off_minor`` is null where the purchase is not known or the reward is not money.
    """

    type: RewardType
    value: int | None
    amount_off_minor: int | None


class ReversalView(msgspec.Struct, frozen=True, kw_only=True):
    reversed_at: datetime
    reversed_by: str
    reason: str | None


class RedemptionView(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a coupon; ``reversal`` says that it no longer stands."""

    id: str
    code: str
    reward_id: str
    customer_id: str | None
    redeemed_at: datetime
    recorded_at: datetime
    amount_minor: int | None
    currency: str
    order_id: str | None
    comment: str | None
    location_id: str | None
    channel: Channel
    actor: str
    lines: tuple[Line, ...]
    discount: DiscountView
    reversal: ReversalView | None


class CouponAfter(msgspec.Struct, frozen=True, kw_only=True):
    """What the redemption made of the coupon."""

    status: CouponStatus
    usages: int
    claimed: bool
    balance_minor: int | None


class CustomerChange(msgspec.Struct, frozen=True, kw_only=True):
    """What was added to the customer's counters; ``last_visit_at`` unless a newer visit stands."""

    lifetime_value_minor: int
    visits: int
    coupons_used: int
    last_visit_at: datetime | None = None


class TurnedCard(msgspec.Struct, frozen=True, kw_only=True):
    """What the redemption turned the coupon's card into."""

    serial: str
    type: str
    shown_template_id: str
    stamps: int


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """``card`` is null where no card turned into another."""

    coupon: CouponAfter
    customer: CustomerChange | None
    card: TurnedCard | None


class RedeemedView(RedemptionView, frozen=True, kw_only=True):
    """The redemption, and every value that it changed."""

    changed: Changed


class PageRedemptionView(msgspec.Struct, frozen=True, kw_only=True):
    """What a publishable key is told of a redemption: nobody's data, no comments of staff."""

    id: str
    code: str
    redeemed_at: datetime
    currency: str
    discount: DiscountView
    coupon_status: CouponStatus
    balance_minor: int | None


class ReversedView(msgspec.Struct, frozen=True, kw_only=True):
    """The coupon and the redemption after the reversal, and what it took from the customer."""

    coupon: CouponView
    redemption: RedemptionView
    customer: CustomerChange | None


def _fields(redemption: Redemption) -> dict[str, Any]:
    discount = redemption.discount
    return {
        "id": redemption.redemption_id,
        "code": redemption.code,
        "reward_id": redemption.reward_id,
        "customer_id": redemption.customer_id,
        "redeemed_at": redemption.redeemed_at,
        "recorded_at": redemption.recorded_at,
        "amount_minor": redemption.amount_minor,
        "currency": redemption.currency,
        "order_id": redemption.order_id,
        "comment": redemption.comment,
        "location_id": redemption.location_id,
        "channel": redemption.channel,
        "actor": redemption.actor,
        "lines": redemption.lines,
        "discount": DiscountView(
            type=discount.reward_type,
            value=discount.value,
            amount_off_minor=discount.amount_off_minor,
        ),
    }


def redemption_view(redemption: Redemption) -> RedemptionView:
    reversal = redemption.reversal
    return RedemptionView(
        **_fields(redemption),
        reversal=None
        if reversal is None
        else ReversalView(
            reversed_at=reversal.reversed_at,
            reversed_by=reversal.reversed_by,
            reason=reversal.reason,
        ),
    )


def page_view(redemption: Redemption) -> PageRedemptionView:
    discount = redemption.discount
    return PageRedemptionView(
        id=redemption.redemption_id,
        code=redemption.code,
        redeemed_at=redemption.redeemed_at,
        currency=redemption.currency,
        discount=DiscountView(
            type=discount.reward_type,
            value=discount.value,
            amount_off_minor=discount.amount_off_minor,
        ),
        coupon_status=redemption.coupon_status,
        balance_minor=redemption.coupon_balance_minor,
    )


def redeemed_view(redemption: Redemption) -> RedeemedView:
    """Return the first answer to a redemption, from its record alone."""
    return RedeemedView(
        **_fields(redemption),
        reversal=None,
        changed=Changed(
            coupon=CouponAfter(
                status=redemption.coupon_status,
                usages=redemption.coupon_usages,
                claimed=redemption.coupon_claimed,
                balance_minor=redemption.coupon_balance_minor,
            ),
            customer=None
            if redemption.customer_id is None
            else CustomerChange(
                lifetime_value_minor=redemption.counted_minor,
                visits=redemption.counted_visits,
                coupons_used=1,
                last_visit_at=redemption.redeemed_at if redemption.newest_visit else None,
            ),
            card=_card(redemption.card),
        ),
    )


def _card(card: CardAfter | None) -> TurnedCard | None:
    if card is None:
        return None
    return TurnedCard(
        serial=card.serial,
        type=card.card_type,
        shown_template_id=card.template_id,
        stamps=card.stamps,
    )


def reversed_view(done: Reversed, now: datetime) -> ReversedView:
    """Return the answer to a reversal."""
    return ReversedView(
        coupon=view_of(done.coupon, now),
        redemption=redemption_view(done.redemption),
        customer=None
        if done.redemption.customer_id is None
        else CustomerChange(
            lifetime_value_minor=done.lifetime_value_minor,
            visits=done.visits,
            coupons_used=-1,
        ),
    )
