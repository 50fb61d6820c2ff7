from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from chalicelib.core.coupons.coupons import (
    Coupon,
    CouponAlreadyClaimed,
    CouponExpired,
    CouponNotFound,
    CouponOrder,
    CouponStatus,
)
from chalicelib.core.customers.accounts import (
    CustomerDeleted,
    CustomerExcluded,
    CustomerNotFound,
    Standing,
)
from chalicelib.core.errors import Refused, Stale
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards.rewards import RewardNotFound
from chalicelib.usecases.coupons import coupons
from chalicelib.usecases.keyed import Done
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin
from tests.usecases.unsteady import unsteady
from tests.usecases.world import (
    a_member,
    a_members_coupon,
    a_request,
    account_of,
    an_offer,
    coupon_of,
    events_of,
    put,
    redeem,
    some_coupons,
)

_TOMORROW = NOON + timedelta(days=1)
_ALL = frozenset(CouponStatus)


def _claim(
    services: Services, code: str, customer_id: str, *, request: KeyedRequest | None = None
) -> Done[Coupon]:
    return coupons.claim(services.context, code, customer_id, origin=an_origin(), request=request)


def _change_expiry(
    services: Services, code: str, expires_at: datetime | None, *, now: datetime = NOON
) -> Done[Coupon]:
    return coupons.change_expiry(
        services.context,
        code,
        expires_at,
        check=lambda _: None,
        origin=an_origin(now),
        request=None,
    )


def _one_of_the_pool(services: Services) -> str:
    (code,) = some_coupons(services, an_offer(services), [None], expires_at=_TOMORROW)
    return code


class TestClaim:
    def test_gives_the_coupon_to_the_customer(self, services: Services) -> None:
        code, customer_id = _one_of_the_pool(services), a_member(services)

        _claim(services, code.lower(), customer_id)

        coupon = coupon_of(services, code)
        assert (coupon.status, coupon.customer_id) == (CouponStatus.CLAIMED, customer_id)
        assert account_of(services, customer_id).activity_count == len(
            events_of(services, customer_id)
        )

    def test_by_many_at_once_gives_it_to_one(self, services: Services) -> None:
        code = _one_of_the_pool(services)
        customers = [a_member(services) for _ in range(6)]

        def claim(customer_id: str) -> str | None:
            try:
                _claim(services, code, customer_id)
            except CouponAlreadyClaimed:
                return None
            return customer_id

        with ThreadPoolExecutor(6) as pool:
            winners = [each for each in pool.map(claim, customers) if each]

        assert winners == [coupon_of(services, code).customer_id]
        counts = [account_of(services, each).activity_count for each in customers]
        assert sorted(counts) == [1] * 5 + [2]

    @pytest.mark.parametrize(
        ("standing", "refusal"),
        [(Standing.EXCLUDED, CustomerExcluded), (Standing.DELETED, CustomerDeleted)],
    )
    def test_by_who_does_not_take_part_is_refused(
        self, services: Services, standing: Standing, refusal: type[Exception]
    ) -> None:
        code, customer_id = _one_of_the_pool(services), a_member(services)
        put(services, account_of(services, customer_id), standing=standing)

        with pytest.raises(refusal):
            _claim(services, code, customer_id)

        assert coupon_of(services, code).status is CouponStatus.UNASSIGNED

    def test_by_nobody_is_refused(self, services: Services) -> None:
        code = _one_of_the_pool(services)

        with pytest.raises(CustomerNotFound):
            _claim(services, code, "cus_nobody")

        assert coupon_of(services, code).status is CouponStatus.UNASSIGNED

    def test_of_nothing_is_not_found(self, services: Services) -> None:
        with pytest.raises(CouponNotFound):
            _claim(services, "NOSUCHCODE", a_member(services))

    def test_again_with_the_same_key_is_answered(self, services: Services) -> None:
        code, customer_id, request = _one_of_the_pool(services), a_member(services), a_request()
        _claim(services, code, customer_id, request=request)

        again = _claim(services, code, customer_id, request=request)

        assert again.replayed
        assert again.result.customer_id == customer_id


class TestChangeExpiry:
    def test_is_in_force_at_once(self, services: Services) -> None:
        code, _ = a_members_coupon(services, expires_at=_TOMORROW)

        _change_expiry(services, code, NOON + timedelta(minutes=1))

        with pytest.raises(CouponExpired):
            redeem(services, code, now=NOON + timedelta(minutes=1))

    def test_takes_the_end_away(self, services: Services) -> None:
        code, _ = a_members_coupon(services, expires_at=_TOMORROW)

        _change_expiry(services, code, None)

        redeem(services, code, now=NOON + timedelta(days=1000))

    def test_that_meets_a_redemption_is_refused(self, services: Services) -> None:
        code, _ = a_members_coupon(services, expires_at=_TOMORROW)
        slow, line = unsteady(services)
        line.before.append(lambda: _discard(redeem(services, code)))

        with pytest.raises(Refused) as caught:
            _change_expiry(slow, code, None)

        assert caught.value.code == "coupon_already_redeemed"

    def test_is_made_on_the_coupon_that_the_caller_has_seen(self, services: Services) -> None:
        code, _ = a_members_coupon(services, expires_at=_TOMORROW)

        def check(coupon: Coupon) -> None:
            if coupon.version != 7:
                raise Stale("the coupon has changed")

        with pytest.raises(Stale):
            coupons.change_expiry(
                services.context, code, None, check=check, origin=an_origin(), request=None
            )

        assert coupon_of(services, code).expires_at == _TOMORROW


class TestLists:
    def test_of_a_reward_show_the_status_as_it_is_now(self, services: Services) -> None:
        """What has run out is expired, recorded or not."""
        reward, customer_id = an_offer(services), a_member(services)
        open_, used = some_coupons(services, reward, [customer_id] * 2)
        (pool,) = some_coupons(services, reward, [None])
        ended = some_coupons(services, reward, [customer_id, None], expires_at=_TOMORROW)
        redeem(services, used)

        def codes(*statuses: CouponStatus, now: datetime) -> set[str]:
            page = coupons.list_of_reward(
                services.context,
                reward.reward_id,
                PageRequest(),
                statuses=frozenset(statuses) or _ALL,
                order=CouponOrder.CLAIMED_AT,
                now=now,
            )
            return {coupon.code for coupon in page.items}

        assert codes(CouponStatus.CLAIMED, now=NOON) == {open_, ended[0]}
        assert codes(CouponStatus.EXPIRED, now=NOON) == set()
        assert codes(CouponStatus.CLAIMED, now=_TOMORROW) == {open_}
        assert codes(CouponStatus.EXPIRED, now=_TOMORROW) == set(ended)
        assert codes(CouponStatus.UNASSIGNED, now=_TOMORROW) == {pool}
        assert codes(CouponStatus.REDEEMED, now=_TOMORROW) == {used}
        assert codes(now=NOON) == {open_, used, pool, *ended}

    def test_of_a_customer_show_all_of_theirs(self, services: Services) -> None:
        customer_id = a_member(services)
        mine = [
            *some_coupons(services, an_offer(services), [customer_id] * 2),
            *some_coupons(services, an_offer(services), [customer_id]),
        ]
        some_coupons(services, an_offer(services), [a_member(services), None])

        page = coupons.list_of_customer(
            services.context, customer_id, PageRequest(), statuses=_ALL, now=NOON
        )

        assert {coupon.code for coupon in page.items} == set(mine)

    def test_of_what_does_not_exist_are_not_found(self, services: Services) -> None:
        with pytest.raises(RewardNotFound):
            coupons.list_of_reward(
                services.context,
                "rwd_no",
                PageRequest(),
                statuses=_ALL,
                order=CouponOrder.CLAIMED_AT,
                now=NOON,
            )
        with pytest.raises(CustomerNotFound):
            coupons.list_of_customer(
                services.context, "cus_no", PageRequest(), statuses=_ALL, now=NOON
            )


def _discard(_: object) -> None:
    """Take an answer that nobody waits for."""
