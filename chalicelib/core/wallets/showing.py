"""What a card shows at a moment, in whatever wallet it is."""

from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.core.cards import cards
from chalicelib.core.cards.cards import Card, CardStatus
from chalicelib.core.cards.templates import CardTemplate, CardType, Promotion
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.settings import Settings


class Showing(msgspec.Struct, frozen=True):
    """What a card shows now. ``template`` is the one it shows; ``coupon`` is that of its code.

    A coupon card whose coupon is not there buys nothing.
    """

    card: Card
    template: CardTemplate
    coupon: Coupon | None
    settings: Settings
    now: datetime


class State(StrEnum):
    """Whether a card buys anything, and if not, why."""

    WORKS = "works"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


def state_of(showing: Showing) -> State:
    """Return whether the card buys anything; see :func:`chalicelib.core.cards.cards.is_void`."""
    card, coupon = showing.card, showing.coupon
    if card.status is CardStatus.DELETED:
        return State.WITHDRAWN
    if card.card_type is not CardType.COUPON:
        return State.EXPIRED if cards.is_void(card, coupon, now=showing.now) else State.WORKS
    if coupon is None or not cards.is_shown_by(coupon, card):
        return State.WITHDRAWN
    states = {
        CouponStatus.CLAIMED: State.WORKS,
        CouponStatus.REDEEMED: State.REDEEMED,
        CouponStatus.EXPIRED: State.EXPIRED,
    }
    return states.get(coupons.status_at(coupon, showing.now), State.WITHDRAWN)


def expires_at(card: Card, coupon: Coupon | None) -> datetime | None:
    """Return when the card ends: a coupon card with its coupon."""
    if card.card_type is CardType.COUPON and coupon is not None:
        return coupon.expires_at
    return card.expires_at


def promotions_of(showing: Showing) -> list[Promotion]:
    """Return what the card announces at this moment."""
    now = showing.now
    return [
        each
        for each in showing.template.promotions
        if (each.active_from is None or each.active_from <= now)
        and (each.active_until is None or now < each.active_until)
        and (not each.chosen_only or each.promotion_id in showing.card.promotions)
    ]


def code_of(card: Card) -> str:
    """Return what the till scans: the code of the coupon, or the card itself."""
    if card.card_type is CardType.COUPON and card.code is not None:
        return card.code
    return card.serial


def title_of(template: CardTemplate) -> str:
    """Return what stands on the card above everything else."""
    return template.title or template.name


def holder_of(card: Card) -> str:
    """Return the holder's name as it was when the card was issued; empty where it is not known."""
    return " ".join(part for part in (card.holder.first_name, card.holder.last_name) if part)
