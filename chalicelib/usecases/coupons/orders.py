"""Redeem several coupons in one order, and say which coupons a cart can use."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors, idempotency
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, Ref, ref
from chalicelib.core.coupons import codes, coupons, redeeming, refusals, uses
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.redeeming import CouponInOrder, OrderDecision
from chalicelib.core.coupons.redemptions import RedeemCoupon, Redemption
from chalicelib.core.customers import accounts
from chalicelib.core.customers.accounts import Account, AccountChange
from chalicelib.core.customers.orders import Order
from chalicelib.core.errors import DomainError
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards.limits import Ledger
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.coupons import attempts
from chalicelib.usecases.coupons.redemptions import REFUSED_BY_RULES, get_redemption, link_of
from chalicelib.usecases.keyed import made_before
from chalicelib.usecases.rewards.limits import counters_in_the_way, counters_of

_COUPONS_A_PAGE = 100
_PAGES_MAX = 3


class RedeemedOrder(msgspec.Struct, frozen=True):
    """What became of each coupon, in the order of the request."""

    outcomes: tuple[Redemption | DomainError, ...]
    total_off_minor: int
    left_minor: int | None
    replayed: bool = False


class Offer(msgspec.Struct, frozen=True):
    """A coupon of a customer, and what it would do for the cart: a redemption, or the refusal."""

    coupon: Coupon
    outcome: Redemption | DomainError


def redeem_order(
    context: Context,
    commands: Sequence[RedeemCoupon],
    *,
    partial: bool,
    origin: Origin,
    request: KeyedRequest | None,
) -> RedeemedOrder:
    """Redeem the coupons of ``commands``, which name one order, in one change.

    All of them, or with ``partial`` those that can be.

    Raises:
        TooManyCoupons, IdempotencyKeyReused, ConflictRetry, CustomerNotFound, and without
        ``partial`` the refusal of the first coupon that cannot be redeemed.
    """
    now = origin.recorded_at
    _check(commands)
    read: list[CouponInOrder] = []

    def attempt(lost: Contention | None) -> RedeemedOrder:
        read[:], order = _read(context, commands)
        ledger = counters_in_the_way(context, lost)
        decision = _decide(
            context,
            read,
            order,
            account=_account_in_the_way(lost),
            known={one.coupon.reward_id: ledger for one in read if one.coupon},
            origin=origin,
        )
        refused = any(isinstance(outcome, DomainError) for outcome in decision.outcomes)
        if lost is not None or refused:
            # Carried out before, it finds its own coupons used.
            made = made_before(context, request, now=now)
            if made is not None:
                return _again(context, made)
        done = RedeemedOrder(decision.outcomes, decision.total_off_minor, decision.left_minor)
        if (partial or not refused) and decision.changes != Changes():
            record = idempotency.record_of(request, made=_noted(done), now=now)
            context.store.commit(decision.changes + Changes(create=record))
        return done

    done = transact(context, attempt)
    if not done.replayed:
        _keep_attempts(context, read, done.outcomes, origin=origin, request=request)
    if not partial:
        for place, outcome in enumerate(done.outcomes):
            if isinstance(outcome, DomainError):
                raise redeeming.at_coupon(outcome, place)
    return done


def preview_order(
    context: Context, commands: Sequence[RedeemCoupon], *, origin: Origin
) -> RedeemedOrder:
    """Return what redeeming those that can be redeemed would do now; write nothing.

    Raises:
        TooManyCoupons, CustomerNotFound.
    """
    _check(commands)
    read, order = _read(context, commands)
    customer_id = read[0].command.customer_id
    account = None
    if customer_id is not None:
        account_ref = ref(Account, customer_id)
        account = context.store.read(account_ref).find(account_ref)
        if account is None:
            raise accounts.not_found("/customer_id")
    known = {
        one.coupon.reward_id: counters_of(context, one.coupon, customer_id, origin=origin)
        for one in read
        if one.coupon is not None
    }
    decision = _decide(context, read, order, account=account, known=known, origin=origin)
    return RedeemedOrder(decision.outcomes, decision.total_off_minor, decision.left_minor)


def applicable(context: Context, command: RedeemCoupon, *, origin: Origin) -> list[Offer]:
    """Return the customer's claimed coupons with what each would do for the cart, best deal first.

    ``command`` is the cart; its code is not looked at. The 300 newest claims are looked through.

    Raises:
        CustomerNotFound, CustomerExcluded, CustomerDeleted: the customer can use none.
    """
    customer_id = command.customer_id or ""
    account_ref = ref(Account, customer_id)
    order_ref = ref(Order, command.order_id or "")
    found = context.store.read(account_ref, *([order_ref] if command.order_id else ()))
    account = found.find(account_ref)
    if account is None:
        raise accounts.not_found()
    accounts.check_active(account)
    now = origin.recorded_at
    offers = []
    for coupon in _claimed(context, customer_id, origin=origin):
        try:
            use = uses.decide_use(
                replace(command, code=coupon.code),
                coupon=coupon,
                reward=context.rules.reward(coupon.reward_id, now=now),
                settings=context.rules.settings(now=now),
                order=found.find(order_ref) if command.order_id else None,
                account=account,
                origin=origin,
            )
        except DomainError as refusal:
            offers.append(Offer(coupon, refusal))
        else:
            offers.append(Offer(coupon, use.redemption))
    return sorted(offers, key=_worth)


def _claimed(context: Context, customer_id: str, *, origin: Origin) -> list[Coupon]:
    request = PageRequest(limit=_COUPONS_A_PAGE)
    claimed: list[Coupon] = []
    for _ in range(_PAGES_MAX):
        page = context.store.coupons_of_customer(customer_id, request)
        claimed += [
            coupon
            for coupon in page.items
            if coupons.status_at(coupon, origin.recorded_at) is CouponStatus.CLAIMED
        ]
        if page.end is None:
            break
        request = PageRequest(limit=_COUPONS_A_PAGE, after=page.end)
    return claimed


def _worth(offer: Offer) -> tuple[bool, int, str]:
    """Return what sorts the best deal first; equal ones by the end that comes first."""
    end = "" if offer.coupon.expires_at is None else offer.coupon.expires_at.isoformat()
    if isinstance(offer.outcome, DomainError):
        return True, 0, end or "~"
    return False, -(offer.outcome.discount.amount_off_minor or 0), end or "~"


def _check(commands: Sequence[RedeemCoupon]) -> None:
    keys = [codes.key_of(command.code) or command.code for command in commands]
    redeeming.check_number(keys)


def _read(
    context: Context, commands: Sequence[RedeemCoupon]
) -> tuple[list[CouponInOrder], Order | None]:
    """Return the coupons with their rewards, for the customer whose order it is, and the order."""
    order_ref = ref(Order, commands[0].order_id or "")
    refs = [_coupon_ref(command) for command in commands]
    found = context.store.read(order_ref, *(name for name in refs if name))
    read = [found.find(name) if name else None for name in refs]
    named = commands[0].customer_id
    customer_id = named or next((c.customer_id for c in read if c and c.customer_id), None)
    return [
        CouponInOrder(replace(command, customer_id=customer_id), coupon, None)
        for command, coupon in zip(commands, read, strict=True)
    ], found.find(order_ref)


def _decide(  # noqa: PLR0913
    context: Context,
    read: Sequence[CouponInOrder],
    order: Order | None,
    *,
    account: Account | None,
    known: Mapping[str, Ledger],
    origin: Origin,
) -> OrderDecision:
    """Return the decision by the rules as they are kept; by those of now before one refuses."""

    def decide() -> OrderDecision:
        now = origin.recorded_at
        rewards = [
            context.rules.reward(one.coupon.reward_id, now=now) if one.coupon else None
            for one in read
        ]
        return redeeming.decide_order(
            [
                replace(
                    one,
                    reward=reward,
                    link=link_of(context, one.coupon, now=now) if one.coupon else None,
                )
                for one, reward in zip(read, rewards, strict=True)
            ],
            settings=context.rules.settings(now=now),
            order=order,
            account=account,
            origin=origin,
            known=known,
        )

    decision = decide()
    stale = [
        one.coupon.reward_id
        for one, outcome in zip(read, decision.outcomes, strict=True)
        if one.coupon is not None and isinstance(outcome, REFUSED_BY_RULES)
    ]
    for reward_id in stale:
        context.rules.forget(reward_id)
    return decide() if stale else decision


def _keep_attempts(
    context: Context,
    read: Sequence[CouponInOrder],
    outcomes: Sequence[Redemption | DomainError],
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> None:
    for one, outcome in zip(read, outcomes, strict=True):
        if (
            one.coupon is not None
            and isinstance(outcome, DomainError)
            and refusals.by_a_rule(outcome)
        ):
            # Under the key of the order, so that it leaves one attempt however often it is sent.
            command = replace(one.command, request=request)
            attempts.keep(context, command, coupon=one.coupon, refusal=outcome, origin=origin)


def _coupon_ref(command: RedeemCoupon) -> Ref[Coupon] | None:
    key = codes.key_of(command.code)
    return None if key is None else ref(Coupon, key)


def _account_in_the_way(lost: Contention | None) -> Account | None:
    for clash in lost.clashes if lost else ():
        if isinstance(clash.wanted, AccountChange):
            if clash.stored is None:
                raise accounts.not_found("/customer_id")
            account: Account = clash.stored
            return account
    return None


class _Refused(msgspec.Struct, frozen=True):
    """A refusal as it is noted, so that the first answer can be given again."""

    code: str
    detail: str
    fix: str
    faults: tuple[errors.Fault, ...]
    facts: dict[str, Any]


def _noted(done: RedeemedOrder) -> tuple[str, ...]:
    """Return what the idempotency record names: the redemptions, and why others were refused."""
    notes = [f"{done.total_off_minor}", "" if done.left_minor is None else str(done.left_minor)]
    for outcome in done.outcomes:
        if isinstance(outcome, DomainError):
            refused = _Refused(
                outcome.code, outcome.detail, outcome.fix, outcome.faults, outcome.facts
            )
            notes.append(msgspec.json.encode(refused).decode())
        else:
            notes.append(f"{outcome.redemption_id} {outcome.customer_id or ''}")
    return tuple(notes)


def _again(context: Context, made: tuple[str, ...]) -> RedeemedOrder:
    total, left, *notes = made
    outcomes: list[Redemption | DomainError] = []
    for note in notes:
        if note.startswith("{"):
            outcomes.append(_refusal(msgspec.json.decode(note, type=_Refused)))
        else:
            redemption_id, _, customer_id = note.partition(" ")
            outcomes.append(get_redemption(context, customer_id, redemption_id))
    return RedeemedOrder(tuple(outcomes), int(total), int(left) if left else None, replayed=True)


def _refusal(noted: _Refused) -> DomainError:
    kind = errors.by_code(noted.code)
    refusal = kind(noted.detail, fix=noted.fix, facts=noted.facts)
    refusal.faults = noted.faults
    return refusal
