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


class Order(msgspec.Struct, frozen=True):
    """What redemptions have said of an order.

    ``standing`` counts the redemptions on it that are not reversed: the purchase counts as long
    as there is one. ``counting`` are those of them that lie after the customer joined: with one,
    amount and visit are part of the lifetime value. ``amount_minor`` is None until one is given.
    """

    order_id: str
    customer_id: str
    recorded_at: datetime
    amount_minor: int | None = None
    standing: int = 0
    counting: int = 0
    version: int = 0


class PurchaseEffect(msgspec.Struct, frozen=True):
    """How a purchase changes when a redemption joins or leaves it: the order, value and visits."""

    order: Order | None
    lifetime_value_minor: int
    visits: int


def check(order: Order | None, *, customer_id: str, amount_minor: int | None) -> None:
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


def with_redemption(
    order: Order, *, customer_id: str, amount_minor: int | None, counts: bool
) -> PurchaseEffect:
    """Return the purchase after one more redemption stands for it.

    ``counts``: the redemption lies after the customer joined.
    """
    before = order if order.standing else replace(order, amount_minor=None)
    after = replace(
        before,
        customer_id=customer_id,
        amount_minor=before.amount_minor if amount_minor is None else amount_minor,
        standing=before.standing + 1,
        counting=before.counting + counts,
    )
    return _effect(before, after)


def without_redemption(order: Order, *, counts: bool) -> PurchaseEffect:
    """Return the purchase after one redemption fewer stands for it."""
    assert order.standing > 0, "a redemption that stands is counted by its order"
    after = replace(order, standing=order.standing - 1, counting=order.counting - counts)
    return _effect(order, after)


def _effect(before: Order, after: Order) -> PurchaseEffect:
    return PurchaseEffect(
        order=after,
        lifetime_value_minor=_value(after) - _value(before),
        visits=(after.counting > 0) - (before.counting > 0),
    )


def _value(order: Order) -> int:
    return (order.amount_minor or 0) if order.counting else 0
