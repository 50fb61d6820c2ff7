"""Statistics of a reward, as the stream's records make them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.api.shop import Shop
from tests.api.test_coupon_lists import Follow, follow, fresh_table_name
from tests.builders import NOON

__all__ = ["follow", "fresh_table_name"]

_DAY = timedelta(days=1)


def _statistics(shop: Shop, reward: Any, query: str = "") -> Any:
    return shop.find(f"/v1/rewards/{reward['id']}/statistics{query}")


def _life(shop: Shop, follow: Callable[[], None]) -> Any:
    """Return a reward of ten percent with a coupon in the pool, one claimed, two used."""
    clock = shop.stop_clock(NOON)
    shop.set_settings(time_zone="Pacific/Auckland")
    reward, customer = shop.reward(), shop.customer()
    shop.coupon(reward)
    codes = [shop.coupon(reward, customer=customer) for _ in range(4)]
    for code in codes[:3]:
        shop.redeemed(code, amount_minor=2000)
        clock.moment += _DAY
    shop.api.made(f"/v1/coupons/{codes[2]}/unredeem", {})
    follow()
    return reward


class TestStatistics:
    def test_say_how_the_reward_is_doing(self, own_shop: Shop, follow: Follow) -> None:
        reward = _life(own_shop, follow)

        found = _statistics(own_shop, reward)

        assert found["coupons"] == {
            "unassigned": 1,
            "claimed": 2,
            "redeemed": 2,
            "expired": 0,
            "invalid": 0,
            "total": 5,
        }
        assert (found["claims"], found["redemptions"]) == (4, 2)
        assert found["redemption_rate_basis_points"] == 5000
        assert (found["purchase_minor"], found["discount_minor"]) == (4000, 400)
        assert found["currency"] == "USD"
        assert len(found["over_time"]) == 30

    def test_over_time_go_by_the_days_of_the_business(self, own_shop: Shop, follow: Follow) -> None:
        """Noon in UTC is the next day in Auckland, in summer time until the fifth of April."""
        reward = _life(own_shop, follow)

        days = _statistics(own_shop, reward, "?day_from=2026-03-30&day_until=2026-04-02")
        weeks = _statistics(own_shop, reward, "?day_from=2026-03-01&day_until=2026-04-30&by=month")

        one = {"claims": 4, "redemptions": 1, "purchase_minor": 2000, "discount_minor": 200}
        nothing = dict.fromkeys(one, 0)
        assert days["over_time"] == [
            {"day_from": "2026-03-30", "day_until": "2026-03-31"} | one,
            {"day_from": "2026-03-31", "day_until": "2026-04-01"} | one | {"claims": 0},
            {"day_from": "2026-04-01", "day_until": "2026-04-02"} | nothing,
        ]
        assert [span["redemptions"] for span in weeks["over_time"]] == [2, 0]

    def test_of_a_new_reward_are_nothing(self, shop: Shop) -> None:
        found = _statistics(shop, shop.reward())

        assert found["coupons"]["total"] == 0
        assert found["redemption_rate_basis_points"] is None

    @pytest.mark.parametrize(
        "query",
        [
            "day_from=2026-03-30&day_until=2026-03-30",
            "day_from=1999-01-01",
            "by=year",
            "day_from=x",
        ],
    )
    def test_of_a_wrong_range_are_refused(self, shop: Shop, query: str) -> None:
        reply = shop.api.get(f"/v1/rewards/{shop.reward()['id']}/statistics?{query}")

        assert reply.code == "validation_failed"

    def test_of_an_unknown_reward_are_not_found(self, shop: Shop) -> None:
        assert shop.api.get("/v1/rewards/rwd_none/statistics").code == "reward_not_found"
