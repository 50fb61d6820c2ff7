"""Transfers and invalidations: what the table of actions does not say of them."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.activity import ActivityEvent
from chalicelib.core.coupons import invalidations, transfers
from chalicelib.core.coupons.coupons import (
    CouponAlreadyClaimed,
    CouponDecision,
    HeldUse,
    Invalidation,
)
from chalicelib.core.coupons.holds import CouponHeld
from chalicelib.core.coupons.transfers import Receiver
from chalicelib.core.customers.accounts import (
    AccountChange,
    CustomerDeleted,
    CustomerExcluded,
    CustomerNotFound,
    Standing,
)
from chalicelib.core.customers.customers import Handle
from tests.builders import NOON, a_coupon, an_account, an_origin

_BOBS = Handle("email", "bob@example.com", "cus_bob", version=1)


def _transfer(receiver: Receiver, *, handle: Handle | None = None) -> CouponDecision:
    return transfers.decide_transfer(
        a_coupon(customer_id="cus_ada", usage_limit=3),
        receiver,
        handle=handle,
        event_ids=("evt_1", "evt_2"),
        origin=an_origin(),
    )


class TestTransfer:
    @pytest.mark.parametrize(
        ("receiver", "handle"),
        [
            (Receiver(customer_id="cus_bob"), None),
            (Receiver(email="bob@example.com"), _BOBS),
            (Receiver(customer_id="cus_bob", email="bob@example.com"), _BOBS),
        ],
        ids=["by id", "by e-mail", "by both"],
    )
    def test_changes_nothing_of_the_coupon_but_who_has_it(
        self, receiver: Receiver, handle: Handle | None
    ) -> None:
        before = a_coupon(customer_id="cus_ada", usage_limit=3)

        assert _transfer(receiver, handle=handle).coupon == replace(before, customer_id="cus_bob")

    def test_tells_both_and_counts_for_both(self) -> None:
        changes = _transfer(Receiver(customer_id="cus_bob")).changes

        events = [each for each in changes.create if isinstance(each, ActivityEvent)]
        assert [(each.event_id, each.customer_id, dict(each.detail)) for each in events] == [
            ("evt_1", "cus_ada", {"status": "claimed", "to_customer_id": "cus_bob"}),
            ("evt_2", "cus_bob", {"status": "claimed", "from_customer_id": "cus_ada"}),
        ]
        # Both must take part: AccountChange holds only while they do.
        assert changes.count == (
            AccountChange("cus_ada", activity_count=1),
            AccountChange("cus_bob", activity_count=1),
        )

    def test_holds_only_while_the_email_is_the_receivers(self) -> None:
        assert _transfer(Receiver(email=_BOBS.value), handle=_BOBS).changes.check == (_BOBS,)
        assert _transfer(Receiver(customer_id="cus_bob")).changes.check == ()

    @pytest.mark.parametrize(
        ("receiver", "handle", "refusal", "pointer"),
        [
            (Receiver(), None, errors.Invalid, "/customer_id"),
            (Receiver(email="bob@example.com"), None, CustomerNotFound, "/email"),
            (Receiver("cus_eve", "bob@example.com"), _BOBS, errors.Invalid, "/email"),
            (Receiver("cus_eve", "no@example.com"), None, CustomerNotFound, "/email"),
            (Receiver("cus_ada"), None, CouponAlreadyClaimed, "/customer_id"),
            (
                Receiver(email="ada@example.com"),
                replace(_BOBS, customer_id="cus_ada"),
                CouponAlreadyClaimed,
                "/email",
            ),
        ],
        ids=["nobody", "unknown", "two", "unknown and another", "the holder", "by e-mail"],
    )
    def test_to_the_wrong_one_is_refused(
        self,
        receiver: Receiver,
        handle: Handle | None,
        refusal: type[errors.DomainError],
        pointer: str,
    ) -> None:
        with pytest.raises(refusal) as caught:
            _transfer(receiver, handle=handle)

        assert [fault.pointer for fault in caught.value.faults] == [pointer]

    @pytest.mark.parametrize(
        ("standing", "refusal"),
        [(Standing.EXCLUDED, CustomerExcluded), (Standing.DELETED, CustomerDeleted)],
    )
    @pytest.mark.parametrize(
        ("who", "pointers"), [("cus_ada", []), ("cus_bob", ["/customer_id"])], ids=["from", "to"]
    )
    def test_by_or_to_who_does_not_take_part_is_refused(
        self,
        standing: Standing,
        refusal: type[errors.Refused],
        who: str,
        pointers: list[str],
    ) -> None:
        account = an_account(customer_id=who, standing=standing)
        with pytest.raises(refusal) as caught:
            transfers.check_party(who, account, giver_id="cus_ada", receiver=Receiver("cus_bob"))

        assert [fault.pointer for fault in caught.value.faults] == pointers

    @pytest.mark.parametrize(("seconds", "is_held"), [(0, False), (1, True)])
    def test_waits_for_the_order_that_counts_on_a_use(self, seconds: int, *, is_held: bool) -> None:
        lapses_at = NOON + timedelta(seconds=seconds)
        coupon = a_coupon(customer_id="cus_ada", holds=(HeldUse("hld_1", lapses_at),))

        def transfer() -> CouponDecision:
            return transfers.decide_transfer(
                coupon,
                Receiver("cus_bob"),
                handle=None,
                event_ids=("evt_1", "evt_2"),
                origin=an_origin(),
            )

        if is_held:
            with pytest.raises(CouponHeld):
                transfer()
        else:
            assert transfer().coupon.customer_id == "cus_bob"


class TestInvalidation:
    def test_says_who_when_and_why_on_the_coupon_and_not_why_in_the_history(self) -> None:
        decision = invalidations.decide_invalidation(
            a_coupon(), reason="Ada lost it", in_bulk=False, event_id="evt_1", origin=an_origin()
        )

        assert decision.coupon.invalidation == Invalidation(NOON, an_origin().actor, "Ada lost it")
        (event,) = (each for each in decision.changes.create if isinstance(each, ActivityEvent))
        assert dict(event.detail) == {"status": "invalid"}

    def test_does_not_ask_whether_the_customer_takes_part(self) -> None:
        decision = invalidations.decide_invalidation(
            a_coupon(), reason=None, in_bulk=False, event_id="evt_1", origin=an_origin()
        )

        assert decision.changes.count == (
            AccountChange("cus_ada", activity_count=1, while_active=False),
        )
