"""Late uploads: a till that was offline says when the coupon was used."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.customers.accounts import Standing
from tests.api.shop import Shop, moment, text
from tests.builders import NOON

MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def late(shop: Shop, code: str, at: datetime, **body: Any) -> Any:
    return shop.redeem(code, redeemed_at=text(at), **body)


@pytest.fixture
def shop(own_shop: Shop) -> Shop:
    """A business that has been there for ten days; it is now NOON."""
    own_shop.stop_clock(NOON - 10 * DAY)
    return own_shop


def to_noon(shop: Shop) -> None:
    shop.stop_clock(NOON)


class TestTheTimeOfUse:
    @pytest.mark.parametrize(
        ("ago", "status"),
        [
            pytest.param(72 * HOUR, 201, id="the limit is included"),
            pytest.param(72 * HOUR + MILLISECOND, 422, id="beyond the limit"),
            pytest.param(timedelta(), 201, id="now"),
            pytest.param(-MILLISECOND, 422, id="the future"),
        ],
    )
    def test_lies_within_the_last_72_hours(self, shop: Shop, ago: timedelta, status: int) -> None:
        code = shop.coupon(customer=shop.customer())
        to_noon(shop)

        reply = late(shop, code, NOON - ago)

        assert reply.status == status
        if status == 201:
            assert moment(reply.json["redeemed_at"]) == NOON - ago
            assert moment(reply.json["recorded_at"]) == NOON
        else:
            assert reply.code == "redeemed_at_out_of_range"

    @pytest.mark.parametrize("hours", [0, 1, 24 * 365 * 20])
    def test_lies_within_the_limit_of_the_business(self, shop: Shop, hours: int) -> None:
        customer = shop.customer(joined_at="1999-01-01T00:00:00Z")
        code = shop.coupon(customer=customer)
        shop.set_settings(late_upload_limit_hours=hours)
        to_noon(shop)

        assert late(shop, code, NOON - hours * HOUR - MILLISECOND).status == 422
        assert late(shop, code, NOON - hours * HOUR).status == 201

    def test_may_be_told_in_any_zone(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())
        to_noon(shop)

        redeemed = shop.redeemed(code, redeemed_at="2026-03-29T13:30:00+02:00")

        assert moment(redeemed["redeemed_at"]) == NOON - HOUR / 2
        assert redeemed["redeemed_at"].endswith("Z")


@pytest.mark.parametrize("job", [False, True], ids=["before the job", "after the job"])
class TestTheExpiryIsJudgedAtThatMoment:
    def test_so_a_use_before_it_succeeds(self, shop: Shop, *, job: bool) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer, expires_at=text(NOON - DAY))
        to_noon(shop)
        if job:
            assert shop.run_expiry_job(NOON)["expired"] == 1

        redeemed = late(shop, code, NOON - DAY - MILLISECOND, amount_minor=900).json

        assert redeemed["changed"]["coupon"] == {
            "status": "redeemed",
            "usages": 1,
            "claimed": False,
            "balance_minor": None,
        }
        assert shop.find_coupon(code)["status"] == "redeemed"
        assert shop.find_customer(customer)["lifetime_value_minor"] == 900
        assert shop.run_expiry_job(NOON)["expired"] == 0

    def test_so_a_use_at_it_is_refused(self, shop: Shop, *, job: bool) -> None:
        code = shop.coupon(customer=shop.customer(), expires_at=text(NOON - DAY))
        to_noon(shop)
        if job:
            shop.run_expiry_job(NOON)

        assert late(shop, code, NOON - DAY).code == "coupon_expired"
        assert shop.redeem(code).code == "coupon_expired"

    def test_of_a_printed_coupon_too(self, shop: Shop, *, job: bool) -> None:
        customer = shop.customer()
        reward = shop.reward(claim_on_redeem=True)
        code = shop.coupon(reward, expires_at=text(NOON - DAY))
        to_noon(shop)
        if job:
            shop.run_expiry_job(NOON)

        reply = late(shop, code, NOON - 2 * DAY, customer_id=customer["id"])

        assert reply.json["changed"]["coupon"]["claimed"] is True
        assert shop.find_coupon(code)["status"] == "redeemed"

    def test_of_a_coupon_of_two_uses_too(self, shop: Shop, *, job: bool) -> None:
        reward = shop.reward(usage_limit=2)
        code = shop.coupon(reward, customer=shop.customer(), expires_at=text(NOON - DAY))
        to_noon(shop)
        if job:
            shop.run_expiry_job(NOON)

        assert late(shop, code, NOON - 2 * DAY).status == 201
        coupon = shop.find_coupon(code)
        assert (coupon["status"], coupon["usages"]) == ("expired", 1)
        assert shop.redeem(code).code == "coupon_expired"
        assert late(shop, code, NOON - 3 * DAY).json["changed"]["coupon"]["status"] == "redeemed"


class TestTheActivePeriodIsJudgedAtThatMoment:
    def test_of_a_reward_that_has_ended(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(active_until=text(NOON - DAY)), customer=shop.customer())
        to_noon(shop)

        assert late(shop, code, NOON - DAY).code == "reward_not_active"
        assert late(shop, code, NOON - DAY - MILLISECOND).status == 201

    def test_of_a_reward_that_had_not_begun(self, shop: Shop) -> None:
        code = shop.coupon(shop.reward(active_from=text(NOON - DAY)), customer=shop.customer())
        to_noon(shop)

        assert late(shop, code, NOON - DAY - MILLISECOND).code == "reward_not_active"
        assert late(shop, code, NOON - DAY).status == 201


class TestEverythingElseIsJudgedAsItIsNow:
    def test_the_status_of_the_coupon(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())
        shop.set_coupon(code, status=CouponStatus.INVALID)
        to_noon(shop)

        assert late(shop, code, NOON - DAY).code == "coupon_invalid"

    def test_the_status_of_the_reward(self, shop: Shop) -> None:
        reward = shop.reward()
        code = shop.coupon(reward, customer=shop.customer())
        to_noon(shop)
        shop.api.made(f"/v1/rewards/{reward['id']}/pause", None)

        assert late(shop, code, NOON - DAY).code == "reward_not_active"

    def test_the_standing_of_the_customer(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        to_noon(shop)
        shop.set_standing(customer, Standing.EXCLUDED)

        assert late(shop, code, NOON - DAY).code == "customer_excluded"

    def test_the_assignee(self, shop: Shop) -> None:
        code, other = shop.coupon(customer=shop.customer()), shop.customer()
        to_noon(shop)

        assert late(shop, code, NOON - DAY, customer_id=other["id"]).code == "wrong_customer"


class TestTheCustomersHistory:
    def test_lists_when_it_happened_in_the_order_of_recording(self, shop: Shop) -> None:
        customer, reward = shop.customer(), shop.reward()
        now, before = (shop.coupon(reward, customer=customer) for _ in range(2))
        to_noon(shop)
        shop.redeemed(now)

        late(shop, before, NOON - DAY)

        event = shop.history(customer)[-1]
        assert (event["type"], event["code"]) == ("coupon.redeemed", before)
        assert moment(event["occurred_at"]) == NOON - DAY
        assert moment(event["recorded_at"]) == NOON

    def test_keeps_the_newest_visit(self, shop: Shop) -> None:
        customer, reward = shop.customer(), shop.reward()
        now, before = (shop.coupon(reward, customer=customer) for _ in range(2))
        to_noon(shop)
        shop.redeemed(now)

        changed = late(shop, before, NOON - DAY).json["changed"]["customer"]

        assert changed["last_visit_at"] is None
        after = shop.find_customer(customer)
        assert (after["visits"], moment(after["last_visit_at"])) == (2, NOON)
