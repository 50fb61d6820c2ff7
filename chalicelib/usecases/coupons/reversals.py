"""Unredeem a coupon."""

from datetime import datetime

import msgspec

from chalicelib.core import idempotency
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import coupons, reversals
from chalicelib.core.coupons.coupons import Coupon, RedemptionRef
from chalicelib.core.coupons.redemptions import Redemption
from chalicelib.core.coupons.reversals import ReversalDecision, UnredeemCoupon
from chalicelib.core.customers.accounts import Account
from chalicelib.core.customers.orders import Order
from chalicelib.core.idempotency import IdempotencyRecord
from chalicelib.core.pages import PageRequest
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.coupons.coupons import get_coupon
from chalicelib.usecases.coupons.redemptions import get_redemption, redemption_not_found
from chalicelib.usecases.keyed import REFUSALS, made_before

_VISITS_A_PAGE = 25


class Reversed(msgspec.Struct, frozen=True):
    """The redemption and the coupon after the reversal, and what it took back."""

    redemption: Redemption
    coupon: Coupon
    lifetime_value_minor: int
    visits: int
    replayed: bool


def unredeem(context: Context, command: UnredeemCoupon, *, origin: Origin) -> Reversed:
    """Take back a redemption: the named one, or the latest that stands.

    Raises:
        CouponNotFound, RedemptionNotFound, IdempotencyKeyReused, ConflictRetry, and what
        :func:`chalicelib.core.cards.conversions.decide_undo` and
        :func:`chalicelib.core.coupons.reversals.decide_reversal` refuses.
    """
    coupon_ref = ref(Coupon, coupons.key_of(command.code))
    request = command.request
    record_ref = ref(IdempotencyRecord, request.key_hash if request else "")

    def attempt(_: Contention | None) -> Reversed:
        found = context.store.read(coupon_ref, *([record_ref] if request else ()))
        coupon = found.find(coupon_ref)
        if coupon is None:
            raise coupons.not_found()
        record = found.find(record_ref)
        made = idempotency.answered(request, record, now=origin.recorded_at)
        if made is not None:
            return reversed_before(context, coupon, made)
        try:
            decision = _decide(context, command, coupon, origin=origin)
        except REFUSALS:
            made = made_before(context, request, now=origin.recorded_at)
            if made is None:
                raise
            return reversed_before(context, get_coupon(context, command.code), made)
        context.store.commit(decision.changes)
        purchase = decision.purchase
        return Reversed(
            decision.redemption,
            decision.coupon,
            purchase.lifetime_value_minor,
            purchase.visits,
            replayed=False,
        )

    return transact(context, attempt)


def reversed_before(context: Context, coupon: Coupon, made: tuple[str, ...]) -> Reversed:
    """Return what an earlier request took back, from the ids in the record of its key."""
    redemption_id, customer_id, value, visits = made
    redemption = get_redemption(context, customer_id, redemption_id)
    return Reversed(redemption, coupon, int(value), int(visits), replayed=True)


def _decide(
    context: Context, command: UnredeemCoupon, coupon: Coupon, *, origin: Origin
) -> ReversalDecision:
    reversals.check_reversible(coupon, now=origin.recorded_at)
    redemption = _named(context, coupon, command.redemption_id)
    order_ref = ref(Order, redemption.order_id or "")
    account_ref = ref(Account, redemption.customer_id or "")
    refs = [
        *([account_ref] if redemption.customer_id else ()),
        *([order_ref] if redemption.order_id else ()),
    ]
    found = context.store.read(*refs)
    account, order = found.find(account_ref), found.find(order_ref)
    assert account is not None or redemption.customer_id is None, "who redeemed has an account"
    if redemption.reversal is None and order is not None and order.standing == 0:
        # Somebody else reversed it between our reads of the redemption and of its order.
        raise Contention
    return reversals.decide_reversal(
        command,
        coupon=coupon,
        redemption=redemption,
        standing_before=_standing_without(context, coupon, redemption),
        order=order,
        account=account,
        newest_other_visit=None
        if account is None
        else _newest_visit_without(context, redemption, account),
        origin=origin,
        beside=_card_undone(context, command, coupon, redemption, origin=origin),
    )


def _card_undone(
    context: Context,
    command: UnredeemCoupon,
    coupon: Coupon,
    redemption: Redemption,
    *,
    origin: Origin,
) -> Changes:
    """Return what becomes of the card that the redemption turned into another one."""
    if coupon.card is None:
        return Changes()
    from chalicelib.core.cards import conversions  # noqa: PLC0415 # most coupons have no card
    from chalicelib.core.cards.cards import Card  # noqa: PLC0415

    name = ref(Card, coupon.card.serial)
    return conversions.decide_undo(
        context.store.read(name).find(name),
        redemption_id=redemption.redemption_id,
        event_id=command.card_event_id,
        origin=origin,
    )


def _named(context: Context, coupon: Coupon, redemption_id: str | None) -> Redemption:
    last = coupon.last_redemption
    if last is not None and redemption_id in (None, last.redemption_id):
        return get_redemption(context, last.customer_id, last.redemption_id)
    if redemption_id is None:
        # Many use a shared code at once: the latest could be anybody's.
        raise redemption_not_found("/redemption_id")
    redemption = context.store.redemption_of_coupon(coupon, redemption_id)
    if redemption is None:
        raise redemption_not_found("/redemption_id")
    return redemption


def _standing_without(
    context: Context, coupon: Coupon, redemption: Redemption
) -> Redemption | None:
    """Return the latest redemption of the coupon that stands beside ``redemption``."""
    last: RedemptionRef | None = coupon.last_redemption
    while last is not None:  # Ends: each step goes back in time; at most one for each use.
        candidate = get_redemption(context, last.customer_id, last.redemption_id)
        if candidate.redemption_id != redemption.redemption_id and candidate.reversal is None:
            return candidate
        last = candidate.previous
    return None


def _newest_visit_without(
    context: Context, redemption: Redemption, account: Account
) -> datetime | None:
    """Return when the customer's newest other redemption that stands and counts was made."""
    request = PageRequest(limit=_VISITS_A_PAGE)
    while True:  # Ends: by the end of the customer's redemptions; usually on the first page.
        page = context.store.redemptions_of_customer(account.customer_id, request)
        for other in page.items:
            if other.redeemed_at < account.joined_at:
                return None
            if other.reversal is None and other.redemption_id != redemption.redemption_id:
                return other.redeemed_at
        if page.end is None:
            return None
        request = PageRequest(limit=_VISITS_A_PAGE, after=page.end)
