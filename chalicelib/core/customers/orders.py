"""Purchases told apart by their order id: one amount and one visit, however many coupons."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors


class OrderAmountMismatch(errors.Refused):
    """Another amount was given for this order before."""

    code = "order_amount_mismatch"


class OrderOfAnotherCustomer(errors.Refused):
    """The order belongs to another customer."""

    code = "order_of_another_customer"


class NotCombinable(errors.Invalid):
    """The coupons cannot be used together in one order."""

    code = "not_combinable"


class Order(msgspec.Struct, frozen=True):
    """What redemptions have said of an order.

    ``standing`` counts the redemptions on it that are not reversed: the purchase counts as long
    as there is one. ``counting`` are those of them that lie after the customer joined: with one,
    amount and visit are part of the lifetime value. ``amount_minor`` is None until one is given;
    ``taken_off_minor`` is what those that stand took off it, and ``exclusive`` how many of them
    bear no others beside them. A guest's order has no customer.
    """

    order_id: str
    customer_id: str | None
    recorded_at: datetime
    amount_minor: int | None = None
    standing: int = 0
    counting: int = 0
    taken_off_minor: int = 0
    exclusive: int = 0
    version: int = 0


class PurchaseEffect(msgspec.Struct, frozen=True):
    """How a purchase changes when a redemption joins or leaves it: the order, value and visits."""

    order: Order | None
    lifetime_value_minor: int
    visits: int


def check(order: Order | None, *, customer_id: str | None, amount_minor: int | None) -> None:
    """Raise unless a redemption of this customer and amount can be part of ``order``.

    An order without any standing redemption is free again: what was said of it was reversed.

    Raises:
        OrderOfAnotherCustomer, OrderAmountMismatch: it cannot.
    """
    if order is None or order.standing == 0:
        return
    if order.customer_id != customer_id:
        raise OrderOfAnotherCustomer(
            "the order belongs to another customer",
            fix="check the order id and the customer",
            pointer="/order_id",
            facts={"order_id": order.order_id},
        )
    if None not in (order.amount_minor, amount_minor) and order.amount_minor != amount_minor:
        raise OrderAmountMismatch(
            "another amount was given for this order before",
            fix=f"send {order.amount_minor}, the amount that was given first, or leave it out",
            pointer="/amount_minor",
            facts={"order_id": order.order_id, "order_amount_minor": order.amount_minor},
        )


def check_combination(order: Order | None, *, exclusive: bool) -> None:
    """Raise unless a coupon may be used beside those that stand for ``order``.

    Raises:
        NotCombinable: it is exclusive and there are others, or one of the others is.
    """
    if order is not None and order.standing and (exclusive or order.exclusive):
        raise NotCombinable(
            "coupons are used on this order that bear no others beside them"
            if order.exclusive
            else "this coupon is used alone, and the order has others",
            fix="use it on an order of its own",
            pointer="/order_id",
            facts={"order_id": order.order_id},
        )


def with_redemption(  # noqa: PLR0913
    order: Order,
    *,
    customer_id: str | None,
    amount_minor: int | None,
    counts: bool,
    off_minor: int = 0,
    exclusive: bool = False,
) -> PurchaseEffect:
    """Return the purchase after one more redemption stands for it.

    ``counts``: the redemption lies after the customer joined.
    """
    before = order
    if not order.standing:
        before = replace(order, amount_minor=None, taken_off_minor=0, exclusive=0)
    after = replace(
        before,
        customer_id=customer_id,
        amount_minor=before.amount_minor if amount_minor is None else amount_minor,
        standing=before.standing + 1,
        counting=before.counting + counts,
        taken_off_minor=before.taken_off_minor + off_minor,
        exclusive=before.exclusive + exclusive,
    )
    return _effect(before, after)


def without_redemption(
    order: Order, *, counts: bool, off_minor: int = 0, exclusive: bool = False
) -> PurchaseEffect:
    """Return the purchase after one redemption fewer stands for it."""
    assert order.standing > 0, "a redemption that stands is counted by its order"
    after = replace(
        order,
        standing=order.standing - 1,
        counting=order.counting - counts,
        taken_off_minor=max(0, order.taken_off_minor - off_minor),
        exclusive=max(0, order.exclusive - exclusive),
    )
    return _effect(order, after)


def _effect(before: Order, after: Order) -> PurchaseEffect:
    return PurchaseEffect(
        order=after,
        lifetime_value_minor=_value(after) - _value(before),
        visits=(after.counting > 0) - (before.counting > 0),
    )


def _value(order: Order) -> int:
    return (order.amount_minor or 0) if order.counting else 0
