"""Redeeming through HTTP: the rules of redemption for a purchase that is made now."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.core.customers.accounts import Standing
from tests.api.shop import Shop, at_once, moment, text
from tests.builders import NOON, unique

MILLISECOND = timedelta(milliseconds=1)


class TestARedemption:
    def test_answers_with_itself_and_where_it_is(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())

        reply = shop.redeem(code, amount_minor=1000)

        assert reply.status == 201
        assert reply.headers["location"].endswith(f"/coupons/{code}/redemptions/{reply.json['id']}")
        found = shop.find(reply.headers["location"])
        assert found == {name: value for name, value in reply.json.items() if name != "changed"}
        assert shop.find(f"/v1/coupons/{code}/redemptions")["items"] == [found]

    def test_keeps_everything_that_it_was_told(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        told = {
            "customer_id": customer["id"],
            "amount_minor": 2599,
            "currency": "USD",
            "order_id": unique("order-"),
            "comment": "no paper\nat all",
            "location_id": "loc_1",
            "channel": "scanner",
            "lines": [
                {"product": "p1", "category": "c1", "quantity": 2, "amount_minor": 2000},
                {"product": "p2", "category": None, "quantity": 1, "amount_minor": None},
            ],
        }

        redeemed = shop.redeemed(code, **told)

        assert {name: redeemed[name] for name in told} == told
        assert redeemed["actor"].startswith("key_")
        assert redeemed["redeemed_at"] == redeemed["recorded_at"]

    def test_names_every_value_that_it_changed(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)

        redeemed = shop.redeemed(code, amount_minor=1999)

        assert redeemed["changed"] == {
            "coupon": {
                "status": "redeemed",
                "usages": 1,
                "claimed": False,
                "balance_minor": None,
            },
            "customer": {
                "lifetime_value_minor": 1999,
                "visits": 1,
                "coupons_used": 1,
                "last_visit_at": redeemed["redeemed_at"],
            },
            "card": None,
        }
        coupon, now = shop.find_coupon(code), shop.find_customer(customer)
        assert (coupon["status"], coupon["usages"]) == ("redeemed", 1)
        assert coupon["redeemed_at"] == redeemed["redeemed_at"]
        assert coupon["last_redemption"]["redemption_id"] == redeemed["id"]
        assert (now["lifetime_value_minor"], now["visits"], now["coupons_used"]) == (1999, 1, 1)
        assert now["last_visit_at"] == redeemed["redeemed_at"]

    def test_is_one_line_of_the_customers_history(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)

        redeemed = shop.redeemed(code, amount_minor=500, channel="checkout", comment="VIP, rude")

        history = shop.history(customer)
        kinds = [event["type"] for event in history]
        assert kinds == ["customer.created", "coupon.claimed", "coupon.redeemed"]
        last = history[-1]
        assert (last["code"], last["redemption_id"]) == (code, redeemed["id"])
        assert (last["channel"], last["actor"]) == ("checkout", redeemed["actor"])
        assert "rude" not in str(last)  # The comment is for staff only.
        assert shop.find_customer(customer)["activity_count"] == len(history)

    def test_uses_a_coupon_of_n_uses_n_times(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(usage_limit=3), customer=shop.customer())

        after = [shop.redeemed(code)["changed"]["coupon"] for _ in range(3)]

        assert [(coupon["status"], coupon["usages"]) for coupon in after] == [
            ("claimed", 1),
            ("claimed", 2),
            ("redeemed", 3),
        ]
        assert shop.redeem(code).code == "coupon_already_redeemed"

    def test_succeeds_once_however_many_ask_at_the_same_moment(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(shop.reward(usage_limit=2), customer=customer)

        replies = at_once(*[lambda: shop.redeem(code, amount_minor=100)] * 6)

        assert sorted(reply.status for reply in replies) == [201, 201, 409, 409, 409, 409]
        refused = {reply.code for reply in replies if reply.status == 409}
        assert refused == {"coupon_already_redeemed"}
        now = shop.find_customer(customer)
        assert (now["lifetime_value_minor"], now["visits"], now["coupons_used"]) == (200, 2, 2)

    def test_of_zero_is_a_visit(self, shop: Shop) -> None:
        customer = shop.customer()

        shop.redeemed(shop.coupon(customer=customer), amount_minor=0)

        now = shop.find_customer(customer)
        assert (now["lifetime_value_minor"], now["visits"]) == (0, 1)


CODE = "Abc_12-{}"


class TestTheCode:
    @pytest.mark.parametrize(
        "typed",
        ["abc_12-{}", "ABC12{}", "a-b-c-1-2-{}", "abc%2012%20{}", "%61bc%5F12%2D{}", "-abc12{}-"],
    )
    def test_is_compared_as_people_type_and_shown_as_issued(self, shop: Shop, typed: str) -> None:
        name = unique("")
        code = shop.coupon(customer=shop.customer(), code=CODE.format(name))

        assert shop.find_coupon(typed.format(name.lower()))["code"] == code
        assert shop.redeemed(typed.format(name.lower()))["code"] == code

    @pytest.mark.parametrize("typed", ["%00", "a" * 129, "%FF%FE", "..%2F..", "%E2%84%AA1234"])
    def test_that_nobody_can_have_is_never_a_mistake_of_ours(self, shop: Shop, typed: str) -> None:
        assert shop.redeem(typed).status in (404, 422)


class TestTheExpiry:
    def test_refuses_from_its_instant_on_whether_or_not_the_job_has_run(self, shop: Shop) -> None:
        clock = shop.stop_clock(NOON)
        customer, reward = shop.customer(), shop.reward()
        in_time, late = (
            shop.coupon(reward, customer=customer, expires_at=text(NOON + MILLISECOND))
            for _ in range(2)
        )

        assert shop.redeem(in_time).status == 201
        clock.moment = NOON + MILLISECOND
        assert shop.redeem(late).code == "coupon_expired"
        assert shop.find_coupon(late)["status"] == "expired"

    def test_of_a_fixed_end_is_that_of_the_reward(self, shop: Shop) -> None:
        reward = shop.reward(validity={"ends_at": "2098-01-01T00:00:00Z"})

        coupon = shop.find_coupon(shop.coupon(reward))

        assert moment(coupon["expires_at"]) == moment("2098-01-01T00:00:00Z")

    @pytest.mark.parametrize(
        ("time_zone", "end"),
        [
            ("UTC", "2026-03-31T00:00:00Z"),
            # The clock goes forward on the day of the claim.
            ("Europe/Berlin", "2026-03-30T22:00:00Z"),
            ("Pacific/Kiritimati", "2026-03-31T10:00:00Z"),
        ],
    )
    def test_of_n_days_is_the_end_of_the_day_where_the_business_is(
        self, own_shop: Shop, time_zone: str, end: str
    ) -> None:
        own_shop.stop_clock(NOON)
        own_shop.set_settings(time_zone=time_zone)
        reward = own_shop.reward(validity={"days_after_claim": 1})

        claimed = own_shop.find_coupon(own_shop.coupon(reward, customer=own_shop.customer()))

        assert moment(claimed["expires_at"]) == moment(end)


class TestTheCustomer:
    def test_may_be_named_or_left_out(self, shop: Shop) -> None:
        customer, reward = shop.customer(), shop.reward()

        for named in ({}, {"customer_id": customer["id"]}):
            redeemed = shop.redeemed(shop.coupon(reward, customer=customer), **named)
            assert redeemed["customer_id"] == customer["id"]

    def test_of_a_printed_coupon_claims_and_redeems_in_one_step(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(shop.reward(claim_on_redeem=True))

        redeemed = shop.redeemed(code, customer_id=customer["id"], amount_minor=700)

        assert redeemed["changed"]["coupon"]["claimed"] is True
        assert shop.find_coupon(code)["customer_id"] == customer["id"]
        kinds = [event["type"] for event in shop.history(customer)]
        assert kinds == ["customer.created", "coupon.claimed", "coupon.redeemed"]
        now = shop.find_customer(customer)
        assert (now["lifetime_value_minor"], now["activity_count"]) == (700, 3)

    def test_of_a_printed_coupon_must_take_part(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(shop.reward(claim_on_redeem=True))
        shop.set_standing(customer, Standing.EXCLUDED)

        assert shop.redeem(code, customer_id=customer["id"]).code == "customer_excluded"
        assert shop.find_coupon(code)["status"] == "unassigned"

    def test_who_is_included_again_has_what_they_had(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        shop.set_standing(customer, Standing.EXCLUDED)
        assert shop.redeem(code).code == "customer_excluded"

        shop.set_standing(customer, Standing.ACTIVE)

        assert shop.redeem(code).status == 201


class TestTheReward:
    @pytest.mark.parametrize("purchase_amount", ["optional", "hidden"])
    def test_may_do_without_the_amount(self, shop: Shop, purchase_amount: str) -> None:
        code = shop.coupon(shop.reward(purchase_amount=purchase_amount), customer=shop.customer())

        assert shop.redeemed(code)["amount_minor"] is None

    def test_that_requires_the_amount_takes_zero_for_one(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(purchase_amount="required"), customer=shop.customer())

        assert shop.redeem(code, amount_minor=0).status == 201

    def test_asks_for_the_minimum_and_no_more(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(minimum_purchase_minor=2000), customer=shop.customer())

        assert shop.redeem(code, amount_minor=1999).code == "minimum_purchase_not_met"
        assert shop.redeem(code).code == "purchase_amount_required"
        assert shop.redeem(code, amount_minor=2000).status == 201

    def test_is_active_from_its_start_until_its_end(self, shop: Shop) -> None:
        start, end = NOON, NOON + timedelta(hours=1)
        clock = shop.stop_clock(NOON - timedelta(days=1))
        reward = shop.reward(active_from=text(start), active_until=text(end), usage_limit=9)
        code = shop.coupon(reward, customer=shop.customer())

        outcomes = []
        for now in (start - MILLISECOND, start, end - MILLISECOND, end):
            clock.moment = now
            outcomes.append(shop.redeem(code).status)
        assert outcomes == [409, 201, 201, 409]

    @pytest.mark.parametrize(
        ("reward", "amount_minor", "off"),
        [
            ({"type": "percentage_discount", "percent_off_basis_points": 2900}, 10_000, 2900),
            ({"type": "percentage_discount", "percent_off_basis_points": 3333}, 1001, 333),
            ({"type": "percentage_discount", "percent_off_basis_points": 10_000}, 1, 1),
            ({"type": "percentage_discount", "percent_off_basis_points": 1}, None, None),
            ({"type": "discount", "amount_off_minor": 500}, 2000, 500),
            ({"type": "discount", "amount_off_minor": 500}, 499, 499),
            ({"type": "value", "amount_off_minor": 500}, None, 500),
            ({"type": "gift"}, 2000, None),
        ],
    )
    def test_takes_off_what_it_says_rounded_down_and_never_more_than_the_purchase(
        self, shop: Shop, reward: dict[str, Any], amount_minor: int | None, off: int | None
    ) -> None:
        code = shop.coupon(shop.reward(**reward), customer=shop.customer())

        discount = shop.redeemed(code, amount_minor=amount_minor)["discount"]

        assert discount["type"] == reward["type"]
        assert discount["amount_off_minor"] == off

    def test_counts_the_purchase_before_the_discount(self, shop: Shop) -> None:
        customer = shop.customer()

        shop.redeemed(shop.coupon(customer=customer), amount_minor=10_000)

        assert shop.find_customer(customer)["lifetime_value_minor"] == 10_000
