"""A coupon card that turns into a stamp or points card when it is redeemed, and back.

The same card: same serial, same pass on the phone. Where it was installed stays counted under the
template that it was installed from.
"""

from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from chalicelib.core import activity
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.cards import cards
from chalicelib.core.cards.cards import Card
from chalicelib.core.cards.templates import CardTemplate, CardType
from chalicelib.core.changes import Changes
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.coupons.reversals import LinkedCardInUse
from chalicelib.core.coupons.uses import Use
from chalicelib.core.settings import Settings


class Link(msgspec.Struct, frozen=True):
    """What the cards of a template turn into; ``credits_visit``: the visit is a first stamp."""

    linked: CardTemplate
    credits_visit: bool


class CardConverted(msgspec.Struct, frozen=True):
    """What is set on a card that nobody has read: a redemption has no time to.

    Refused unless the card is the coupon card that it was.
    """

    serial: str
    converted_by: str
    card_type: CardType
    shown_template_id: str
    stamps: int
    expires_at: datetime | None
    shown_at: datetime


def decide_conversion(
    use: Use, link: Link | None, *, settings: Settings, event_id: str, origin: Origin
) -> Changes:
    """Return what the use of a card's coupon writes beside the rest, with the event to count.

    Nothing where the coupon has no card, its template no link, or uses are left.
    """
    card, redemption = use.after.card, use.redemption
    if card is None or link is None or use.after.status is not CouponStatus.REDEEMED:
        return Changes()
    if redemption.customer_id is None:
        return Changes()
    linked = link.linked
    stamped = link.credits_visit and linked.card_type is CardType.STAMP
    converted = CardConverted(
        serial=card.serial,
        converted_by=redemption.redemption_id,
        card_type=linked.card_type,
        shown_template_id=linked.template_id,
        stamps=int(stamped),
        expires_at=cards.expiry_of(linked, since=origin.recorded_at, settings=settings),
        # The card is not read: the next second is later than one that was issued in this one.
        shown_at=cards.whole_second(origin.recorded_at) + timedelta(seconds=1),
    )
    event = activity.event(
        EventType.CARD_CONVERTED,
        event_id=event_id,
        customer_id=redemption.customer_id,
        origin=origin,
        occurred_at=redemption.redeemed_at,
        code=redemption.code,
        reward_id=redemption.reward_id,
        redemption_id=redemption.redemption_id,
        detail={
            "serial": card.serial,
            "template_id": linked.template_id,
            "card_type": linked.card_type,
            "card_type_before": CardType.COUPON,
            "stamps": converted.stamps,
        },
    )
    return Changes(create=(event,), add=(converted,))


def decide_undo(card: Card | None, *, redemption_id: str, event_id: str, origin: Origin) -> Changes:
    """Return what taking back a redemption writes of the card that it converted.

    The card is a coupon card again.

    Raises:
        LinkedCardInUse: it has collected stamps since.
    """
    if card is None or card.converted_by != redemption_id:
        return Changes()
    if card.rewards_given or card.stamps != card.credited_stamps:
        raise LinkedCardInUse(
            "the card that the coupon turned into has been used since",
            fix="leave the redemption as it is",
            facts={"serial": card.serial, "stamps": card.stamps},
        )
    after = replace(
        card,
        card_type=CardType.COUPON,
        shown_template_id=card.template_id,
        converted_by=None,
        stamps=0,
        credited_stamps=0,
        expires_at=None,
        shown_at=cards.next_shown_at(card, origin.recorded_at),
    )
    event = activity.event(
        EventType.CARD_CONVERTED,
        event_id=event_id,
        customer_id=card.customer_id,
        origin=origin,
        code=card.code,
        redemption_id=redemption_id,
        detail={
            "serial": card.serial,
            "template_id": card.template_id,
            "card_type": CardType.COUPON,
            "card_type_before": card.card_type,
            "stamps": 0,
        },
    )
    return Changes(create=(event,), update=((card, after),))
