"""The coupons of a reward in each order, beside a plain sort of them."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core import moments
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import coupons as core
from chalicelib.core.coupons.coupons import Coupon, CouponOrder, CouponStatus
from chalicelib.core.pages import LAST, PageRequest
from chalicelib.core.rewards import totals
from chalicelib.core.rewards.totals import Change
from chalicelib.store.engine.capacity import Meter
from chalicelib.usecases.ports import Store
from tests.builders import NOON, a_coupon, unique

_STEP = timedelta(milliseconds=1)
_KINDS: list[tuple[CouponStatus, dict[str, Any]]] = [
    (CouponStatus.UNASSIGNED, {"claimed_at": None, "customer_id": None}),
    (CouponStatus.UNASSIGNED, {"claimed_at": None, "customer_id": None, "expires_at": NOON}),
    (CouponStatus.UNASSIGNED, {"claimed_at": None, "customer_id": None, "expires_at": "later"}),
    (CouponStatus.CLAIMED, {}),
    (CouponStatus.CLAIMED, {"expires_at": "later"}),
    (CouponStatus.CLAIMED, {"expires_at": NOON}),
    (CouponStatus.CLAIMED, {"usages": 1, "redeemed_at": "later"}),
    (CouponStatus.REDEEMED, {"usages": 1, "redeemed_at": "later"}),
    (CouponStatus.REDEEMED, {"usages": 1, "redeemed_at": "later", "expires_at": "later"}),
    (CouponStatus.EXPIRED, {"expires_at": NOON}),
    (CouponStatus.EXPIRED, {"expires_at": NOON, "claimed_at": None, "customer_id": None}),
    (CouponStatus.INVALID, {"claimed_at": None, "customer_id": None}),
    (CouponStatus.INVALID, {"expires_at": "later"}),
]


def _coupons(reward_id: str, count: int) -> list[Coupon]:
    """Return coupons in every state, some of which share their moments."""
    prefix, found = unique("C"), []
    for number in range(count):
        status, kind = _KINDS[number % len(_KINDS)]
        at = NOON + (number // 3) * _STEP
        fields = {"claimed_at": at} | {
            name: at + _STEP if value == "later" else value for name, value in kind.items()
        }
        found.append(
            a_coupon(
                code=f"{prefix}{number:03d}",
                reward_id=reward_id,
                status=status,
                created_at=NOON - timedelta(days=1),
                version=0,
                **fields,
            )
        )
    return found


def _store(store: Store, coupons: Iterable[Coupon]) -> None:
    """Write the coupons, and what follows the stream writes of them."""
    for coupon in coupons:
        part = totals.of_coupon(None, [Change(None, replace(coupon, version=1))], time_zone="UTC")
        noted = part is not None and coupon.status is not CouponStatus.UNASSIGNED
        note = part.note if part is not None and noted else Changes()
        store.commit(Changes(create=(coupon,)) + note)


@pytest.fixture(scope="module")
def coupons(store: Store) -> list[Coupon]:
    coupons = _coupons(unique("rwd_"), 3 * len(_KINDS))
    _store(store, coupons)
    return coupons


def _expected(
    coupons: list[Coupon], order: CouponOrder, request: PageRequest, statuses: set[CouponStatus]
) -> list[str]:
    def moment(coupon: Coupon) -> datetime | None:
        found: datetime | None = getattr(coupon, order)
        return found

    def in_pool(coupon: Coupon) -> bool:
        return coupon.status is CouponStatus.UNASSIGNED

    def by_claim(coupon: Coupon) -> tuple[datetime, str]:
        return coupon.claimed_at or coupon.created_at, coupon.code

    down = request.descending
    if (request.low, request.high) != (" ", LAST):
        with_it = [
            each
            for each in coupons
            if (at := moment(each)) and request.low <= moments.iso(at) < request.high
        ]
        found = sorted(with_it, key=lambda each: (moment(each), each.code), reverse=down)
    else:
        with_it = [each for each in coupons if moment(each)]
        without = [each for each in coupons if not moment(each)]
        others = [each for each in without if not in_pool(each)]
        found = sorted(with_it, key=lambda each: (moment(each), each.code), reverse=down)
        if order is CouponOrder.CLAIMED_AT:
            # What nobody ever had stands by the time of its making.
            found = sorted([*with_it, *others], key=by_claim, reverse=down)
        else:
            found += sorted(others, key=by_claim, reverse=down)
        found += sorted(
            [each for each in without if in_pool(each)],
            key=lambda each: hashlib.sha256(each.code.encode()).hexdigest(),
            reverse=down,
        )
    return [each.code for each in found if core.status_at(each, NOON) in statuses]


_bounds = st.none() | st.integers(-1, 15).map(lambda step: moments.iso(NOON + step * _STEP))


def _in_order(bounds: Any) -> bool:
    return None in bounds or bool(bounds[0] < bounds[1])


def _walk(
    store: Store,
    reward_id: str,
    order: CouponOrder,
    request: PageRequest,
    statuses: set[CouponStatus],
) -> list[str]:
    found: list[str] = []
    for _ in range(200):
        page = store.list_of_reward(reward_id, statuses, request, order=order, now=NOON)
        assert len(page.items) <= request.limit
        found += [coupon.code for coupon in page.items if core.status_at(coupon, NOON) in statuses]
        if page.end is None:
            return found
        request = replace(request, after=page.end)
    raise AssertionError("the list does not end")


def _without(some: set[str], codes: list[str]) -> list[str]:
    return [code for code in codes if code not in some]


class TestList:
    @given(
        request=st.builds(
            lambda limit, descending, bounds: PageRequest(
                limit=limit, descending=descending, low=bounds[0] or " ", high=bounds[1] or LAST
            ),
            limit=st.integers(1, 50),
            descending=st.booleans(),
            bounds=st.tuples(_bounds, _bounds).filter(_in_order),
        ),
        order=st.sampled_from(CouponOrder),
        statuses=st.sets(st.sampled_from(CouponStatus), min_size=1),
    )
    @settings(max_examples=60, deadline=None)
    def test_is_walked_in_order_each_once(
        self,
        store: Store,
        coupons: list[Coupon],
        request: PageRequest,
        order: CouponOrder,
        statuses: set[CouponStatus],
    ) -> None:
        found = _walk(store, coupons[0].reward_id, order, request, statuses)

        assert len(found) == len(set(found))
        expected = _expected(coupons, order, request, statuses)
        # Of the pool, what the job has not recorded yet comes last, by its expiry.
        last = {each.code for each in coupons if each.status is CouponStatus.UNASSIGNED}
        if statuses & {CouponStatus.UNASSIGNED, CouponStatus.EXPIRED} == {CouponStatus.EXPIRED}:
            assert set(found) == set(expected)
            found, expected = _without(last, found), _without(last, expected)
        assert found == expected

    @pytest.mark.parametrize("order", CouponOrder)
    def test_costs_the_same_at_any_size(
        self, store: Store, meter: Meter, order: CouponOrder
    ) -> None:
        costs = []
        for size in (60, 300):
            reward_id = unique("rwd_")
            _store(store, _coupons(reward_id, size))
            meter.reset()
            page = store.list_of_reward(
                reward_id, set(CouponStatus), PageRequest(limit=10), order=order, now=NOON
            )
            assert len(page.items) == 10
            costs.append((meter.round_trips, meter.reads))

        assert costs[0] == costs[1]
        assert costs[0][0] <= 7
