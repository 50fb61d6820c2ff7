"""Redeeming: one coupon, or several in one order, as one change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors, idempotency
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import uses
from chalicelib.core.coupons.coupons import Coupon, not_found
from chalicelib.core.coupons.redemptions import CardAfter, RedeemCoupon, Redemption
from chalicelib.core.coupons.uses import Use
from chalicelib.core.customers.accounts import Account
from chalicelib.core.customers.orders import NotCombinable, Order
from chalicelib.core.rewards.limits import NOTHING_KNOWN, Ledger
from chalicelib.core.rewards.rewards import Reward
from chalicelib.core.settings import Settings

if TYPE_CHECKING:  # Most coupons have no card.
    from chalicelib.core.cards.conversions import Link


class RedemptionDecision(msgspec.Struct, frozen=True):
    """What to tell the caller, and what to write before telling them."""

    redemption: Redemption
    coupon: Coupon
    changes: Changes


def decide_redemption(  # noqa: PLR0913
    command: RedeemCoupon,
    *,
    coupon: Coupon,
    reward: Reward,
    settings: Settings,
    order: Order | None,
    account: Account | None,
    origin: Origin,
    known: Ledger = NOTHING_KNOWN,
    link: Link | None = None,
) -> RedemptionDecision:
    """Decide whether ``coupon`` is redeemed, and what that writes.

    ``account`` None means that nobody has read it: then the usual case is assumed (an active
    customer, joined before, whose newest visit this is) and made a condition of the change. In the
    same way ``known`` is what has been read of the reward's limits. ``link`` is what the coupon's
    card turns into.

    Raises:
        What :func:`chalicelib.core.coupons.uses.decide_use` refuses.
    """
    use = uses.decide_use(
        command,
        coupon=coupon,
        reward=reward,
        settings=settings,
        order=order,
        account=account,
        origin=origin,
        known=known,
    )
    use, beside = _converted(command, use, link, settings=settings, origin=origin)
    made = (use.redemption.redemption_id, use.redemption.customer_id or "")
    record = idempotency.record_of(command.request, made=made, now=origin.recorded_at)
    changes = uses.changes_of(
        [(command, use)],
        order=order,
        account=account,
        origin=origin,
        beside=beside,
    )
    return RedemptionDecision(use.redemption, use.after, changes + Changes(create=record))


COUPONS_MAX: Final = 15
"""Coupons in one order that are redeemed together."""


class TooManyCoupons(errors.Refused):
    """More coupons than one order takes together."""

    code = "too_many_coupons"


class CouponInOrder(msgspec.Struct, frozen=True):
    """One coupon of several, as it was read, with the request to use it; None: nobody has it."""

    command: RedeemCoupon
    coupon: Coupon | None
    reward: Reward | None
    link: Link | None = None


class OrderDecision(msgspec.Struct, frozen=True):
    """What became of each coupon, in the order of the request, and what is written for them.

    ``total_off_minor`` is what they take off together; ``left_minor`` what is left of the
    purchase, None where its amount is not known.
    """

    outcomes: tuple[Redemption | errors.DomainError, ...]
    total_off_minor: int
    left_minor: int | None
    changes: Changes


def check_number(codes: Sequence[str]) -> None:
    """Raise unless one order takes so many coupons, each of them once.

    Raises:
        TooManyCoupons, Invalid: there are too many, or one is there twice.
    """
    if len(codes) > COUPONS_MAX:
        raise TooManyCoupons(
            f"an order takes at most {COUPONS_MAX} coupons together",
            fix="send fewer",
            pointer="/coupons",
            facts={"coupons_max": COUPONS_MAX},
        )
    for place, code in enumerate(codes):
        if code in codes[:place]:
            raise errors.Invalid(
                "the coupon is there twice",
                fix="send each coupon once",
                pointer=f"/coupons/{place}/code",
            )


def decide_order(  # noqa: PLR0913
    wanted: Sequence[CouponInOrder],
    *,
    settings: Settings,
    order: Order | None,
    account: Account | None,
    origin: Origin,
    known: Mapping[str, Ledger],
) -> OrderDecision:
    """Decide which of several coupons are used in one order; the others are refused.

    They are applied by the order of their rewards, equal ones as they were sent; each sees what the
    earlier ones left of the purchase and its lines. ``known`` is by reward what was read of its
    limits. The idempotency record is the caller's to add: it names the outcomes.
    """
    outcomes: dict[int, Redemption | errors.DomainError] = {}
    used: list[tuple[RedeemCoupon, Use]] = []
    beside = Changes()
    order_now, basket = order, None
    for place in sorted(range(len(wanted)), key=lambda at: _turn(wanted[at])):
        one = wanted[place]
        try:
            if one.coupon is None or one.reward is None:
                raise not_found()
            use = uses.decide_use(
                one.command,
                coupon=one.coupon,
                reward=one.reward,
                settings=settings,
                order=order_now,
                account=account,
                origin=origin,
                known=known.get(one.reward.reward_id, NOTHING_KNOWN),
                basket=basket,
            )
            _check_counters(used, use)
        except errors.DomainError as refusal:
            outcomes[place] = refusal
            continue
        use, converted = _converted(one.command, use, one.link, settings=settings, origin=origin)
        used.append((one.command, use))
        beside += converted
        outcomes[place] = use.redemption
        order_now, basket = use.purchase.order, use.basket
    changes = Changes()
    if used:
        changes = uses.changes_of(used, order=order, account=account, origin=origin, beside=beside)
    offs = [use.redemption.discount.amount_off_minor or 0 for _, use in used]
    return OrderDecision(
        outcomes=tuple(outcomes[place] for place in range(len(wanted))),
        total_off_minor=sum(offs),
        left_minor=basket.left_minor if basket else None,
        changes=changes,
    )


def _converted(
    command: RedeemCoupon, use: Use, link: Link | None, *, settings: Settings, origin: Origin
) -> tuple[Use, Changes]:
    """Return the use with what it turns a card into, and what that writes."""
    if link is None:
        return use, Changes()
    from chalicelib.core.cards import conversions  # noqa: PLC0415 # most coupons have no card

    changes = conversions.decide_conversion(
        use, link, settings=settings, event_id=command.card_event_id, origin=origin
    )
    for card in changes.add:
        after = CardAfter(card.serial, card.card_type, card.shown_template_id, card.stamps)
        use = replace(use, redemption=replace(use.redemption, card=after))
    return use, changes


def _check_counters(used: Sequence[tuple[RedeemCoupon, Use]], use: Use) -> None:
    """Raise where two claims of one change would take units from one counter."""
    taken = {(unit.customer_id, unit.bucket, unit.reward_id) for _, u in used for unit in u.units}
    if any((unit.customer_id, unit.bucket, unit.reward_id) in taken for unit in use.units):
        raise NotCombinable(
            "another coupon of this reward is claimed by the same request",
            fix="redeem it on the order in a request of its own",
        )


def at_coupon(refusal: errors.DomainError, place: int) -> errors.DomainError:
    """Return ``refusal`` with the coupon of the request that it is about."""
    whose = replace(refusal.faults[0], pointer=f"/coupons/{place}") if refusal.faults else None
    fault = whose or errors.Fault(f"/coupons/{place}", refusal.code, refusal.fix or refusal.detail)
    refusal.faults = (fault,)
    return refusal


def _turn(one: CouponInOrder) -> int:
    return one.reward.application_order if one.reward else 0
