"""Baskets: what of a purchase is left for the next coupon to take something off.

Several coupons in one order are applied one after another. A percentage applies to what the
earlier ones left, and a coupon for certain products to what is left of their lines. So that every
later coupon sees right amounts, what a coupon takes off is spread over its lines in proportion, to
the cent, by the largest remainder.
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.rewards.rewards import Discount, Reward, RewardType


class NotEligible(errors.Invalid):
    """Nothing in the purchase, or about it, is what the reward is for."""

    code = "not_eligible"


class Line(msgspec.Struct, frozen=True):
    """One line of the purchase; ``amount_minor`` is for the whole quantity."""

    product: str
    category: str | None = None
    quantity: int = 1
    amount_minor: int | None = None


class Basket(msgspec.Struct, frozen=True):
    """A purchase under way.

    ``left_minor`` is what of the whole is left after the coupons so far, None where the amount is
    not known. ``lines_left`` is that of each line; a line without an amount has None.
    """

    lines: tuple[Line, ...]
    left_minor: int | None
    lines_left: tuple[int | None, ...]


class Applied(msgspec.Struct, frozen=True):
    """What a coupon takes off, and what it leaves."""

    discount: Discount
    basket: Basket


def basket_of(
    amount_minor: int | None, lines: tuple[Line, ...], *, taken_off_minor: int = 0
) -> Basket:
    """Return the purchase before the first coupon; ``taken_off_minor``: by earlier redemptions.

    Raises:
        Invalid: the lines add up to more than the purchase.
    """
    total = sum(line.amount_minor or 0 for line in lines)
    if amount_minor is not None and total > amount_minor:
        raise errors.Invalid(
            "the lines add up to more than the purchase",
            fix=f"send an amount_minor of at least {total}, or correct the lines",
            pointer="/lines",
            facts={"lines_minor": total},
        )
    left = None if amount_minor is None else max(0, amount_minor - taken_off_minor)
    return Basket(lines, left, tuple(line.amount_minor for line in lines))


def apply(reward: Reward, basket: Basket, *, balance_minor: int | None) -> Applied:
    """Return what a coupon of ``reward`` takes off what is left; never more than that.

    Percentages round down, in the programme's favour. ``balance_minor`` is what is left on a
    coupon that keeps its rest, else None. Without an amount of the purchase a coupon for an amount
    takes all it can, and a percentage is not known.

    Raises:
        NotEligible: no line is what the reward is for.
        Invalid: a line that it is for has no amount, so that the discount is not known.
    """
    chosen = _lines_for(reward, basket)
    known = (balance_minor, reward.percent_off_basis_points, reward.amount_off_minor)
    value = next((each for each in known if each is not None), None)
    if value is None:
        return Applied(Discount(reward.reward_type, None, None), basket)
    base = _base(basket, chosen, restricted=_is_restricted(reward))
    if reward.reward_type is RewardType.PERCENTAGE_DISCOUNT:
        off = None if base is None else base * value // 10_000
        if off is not None and reward.maximum_discount_minor is not None:
            off = min(off, reward.maximum_discount_minor)
    else:
        off = value if base is None else min(value, base)
    discount = Discount(reward.reward_type, value, off)
    return Applied(discount, _without(basket, off or 0, chosen))


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Return ``amount`` split in proportion to ``weights``: shares that add up to it exactly.

    By the largest remainder; equal ones in the order given. No share is above its weight while the
    amount is not above their sum.
    """
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    shares = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda place: -(amount * weights[place] % total))
    for place in by_remainder[: amount - sum(shares)]:
        shares[place] += 1
    return shares


def _is_restricted(reward: Reward) -> bool:
    return bool(reward.products or reward.categories)


def _lines_for(reward: Reward, basket: Basket) -> list[int]:
    """Return the places of the lines that the reward is for; all of them if it does not say."""
    if not _is_restricted(reward):
        return list(range(len(basket.lines)))
    found = [
        place
        for place, line in enumerate(basket.lines)
        if line.product in reward.products or line.category in reward.categories
    ]
    if not found:
        wanted = ", ".join((*reward.products, *reward.categories)[:5])
        raise NotEligible(
            "nothing in the purchase is what the reward is for",
            fix=f"add one of: {wanted}" if basket.lines else "send the lines of the purchase",
            pointer="/lines",
            facts={"restriction": "products"},
        )
    return found


def _base(basket: Basket, chosen: list[int], *, restricted: bool) -> int | None:
    """Return the amount that the coupon applies to, None where it is not known."""
    if not restricted:
        return basket.left_minor
    amounts = [basket.lines_left[place] for place in chosen]
    unknown = [place for place in chosen if basket.lines_left[place] is None]
    if unknown:
        raise errors.Invalid(
            "the discount depends on the amount of this line",
            fix="send amount_minor of every line",
            pointer=f"/lines/{unknown[0]}/amount_minor",
        )
    base = sum(amount or 0 for amount in amounts)
    return base if basket.left_minor is None else min(base, basket.left_minor)


def _without(basket: Basket, off: int, chosen: list[int]) -> Basket:
    """Return what is left of ``basket`` after ``off`` was taken off the chosen lines."""
    weights = [basket.lines_left[place] or 0 for place in chosen]
    left = basket.left_minor
    rest = 0
    if left is not None and len(chosen) == len(basket.lines):
        # What the lines do not say of the purchase (shipping, a gift wrap) bears its part.
        rest = max(0, left - sum(weights))
    taken = spread(min(off, sum(weights) + rest), [*weights, rest])
    lines_left = list(basket.lines_left)
    for place, share in zip(chosen, taken, strict=False):
        amount = lines_left[place]
        if amount is not None:
            lines_left[place] = amount - share
    return replace(
        basket,
        left_minor=None if left is None else max(0, left - off),
        lines_left=tuple(lines_left),
    )
