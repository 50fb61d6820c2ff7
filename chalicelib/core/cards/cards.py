"""Cards: one customer's copy of a template, on the phone or on the way to it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from chalicelib.core import activity, errors, moments
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.cards import templates, values
from chalicelib.core.cards.templates import CardTemplate, CardType
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import coupons, invalidations
from chalicelib.core.coupons.coupons import CardRef, Coupon, CouponDecision, CouponStatus
from chalicelib.core.customers import accounts
from chalicelib.core.customers.accounts import AccountChange
from chalicelib.core.settings import Settings


class CardNotFound(errors.NotFound):
    """No card has this serial."""

    code = "card_not_found"


class CardDeleted(errors.Refused):
    """Staff deleted the card, for good."""

    code = "card_deleted"


class CardStatus(StrEnum):
    """The life of a card. Values are public."""

    NOT_INSTALLED = "not_installed"
    INSTALLED = "installed"
    DELETED = "deleted"


class Holder(msgspec.Struct, frozen=True):
    """The holder's details as they were when the card was issued; the profile may go on."""

    first_name: str | None = None
    last_name: str | None = None


class Card(msgspec.Struct, frozen=True):
    """A card of a customer.

    ``template_id`` is what it was issued from and, however it is converted, what its installation
    counts for; ``shown_template_id`` is what it shows: another one once it was converted, by the
    redemption ``converted_by``. ``secret`` opens its page and is its token for Apple's web
    service: it never changes. ``code`` is the coupon of a coupon card, and stays when the card
    turns into another.

    ``installations`` counts the devices and browsers that have it. ``shown_at`` is the moment of
    the last change of anything that the card shows, in whole seconds and later each time, as
    phones compare it.
    ``stamps`` are those towards the next reward; ``rewards_given`` says how often it was full, and
    ``credited_stamps`` how many it began with when it was converted.
    ``promotions`` are the chosen ones.
    """

    serial: str
    template_id: str
    shown_template_id: str
    card_type: CardType
    customer_id: str
    issued_at: datetime
    shown_at: datetime
    secret: str
    status: CardStatus = CardStatus.NOT_INSTALLED
    installations: int = 0
    holder: Holder = Holder()
    code: str | None = None
    converted_by: str | None = None
    stamps: int = 0
    rewards_given: int = 0
    credited_stamps: int = 0
    expires_at: datetime | None = None
    custom_values: Mapping[str, str] = msgspec.field(default_factory=dict)
    utm: Mapping[str, str] = msgspec.field(default_factory=dict)
    promotions: tuple[str, ...] = ()
    version: int = 0


def not_found() -> CardNotFound:
    """Return the error for a serial that names no card."""
    return CardNotFound("no card has this serial", fix="check the serial")


class CardDecision(msgspec.Struct, frozen=True):
    """The card after an action, and what that writes."""

    card: Card
    changes: Changes


class NewCard(msgspec.Struct, frozen=True):
    """What a request asks for, with the names that the machine gives to it."""

    serial: str
    secret: str
    customer_id: str
    holder: Holder = Holder()
    custom_values: Mapping[str, str] = msgspec.field(default_factory=dict)
    utm: Mapping[str, str] = msgspec.field(default_factory=dict)


def whole_second(moment: datetime) -> datetime:
    """Return the second that ``moment`` lies in."""
    return moment.replace(microsecond=0)


def next_shown_at(card: Card, now: datetime) -> datetime:
    """Return the moment of a change of what the card shows, later than that of the last one."""
    return max(whole_second(now), card.shown_at + timedelta(seconds=1))


def decide_issue(  # noqa: PLR0913
    new: NewCard,
    template: CardTemplate,
    *,
    claim: CouponDecision | None,
    settings: Settings,
    event_id: str,
    origin: Origin,
) -> CardDecision:
    """Decide a new card of the template; ``claim`` is what gives a coupon card its coupon.

    Raises:
        TemplateArchived: the template makes no new cards.
        Invalid: a custom value is not what its field asks for.
    """
    templates.check_makes_cards(template)
    values.check(new.custom_values, template.custom_fields)
    assert (claim is not None) == (template.card_type is CardType.COUPON), "one has one"
    now = origin.recorded_at
    card = Card(
        serial=new.serial,
        template_id=template.template_id,
        shown_template_id=template.template_id,
        card_type=template.card_type,
        customer_id=new.customer_id,
        issued_at=now,
        shown_at=whole_second(now),
        secret=new.secret,
        holder=new.holder,
        code=claim.coupon.code if claim else None,
        expires_at=expiry_of(template, since=now, settings=settings),
        custom_values=new.custom_values,
        utm=new.utm,
    )
    event = _event(EventType.CARD_ISSUED, card, event_id=event_id, origin=origin)
    changes = Changes(
        create=(card, event), count=(AccountChange(card.customer_id, activity_count=1),)
    )
    if claim is not None:
        changes = with_card(claim, card).changes + changes
    return CardDecision(card, replace(changes, count=accounts.merged(changes.count)))


def with_card(claim: CouponDecision, card: Card | None) -> CouponDecision:
    """Return the decision on a coupon, which says from now on that the card, or none, shows it."""
    ((before, _),) = claim.changes.update
    after = replace(claim.coupon, card=CardRef(card.serial, card.template_id) if card else None)
    return CouponDecision(after, replace(claim.changes, update=((before, after),)))


def expiry_of(template: CardTemplate, *, since: datetime, settings: Settings) -> datetime | None:
    """Return when a card of the template ends that began at ``since``; None is never.

    A coupon card ends with its coupon, so it has none of its own.
    """
    if template.valid_days is None:
        return None
    return moments.end_of_day(since, days_later=template.valid_days, time_zone=settings.time_zone)


def decide_deletion(
    card: Card, coupon: Coupon | None, *, event_ids: tuple[str, str], origin: Origin
) -> CardDecision:
    """Decide that the card works no more, for good; on the phone it shows as void.

    The coupon of a coupon card goes with it while it is claimed; used or expired it stays what
    it is.

    Raises:
        CardDeleted: it is deleted already.
    """
    check_not_deleted(card)
    now = origin.recorded_at
    after = replace(card, status=CardStatus.DELETED, shown_at=next_shown_at(card, now))
    changes = _with_event(after, EventType.CARD_DELETED, event_ids[1], origin)
    changes += Changes(update=((card, after),))
    if coupon is not None and is_shown_by(coupon, card):
        free = CouponDecision(coupon, Changes(update=((coupon, coupon),)))
        if coupons.status_at(coupon, now) is CouponStatus.CLAIMED:
            free = invalidations.decide_invalidation(
                coupon,
                reason="its card was deleted",
                in_bulk=False,
                event_id=event_ids[0],
                origin=origin,
            )
        changes = with_card(free, None).changes + changes
    return CardDecision(after, replace(changes, count=accounts.merged(changes.count)))


class CardPatch(msgspec.Struct, frozen=True):
    """What is to change; UNSET stays. ``expires_at`` None means never."""

    expires_at: datetime | msgspec.UnsetType | None = msgspec.UNSET
    custom_values: Mapping[str, str] | msgspec.UnsetType = msgspec.UNSET
    promotions: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


def decide_update(  # noqa: PLR0913
    card: Card,
    patch: CardPatch,
    template: CardTemplate,
    *,
    coupon: Coupon | None,
    event_id: str,
    origin: Origin,
) -> CardDecision:
    """Decide what staff, or the customer who installs the card, change of it.

    ``template`` is the one it was issued from, ``coupon`` that of its code. While it is a coupon
    card its end is that of its coupon: one change and one event.

    Raises:
        CardDeleted: it is deleted.
        Invalid: a custom value is not what its field asks for, or there is no such promotion.
        CouponAlreadyRedeemed, CouponExpired, CouponInvalid: the end of such a coupon stays.
    """
    check_not_deleted(card)
    after, changes = card, Changes()
    if patch.custom_values is not msgspec.UNSET:
        values.check(patch.custom_values, template.custom_fields)
        after = replace(after, custom_values=patch.custom_values)
    if patch.promotions is not msgspec.UNSET:
        _check_promotions(patch.promotions, template)
        after = replace(after, promotions=patch.promotions)
    moved = False
    if patch.expires_at is not msgspec.UNSET:
        if card.card_type is CardType.COUPON:
            assert coupon is not None, "a coupon card has a coupon"
            end = coupons.decide_expiry_change(
                coupon, patch.expires_at, event_id=event_id, origin=origin
            )
            moved, changes = end.coupon != coupon, end.changes
        elif card.expires_at != patch.expires_at:
            after = replace(after, expires_at=patch.expires_at)
            changes = _expiry_changed(card, after, event_id=event_id, origin=origin)
    if after == card and not moved:
        return CardDecision(card, changes)
    after = replace(after, shown_at=next_shown_at(card, origin.recorded_at))
    return CardDecision(after, changes + Changes(update=((card, after),)))


def _check_promotions(chosen: tuple[str, ...], template: CardTemplate) -> None:
    known = {promotion.promotion_id for promotion in template.promotions}
    faults = tuple(
        errors.Fault(f"/promotions/{place}", "not_allowed", "the template has no such promotion")
        for place, promotion_id in enumerate(chosen)
        if promotion_id not in known
    )
    if faults:
        raise errors.Invalid(
            "the card names promotions that its template has not",
            fix="correct the fields listed in errors",
            faults=faults,
        )


def _expiry_changed(before: Card, after: Card, *, event_id: str, origin: Origin) -> Changes:
    detail: dict[str, str | int | None] = {
        "expires_at": moments.iso_or_none(after.expires_at),
        "expires_at_before": moments.iso_or_none(before.expires_at),
    }
    return _with_event(after, EventType.CARD_EXPIRY_CHANGED, event_id, origin, detail)


def check_not_deleted(card: Card) -> None:
    """Raise unless the card works.

    Raises:
        CardDeleted: staff deleted it.
    """
    if card.status is CardStatus.DELETED:
        raise CardDeleted(
            "the card is deleted", fix="issue another card", facts={"card_status": card.status}
        )


def is_shown_by(coupon: Coupon, card: Card) -> bool:
    """Whether the card is the one that shows the coupon, and its holder still has it."""
    return (
        coupon.card is not None
        and coupon.card.serial == card.serial
        and coupon.customer_id == card.customer_id
    )


def is_void(card: Card, coupon: Coupon | None, *, now: datetime) -> bool:
    """Whether nothing can be had for the card: it is deleted, ended, or its coupon is used up.

    ``coupon`` is that of the card's code, and matters while it is a coupon card.
    """
    if card.status is CardStatus.DELETED:
        return True
    if card.card_type is CardType.COUPON:
        assert coupon is not None, "a coupon card has a coupon"
        claimed = coupons.status_at(coupon, now) is CouponStatus.CLAIMED
        return not (claimed and is_shown_by(coupon, card))
    return card.expires_at is not None and card.expires_at <= now


def _with_event(
    after: Card,
    event_type: EventType,
    event_id: str,
    origin: Origin,
    detail: Mapping[str, str | int | None] | None = None,
) -> Changes:
    event = _event(event_type, after, event_id=event_id, origin=origin, detail=detail)
    # What staff correct is not stopped by an excluded customer.
    count = AccountChange(after.customer_id, activity_count=1, while_active=False)
    return Changes(create=(event,), count=(count,))


def _event(
    event_type: EventType,
    card: Card,
    *,
    event_id: str,
    origin: Origin,
    detail: Mapping[str, str | int | None] | None = None,
) -> activity.ActivityEvent:
    return activity.event(
        event_type,
        event_id=event_id,
        customer_id=card.customer_id,
        origin=origin,
        code=card.code,
        detail={
            "serial": card.serial,
            "template_id": card.shown_template_id,
            "card_type": card.card_type,
            **(detail or {}),
        },
    )
