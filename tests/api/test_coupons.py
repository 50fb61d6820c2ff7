"""Coupons: added to a reward, claimed, and given another expiry."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.core.changes import Changes
from chalicelib.core.coupons.codes import key_of
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.customers.accounts import Standing
from tests.api.shop import Shop, at_once, from_now, moment, text
from tests.builders import NOON, unique
from tests.http import Reply

SOON = timedelta(hours=1)


def outcomes(answer: Any) -> list[str]:
    """Return what became of each code: ``created``, or the code of the refusal."""
    return [
        item["error"]["code"] if "error" in item else item["outcome"] for item in answer["items"]
    ]


class TestAddingCodes:
    def test_answers_for_each_in_the_order_given(self, shop: Shop) -> None:
        reward, customer, excluded = shop.reward(), shop.customer(), shop.customer()
        shop.set_standing(excluded, Standing.EXCLUDED)
        taken, new = shop.coupon(), unique("NEW-")

        answer = shop.coupons(
            reward,
            [
                {"code": taken.lower()},
                {"code": new},
                {"code": "###"},
                {"code": new.replace("-", "_")},
                {"code": unique("C-"), "customer_id": customer["id"]},
                {"code": unique("C-"), "customer_id": "cus_nobody"},
                {"code": unique("C-"), "customer_id": excluded["id"]},
                {"code": "ABC"},
                {"code": unique("C-")},
            ],
        )

        assert outcomes(answer) == [
            "duplicate_code",
            "created",
            "validation_failed",
            "duplicate_code",
            "created",
            "customer_not_found",
            "customer_excluded",
            "validation_failed",
            "created",
        ]
        assert (answer["created"], answer["refused"]) == (3, 6)
        assert [item["code"] for item in answer["items"]][:3] == [taken.lower(), new, "###"]

    def test_asks_the_table_for_each_code_once(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """AWS refuses a transaction that has an item twice; DynamoDB Local takes it."""
        reward, code, written = shop.reward(), unique("C-"), list[str | None]()
        commit = shop.services.store.commit

        def note(changes: Changes) -> None:
            written.extend(key_of(each.code) for each in changes.create if isinstance(each, Coupon))
            commit(changes)

        monkeypatch.setattr(shop.services.store, "commit", note)
        answer = shop.coupons(reward, [{"code": each} for each in (code, code, code.lower())])

        assert outcomes(answer) == ["created", "duplicate_code", "duplicate_code"]
        assert written == [key_of(code)]

    def test_points_to_the_one_to_blame(self, shop: Shop) -> None:
        answer = shop.coupons(
            shop.reward(),
            [{"code": "###"}, {"code": unique("C-"), "customer_id": "cus_nobody"}],
        )

        pointers = [item["error"]["errors"][0]["pointer"] for item in answer["items"]]
        assert pointers == ["/coupons/0/code", "/coupons/1/customer_id"]

    def test_keeps_them_in_the_pool_or_claims_them(self, shop: Shop) -> None:
        reward, customer = shop.reward(usage_limit=3), shop.customer()

        pooled = shop.find_coupon(shop.coupon(reward))
        claimed = shop.find_coupon(shop.coupon(reward, customer=customer))

        assert (pooled["status"], pooled["customer_id"]) == ("unassigned", None)
        assert (claimed["status"], claimed["customer_id"]) == ("claimed", customer["id"])
        assert claimed["claimed_at"] == claimed["created_at"]
        assert (claimed["usages"], claimed["usage_limit"]) == (0, 3)
        assert shop.history(customer)[-1]["type"] == "coupon.claimed"

    def test_shows_what_it_created(self, shop: Shop) -> None:
        code = unique("New_")
        answer = shop.coupons(shop.reward(), [{"code": code}])

        assert answer["items"] == [
            {"code": code, "outcome": "created", "coupon": shop.find_coupon(code)}
        ]

    def test_counts_each_claim_of_a_customer(self, shop: Shop) -> None:
        customer = shop.customer()
        codes = [{"code": unique("C-"), "customer_id": customer["id"]} for _ in range(50)]

        assert shop.coupons(shop.reward(), codes)["created"] == 50

        history = shop.history(customer)
        assert shop.find_customer(customer)["activity_count"] == len(history) == 51

    def test_prefers_the_coupons_own_expiry(self, shop: Shop) -> None:
        reward = shop.reward(validity={"ends_at": "2098-01-01T00:00:00Z"})

        coupon = shop.find_coupon(shop.coupon(reward, expires_at="2097-01-01T00:00:00+01:00"))

        assert moment(coupon["expires_at"]) == moment("2096-12-31T23:00:00Z")

    def test_takes_an_expiry_that_has_passed_for_simply_due(self, own_shop: Shop) -> None:
        past = text(own_shop.services.now() - SOON)
        customer = own_shop.customer()
        code = own_shop.coupon(customer=customer, expires_at=past)

        assert own_shop.find_coupon(code)["status"] == "expired"
        assert own_shop.run_expiry_job(own_shop.services.now())["expired"] == 1
        assert own_shop.history(customer)[-1]["type"] == "coupon.expired"

    @pytest.mark.parametrize("status", ["draft", "active", "paused"])
    def test_is_possible_before_and_while_the_reward_is_active(
        self, shop: Shop, status: str
    ) -> None:
        reward = shop.reward(status=status, active_until="2020-01-01T00:00:00Z")

        assert shop.coupon(reward, customer=shop.customer())

    def test_takes_a_thousand_and_no_more(self, shop: Shop) -> None:
        reward, prefix = shop.reward(), unique("BULK-")
        codes = [{"code": f"{prefix}-{number}"} for number in range(1001)]
        path = f"/v1/rewards/{reward['id']}/coupons"

        assert shop.api.post(path, {"coupons": codes}).code == "validation_failed"
        assert shop.api.post(path, {"coupons": []}).code == "validation_failed"
        assert shop.coupons(reward, codes[:1000])["created"] == 1000

    def test_creates_a_code_once_however_many_add_it_at_the_same_moment(self, shop: Shop) -> None:
        rewards = [shop.reward() for _ in range(3)]
        codes = [{"code": unique("C-")} for _ in range(40)]

        answers = at_once(*[lambda each=each: shop.coupons(each, codes) for each in rewards])

        for results in zip(*map(outcomes, answers), strict=True):
            assert sorted(results) == ["created", "duplicate_code", "duplicate_code"]
        listed = sum(
            len(shop.find(f"/v1/rewards/{each['id']}/coupons?limit=100")["items"])
            for each in rewards
        )
        assert listed == 40


def claim(shop: Shop, code: str, customer: Any) -> Reply:
    return shop.api.post(f"/v1/coupons/{code}/claim", {"customer_id": customer["id"]})


class TestClaim:
    def test_gives_the_coupon_to_the_customer(self, shop: Shop) -> None:
        customer, code = shop.customer(), shop.coupon()

        reply = claim(shop, code, customer)

        assert reply.status == 200
        assert reply.json == shop.find_coupon(code)
        assert (reply.json["status"], reply.json["customer_id"]) == ("claimed", customer["id"])
        event = shop.history(customer)[-1]
        assert (event["type"], event["code"]) == ("coupon.claimed", code)
        assert shop.find_customer(customer)["activity_count"] == 2
        listed = shop.find(f"/v1/customers/{customer['id']}/coupons")["items"]
        assert listed == [reply.json]

    def test_gives_it_to_one_of_many_who_ask_at_the_same_moment(self, shop: Shop) -> None:
        code, customers = shop.coupon(), [shop.customer() for _ in range(4)]

        replies = at_once(*[lambda each=each: claim(shop, code, each) for each in customers])

        assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]
        winner = next(reply.json["customer_id"] for reply in replies if reply.status == 200)
        assert shop.find_coupon(code)["customer_id"] == winner
        assert sum(len(shop.history(each)) for each in customers) == 5

    def test_does_not_look_at_the_active_period(self, shop: Shop) -> None:
        reward = shop.reward(status="draft", active_from="2098-01-01T00:00:00Z")

        assert claim(shop, shop.coupon(reward), shop.customer()).status == 200

    def test_starts_the_days_of_its_validity(self, own_shop: Shop) -> None:
        clock = own_shop.stop_clock(NOON)
        code = own_shop.coupon(own_shop.reward(validity={"days_after_claim": 0}))
        assert own_shop.find_coupon(code)["expires_at"] is None
        clock.moment = NOON + timedelta(days=1)

        expires_at = claim(own_shop, code, own_shop.customer()).json["expires_at"]

        assert moment(expires_at) == moment("2026-03-31T00:00:00Z")

    @pytest.mark.parametrize("used", [False, True])
    def test_of_what_was_used_is_refused(self, shop: Shop, *, used: bool) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        if used:
            shop.redeemed(code)

        expected = "coupon_already_redeemed" if used else "coupon_already_claimed"
        assert claim(shop, code, customer).code == expected


def change(shop: Shop, code: str, **fields: Any) -> Reply:
    return shop.api.patch(f"/v1/coupons/{code}", fields)


class TestAnotherExpiry:
    @pytest.mark.parametrize("claimed", [False, True])
    def test_is_given_to_what_is_open(self, shop: Shop, *, claimed: bool) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer if claimed else None)

        changed = change(shop, code, expires_at="2097-05-01T12:00:00Z").json

        assert changed == shop.find_coupon(code)
        assert moment(changed["expires_at"]) == moment("2097-05-01T12:00:00Z")
        kinds = [event["type"] for event in shop.history(customer)]
        assert kinds[1:] == (["coupon.claimed", "coupon.expiry_changed"] if claimed else [])

    def test_of_null_is_never(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer(), expires_at=from_now(shop, hours=1))

        assert change(shop, code, expires_at=None).json["expires_at"] is None

    def test_left_out_changes_nothing(self, shop: Shop) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer, expires_at=from_now(shop, hours=1))
        before = shop.find_coupon(code)

        assert change(shop, code).json == before
        assert change(shop, code, expires_at=before["expires_at"]).json == before
        assert len(shop.history(customer)) == 2

    def test_that_has_passed_ends_it_for_good(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())

        assert change(shop, code, expires_at=text(NOON)).json["status"] == "expired"
        assert change(shop, code, expires_at=None).code == "coupon_expired"
        assert shop.redeem(code).code == "coupon_expired"

    def test_is_refused_when_used_up(self, shop: Shop) -> None:
        code = shop.coupon(customer=shop.customer())
        shop.redeemed(code)

        assert change(shop, code, expires_at=None).code == "coupon_already_redeemed"

    def test_moves_what_is_due(self, own_shop: Shop) -> None:
        shop, now = own_shop, own_shop.services.now()
        earlier, later = (shop.coupon(expires_at=text(now + 2 * SOON)) for _ in range(2))
        change(shop, earlier, expires_at=text(now + SOON))
        change(shop, later, expires_at=text(now + 3 * SOON))

        assert shop.run_expiry_job(now + SOON)["expired"] == 1
        assert shop.run_expiry_job(now + 2 * SOON)["expired"] == 0
        assert shop.run_expiry_job(now + 3 * SOON)["expired"] == 1
