"""Stamps: a full stamp card gives its reward and starts again."""

from typing import Final

import msgspec
from msgspec.structs import replace

from chalicelib.core import activity, errors
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.cards import cards
from chalicelib.core.cards.cards import Card, CardDecision
from chalicelib.core.cards.templates import CardTemplate, CardType
from chalicelib.core.changes import Changes
from chalicelib.core.coupons.coupons import CouponDecision
from chalicelib.core.customers import accounts
from chalicelib.core.customers.accounts import AccountChange

AT_ONCE_MAX: Final = 10
"""Stamps for one visit, at most; a card is full at most once for them."""


class NoStampCard(errors.Refused):
    """The card is of another type, so it collects no stamps."""

    code = "no_stamp_card"


class CardExpired(errors.Refused):
    """The card has ended."""

    code = "card_expired"


class Filled(msgspec.Struct, frozen=True):
    """Whether the stamps fill the card, and how many are left over for the next round."""

    full: bool
    stamps: int


def filled_by(card: Card, count: int, template: CardTemplate) -> Filled:
    """Return what ``count`` more stamps make of the card."""
    assert template.stamps_needed is not None, "a stamp template says how many"
    stamps = card.stamps + count
    full = stamps >= template.stamps_needed
    return Filled(full, stamps - template.stamps_needed if full else stamps)


def check_collects(card: Card, template: CardTemplate, count: int, *, origin: Origin) -> None:
    """Raise unless the card takes ``count`` stamps now.

    Raises:
        CardDeleted, CardExpired, NoStampCard: it collects none.
        Invalid: so many would fill it twice.
    """
    cards.check_not_deleted(card)
    if card.card_type is not CardType.STAMP:
        raise NoStampCard(
            "the card collects no stamps",
            fix="use a stamp card",
            facts={"card_type": card.card_type},
        )
    if cards.is_void(card, None, now=origin.recorded_at):
        raise CardExpired("the card has ended", fix="issue another card, or change its end")
    assert template.stamps_needed is not None, "a stamp template says how many"
    if filled_by(card, count, template).stamps >= template.stamps_needed:
        raise errors.Invalid(
            "so many stamps would fill the card twice",
            fix=f"send at most {template.stamps_needed}",
            pointer="/count",
        )


def decide_stamps(  # noqa: PLR0913
    card: Card,
    count: int,
    template: CardTemplate,
    *,
    reward: CouponDecision | None,
    event_id: str,
    origin: Origin,
) -> CardDecision:
    """Decide that the card gets ``count`` stamps; ``reward`` is what a full one gives.

    Raises:
        What :func:`check_collects` refuses.
    """
    check_collects(card, template, count, origin=origin)
    filled = filled_by(card, count, template)
    assert filled.full == (reward is not None), "a full card gives its reward"
    after = replace(
        card,
        stamps=filled.stamps,
        rewards_given=card.rewards_given + int(filled.full),
        shown_at=cards.next_shown_at(card, origin.recorded_at),
    )
    event = activity.event(
        EventType.CARD_STAMPED,
        event_id=event_id,
        customer_id=card.customer_id,
        origin=origin,
        code=reward.coupon.code if reward else None,
        reward_id=template.reward_id if reward else None,
        detail={
            "serial": card.serial,
            "count": count,
            "stamps": after.stamps,
            "rewards_given": after.rewards_given,
        },
    )
    changes = Changes(
        create=(event,),
        update=((card, after),),
        count=(AccountChange(card.customer_id, activity_count=1),),
    )
    if reward is not None:
        changes = reward.changes + changes
    return CardDecision(after, replace(changes, count=accounts.merged(changes.count)))
