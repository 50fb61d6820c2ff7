"""Look up, claim and list coupons, and change their expiry."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.core import accounts, coupons
from chalicelib.core.accounts import Account, AccountChange
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import Coupon, CouponDecision, CouponStatus
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import Page, PageRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.keyed import Done, once


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


def claim(
    context: Context, code: str, customer_id: str, *, origin: Origin, request: KeyedRequest | None
) -> Done[Coupon]:
    """Give the unassigned coupon to the customer.

    Raises:
        CouponNotFound, CustomerNotFound, CustomerExcluded, CustomerDeleted, ConflictRetry, and
        what :func:`chalicelib.core.coupons.decide_claim` refuses.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def decide(coupon: Coupon) -> CouponDecision:
        now = origin.recorded_at
        return coupons.decide_claim(
            coupon,
            customer_id,
            reward=context.rules.reward(coupon.reward_id, now=now),
            settings=context.rules.settings(now=now),
            event_id=event_id,
            origin=origin,
        )

    return _change(context, code, decide, origin=origin, request=request)


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
        :func:`chalicelib.core.coupons.decide_expiry_change` refuses.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def decide(coupon: Coupon) -> CouponDecision:
        check(coupon)
        return coupons.decide_expiry_change(coupon, expires_at, event_id=event_id, origin=origin)

    return _change(context, code, decide, origin=origin, request=request)


def list_of_reward(
    context: Context,
    reward_id: str,
    request: PageRequest,
    *,
    statuses: frozenset[CouponStatus],
    now: datetime,
) -> Page[Coupon]:
    """Return a page of the reward's coupons that are in one of ``statuses`` at ``now``.

    Raises:
        RewardNotFound: no reward has this id.
    """
    context.rules.reward(reward_id, now=now)
    recorded = set(statuses)
    if CouponStatus.EXPIRED in recorded:
        # What has run out counts as expired before the job records it.
        recorded |= {CouponStatus.UNASSIGNED, CouponStatus.CLAIMED}
    page = context.store.coupons_of_reward(reward_id, sorted(recorded), request)
    return _in_statuses(page, statuses, now=now)


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


def _change(
    context: Context,
    code: str,
    decide: Callable[[Coupon], CouponDecision],
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Coupon]:
    def attempt(lost: Contention | None) -> tuple[Coupon, tuple[str, ...], Changes]:
        decision = decide(get_coupon(context, code))
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
