"""Look up, claim and list coupons, and change their expiry."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon, CouponDecision, CouponOrder, CouponStatus
from chalicelib.core.customers import accounts
from chalicelib.core.customers.accounts import Account, AccountChange
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import Page, PageRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.rewards.limits import units_of_claim, uses_of_shared


def get_coupon(context: Context, code: str) -> Coupon:
    """Return the coupon with ``code``, typed in any way.

    Raises:
        CouponNotFound: no coupon has it.
    """
    name = ref(Coupon, coupons.key_of(code))
    coupon = context.store.read(name).find(name)
    if coupon is None:
        raise coupons.not_found()
    return coupon


def get_counted_coupon(context: Context, code: str) -> Coupon:
    """Return the coupon with ``code``; a shared one with all its uses, which counters keep.

    Raises:
        CouponNotFound: no coupon has it.
    """
    coupon = get_coupon(context, code)
    return replace(coupon, usages=uses_of_shared(context, coupon)) if coupon.shared else coupon


def claim(
    context: Context, code: str, customer_id: str, *, origin: Origin, request: KeyedRequest | None
) -> Done[Coupon]:
    """Give the unassigned coupon to the customer.

    Raises:
        CouponNotFound, CustomerNotFound, CustomerExcluded, CustomerDeleted, ConflictRetry, and
        what :func:`chalicelib.core.coupons.coupons.decide_claim` refuses.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def decide(coupon: Coupon, lost: Contention | None) -> CouponDecision:
        now = origin.recorded_at
        reward = context.rules.reward(coupon.reward_id, now=now)
        return coupons.decide_claim(
            coupon,
            customer_id,
            reward=reward,
            settings=context.rules.settings(now=now),
            event_id=event_id,
            origin=origin,
            units=units_of_claim(context, reward, customer_id, lost, name=event_id, origin=origin),
        )

    return change_once(context, code, decide, origin=origin, request=request)


def change_expiry(  # noqa: PLR0913
    context: Context,
    code: str,
    expires_at: datetime | None,
    *,
    check: Callable[[Coupon], None],
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Coupon]:
    """Give the coupon another expiry, or none. ``check`` may raise on the coupon as it is now.

    Raises:
        CouponNotFound, ConflictRetry, and what
        :func:`chalicelib.core.coupons.coupons.decide_expiry_change` refuses.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def decide(coupon: Coupon, _: Contention | None) -> CouponDecision:
        check(coupon)
        return coupons.decide_expiry_change(coupon, expires_at, event_id=event_id, origin=origin)

    return change_once(context, code, decide, origin=origin, request=request)


def list_of_reward(  # noqa: PLR0913
    context: Context,
    reward_id: str,
    request: PageRequest,
    *,
    statuses: frozenset[CouponStatus],
    order: CouponOrder,
    now: datetime,
) -> Page[Coupon]:
    """Return a page of the reward's coupons that are in one of ``statuses`` at ``now``.

    Raises:
        RewardNotFound: no reward has this id.
    """
    context.rules.reward(reward_id, now=now)
    page = context.store.list_of_reward(reward_id, statuses, request, order=order, now=now)
    return _in_statuses(page, statuses, now=now)


def find_in_reward(
    context: Context, reward_id: str, code: str, *, statuses: frozenset[CouponStatus], now: datetime
) -> Page[Coupon]:
    """Return the one coupon of the reward with ``code``, typed in any way, or an empty page.

    Raises:
        RewardNotFound: no reward has this id.
    """
    context.rules.reward(reward_id, now=now)
    try:
        coupon = get_coupon(context, code)
    except coupons.CouponNotFound:
        return Page((), None)
    found = (coupon,) if coupon.reward_id == reward_id else ()
    return _in_statuses(Page(found, None), statuses, now=now)


def list_of_customer(
    context: Context,
    customer_id: str,
    request: PageRequest,
    *,
    statuses: frozenset[CouponStatus],
    now: datetime,
) -> Page[Coupon]:
    """Return a page of the customer's coupons that are in one of ``statuses`` at ``now``.

    Raises:
        CustomerNotFound: no customer has this id.
    """
    check_customer(context, customer_id)
    return _in_statuses(context.store.coupons_of_customer(customer_id, request), statuses, now=now)


def check_customer(context: Context, customer_id: str) -> None:
    """Raise CustomerNotFound unless a customer has this id."""
    name = ref(Account, customer_id)
    if context.store.read(name).find(name) is None:
        raise accounts.not_found()


def check_accounts_in_the_way(lost: Contention | None) -> None:
    """Raise when the last attempt failed because a customer does not take part, or is nobody.

    Raises:
        CustomerNotFound, CustomerExcluded, CustomerDeleted: as it was found.
    """
    for clash in lost.clashes if lost else ():
        if isinstance(clash.wanted, AccountChange):
            if clash.stored is None:
                raise accounts.not_found("/customer_id")
            accounts.check_active(clash.stored)


def change_once(
    context: Context,
    code: str,
    decide: Callable[[Coupon, Contention | None], CouponDecision],
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Coupon]:
    """Carry out what ``decide`` says of the coupon as it is now, once per key.

    ``decide`` is told what stood in the way of the attempt before.

    Raises:
        CouponNotFound, CustomerNotFound, CustomerExcluded, CustomerDeleted, ConflictRetry, and
        what ``decide`` raises.
    """

    def attempt(lost: Contention | None) -> tuple[Coupon, tuple[str, ...], Changes]:
        decision = decide(get_coupon(context, code), lost)
        check_accounts_in_the_way(lost)
        return decision.coupon, (decision.coupon.code,), decision.changes

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=attempt,
        again=lambda made: get_coupon(context, made[0]),
    )


def _in_statuses(
    page: Page[Coupon], statuses: frozenset[CouponStatus], *, now: datetime
) -> Page[Coupon]:
    kept = tuple(coupon for coupon in page.items if coupons.status_at(coupon, now) in statuses)
    return Page(kept, page.end)
