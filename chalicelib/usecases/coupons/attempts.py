"""Keep refused attempts, and list them by coupon and by customer."""

import contextlib
from collections.abc import Callable, Iterator

from chalicelib.core import errors
from chalicelib.core.activity import Origin
from chalicelib.core.coupons import attempts, coupons, refusals
from chalicelib.core.coupons.attempts import Attempt
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.coupons.redemptions import RedeemCoupon
from chalicelib.core.pages import Page, PageRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.coupons.coupons import check_customer, get_coupon


@contextlib.contextmanager
def kept(
    context: Context,
    command: RedeemCoupon,
    coupon: Callable[[], Coupon | None],
    *,
    origin: Origin,
) -> Iterator[None]:
    """Keep what a rule refuses within the ``with`` block, and let the refusal pass.

    ``coupon`` returns the coupon as it was read, or None where the code names none.
    """
    try:
        yield
    except errors.DomainError as refusal:
        found = coupon()
        if found is not None and refusals.by_a_rule(refusal):
            keep(context, command, coupon=found, refusal=refusal, origin=origin)
        raise


def keep(
    context: Context,
    command: RedeemCoupon,
    *,
    coupon: Coupon,
    refusal: errors.DomainError,
    origin: Origin,
) -> None:
    """Note that redeeming ``coupon`` was refused by a rule.

    A note beside the decision, not a part of it: when the table is busy it is lost, and the
    refusal stands.
    """
    attempt = attempts.attempt_of(
        command,
        coupon=coupon,
        refusal=refusal,
        attempt_id=context.new_id("att", origin.recorded_at),
        origin=origin,
    )
    with contextlib.suppress(errors.Unavailable):
        context.store.note(attempt)


def list_of_coupon(context: Context, code: str, request: PageRequest) -> Page[Attempt]:
    """Return a page of the refused attempts on a coupon, by time.

    Raises:
        CouponNotFound: no coupon has the code.
    """
    get_coupon(context, code)
    return context.store.attempts_of_coupon(coupons.key_of(code), request)


def list_of_customer(context: Context, customer_id: str, request: PageRequest) -> Page[Attempt]:
    """Return a page of the refused attempts of a customer, by time.

    Raises:
        CustomerNotFound: no customer has this id.
    """
    check_customer(context, customer_id)
    return context.store.attempts_of_customer(customer_id, request)
