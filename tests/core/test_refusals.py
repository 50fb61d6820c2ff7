"""Which refusals of a coupon are a rule's, and what a stranger is told of them."""

import pytest

from chalicelib.core import errors
from chalicelib.core.coupons import coupons, refusals
from chalicelib.core.coupons.redemptions import MinimumPurchaseNotMet
from chalicelib.core.customers import accounts
from chalicelib.core.idempotency import IdempotencyKeyReused

BY_A_RULE = [
    coupons.not_found(),
    coupons.CouponExpired("x", fix="y", facts={"expires_at": "z"}),
    accounts.CustomerNotFound("x", pointer="/customer_id"),
    coupons.WrongCustomer("x"),
    MinimumPurchaseNotMet("x", facts={"missing_minor": 800}),
    errors.Invalid("for customers, not for guests", pointer="/customer_id"),
]
NOT_BY_A_RULE = [
    errors.Forbidden("x"),
    errors.ConflictRetry("x"),
    errors.Unavailable("x"),
    IdempotencyKeyReused("x"),
]


def code_of(error: errors.DomainError) -> str:
    return error.code


class TestByARule:
    @pytest.mark.parametrize("refusal", BY_A_RULE, ids=code_of)
    def test_is_what_is_said_of_a_coupon(self, refusal: errors.DomainError) -> None:
        assert refusals.by_a_rule(refusal)

    @pytest.mark.parametrize("refusal", NOT_BY_A_RULE, ids=code_of)
    def test_is_not_what_is_wrong_with_the_request_or_with_us(
        self, refusal: errors.DomainError
    ) -> None:
        assert not refusals.by_a_rule(refusal)


class TestToAStranger:
    def test_all_that_a_rule_says_is_the_same(self) -> None:
        told = {
            (type(error), error.detail, error.fix, error.faults, tuple(error.facts))
            for error in map(refusals.to_a_stranger, BY_A_RULE)
        }

        assert len(told) == 1
        ((kind, _, fix, faults, facts),) = told
        assert kind is refusals.CouponNotUsable
        assert fix
        assert (faults, facts) == ((), ())

    @pytest.mark.parametrize(
        "refusal", [*NOT_BY_A_RULE, refusals.NotForStrangers("x")], ids=code_of
    )
    def test_what_is_wrong_with_the_request_stays(self, refusal: errors.DomainError) -> None:
        assert refusals.to_a_stranger(refusal) is refusal


class TestIsATry:
    @pytest.mark.parametrize("refusal", [*BY_A_RULE, IdempotencyKeyReused("x")], ids=code_of)
    def test_whatever_tells_of_a_code(self, refusal: errors.DomainError) -> None:
        assert refusals.is_a_try(refusal)

    @pytest.mark.parametrize(
        "refusal",
        [refusals.NotForStrangers("x"), errors.ConflictRetry("x"), errors.Unavailable("x")],
        ids=code_of,
    )
    def test_not_what_is_no_fault_of_the_code(self, refusal: errors.DomainError) -> None:
        assert not refusals.is_a_try(refusal)
