"""Redeem a coupon, say whether it could be redeemed, and list its redemptions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors, ids, settings
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Contention, Ref, ref
from chalicelib.core.coupons import coupons, redeeming, redemptions
from chalicelib.core.coupons.baskets import NotEligible
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.coupons.redeeming import RedemptionDecision
from chalicelib.core.coupons.redemptions import RedeemCoupon, Redemption
from chalicelib.core.customers import accounts, orders
from chalicelib.core.customers.accounts import Account, AccountChange
from chalicelib.core.customers.orders import Order
from chalicelib.core.pages import Page, PageRequest
from chalicelib.core.rewards import limits, rewards
from chalicelib.core.rewards.limits import Ledger, UnitTaken
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.coupons import attempts
from chalicelib.usecases.coupons.coupons import get_coupon
from chalicelib.usecases.keyed import made_before
from chalicelib.usecases.ports import Found
from chalicelib.usecases.rewards.limits import counters_in_the_way, counters_of

if TYPE_CHECKING:  # Most coupons have no card.
    from chalicelib.core.cards.conversions import Link

T = TypeVar("T")

# What a rule of the reward or the business can refuse; kept rules are read again before they do.
REFUSED_BY_RULES = (
    rewards.RewardNotActive,
    coupons.CouponUnassigned,
    redemptions.RedeemedAtOutOfRange,
    redemptions.PurchaseAmountRequired,
    redemptions.MinimumPurchaseNotMet,
    settings.CurrencyMismatch,
    orders.NotCombinable,
    NotEligible,
    limits.RewardLimitReached,
    limits.CustomerLimitReached,
)
# What is refused only to a customer who takes part.
_REFUSED_BEHIND_THE_ACCOUNT = (
    rewards.RewardNotActive,
    settings.CurrencyMismatch,
    orders.OrderOfAnotherCustomer,
    orders.OrderAmountMismatch,
    redemptions.PurchaseAmountRequired,
    redemptions.MinimumPurchaseNotMet,
    orders.NotCombinable,
    NotEligible,
    limits.RewardLimitReached,
    limits.CustomerLimitReached,
)


class Redeemed(msgspec.Struct, frozen=True):
    """The redemption, and whether an earlier request had made it already."""

    redemption: Redemption
    replayed: bool


def redeem(context: Context, command: RedeemCoupon, *, origin: Origin) -> Redeemed:
    """Redeem a coupon once, however often the same request is sent.

    One read and one write; a second write where the account was not as the first assumed. The
    record of the key is read only where something else is in the way: the write itself finds out
    that the request was carried out before. What a rule refuses is kept as an attempt.

    Raises:
        CouponNotFound, CustomerNotFound, IdempotencyKeyReused, ConflictRetry, and what
        :func:`chalicelib.core.coupons.redemptions.decide_redemption` refuses.
    """
    command = _by_code(context, command)
    coupon_ref = ref(Coupon, coupons.key_of(command.code))
    refs: tuple[Ref[Any], ...] = (coupon_ref, *_order_ref(command))
    found = Found({})

    def attempt(lost: Contention | None) -> Redeemed:
        nonlocal found
        # Where just counters were in the way, all else is as it was read: the write says so.
        if lost is None or not _only_counters(lost):
            if lost is not None and (earlier := _earlier(context, command, origin=origin)):
                return earlier
            found = context.store.read(*refs)
        try:
            return redeem_now(lost)
        except errors.DomainError:
            if lost is None and (earlier := _earlier(context, command, origin=origin)):
                return earlier
            raise

    def redeem_now(lost: Contention | None) -> Redeemed:
        coupon = found.find(coupon_ref)
        if coupon is None:
            raise coupons.not_found()
        if (own := _own_commit(context, command, coupon, lost)) is not None:
            return Redeemed(own, replayed=False)
        customer_id = coupon.customer_id or command.customer_id
        ledger = counters_in_the_way(context, lost)

        def decide(account: Account | None) -> RedemptionDecision:
            return _decide(
                context,
                command,
                coupon=coupon,
                order=_order(command, found),
                account=account,
                known=ledger,
                origin=origin,
            )

        decision = _by_account(context, customer_id, _account_in_the_way(lost, customer_id), decide)
        context.store.commit(decision.changes)
        return Redeemed(decision.redemption, replayed=False)

    with attempts.kept(context, command, lambda: found.find(coupon_ref), origin=origin):
        return transact(context, attempt)


def preview(context: Context, command: RedeemCoupon, *, origin: Origin) -> RedemptionDecision:
    """Return what redeeming would do now; write nothing.

    Raises:
        The very refusal that :func:`redeem` would get.
    """
    command = _by_code(context, command)
    coupon_ref = ref(Coupon, coupons.key_of(command.code))
    found = context.store.read(coupon_ref, *_order_ref(command))
    coupon = found.find(coupon_ref)
    if coupon is None:
        raise coupons.not_found()
    customer_id = coupon.customer_id or command.customer_id
    account = _account(context, customer_id)
    decision = _decide(
        context,
        command,
        coupon=coupon,
        order=_order(command, found),
        account=account,
        known=counters_of(context, coupon, customer_id, origin=origin),
        origin=origin,
    )
    if account is None and customer_id is not None:
        raise accounts.not_found("/customer_id")
    return decision


def get_redemption(context: Context, customer_id: str, redemption_id: str) -> Redemption:
    """Return a redemption that is known to exist; ``customer_id`` is empty for a guest's."""
    name = ref(Redemption, customer_id, redemption_id)
    redemption = context.store.read(name).find(name)
    assert redemption is not None, "redemptions are kept for ever"
    return redemption


def find_redemption(context: Context, code: str, redemption_id: str) -> Redemption:
    """Return one redemption of a coupon.

    Raises:
        CouponNotFound, RedemptionNotFound: there is none.
    """
    redemption = context.store.redemption_of_coupon(get_coupon(context, code), redemption_id)
    if redemption is None:
        raise redemption_not_found()
    return redemption


def list_redemptions(context: Context, code: str, request: PageRequest) -> Page[Redemption]:
    """Return a page of the coupon's redemptions, reversed ones too, by time of use.

    Raises:
        CouponNotFound: no coupon has the code.
    """
    return context.store.redemptions_of_coupon(get_coupon(context, code), request)


def redemption_not_found(pointer: str | None = None) -> redemptions.RedemptionNotFound:
    """Return the error for an id that names no redemption of the coupon."""
    return redemptions.RedemptionNotFound(
        "the coupon has no redemption with this id",
        fix="list the redemptions of the coupon",
        pointer=pointer,
    )


def _decide(  # noqa: PLR0913
    context: Context,
    command: RedeemCoupon,
    *,
    coupon: Coupon,
    order: Order | None,
    account: Account | None,
    known: Ledger,
    origin: Origin,
) -> RedemptionDecision:
    def decide() -> RedemptionDecision:
        now = origin.recorded_at
        return redeeming.decide_redemption(
            command,
            coupon=coupon,
            reward=context.rules.reward(coupon.reward_id, now=now),
            settings=context.rules.settings(now=now),
            order=order,
            account=account,
            known=known,
            origin=origin,
            link=link_of(context, coupon, now=now),
        )

    return by_current_rules(context, coupon.reward_id, decide)


def _by_code(context: Context, command: RedeemCoupon) -> RedeemCoupon:
    """Return the request with the coupon's code, where it has the serial of the card instead."""
    if not ids.is_id(command.code, "crd"):
        return command
    from chalicelib.core.cards.cards import Card  # noqa: PLC0415 # tills scan codes mostly

    name = ref(Card, command.code)
    card = context.store.read(name).find(name)
    return command if card is None or card.code is None else replace(command, code=card.code)


def link_of(context: Context, coupon: Coupon, *, now: datetime) -> Link | None:
    """Return what the coupon's card turns into when it is redeemed, or None."""
    if coupon.card is None:
        return None
    from chalicelib.core.cards.conversions import Link  # noqa: PLC0415 # most coupons have no card

    template = context.rules.card_template(coupon.card.template_id, now=now)
    if template.linked_template_id is None:
        return None
    linked = context.rules.card_template(template.linked_template_id, now=now)
    return Link(linked, template.conversion_credits_visit)


def by_current_rules(context: Context, reward_id: str, decide: Callable[[], T]) -> T:
    """Return the decision; before a kept rule refuses, decide by the rules as they are now."""
    try:
        return decide()
    except REFUSED_BY_RULES:
        context.rules.forget(reward_id)
        return decide()


def _by_account(
    context: Context,
    customer_id: str | None,
    known: Account | None,
    decide: Callable[[Account | None], T],
) -> T:
    """Return the decision; before it refuses with the account unread, decide with the account.

    That the customer does not take part is said first, and a redemption needs no read to find it.
    """
    try:
        return decide(known)
    except _REFUSED_BEHIND_THE_ACCOUNT:
        account = _account(context, customer_id) if known is None else None
        if account is None:
            raise
        return decide(account)


def _only_counters(lost: Contention) -> bool:
    return bool(lost.clashes) and all(
        isinstance(clash.wanted, AccountChange | UnitTaken) for clash in lost.clashes
    )


def _own_commit(
    context: Context, command: RedeemCoupon, coupon: Coupon, lost: Contention | None
) -> Redemption | None:
    """Return what an earlier attempt of this request has made, its answer lost on the way."""
    last = coupon.last_redemption
    if last is not None and last.redemption_id == command.redemption_id:
        return get_redemption(context, last.customer_id, last.redemption_id)
    for clash in lost.clashes if lost else ():
        if isinstance(clash.wanted, Redemption) and isinstance(clash.stored, Redemption):
            return clash.stored
    return None


def _account(context: Context, customer_id: str | None) -> Account | None:
    if customer_id is None:
        return None
    name = ref(Account, customer_id)
    return context.store.read(name).find(name)


def _account_in_the_way(lost: Contention | None, customer_id: str | None) -> Account | None:
    """Return the account that the last attempt found in its way.

    Raises:
        CustomerNotFound: there is no such account.
    """
    if lost is None:
        return None
    for clash in lost.clashes:
        if isinstance(clash.wanted, AccountChange):
            if clash.stored is None:
                raise accounts.not_found("/customer_id")
            if clash.wanted.customer_id == customer_id:
                account: Account = clash.stored
                return account
    return None


def _order_ref(command: RedeemCoupon) -> tuple[Ref[Order], ...]:
    return () if command.order_id is None else (ref(Order, command.order_id),)


def _order(command: RedeemCoupon, found: Found) -> Order | None:
    return None if command.order_id is None else found.find(ref(Order, command.order_id))


def _earlier(context: Context, command: RedeemCoupon, *, origin: Origin) -> Redeemed | None:
    """Return what the same keyed request has redeemed before, or None."""
    made = made_before(context, command.request, now=origin.recorded_at)
    if made is None:
        return None
    redemption_id, customer_id = made
    return Redeemed(get_redemption(context, customer_id, redemption_id), replayed=True)
