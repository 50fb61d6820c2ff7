"""Passing a claimed coupon on to another customer."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.core import activity, errors, moments
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import coupons, holds
from chalicelib.core.coupons.coupons import (
    Coupon,
    CouponAlreadyClaimed,
    CouponDecision,
    CouponStatus,
)
from chalicelib.core.customers import accounts
from chalicelib.core.customers.accounts import Account, AccountChange
from chalicelib.core.customers.customers import Handle


class Receiver(msgspec.Struct, frozen=True):
    """Whom a request means: by id, by e-mail, or by both, which must be the same customer."""

    customer_id: str | None = None
    email: str | None = None

    @property
    def pointer(self) -> str:
        """The field of the request that names the customer."""
        return "/email" if self.customer_id is None else "/customer_id"


def receiver_id(receiver: Receiver, handle: Handle | None) -> str:
    """Return the id of the customer that ``receiver`` means; ``handle`` is who has the e-mail.

    Raises:
        Invalid: neither an id nor an e-mail is given, or they mean two customers.
        CustomerNotFound: nobody has the e-mail.
    """
    if receiver.customer_id is None and receiver.email is None:
        raise errors.Invalid(
            "the request does not say who receives the coupon",
            fix="send customer_id or email",
            pointer="/customer_id",
        )
    if receiver.email is None:
        assert receiver.customer_id is not None
        return receiver.customer_id
    if handle is None:
        raise accounts.not_found("/email")
    if receiver.customer_id not in (None, handle.customer_id):
        raise errors.Invalid(
            "customer_id and email are not those of one customer",
            fix="send one of the two, or both of the same customer",
            pointer="/email",
        )
    return handle.customer_id


def decide_transfer(
    coupon: Coupon,
    receiver: Receiver,
    *,
    handle: Handle | None,
    event_ids: tuple[str, str],
    origin: Origin,
) -> CouponDecision:
    """Decide that the receiver has ``coupon`` from now on, with what is left of its uses.

    Redemptions stay with the customer who made them; taking one back gives its use to whoever has
    the coupon then. ``claimed_at`` stays too: the claim was made once, and its days are counted
    from it. Both must take part in the programme: what an excluded customer had stays with them
    until they are included again, so it is not passed on either; staff can invalidate it.

    Raises:
        CouponUnassigned, CouponAlreadyRedeemed, CouponExpired, CouponInvalid: by its status.
        CouponHeld: an order of the giver's still counts on it.
        CouponAlreadyClaimed: the receiver has it.
        Invalid, CustomerNotFound: see :func:`receiver_id`.
    """
    status = coupons.status_at(coupon, origin.recorded_at)
    if status is not CouponStatus.CLAIMED:
        raise coupons.refused_by_status(coupon, status)
    _check_not_held(coupon, now=origin.recorded_at)
    giver_id, receives = coupon.customer_id, receiver_id(receiver, handle)
    assert giver_id is not None, "a claimed coupon has a customer"
    if receives == giver_id:
        raise CouponAlreadyClaimed(
            "this customer has the coupon already",
            fix="name another customer",
            pointer=receiver.pointer,
            facts={"coupon_status": status},
        )
    # The giver's card shows it no longer.
    after = replace(coupon, customer_id=receives, card=None)
    given, received = event_ids
    events = (
        _event(EventType.COUPON_TRANSFERRED, given, giver_id, "to", receives, after, origin),
        _event(EventType.COUPON_RECEIVED, received, receives, "from", giver_id, after, origin),
    )
    changes = Changes(
        create=events,
        update=((coupon, after),),
        # The e-mail may be somebody else's by the time of the commit.
        check=() if handle is None else (handle,),
        count=tuple(AccountChange(each, activity_count=1) for each in (giver_id, receives)),
    )
    return CouponDecision(after, changes)


def check_party(
    customer_id: str, account: Account | None, *, giver_id: str | None, receiver: Receiver
) -> None:
    """Raise unless the customer of ``account`` may give or receive a coupon; None is nobody.

    Raises:
        CustomerNotFound, CustomerExcluded, CustomerDeleted: they may not.
    """
    pointer = None if customer_id == giver_id else receiver.pointer
    if account is None:
        raise accounts.not_found(pointer)
    accounts.check_active(account, pointer=pointer)


def _check_not_held(coupon: Coupon, *, now: datetime) -> None:
    held = holds.live(coupon, now)
    if held:
        until = moments.iso(max(each.lapses_at for each in held))
        raise holds.CouponHeld(
            "the coupon is held for an order of the customer who has it",
            fix=f"release the hold, or try again from {until}",
            facts={"lapses_at": until, "held": len(held)},
        )


def _event(  # noqa: PLR0913, PLR0917 # a line for each of two people
    event_type: EventType,
    event_id: str,
    customer_id: str,
    direction: str,
    other_id: str,
    coupon: Coupon,
    origin: Origin,
) -> activity.ActivityEvent:
    return activity.event(
        event_type,
        event_id=event_id,
        customer_id=customer_id,
        origin=origin,
        code=coupon.code,
        reward_id=coupon.reward_id,
        detail={"status": coupon.status, f"{direction}_customer_id": other_id},
    )
