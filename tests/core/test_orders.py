import pytest
from msgspec.structs import replace

from chalicelib.core.customers import orders
from chalicelib.core.customers.orders import Order, PurchaseEffect
from chalicelib.core.errors import Refused
from tests.builders import NOON

_NEW = Order("order 1", "cus_ada", NOON)
_KNOWN = replace(_NEW, amount_minor=2000, standing=1, counting=1, version=1)


class TestCheck:
    @pytest.mark.parametrize(
        ("order", "customer_id", "amount"),
        [
            pytest.param(None, "cus_ada", 2000, id="a new order"),
            pytest.param(_KNOWN, "cus_ada", 2000, id="the same amount"),
            pytest.param(_KNOWN, "cus_ada", None, id="no amount"),
            pytest.param(replace(_KNOWN, amount_minor=None), "cus_ada", 2000, id="the first"),
            pytest.param(replace(_KNOWN, amount_minor=0), "cus_ada", 0, id="nothing"),
            pytest.param(replace(_KNOWN, standing=0), "cus_bob", 1, id="free again"),
        ],
    )
    def test_lets_through(self, order: Order | None, customer_id: str, amount: int | None) -> None:
        orders.check(order, customer_id=customer_id, amount_minor=amount)

    @pytest.mark.parametrize(
        ("order", "customer_id", "amount", "code", "pointer"),
        [
            (_KNOWN, "cus_bob", 2000, "order_of_another_customer", "/order_id"),
            (_KNOWN, "cus_bob", 1, "order_of_another_customer", "/order_id"),
            (_KNOWN, "cus_ada", 1999, "order_amount_mismatch", "/amount_minor"),
            (_KNOWN, "cus_ada", 0, "order_amount_mismatch", "/amount_minor"),
            (replace(_KNOWN, amount_minor=0), "cus_ada", 1, "order_amount_mismatch", None),
        ],
    )
    def test_refuses(
        self, order: Order, customer_id: str, amount: int, code: str, pointer: str | None
    ) -> None:
        with pytest.raises(Refused) as caught:
            orders.check(order, customer_id=customer_id, amount_minor=amount)

        assert caught.value.code == code
        assert caught.value.faults[0].pointer == (pointer or "/amount_minor")

    def test_says_what_was_given_first(self) -> None:
        with pytest.raises(Refused) as caught:
            orders.check(_KNOWN, customer_id="cus_ada", amount_minor=1)

        assert caught.value.facts["order_amount_minor"] == 2000


def _with(order: Order, amount_minor: int | None, *, counts: bool = True) -> PurchaseEffect:
    return orders.with_redemption(
        order, customer_id="cus_ada", amount_minor=amount_minor, counts=counts
    )


class TestWithRedemption:
    def test_counts_amount_and_visit_the_first_time(self) -> None:
        effect = _with(_NEW, 2000)

        assert effect == PurchaseEffect(
            replace(_NEW, amount_minor=2000, standing=1, counting=1),
            lifetime_value_minor=2000,
            visits=1,
        )

    def test_counts_nothing_the_second_time(self) -> None:
        effect = _with(_KNOWN, 2000)

        assert effect == PurchaseEffect(replace(_KNOWN, standing=2, counting=2), 0, 0)

    def test_counts_the_amount_once_it_is_given(self) -> None:
        effect = _with(replace(_KNOWN, amount_minor=None), 2000)

        assert (effect.lifetime_value_minor, effect.visits) == (2000, 0)

    def test_counts_nothing_from_before_joining(self) -> None:
        effect = _with(_NEW, 2000, counts=False)

        assert (effect.lifetime_value_minor, effect.visits) == (0, 0)

    def test_counts_the_order_once_one_use_of_it_lies_after_joining(self) -> None:
        uncounted = replace(_KNOWN, counting=0)

        effect = _with(uncounted, 2000)
        assert (effect.lifetime_value_minor, effect.visits) == (2000, 1)
        assert effect.order is not None
        effect = _with(effect.order, 2000, counts=False)
        assert (effect.lifetime_value_minor, effect.visits) == (0, 0)

    def test_starts_anew_once_nothing_stands_for_the_order(self) -> None:
        """What was said of it was reversed, the amount too."""
        effect = _with(replace(_KNOWN, standing=0, counting=0), 500)

        assert effect.order == replace(_KNOWN, amount_minor=500)
        assert (effect.lifetime_value_minor, effect.visits) == (500, 1)


class TestWithoutRedemption:
    def test_changes_nothing_while_another_stands(self) -> None:
        effect = orders.without_redemption(replace(_KNOWN, standing=2, counting=2), counts=True)

        assert effect == PurchaseEffect(_KNOWN, 0, 0)

    def test_takes_amount_and_visit_back_with_the_last(self) -> None:
        effect = orders.without_redemption(_KNOWN, counts=True)

        assert (effect.lifetime_value_minor, effect.visits) == (-2000, -1)

    def test_stops_counting_once_no_use_of_it_lies_after_joining(self) -> None:
        both = replace(_KNOWN, standing=2, counting=1)

        effect = orders.without_redemption(both, counts=True)

        assert (effect.lifetime_value_minor, effect.visits) == (-2000, -1)
        assert effect.order == replace(both, standing=1, counting=0)

    def test_takes_back_nothing_that_did_not_count(self) -> None:
        effect = orders.without_redemption(replace(_KNOWN, counting=0), counts=False)

        assert (effect.lifetime_value_minor, effect.visits) == (0, 0)
