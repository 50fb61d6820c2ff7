"""What coupons take off a purchase, one after another, to the cent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.coupons import baskets
from chalicelib.core.coupons.baskets import Basket, Line, NotEligible
from chalicelib.core.errors import Invalid
from chalicelib.core.rewards.rewards import Discount, Reward, RewardType
from tests.builders import a_reward

_MONEY = (RewardType.DISCOUNT, RewardType.VALUE)
_amounts = st.integers(0, 10**12)


def _a_reward_of(reward_type: RewardType, **changes: Any) -> Reward:
    """Return a reward of the type, with the one value that the type has."""
    percent = 1000 if reward_type is RewardType.PERCENTAGE_DISCOUNT else None
    amount = 500 if reward_type in _MONEY else None
    return a_reward(
        **{
            "reward_type": reward_type,
            "percent_off_basis_points": percent,
            "amount_off_minor": amount,
            **changes,
        }
    )


def _discount_of(
    reward: Reward, *, amount_minor: int | None, lines: tuple[Line, ...] = ()
) -> Discount:
    basket = baskets.basket_of(amount_minor, lines)
    return baskets.apply(reward, basket, balance_minor=None).discount


class TestDiscount:
    @pytest.mark.parametrize(
        ("basis_points", "amount", "off"),
        [
            (1000, 2000, 200),
            (1000, 1999, 199),
            (29, 10_000, 29),
            (1, 9_999, 0),
            (10_000, 1234, 1234),
            (1250, 0, 0),
            (3333, 100, 33),
        ],
    )
    def test_of_a_percentage_rounds_down(self, basis_points: int, amount: int, off: int) -> None:
        reward = a_reward(percent_off_basis_points=basis_points)

        assert _discount_of(reward, amount_minor=amount) == Discount(
            RewardType.PERCENTAGE_DISCOUNT, basis_points, off
        )

    @given(st.integers(0, 10_000), _amounts)
    def test_of_a_percentage_is_exact_to_less_than_one(self, points: int, amount: int) -> None:
        off = _discount_of(
            a_reward(percent_off_basis_points=points), amount_minor=amount
        ).amount_off_minor

        assert off is not None
        assert off * 10_000 <= amount * points < (off + 1) * 10_000

    @given(st.sampled_from(RewardType), _amounts, st.integers(0, 10_000), _amounts)
    def test_never_pays_more_than_the_purchase(
        self, reward_type: RewardType, off: int, points: int, amount: int
    ) -> None:
        percentage = reward_type is RewardType.PERCENTAGE_DISCOUNT
        reward = a_reward(
            reward_type=reward_type,
            percent_off_basis_points=points if percentage else None,
            amount_off_minor=off if reward_type in _MONEY else None,
        )

        found = _discount_of(reward, amount_minor=amount).amount_off_minor

        assert found is None or 0 <= found <= amount
        if reward_type in _MONEY:
            assert found == min(off, amount)

    def test_of_an_unknown_purchase_is_the_amount_or_unknown(self) -> None:
        percentage = _discount_of(a_reward(), amount_minor=None)
        amount = _discount_of(_a_reward_of(RewardType.DISCOUNT), amount_minor=None)

        assert percentage == Discount(RewardType.PERCENTAGE_DISCOUNT, 1000, None)
        assert amount == Discount(RewardType.DISCOUNT, 500, 500)

    @pytest.mark.parametrize(
        "reward_type",
        [each for each in RewardType if each not in (*_MONEY, RewardType.PERCENTAGE_DISCOUNT)],
    )
    def test_of_what_is_not_money_is_none(self, reward_type: RewardType) -> None:
        found = _discount_of(_a_reward_of(reward_type), amount_minor=2000)

        assert found == Discount(reward_type, None, None)


_TEA = Line("tea", "drinks", amount_minor=600)
_CUP = Line("cup", "ware", amount_minor=400)


class TestRestriction:
    @pytest.mark.parametrize(
        ("changes", "off"),
        [
            pytest.param({"products": ("tea",)}, 60, id="by product"),
            pytest.param({"categories": ("ware",)}, 40, id="by category"),
            pytest.param({"products": ("tea",), "categories": ("ware",)}, 100, id="either"),
            pytest.param({}, 150, id="none: the whole purchase, with what no line says"),
        ],
    )
    def test_applies_the_percentage_to_the_lines_it_is_for(
        self, changes: dict[str, Any], off: int
    ) -> None:
        found = _discount_of(a_reward(**changes), amount_minor=1500, lines=(_TEA, _CUP))

        assert found.amount_off_minor == off

    @pytest.mark.parametrize("lines", [(), (_CUP,)], ids=["no lines", "other lines"])
    def test_refuses_a_purchase_of_other_things(self, lines: tuple[Line, ...]) -> None:
        with pytest.raises(NotEligible) as caught:
            _discount_of(a_reward(products=("tea",)), amount_minor=1500, lines=lines)

        assert caught.value.faults[0].pointer == "/lines"
        assert caught.value.facts == {"restriction": "products"}

    def test_asks_for_the_amount_of_the_lines_it_is_for(self) -> None:
        lines = (_CUP, replace(_TEA, amount_minor=None))

        with pytest.raises(Invalid) as caught:
            _discount_of(a_reward(products=("tea",)), amount_minor=1500, lines=lines)

        assert caught.value.faults[0].pointer == "/lines/1/amount_minor"

    def test_of_what_is_not_money_needs_no_amounts(self) -> None:
        reward = _a_reward_of(RewardType.GIFT, products=("tea",))

        found = _discount_of(reward, amount_minor=None, lines=(Line("tea"),))

        assert found == Discount(RewardType.GIFT, None, None)

    def test_refuses_lines_that_are_more_than_the_purchase(self) -> None:
        with pytest.raises(Invalid) as caught:
            baskets.basket_of(999, (_TEA, _CUP))

        assert caught.value.faults[0].pointer == "/lines"


class TestCap:
    @pytest.mark.parametrize(("amount", "off"), [(2999, 299), (3000, 300), (9999, 300)])
    def test_of_a_percentage_is_its_most(self, amount: int, off: int) -> None:
        reward = a_reward(maximum_discount_minor=300)

        assert _discount_of(reward, amount_minor=amount).amount_off_minor == off


class TestBalance:
    @pytest.mark.parametrize(
        ("balance", "amount", "off"),
        [(500, 300, 300), (500, 800, 500), (0, 800, 0), (500, None, 500)],
    )
    def test_is_used_as_far_as_the_purchase_goes(
        self, balance: int, amount: int | None, off: int
    ) -> None:
        reward = _a_reward_of(RewardType.VALUE, amount_off_minor=10_000)

        found = baskets.apply(reward, baskets.basket_of(amount, ()), balance_minor=balance)

        assert found.discount.amount_off_minor == off


class TestSeveralCoupons:
    def test_take_percentages_of_what_the_earlier_ones_left(self) -> None:
        basket = baskets.basket_of(10_000, ())

        first = baskets.apply(_a_reward_of(RewardType.DISCOUNT), basket, balance_minor=None)
        second = baskets.apply(a_reward(), first.basket, balance_minor=None)

        assert first.discount.amount_off_minor == 500
        assert second.discount.amount_off_minor == 950

    def test_see_what_was_taken_off_their_lines(self) -> None:
        # 100 off 600 + 400 takes 60 and 40; half of the cup is then half of 360.
        basket = baskets.basket_of(1000, (_TEA, _CUP))
        first = _a_reward_of(RewardType.DISCOUNT, amount_off_minor=100)
        second = a_reward(percent_off_basis_points=5000, products=("cup",))

        after = baskets.apply(first, basket, balance_minor=None).basket
        found = baskets.apply(second, after, balance_minor=None)

        assert after.lines_left == (540, 360)
        assert found.discount.amount_off_minor == 180

    @given(
        st.lists(st.integers(0, 10_000), max_size=5),
        st.integers(0, 10_000),
        st.lists(
            st.tuples(
                st.booleans(), st.integers(1, 10_000), st.sets(st.integers(0, 4), max_size=3)
            ),
            max_size=15,
        ),
    )
    def test_add_up_to_the_cent_and_never_to_more_than_the_purchase(
        self,
        amounts: list[int],
        rest: int,
        rewards: list[tuple[bool, int, set[int]]],
    ) -> None:
        lines = tuple(Line(str(n), amount_minor=amount) for n, amount in enumerate(amounts))
        basket = baskets.basket_of(sum(amounts) + rest, lines)
        start, total = basket, 0
        for percentage, value, products in rewards:
            kind = RewardType.PERCENTAGE_DISCOUNT if percentage else RewardType.DISCOUNT
            reward = _a_reward_of(kind, products=tuple(map(str, products)))
            reward = (
                replace(reward, percent_off_basis_points=value)
                if percentage
                else replace(reward, amount_off_minor=value)
            )
            try:
                applied = baskets.apply(reward, basket, balance_minor=None)
            except NotEligible:
                continue
            off = applied.discount.amount_off_minor
            assert off is not None
            assert off >= 0
            basket, total = applied.basket, total + off

        assert basket.left_minor is not None
        assert start.left_minor == basket.left_minor + total
        assert _is_sound(basket)


def _is_sound(basket: Basket) -> bool:
    left = [amount or 0 for amount in basket.lines_left]
    return all(amount >= 0 for amount in left) and sum(left) <= (basket.left_minor or 0)


class TestSpread:
    @given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20), st.data())
    def test_adds_up_and_is_never_a_cent_from_the_exact_share(
        self, weights: list[int], data: st.DataObject
    ) -> None:
        total = sum(weights)
        amount = data.draw(st.integers(0, total))

        shares = baskets.spread(amount, weights)

        assert sum(shares) == amount
        for share, weight in zip(shares, weights, strict=True):
            assert 0 <= share <= weight
            assert abs(share * total - amount * weight) < total or total == 0

    def test_gives_the_odd_cents_to_the_largest_remainders(self) -> None:
        assert baskets.spread(100, [1, 1, 1]) == [34, 33, 33]
        assert baskets.spread(10, [333, 333, 334]) == [3, 3, 4]
