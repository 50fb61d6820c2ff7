"""The law of the counters: they are what stands, whatever was done in between."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.changes import Changes
from chalicelib.core.coupons import redeeming, reversals
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.redemptions import Redemption
from chalicelib.core.coupons.reversals import UnredeemCoupon
from chalicelib.core.customers.accounts import (
    Account,
    AccountChange,
    NewestVisit,
    Standing,
    VisitReset,
)
from chalicelib.core.customers.orders import Order
from tests.builders import (
    JOINED,
    NOON,
    a_coupon,
    a_redeem_coupon,
    a_reward,
    an_origin,
    some_settings,
)

_CODES = ["CODE0", "CODE1", "CODE2"]
# The amounts of the orders: what is given for one is always the same.
_ORDERS: dict[str, int] = {"order 1": 1000, "order 2": 30}
_PURCHASE = 7
# Within the times of use below, so that some of them lie before it and do not count.
_JOINED_AT = NOON - timedelta(hours=24)
_HISTORY = some_settings(late_upload_limit_hours=20 * 366 * 24)


@dataclass
class Shop:
    """One customer, three coupons of five uses, and all that was written, without a table."""

    account: Account = field(
        default_factory=lambda: Account("cus_ada", Standing.ACTIVE, _JOINED_AT, version=1)
    )
    coupons: dict[str, Coupon] = field(
        default_factory=lambda: {
            code: a_coupon(code=code, usage_limit=5, claimed_at=JOINED) for code in _CODES
        }
    )
    orders: dict[str, Order] = field(default_factory=dict)
    redemptions: dict[str, Redemption] = field(default_factory=dict)
    now: datetime = NOON

    def redeem(
        self, code: str, order_id: str | None, *, given: bool, hours_ago: int | None
    ) -> None:
        coupon = self.coupons[code]
        if coupon.status is CouponStatus.REDEEMED:
            return
        amount = _ORDERS[order_id] if order_id else _PURCHASE
        number = len(self.redemptions)
        self.now += timedelta(seconds=1)
        decision = redeeming.decide_redemption(
            a_redeem_coupon(
                code=code,
                redemption_id=f"rdm_{number}",
                order_id=order_id,
                amount_minor=amount if given else None,
                redeemed_at=None if hours_ago is None else self.now - timedelta(hours=hours_ago),
            ),
            coupon=coupon,
            reward=a_reward(),
            settings=_HISTORY,
            order=self.orders.get(order_id or ""),
            account=self.account,
            origin=an_origin(self.now),
        )
        self._apply(decision.changes)

    def unredeem(self, number: int) -> None:
        standing = [each for each in self.redemptions.values() if each.reversal is None]
        if not standing:
            return
        redemption = standing[number % len(standing)]
        others = [each for each in standing if each is not redemption]
        before = [each for each in others if each.code == redemption.code]
        visits = [each.redeemed_at for each in others if each.redeemed_at >= _JOINED_AT]
        self.now += timedelta(seconds=1)
        decision = reversals.decide_reversal(
            UnredeemCoupon(code=redemption.code, event_id="evt_9"),
            coupon=self.coupons[redemption.code],
            redemption=redemption,
            standing_before=before[-1] if before else None,
            order=self.orders.get(redemption.order_id or ""),
            account=self.account,
            newest_other_visit=max(visits, default=None),
            origin=an_origin(self.now),
        )
        self._apply(decision.changes)

    def _apply(self, changes: Changes) -> None:
        for snapshot in [*changes.create, *(after for _, after in changes.update)]:
            match snapshot:
                case Coupon():
                    self.coupons[snapshot.code] = snapshot
                case Order():
                    self.orders[snapshot.order_id] = replace(snapshot, version=1)
                case Redemption():
                    self.redemptions[snapshot.redemption_id] = snapshot
                case _:
                    pass
        for count in changes.count:
            self._count(count)

    def _count(self, change: AccountChange) -> None:
        account, last = self.account, self.account.last_visit_at
        if isinstance(change.visit, NewestVisit | VisitReset):
            last = change.visit.at
        self.account = replace(
            account,
            lifetime_value_minor=account.lifetime_value_minor + change.lifetime_value_minor,
            visits=account.visits + change.visits,
            coupons_used=account.coupons_used + change.coupons_used,
            last_visit_at=last,
        )


def _steps(given: st.SearchStrategy[bool]) -> st.SearchStrategy[Any]:
    """Return sequences of redemptions and reversals; ``given``: whether one says the amount."""
    redeem = st.fixed_dictionaries(
        {
            "code": st.sampled_from(_CODES),
            "order_id": st.sampled_from([None, *_ORDERS]),
            "given": given,
            "hours_ago": st.none() | st.integers(0, 48),
        }
    )
    return st.lists(redeem | st.integers(0, 20), max_size=25)


_any_steps = _steps(st.booleans())


def _shop_after(steps: Sequence[dict[str, Any] | int]) -> Shop:
    shop = Shop()
    for step in steps:
        if isinstance(step, int):
            shop.unredeem(step)
        else:
            shop.redeem(**step)
    return shop


def _standing(shop: Shop) -> list[Redemption]:
    return [each for each in shop.redemptions.values() if each.reversal is None]


def _counting(shop: Shop) -> list[Redemption]:
    """Return those that stand for a purchase of the member."""
    return [each for each in _standing(shop) if each.redeemed_at >= _JOINED_AT]


class TestCounters:
    @given(_any_steps)
    def test_of_visits_are_the_purchases_that_stand(
        self, steps: Sequence[dict[str, Any] | int]
    ) -> None:
        shop = _shop_after(steps)

        counting = _counting(shop)
        purchases = {each.order_id or each.redemption_id for each in counting}
        assert shop.account.visits == len(purchases)
        assert shop.account.coupons_used == len(_standing(shop))
        assert shop.account.last_visit_at == max(
            (each.redeemed_at for each in counting), default=None
        )

    @given(_steps(st.sampled_from([True])))
    def test_of_lifetime_value_are_the_amounts_of_the_purchases_that_stand(
        self, steps: Sequence[dict[str, Any] | int]
    ) -> None:
        shop = _shop_after(steps)

        counting = _counting(shop)
        orders = {each.order_id for each in counting if each.order_id}
        alone = sum(_PURCHASE for each in counting if each.order_id is None)
        assert shop.account.lifetime_value_minor == alone + sum(map(_ORDERS.__getitem__, orders))

    @given(_any_steps)
    def test_of_lifetime_value_are_what_the_orders_say_where_amounts_come_late(
        self, steps: Sequence[dict[str, Any] | int]
    ) -> None:
        shop = _shop_after(steps)

        counting = _counting(shop)
        orders = {each.order_id for each in counting if each.order_id}
        ordered = sum(shop.orders[order_id].amount_minor or 0 for order_id in orders)
        alone = sum(each.amount_minor or 0 for each in counting if each.order_id is None)
        assert shop.account.lifetime_value_minor == ordered + alone

    @given(_any_steps)
    def test_of_uses_are_those_that_stand(self, steps: Sequence[dict[str, Any] | int]) -> None:
        shop = _shop_after(steps)

        for code, coupon in shop.coupons.items():
            standing = [each for each in _standing(shop) if each.code == code]
            assert coupon.usages == len(standing)
            assert (coupon.status is CouponStatus.REDEEMED) == (len(standing) == 5)
            assert (coupon.last_redemption is None) == (not standing)

    @given(_any_steps)
    def test_of_everything_are_back_at_nothing_once_all_is_reversed(
        self, steps: Sequence[dict[str, Any] | int]
    ) -> None:
        shop = _shop_after(steps)

        while _standing(shop):
            shop.unredeem(0)

        account = shop.account
        assert (account.lifetime_value_minor, account.visits, account.coupons_used) == (0, 0, 0)
        assert account.last_visit_at is None
        assert all(order.standing == 0 for order in shop.orders.values())
