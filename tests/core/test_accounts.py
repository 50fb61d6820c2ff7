import pytest

from chalicelib.core.customers import accounts
from chalicelib.core.customers.accounts import (
    AccountChange,
    CustomerDeleted,
    CustomerExcluded,
    Standing,
)
from tests.builders import an_account


class TestCheckActive:
    def test_lets_an_active_customer_through(self) -> None:
        accounts.check_active(an_account())

    @pytest.mark.parametrize(
        ("standing", "refusal"),
        [(Standing.EXCLUDED, CustomerExcluded), (Standing.DELETED, CustomerDeleted)],
    )
    def test_refuses_the_others_by_name(self, standing: Standing, refusal: type[Exception]) -> None:
        with pytest.raises(refusal) as caught:
            accounts.check_active(an_account(standing=standing))

        assert getattr(caught.value, "facts", None) == {"customer_status": standing}


class TestMerged:
    def test_counts_all_of_a_customers_activity_in_one_change(self) -> None:
        """An item can be part of a transaction once only."""
        ada, bob = (AccountChange(name, activity_count=1) for name in ("cus_ada", "cus_bob"))

        assert accounts.merged([ada, bob, ada, ada]) == (
            AccountChange("cus_ada", activity_count=3),
            bob,
        )

    def test_of_nothing_is_nothing(self) -> None:
        assert accounts.merged([]) == ()
