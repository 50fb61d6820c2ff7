"""Hold a use of a coupon for an order, prolong the hold, release it."""

from collections.abc import Callable
from datetime import timedelta

from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import holds
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.coupons.holds import Hold, HoldDecision
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.coupons.coupons import get_coupon
from chalicelib.usecases.coupons.redemptions import by_current_rules
from chalicelib.usecases.keyed import Done, once


def hold(  # noqa: PLR0913
    context: Context,
    code: str,
    *,
    length: timedelta,
    customer_id: str | None,
    order_id: str | None,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Hold]:
    """Reserve one use of the coupon.

    Raises:
        CouponNotFound, ConflictRetry, and what
        :func:`chalicelib.core.coupons.holds.decide_hold` refuses.
    """
    hold_id = context.new_id("hld", origin.recorded_at)
    now = origin.recorded_at

    def decide(_: Contention | None) -> tuple[Hold, tuple[str, ...], Changes]:
        coupon = get_coupon(context, code)

        def by_rules() -> HoldDecision:
            return holds.decide_hold(
                coupon,
                hold_id=hold_id,
                length=length,
                customer_id=customer_id,
                order_id=order_id,
                reward=context.rules.reward(coupon.reward_id, now=now),
                settings=context.rules.settings(now=now),
                origin=origin,
            )

        decision = by_current_rules(context, coupon.reward_id, by_rules)
        return decision.hold, (hold_id,), decision.changes

    return once(
        context,
        request,
        now=now,
        decide=decide,
        again=lambda made: get_hold(context, made[0]),
    )


def get_hold(context: Context, hold_id: str) -> Hold:
    """Return the hold, also one that has lapsed; one that was used is found until it lapses.

    Raises:
        HoldNotFound: there is none, or it was released.
    """
    name = ref(Hold, hold_id)
    found = context.store.read(name).find(name)
    if found is None:
        raise holds.not_found()
    return found


def prolong(  # noqa: PLR0913
    context: Context,
    hold_id: str,
    length: timedelta,
    *,
    check: Callable[[Hold], None],
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Hold]:
    """Let the hold last for ``length`` from now. ``check`` may raise on the hold as it is now.

    Raises:
        HoldNotFound, HoldLapsed, ConflictRetry.
    """

    def attempt(_: Contention | None) -> tuple[Hold, tuple[str, ...], Changes]:
        hold, coupon = _read(context, hold_id)
        check(hold)
        decision = holds.decide_prolongation(hold, coupon, length, origin=origin)
        return decision.hold, (hold_id,), decision.changes

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=attempt,
        again=lambda _: get_hold(context, hold_id),
    )


def release(
    context: Context, hold_id: str, *, origin: Origin, request: KeyedRequest | None
) -> Done[None]:
    """End the hold.

    Raises:
        HoldNotFound, ConflictRetry.
    """

    def attempt(_: Contention | None) -> tuple[None, tuple[str, ...], Changes]:
        decision = holds.decide_release(*_read(context, hold_id), origin=origin)
        return None, (hold_id,), decision.changes

    return once(context, request, now=origin.recorded_at, decide=attempt, again=lambda _: None)


def _read(context: Context, hold_id: str) -> tuple[Hold, Coupon]:
    """Return the hold and the coupon that it is on."""
    hold = get_hold(context, hold_id)
    return hold, get_coupon(context, hold.code)
