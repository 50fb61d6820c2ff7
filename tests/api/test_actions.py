"""Taking a coupon out of use, and passing it on, as a client sees it."""

from typing import Any

from chalicelib.core.callers.callers import Role
from tests.api.shop import Shop, at_once
from tests.builders import unique
from tests.conftest import a_key
from tests.http import Reply


def invalidate(shop: Shop, code: str, **body: Any) -> Reply:
    return shop.api.post(f"/v1/coupons/{code}/invalidate", body)


def transfer(shop: Shop, code: str, **body: Any) -> Reply:
    return shop.api.post(f"/v1/coupons/{code}/transfer", body)


def told(shop: Shop, customer: Any) -> list[str]:
    """Return what has happened to the customer since they joined."""
    kinds = [event["type"] for event in shop.history(customer)][1:]
    assert shop.find_customer(customer)["activity_count"] == len(kinds) + 1
    return kinds


class TestInvalidate:
    def test_shows_when_who_and_why(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())
        assert shop.find_coupon(code)["invalidation"] is None

        coupon = invalidate(shop, code, reason="printed twice").json

        assert coupon == shop.find_coupon(code)
        assert coupon["status"] == "invalid"
        assert coupon["invalidation"]["reason"] == "printed twice"
        assert coupon["invalidation"]["invalidated_by"].startswith("key_")

    def test_is_final(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        assert invalidate(shop, code).status == 200

        assert shop.redeem(code).code == "coupon_invalid"
        assert invalidate(shop, code).code == "coupon_invalid"
        assert told(shop, customer) == ["coupon.claimed", "coupon.invalidated"]

    def test_leaves_the_uses_that_were_made(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(shop.reward(usage_limit=2), customer=customer)
        shop.redeemed(code, amount_minor=500)

        coupon = invalidate(shop, code).json

        assert (coupon["status"], coupon["usages"]) == ("invalid", 1)
        assert shop.find_customer(customer)["lifetime_value_minor"] == 500

    def test_moves_it_in_the_list_of_the_reward(self, shop: Shop) -> None:
        reward = shop.reward()
        code = shop.coupon(reward)
        invalidate(shop, code)

        path = f"/v1/rewards/{reward['id']}/coupons?status="
        assert [each["code"] for each in shop.find(path + "invalid")["items"]] == [code]
        assert shop.find(path + "unassigned")["items"] == []

    def test_beside_a_redemption_at_the_same_moment_only_one_of_them_is_done(
        self, shop: Shop
    ) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)

        redeemed, invalidated = at_once(lambda: shop.redeem(code), lambda: invalidate(shop, code))

        assert sorted([redeemed.status, invalidated.status]) in ([200, 409], [201, 409])
        assert len(told(shop, customer)) == 2


class TestTransfer:
    def test_takes_the_coupon_to_the_other_customer(self, shop: Shop) -> None:
        giver, receiver = shop.customer(), shop.customer()
        code = shop.coupon(customer=giver)
        before = shop.find_coupon(code)

        coupon = transfer(shop, code, customer_id=receiver["id"]).json

        assert coupon == shop.find_coupon(code) == before | {"customer_id": receiver["id"]}
        assert shop.find(f"/v1/customers/{giver['id']}/coupons")["items"] == []
        assert shop.find(f"/v1/customers/{receiver['id']}/coupons")["items"] == [coupon]
        assert told(shop, giver) == ["coupon.claimed", "coupon.transferred"]
        assert told(shop, receiver) == ["coupon.received"]

    def test_finds_the_receiver_by_email_in_any_case(self, shop: Shop) -> None:
        email = f"{unique('bob').lower()}@example.com"
        receiver = shop.customer(email=email)
        codes = [shop.coupon(customer=shop.customer()) for _ in range(2)]

        by_email = transfer(shop, codes[0], email=email.upper())
        by_both = transfer(shop, codes[1], email=email, customer_id=receiver["id"])

        assert by_email.json["customer_id"] == by_both.json["customer_id"] == receiver["id"]

    def test_lets_the_receiver_use_it_and_the_giver_no_more(self, shop: Shop) -> None:
        giver, receiver = shop.customer(), shop.customer()
        code = shop.coupon(customer=giver)
        transfer(shop, code, customer_id=receiver["id"])

        assert shop.redeem(code, customer_id=giver["id"]).code == "wrong_customer"
        assert shop.redeemed(code, amount_minor=700)["customer_id"] == receiver["id"]
        assert shop.find_customer(receiver)["lifetime_value_minor"] == 700
        assert shop.find_customer(giver)["lifetime_value_minor"] == 0

    def test_leaves_the_uses_behind_it_with_the_giver(self, shop: Shop) -> None:
        giver, receiver = shop.customer(), shop.customer()
        code = shop.coupon(shop.reward(usage_limit=2), customer=giver)
        shop.redeemed(code, amount_minor=500)
        assert transfer(shop, code, customer_id=receiver["id"]).json["usages"] == 1
        shop.redeemed(code, amount_minor=800)

        (latest, first) = (shop.unredeem(code).json for _ in range(2))

        assert latest["redemption"]["customer_id"] == receiver["id"]
        assert first["redemption"]["customer_id"] == giver["id"]
        # The use that was taken back is whose the coupon is now.
        assert (first["coupon"]["customer_id"], first["coupon"]["usages"]) == (receiver["id"], 0)
        assert [shop.find_customer(each)["lifetime_value_minor"] for each in (giver, receiver)] == [
            0,
            0,
        ]
        assert told(shop, giver) == [
            "coupon.claimed",
            "coupon.redeemed",
            "coupon.transferred",
            "coupon.unredeemed",
        ]
        assert told(shop, receiver) == ["coupon.received", "coupon.redeemed", "coupon.unredeemed"]

    def test_beside_a_redemption_counts_it_for_who_has_the_coupon_then(self, shop: Shop) -> None:
        giver, receiver = shop.customer(), shop.customer()
        code = shop.coupon(shop.reward(usage_limit=2), customer=giver)

        redeemed, passed = at_once(
            lambda: shop.redeem(code, amount_minor=100),
            lambda: transfer(shop, code, customer_id=receiver["id"]),
        )

        assert (redeemed.status, passed.status) == (201, 200)
        values = {
            each["id"]: shop.find_customer(each)["lifetime_value_minor"]
            for each in (giver, receiver)
        }
        assert values.pop(redeemed.json["customer_id"]) == 100
        assert list(values.values()) == [0]

    def test_of_two_at_the_same_moment_both_leave_it_with_one(self, shop: Shop) -> None:
        giver, others = shop.customer(), [shop.customer() for _ in range(2)]
        code = shop.coupon(customer=giver)

        replies = at_once(
            *[lambda each=each: transfer(shop, code, customer_id=each["id"]) for each in others]
        )

        # One after the other: the second takes it from the first receiver.
        assert [reply.status for reply in replies] == [200, 200]
        kinds = sorted(kind for each in (giver, *others) for kind in told(shop, each))
        assert kinds == sorted(["coupon.claimed", *["coupon.transferred", "coupon.received"] * 2])

    def test_is_the_shops_and_the_managers_to_do(self, shop: Shop) -> None:
        receiver = shop.customer()
        statuses = {Role.CASHIER: 403, Role.ANALYST: 403, Role.INTEGRATION: 200, Role.MANAGER: 200}
        for role, status in statuses.items():
            code = shop.coupon(customer=shop.customer())
            api = shop.api.with_token(a_key(shop.services, role))
            reply = api.post(f"/v1/coupons/{code}/transfer", {"customer_id": receiver["id"]})
            assert reply.status == status
