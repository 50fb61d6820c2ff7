"""Pass coupons on from one customer to another."""

from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import transfers
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.coupons.transfers import Receiver
from chalicelib.core.customers.accounts import AccountChange
from chalicelib.core.customers.customers import Handle
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.coupons.coupons import get_coupon
from chalicelib.usecases.keyed import Done, once


def transfer(
    context: Context,
    code: str,
    receiver: Receiver,
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Coupon]:
    """Give the coupon of one customer to another.

    Raises:
        CouponNotFound, CustomerNotFound, CustomerExcluded, CustomerDeleted, ConflictRetry, and
        what :func:`chalicelib.core.coupons.transfers.decide_transfer` refuses.
    """
    at = origin.recorded_at
    event_ids = context.new_id("evt", at), context.new_id("evt", at)

    def attempt(lost: Contention | None) -> tuple[Coupon, tuple[str, ...], Changes]:
        coupon = get_coupon(context, code)
        decision = transfers.decide_transfer(
            coupon,
            receiver,
            handle=_handle(context, receiver),
            event_ids=event_ids,
            origin=origin,
        )
        parties = {change.customer_id for change in decision.changes.count}
        for clash in lost.clashes if lost else ():
            if isinstance(clash.wanted, AccountChange) and clash.wanted.customer_id in parties:
                transfers.check_party(
                    clash.wanted.customer_id,
                    clash.stored,
                    giver_id=coupon.customer_id,
                    receiver=receiver,
                )
        return decision.coupon, (decision.coupon.code,), decision.changes

    return once(
        context, request, now=at, decide=attempt, again=lambda made: get_coupon(context, made[0])
    )


def _handle(context: Context, receiver: Receiver) -> Handle | None:
    """Return who has the e-mail that the request names."""
    if receiver.email is None:
        return None
    name = ref(Handle, "email", receiver.email)
    return context.store.read(name).find(name)
