"""Pools: a claim gets any code of a reward, and no two get the same."""

import pytest

from chalicelib.core.callers.callers import Role
from tests.api.shop import Shop, at_once, from_now, with_key
from tests.conftest import a_key
from tests.http import Reply


def claim(shop: Shop, reward: object, customer: object, *, key: str | None = None) -> Reply:
    assert isinstance(reward, dict)
    assert isinstance(customer, dict)
    return shop.api.post(
        f"/v1/rewards/{reward['id']}/claim",
        {"customer_id": customer["id"]},
        headers=with_key(key),
    )


class TestClaimFromAPool:
    def test_gives_a_coupon_that_the_customer_then_has(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        code = shop.coupon(reward)

        reply = claim(shop, reward, customer)

        assert reply.status == 200
        assert reply.json == shop.find_coupon(code)
        assert (reply.json["status"], reply.json["customer_id"]) == ("claimed", customer["id"])
        assert shop.history(customer)[-1]["type"] == "coupon.claimed"
        assert claim(shop, reward, customer).code == "pool_empty"

    def test_gives_every_claimer_another_one(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        codes = {shop.coupon(reward) for _ in range(4)}

        replies = at_once(*[lambda: claim(shop, reward, customer)] * 6)

        given = [reply.json["code"] for reply in replies if reply.status == 200]
        assert sorted(given) == sorted(codes)
        assert [reply.code for reply in replies if reply.status != 200] == ["pool_empty"] * 2

    def test_with_a_key_gives_one_however_often_it_is_sent(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        for _ in range(3):
            shop.coupon(reward)

        first, again = (claim(shop, reward, customer, key="claim-1") for _ in range(2))

        assert again.json == first.json
        assert again.headers["idempotent-replayed"] == "true"

    @pytest.mark.parametrize(
        ("role", "status"), [(Role.OWNER, 200), (Role.MANAGER, 200), (Role.INTEGRATION, 409)]
    )
    def test_lets_staff_alone_give_before_the_reward_is_active(
        self, shop: Shop, role: Role, status: int
    ) -> None:
        reward, customer = shop.reward(active_from=from_now(shop, days=1)), shop.customer()
        shop.coupon(reward)
        shop.api = shop.api.with_token(a_key(shop.services, role))

        reply = claim(shop, reward, customer)

        assert reply.status == status
        assert status == 200 or reply.code == "reward_not_active"

    def test_gives_no_code_that_has_run_out(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        shop.coupon(reward, expires_at=from_now(shop, days=-1))

        assert claim(shop, reward, customer).code == "pool_empty"
