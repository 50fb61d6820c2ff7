from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.activity import ActivityEvent
from chalicelib.core.coupons.coupons import CouponStatus, RedemptionRef
from chalicelib.core.customers.accounts import (
    Standing,
)
from chalicelib.core.customers.orders import Order
from chalicelib.core.rewards.rewards import PurchaseAmount, RewardStatus
from tests.builders import (
    NOON,
    a_coupon,
    a_redeem_coupon,
    a_reward,
    an_account,
    an_unassigned_coupon,
    some_settings,
)
from tests.core.samples import created_of, decided, refusal_of

_INSTANT = timedelta(milliseconds=1)
_HOUR = timedelta(hours=1)
_USED = RedemptionRef("rdm_0", "cus_ada", "order 0")


# Each breaks one rule, in the order in which they must be told: from "nothing the customer can do"
# to "easily fixed".
_RULES: Sequence[tuple[str, dict[str, Any]]] = (
    ("coupon_already_redeemed", {"coupon": {"status": CouponStatus.REDEEMED}}),
    ("coupon_expired", {"coupon": {"expires_at": NOON}}),
    ("wrong_customer", {"command": {"customer_id": "cus_bob"}}),
    ("customer_excluded", {"account": {"standing": Standing.EXCLUDED}}),
    ("reward_not_active", {"reward": {"status": RewardStatus.PAUSED}}),
    ("currency_mismatch", {"command": {"currency": "XAU"}}),
    ("order_amount_mismatch", {"order": {"amount_minor": 1}}),
    ("minimum_purchase_not_met", {"reward": {"minimum_purchase_minor": 5000}}),
)


def _broken(*rules: dict[str, Any]) -> str:
    """Return the code of the refusal of what breaks all of ``rules``."""
    changes: dict[str, dict[str, Any]] = {}
    for rule in rules:
        for what, how in rule.items():
            changes.setdefault(what, {}).update(how)
    order = replace(Order("order 1", "cus_ada", NOON, amount_minor=2000, standing=1, version=1))
    coupon = a_coupon(last_redemption=_USED, redeemed_at=NOON)
    return refusal_of(
        replace(a_redeem_coupon(order_id="order 1"), **changes.get("command", {})),
        coupon=replace(coupon, **changes.get("coupon", {})),
        reward=replace(a_reward(), **changes.get("reward", {})),
        order=replace(order, **changes.get("order", {})),
        account=replace(an_account(), **changes.get("account", {})),
    ).code


_PAIRS = [
    pytest.param(code, [rule, lesser], id=f"{code} before {later}")
    for first, (code, rule) in enumerate(_RULES)
    for later, lesser in _RULES[first + 1 :]
]


class TestOrderOfRules:
    @pytest.mark.parametrize(("code", "rule"), _RULES, ids=[code for code, _ in _RULES])
    def test_refuses_what_breaks_one(self, code: str, rule: dict[str, Any]) -> None:
        assert _broken(rule) == code

    @pytest.mark.parametrize(("code", "rules"), _PAIRS)
    def test_tells_first_what_cannot_be_helped(
        self, code: str, rules: list[dict[str, Any]]
    ) -> None:
        assert _broken(*rules) == code

    def test_tells_the_first_of_all_that_are_broken(self) -> None:
        rules = [rule for _, rule in _RULES]

        assert [_broken(*rules[start:]) for start in range(len(rules))] == [
            code for code, _ in _RULES
        ]


class TestRules:
    def test_names_no_other_customer_in_a_wrong_ones_refusal(self) -> None:
        refusal = refusal_of(a_redeem_coupon(customer_id="cus_bob"))

        assert refusal.code == "wrong_customer"
        assert "cus_ada" not in repr((refusal.args, refusal.fix, refusal.facts))

    @pytest.mark.parametrize(
        ("claim_on_redeem", "customer_id", "fix"),
        [
            (True, None, "send customer_id"),
            (False, "cus_bob", "claim it for a customer first"),
            (False, None, "claim it for a customer first"),
        ],
    )
    def test_refuses_an_unassigned_code_unless_customer_and_reward_agree(
        self, customer_id: str | None, fix: str, *, claim_on_redeem: bool
    ) -> None:
        refusal = refusal_of(
            a_redeem_coupon(customer_id=customer_id),
            coupon=an_unassigned_coupon(),
            reward=a_reward(claim_on_redeem=claim_on_redeem),
        )

        assert (refusal.code, refusal.fix) == ("coupon_unassigned", fix)

    @pytest.mark.parametrize(
        ("standing", "code"),
        [(Standing.EXCLUDED, "customer_excluded"), (Standing.DELETED, "customer_deleted")],
    )
    def test_refuses_who_does_not_take_part(self, standing: Standing, code: str) -> None:
        assert refusal_of(account=an_account(standing=standing)).code == code

    def test_refuses_an_amount_left_out_where_it_is_required(self) -> None:
        refusal = refusal_of(
            a_redeem_coupon(amount_minor=None),
            reward=a_reward(purchase_amount=PurchaseAmount.REQUIRED),
        )

        assert refusal.code == "purchase_amount_required"
        assert refusal.faults[0].pointer == "/amount_minor"

    @pytest.mark.parametrize("setting", [PurchaseAmount.OPTIONAL, PurchaseAmount.HIDDEN])
    @pytest.mark.parametrize("amount", [None, 500])
    def test_takes_an_amount_or_none_where_it_is_not(
        self, setting: PurchaseAmount, amount: int | None
    ) -> None:
        decision = decided(
            a_redeem_coupon(amount_minor=amount), reward=a_reward(purchase_amount=setting)
        )

        assert decision.redemption.amount_minor == amount

    def test_says_how_much_more_is_needed(self) -> None:
        refusal = refusal_of(
            a_redeem_coupon(amount_minor=1200), reward=a_reward(minimum_purchase_minor=2000)
        )

        assert refusal.fix == "8.00 more needed"
        assert refusal.facts["missing_minor"] == 800

    def test_takes_the_minimum_itself(self) -> None:
        decided(a_redeem_coupon(amount_minor=2000), reward=a_reward(minimum_purchase_minor=2000))

    def test_cannot_judge_a_minimum_without_an_amount(self) -> None:
        refusal = refusal_of(
            a_redeem_coupon(amount_minor=None), reward=a_reward(minimum_purchase_minor=2000)
        )

        assert refusal.code == "purchase_amount_required"


class TestExpiry:
    @pytest.mark.parametrize(
        "status", [CouponStatus.CLAIMED, CouponStatus.EXPIRED], ids=["before the job", "after it"]
    )
    def test_refuses_from_that_instant_on(self, status: CouponStatus) -> None:
        refusal = refusal_of(coupon=a_coupon(status=status, expires_at=NOON))

        assert refusal.code == "coupon_expired"
        assert refusal.facts["expires_at"] == "2026-03-29T12:00:00.000Z"

    def test_lets_the_last_instant_through(self) -> None:
        decided(coupon=a_coupon(expires_at=NOON + _INSTANT))


class TestLateUpload:
    @pytest.mark.parametrize(
        ("redeemed_at", "code"),
        [
            pytest.param(NOON + _INSTANT, "redeemed_at_out_of_range", id="in the future"),
            pytest.param(NOON, None, id="now"),
            pytest.param(NOON - timedelta(hours=72), None, id="as long ago as allowed"),
            pytest.param(
                NOON - timedelta(hours=72) - _INSTANT, "redeemed_at_out_of_range", id="longer ago"
            ),
        ],
    )
    def test_is_at_most_so_long_ago(self, redeemed_at: datetime, code: str | None) -> None:
        command = a_redeem_coupon(redeemed_at=redeemed_at)
        if code is None:
            assert decided(command).redemption.redeemed_at == redeemed_at
        else:
            assert refusal_of(command).code == code

    def test_says_from_when_to_when(self) -> None:
        refusal = refusal_of(
            a_redeem_coupon(redeemed_at=NOON + _HOUR),
            settings=some_settings(late_upload_limit_hours=1),
        )

        assert refusal.facts == {
            "earliest": "2026-03-29T11:00:00.000Z",
            "latest": "2026-03-29T12:00:00.000Z",
        }

    def test_is_not_taken_where_the_business_allows_none(self) -> None:
        settings = some_settings(late_upload_limit_hours=0)

        decided(a_redeem_coupon(redeemed_at=NOON), settings=settings)
        refusal = refusal_of(a_redeem_coupon(redeemed_at=NOON - _INSTANT), settings=settings)
        assert refusal.code == "redeemed_at_out_of_range"

    @pytest.mark.parametrize(
        "status", [CouponStatus.CLAIMED, CouponStatus.EXPIRED], ids=["before the job", "after it"]
    )
    def test_judges_the_expiry_at_the_time_of_use(self, status: CouponStatus) -> None:
        coupon = a_coupon(status=status, expires_at=NOON - _HOUR)
        in_time = a_redeem_coupon(redeemed_at=NOON - _HOUR - _INSTANT)

        assert decided(in_time, coupon=coupon).coupon.status is CouponStatus.REDEEMED
        too_late = a_redeem_coupon(redeemed_at=NOON - _HOUR)
        assert refusal_of(too_late, coupon=coupon).code == "coupon_expired"

    def test_judges_the_active_period_at_the_time_of_use(self) -> None:
        reward = a_reward(active_from=NOON - 2 * _HOUR, active_until=NOON - _HOUR)
        command = a_redeem_coupon(redeemed_at=NOON - _HOUR - _INSTANT)

        decided(command, reward=reward)
        assert refusal_of(reward=reward).code == "reward_not_active"
        early = a_redeem_coupon(redeemed_at=NOON - 2 * _HOUR - _INSTANT)
        assert refusal_of(early, reward=reward).code == "reward_not_active"

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ({"account": an_account(standing=Standing.EXCLUDED)}, "customer_excluded"),
            ({"coupon": a_coupon(status=CouponStatus.INVALID)}, "coupon_invalid"),
            ({"reward": a_reward(status=RewardStatus.PAUSED)}, "reward_not_active"),
        ],
    )
    def test_judges_the_rest_as_it_is_now(self, options: dict[str, Any], code: str) -> None:
        assert refusal_of(a_redeem_coupon(redeemed_at=NOON - _HOUR), **options).code == code

    def test_is_an_event_of_then_recorded_now(self) -> None:
        decision = decided(a_redeem_coupon(redeemed_at=NOON - _HOUR))

        (event,) = created_of(decision.changes, ActivityEvent)
        assert (event.occurred_at, event.recorded_at) == (NOON - _HOUR, NOON)
        assert decision.coupon.redeemed_at == NOON - _HOUR
