"""Holds: one use of a coupon, reserved for an order for a while."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.api.shop import Shop, at_once, from_now, moment, with_key
from tests.builders import unique

_MINUTE = timedelta(minutes=1)


def _hold(shop: Shop, code: str, *, key: str | None = None, **body: Any) -> Any:
    return shop.api.post(f"/v1/coupons/{code}/holds", body, headers=with_key(key))


def _held(shop: Shop, code: str, **body: Any) -> Any:
    reply = _hold(shop, code, **body)
    assert reply.status == 201, reply.raw
    return reply.json


def _coupon(shop: Shop, **fields: Any) -> str:
    return shop.coupon(shop.reward(**fields), customer=shop.customer())


class TestHold:
    def test_lasts_a_quarter_of_an_hour_unless_told_otherwise(self, shop: Shop) -> None:
        hold = _held(shop, _coupon(shop))
        week = _held(shop, _coupon(shop), minutes=7 * 24 * 60)
        longer = _hold(shop, _coupon(shop), minutes=7 * 24 * 60 + 1)

        assert moment(hold["lapses_at"]) - moment(hold["taken_at"]) == 15 * _MINUTE
        assert moment(week["lapses_at"]) - moment(week["taken_at"]) == timedelta(days=7)
        assert (longer.status, longer.code) == (422, "validation_failed")
        assert shop.find(f"/v1/holds/{hold['id']}") == hold

    def test_keeps_the_use_from_others(self, shop: Shop) -> None:
        code = _coupon(shop)
        hold = _held(shop, code, order_id=unique("O"))

        for refused in (
            shop.redeem(code),
            shop.redeem(code, order_id=unique("O")),
            _hold(shop, code),
        ):
            assert (refused.status, refused.code) == (409, "coupon_held")
            assert refused.json["lapses_at"] == hold["lapses_at"][:-4] + "Z"
        assert shop.redeem(code, hold_id=hold["id"]).status == 201
        assert shop.find_coupon(code)["holds"] == []

    def test_is_found_by_its_order(self, shop: Shop) -> None:
        code, order = _coupon(shop), unique("O")
        _held(shop, code, order_id=order)

        assert shop.redeem(code, order_id=order).status == 201

    def test_counts_against_the_usage_limit(self, shop: Shop) -> None:
        code = _coupon(shop, usage_limit=2)
        _held(shop, code)

        assert shop.redeem(code).status == 201
        assert shop.redeem(code).code == "coupon_held"

    def test_frees_itself_when_its_time_is_over(self, shop: Shop) -> None:
        code = _coupon(shop)
        hold = _held(shop, code, minutes=5)
        shop.stop_clock(moment(hold["lapses_at"]))

        late = shop.redeem(code, hold_id=hold["id"])

        assert (late.status, late.code) == (409, "hold_lapsed")
        assert shop.find_coupon(code)["holds"] == []
        assert shop.redeem(code).status == 201

    def test_is_honoured_after_the_expiry_of_the_coupon(self, shop: Shop) -> None:
        ends = from_now(shop, minutes=10)
        code = shop.coupon(customer=shop.customer(), expires_at=ends)
        hold = _held(shop, code, minutes=60)
        clock = shop.stop_clock(moment(ends) + _MINUTE)
        shop.run_expiry_job(clock.moment)

        assert shop.find_coupon(code)["status"] == "expired"
        assert shop.redeem(code).code == "coupon_expired"
        assert shop.redeem(code, hold_id=hold["id"]).status == 201

    def test_lets_the_coupon_expire_once_it_has_lapsed(self, own_shop: Shop) -> None:
        shop = own_shop
        ada, ends = shop.customer(), from_now(shop, minutes=10)
        code = shop.coupon(customer=ada, expires_at=ends)
        hold = _held(shop, code, minutes=60)

        held = shop.run_expiry_job(moment(ends) + _MINUTE)
        lapsed = shop.run_expiry_job(moment(hold["lapses_at"]) + timedelta(seconds=1))

        assert (held["expired"], lapsed["expired"]) == (0, 1)
        assert shop.history(ada)[-1]["type"] == "coupon.expired"

    def test_can_be_prolonged_while_it_lasts(self, shop: Shop) -> None:
        code = _coupon(shop)
        hold = _held(shop, code, minutes=5)
        path = f"/v1/holds/{hold['id']}"

        reply = shop.api.patch(path, {"minutes": 30})

        assert reply.status == 200
        assert moment(reply.json["lapses_at"]) > moment(hold["lapses_at"])
        assert shop.find_coupon(code)["holds"][0]["lapses_at"] == reply.json["lapses_at"]
        shop.stop_clock(moment(reply.json["lapses_at"]))
        late = shop.api.patch(path, {"minutes": 30})
        assert (late.status, late.code) == (409, "hold_lapsed")

    def test_can_be_released_once(self, shop: Shop) -> None:
        code = _coupon(shop)
        path = f"/v1/holds/{_held(shop, code)['id']}"

        assert shop.api.delete(path).status == 204
        assert shop.api.delete(path).code == "hold_not_found"
        assert shop.api.get(path).code == "hold_not_found"
        assert shop.redeem(code).status == 201

    def test_is_taken_once_under_its_key(self, shop: Shop) -> None:
        code, key = _coupon(shop), unique("k")

        replies = at_once(*[partial(_hold, shop, code, key=key) for _ in range(4)])

        assert {reply.status for reply in replies} == {201}
        assert len({reply.json["id"] for reply in replies}) == 1
        assert len(shop.find_coupon(code)["holds"]) == 1

    def test_is_taken_by_one_of_many(self, shop: Shop) -> None:
        code = _coupon(shop, usage_limit=2)

        replies = at_once(*[partial(_hold, shop, code) for _ in range(6)])

        assert sorted(reply.status for reply in replies) == [201, 201, 409, 409, 409, 409]
        assert {r.code for r in replies if r.status == 409} == {"coupon_held"}

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"customer": None}, "coupon_unassigned"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "coupon_expired"),
        ],
    )
    def test_is_refused_where_the_coupon_cannot_be_used(
        self, shop: Shop, changes: dict[str, Any], code: str
    ) -> None:
        held = _hold(shop, shop.coupon(**{"customer": shop.customer(), **changes}))

        assert (held.status, held.code) == (409, code)

    def test_is_refused_to_another_customer(self, shop: Shop) -> None:
        reply = _hold(shop, _coupon(shop), customer_id=shop.customer()["id"])

        assert (reply.status, reply.code) == (409, "wrong_customer")

    def test_of_an_unknown_id_is_not_found(self, shop: Shop) -> None:
        code = _coupon(shop)

        reply = shop.redeem(code, hold_id="hld_nothing")

        assert (reply.status, reply.code) == (404, "hold_not_found")
        assert reply.json["errors"][0]["pointer"] == "/hold_id"
