"""What a request says of a purchase and the coupon used at it, and what it means to the core."""

from typing import Annotated, Any, Literal

import msgspec

from chalicelib.api.web import bodies
from chalicelib.api.web.blueprint import Call
from chalicelib.api.web.bodies import Currency, Identifier, MinorAmount, Moment
from chalicelib.core.activity import Channel
from chalicelib.core.coupons.baskets import Line
from chalicelib.core.coupons.redemptions import RedeemCoupon
from chalicelib.core.coupons.reversals import UnredeemCoupon

OrderId = Annotated[str, bodies.text(64, description="of the purchase, in your till or shop")]


Comment = Annotated[str, bodies.text(500, description="for staff only")]


RedemptionChannel = Literal["console", "scanner", "checkout", "event", "wallet", "cli"]


class LineBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the purchase; the amount is for the whole quantity."""

    product: Annotated[str, bodies.text(64)]
    category: Annotated[str, bodies.text(64)] | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    amount_minor: MinorAmount | None = None


Lines = Annotated[tuple[LineBody, ...], msgspec.Meta(max_length=100)]


class RedemptionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A use of the coupon. ``amount_minor`` is the purchase before our coupons are taken off.

    ``redeemed_at`` is for tills that were offline; others leave it out. ``hold_id`` names the hold
    that is used; that of the order is found without.
    """

    customer_id: Identifier | None = None
    amount_minor: MinorAmount | None = None
    currency: Currency | None = None
    order_id: OrderId | None = None
    comment: Comment | None = None
    location_id: Identifier | None = None
    channel: RedemptionChannel | None = None
    redeemed_at: Moment | None = None
    lines: Lines = ()
    hold_id: Identifier | None = None


class UnredeemBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which redemption to take back, by default the latest, and why."""

    redemption_id: Identifier | None = None
    reason: Annotated[str, bodies.text(500)] | None = None


def command_of(call: Call[Any, Any], body: RedemptionBody, code: str) -> RedeemCoupon:
    """Return the request to redeem that ``body`` is, under the key of ``call``."""
    new_id = call.services.new_id
    claimed_id, redeemed_id, card_event_id = sorted(new_id("evt", call.now) for _ in range(3))
    return RedeemCoupon(
        code=code,
        redemption_id=new_id("rdm", body.redeemed_at or call.now),
        event_ids=(claimed_id, redeemed_id),
        customer_id=body.customer_id,
        amount_minor=body.amount_minor,
        currency=body.currency,
        order_id=body.order_id,
        comment=body.comment,
        location_id=body.location_id,
        redeemed_at=body.redeemed_at,
        lines=lines_of(body.lines),
        hold_id=body.hold_id,
        request=call.request,
        card_event_id=card_event_id,
    )


def lines_of(lines: Lines) -> tuple[Line, ...]:
    """Return the lines of a purchase in the core's words."""
    return tuple(
        Line(line.product, line.category, line.quantity, line.amount_minor) for line in lines
    )


def channel_of(body: Any) -> Channel:
    """Return through what the coupon was used."""
    return Channel(body.channel) if body.channel else Channel.API


def reversal_command(call: Call[Any, Any], body: UnredeemBody, code: str) -> UnredeemCoupon:
    """Return the request to take a redemption back that ``body`` is, under the key of ``call``."""
    event_id, card_event_id = sorted(call.services.new_id("evt", call.now) for _ in range(2))
    return UnredeemCoupon(
        code=code,
        event_id=event_id,
        redemption_id=body.redemption_id,
        reason=body.reason,
        request=call.request,
        card_event_id=card_event_id,
    )
