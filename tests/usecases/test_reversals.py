import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.core.changes import Contention
from chalicelib.core.coupons.coupons import CouponNotFound, CouponStatus
from chalicelib.core.coupons.redemptions import RedemptionNotFound
from chalicelib.core.coupons.reversals import CouponNotRedeemed
from chalicelib.core.errors import ConflictRetry, DomainError
from chalicelib.usecases.coupons import redemptions
from chalicelib.usecases.coupons.redemptions import Redeemed
from chalicelib.wiring import Services
from tests.builders import JOINED, NOON, unique
from tests.usecases.unsteady import fails, unsteady
from tests.usecases.world import (
    a_member,
    a_members_coupon,
    a_request,
    account_of,
    an_offer,
    coupon_of,
    events_of,
    order_of,
    redeem,
    set_rules,
    some_coupons,
    unredeem,
)

_LATER = NOON + timedelta(hours=1)


def _counters(services: Services, customer_id: str) -> tuple[int, int, int]:
    account = account_of(services, customer_id)
    assert account.activity_count == len(events_of(services, customer_id))
    return account.lifetime_value_minor, account.visits, account.coupons_used


class TestUnredeem:
    def test_gives_back_status_and_counters(self, services: Services) -> None:
        code, customer_id = a_members_coupon(services)
        before = account_of(services, customer_id)
        done = redeem(services, code)

        reversed_ = unredeem(services, code, now=_LATER, reason="returned")

        coupon, account = coupon_of(services, code), account_of(services, customer_id)
        assert (coupon.status, coupon.usages) == (CouponStatus.CLAIMED, 0)
        assert _counters(services, customer_id) == (0, 0, 0)
        assert account.last_visit_at == before.last_visit_at
        assert (reversed_.lifetime_value_minor, reversed_.visits) == (-2000, -1)
        kept = redemptions.find_redemption(services.context, code, done.redemption.redemption_id)
        assert kept.reversal is not None
        assert (kept.reversal.reversed_at, kept.reversal.reason) == (_LATER, "returned")

    def test_lets_the_coupon_be_used_again(self, services: Services) -> None:
        code, customer_id = a_members_coupon(services)
        redeem(services, code)
        unredeem(services, code)

        redeem(services, code, now=_LATER)

        assert _counters(services, customer_id) == (2000, 1, 1)

    def test_names_the_latest_by_default(self, services: Services) -> None:
        customer_id = a_member(services)
        (code,) = some_coupons(services, an_offer(services, usage_limit=3), [customer_id])
        uses = [
            redeem(services, code, now=NOON + timedelta(hours=hour)).redemption for hour in range(3)
        ]

        first = unredeem(services, code, now=_LATER).redemption
        second = unredeem(services, code, now=_LATER).redemption

        assert [first.redemption_id, second.redemption_id] == [
            uses[2].redemption_id,
            uses[1].redemption_id,
        ]
        assert account_of(services, customer_id).last_visit_at == uses[0].redeemed_at

    def test_takes_back_one_that_is_named(self, services: Services) -> None:
        customer_id = a_member(services)
        (code,) = some_coupons(services, an_offer(services, usage_limit=3), [customer_id])
        uses = [
            redeem(services, code, now=NOON + timedelta(hours=hour)).redemption for hour in range(3)
        ]

        unredeem(services, code, now=_LATER, redemption_id=uses[1].redemption_id)

        coupon = coupon_of(services, code)
        assert (coupon.status, coupon.usages) == (CouponStatus.CLAIMED, 2)
        assert coupon.last_redemption is not None
        assert coupon.last_redemption.redemption_id == uses[2].redemption_id
        assert account_of(services, customer_id).last_visit_at == uses[2].redeemed_at
        with pytest.raises(CouponNotRedeemed):
            unredeem(services, code, redemption_id=uses[1].redemption_id)

    def test_after_the_expiry_leaves_the_coupon_expired(self, services: Services) -> None:
        code, _ = a_members_coupon(services, expires_at=_LATER)
        redeem(services, code)

        assert unredeem(services, code, now=_LATER).coupon.status is CouponStatus.EXPIRED

    def test_counts_an_order_until_its_last_coupon_is_taken_back(self, services: Services) -> None:
        customer_id, order_id = a_member(services), unique("order")
        first, second = some_coupons(services, an_offer(services), [customer_id] * 2)
        for code in (first, second):
            redeem(services, code, order_id=order_id, amount_minor=5000)

        unredeem(services, first)
        assert _counters(services, customer_id) == (5000, 1, 1)
        unredeem(services, second)
        assert _counters(services, customer_id) == (0, 0, 0)
        order = order_of(services, order_id)
        assert order is not None
        assert order.standing == 0

    def test_of_a_use_from_before_joining_takes_back_no_purchase(self, services: Services) -> None:
        set_rules(services, late_upload_limit_hours=20_000)
        code, customer_id = a_members_coupon(services)
        redeem(services, code, redeemed_at=JOINED - timedelta(days=1))

        unredeem(services, code)

        assert _counters(services, customer_id) == (0, 0, 0)

    @pytest.mark.parametrize("many", [1, 30])
    def test_finds_the_last_visit_among_many_that_were_reversed(
        self, services: Services, many: int
    ) -> None:
        customer_id = a_member(services)
        (code,) = some_coupons(services, an_offer(services, usage_limit=99), [customer_id])
        standing = redeem(services, code, now=NOON).redemption
        for number in range(many):
            redeem(services, code, now=NOON + timedelta(minutes=number + 1))
        for _ in range(many):
            unredeem(services, code, now=_LATER)

        account = account_of(services, customer_id)
        assert account.last_visit_at == standing.redeemed_at
        assert _counters(services, customer_id) == (2000, 1, 1)

    def test_of_what_was_not_used_is_refused(self, services: Services) -> None:
        code, _ = a_members_coupon(services)

        with pytest.raises(CouponNotRedeemed):
            unredeem(services, code)
        with pytest.raises(CouponNotFound):
            unredeem(services, "NOSUCHCODE")

    def test_of_another_coupons_redemption_is_not_found(self, services: Services) -> None:
        customer_id = a_member(services)
        mine, other = some_coupons(services, an_offer(services), [customer_id] * 2)
        redemption_id = redeem(services, mine).redemption.redemption_id
        redeem(services, other)

        with pytest.raises(RedemptionNotFound):
            unredeem(services, other, redemption_id=redemption_id)


def _used_twice(services: Services) -> tuple[str, str]:
    """Return a customer, and the code of their coupon with one of three uses left."""
    customer_id = a_member(services)
    (code,) = some_coupons(services, an_offer(services, usage_limit=3), [customer_id])
    redeem(services, code)
    redeem(services, code, now=NOON + timedelta(minutes=1))
    return customer_id, code


class TestRaces:
    def test_of_many_takes_one_use_back_once(self, services: Services) -> None:
        code, customer_id = a_members_coupon(services)
        redeem(services, code)

        def reverse(_: int) -> str:
            try:
                unredeem(services, code, now=_LATER)
            except DomainError as refusal:
                return refusal.code
            return "done"

        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(reverse, range(6)))

        assert sorted(outcomes) == ["coupon_not_redeemed"] * 5 + ["done"]
        assert _counters(services, customer_id) == (0, 0, 0)

    def test_with_a_redemption_leave_the_counters_right(self, services: Services) -> None:
        """A newer visit that comes in between is the last one afterwards."""
        customer_id = a_member(services)
        first, second = some_coupons(services, an_offer(services), [customer_id] * 2)
        redeem(services, first)
        slow, line = unsteady(services)
        others: list[Redeemed] = []
        line.before.append(lambda: others.append(redeem(services, second, now=_LATER)))

        unredeem(slow, first, now=_LATER)

        assert _counters(services, customer_id) == (2000, 1, 1)
        assert account_of(services, customer_id).last_visit_at == _LATER

    def test_with_a_lost_answer_take_one_use_back(self, services: Services) -> None:
        customer_id, code = _used_twice(services)
        slow, line = unsteady(services)
        line.after.append(fails(Contention()))

        done = unredeem(slow, code, now=_LATER, request=a_request())

        assert done.visits == -1
        assert coupon_of(services, code).usages == 1
        assert _counters(services, customer_id) == (2000, 1, 1)

    def test_with_a_lost_answer_and_no_key_take_no_second_use_back(
        self, services: Services
    ) -> None:
        """Without a name the latest is meant, which is another one by then."""
        customer_id, code = _used_twice(services)
        slow, line = unsteady(services)
        line.after.append(fails(Contention()))

        with contextlib.suppress(ConflictRetry):
            unredeem(slow, code, now=_LATER)

        assert coupon_of(services, code).usages == 1
        assert _counters(services, customer_id) == (2000, 1, 1)

    def test_with_the_same_key_take_one_use_back(self, services: Services) -> None:
        (_, code), request = _used_twice(services), a_request()

        first = unredeem(services, code, now=_LATER, request=request)
        again = unredeem(services, code, now=_LATER, request=request)

        assert (first.replayed, again.replayed) == (False, True)
        assert again.redemption.redemption_id == first.redemption.redemption_id
        assert (again.lifetime_value_minor, again.visits) == (-2000, -1)
        assert coupon_of(services, code).usages == 1
