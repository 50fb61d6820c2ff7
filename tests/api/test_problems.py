"""Errors as problem documents."""

import pytest

from chalicelib.api.web import problems
from chalicelib.core import errors
from chalicelib.core.callers.tries import RateLimited


class Redeemed(errors.Refused):
    """The coupon was used before; ``redeemed_at`` says when. HTTP 409."""

    code = "coupon_already_redeemed"


class Mismatch(errors.Invalid):
    code = "currency_mismatch"


class Cursor(errors.Invalid):
    code = "invalid_cursor"


class Stray(errors.DomainError):
    code = "stray"


class TestStatus:
    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (problems.MalformedBody, 400),
            (Cursor, 400),
            (problems.Unauthenticated, 401),
            (errors.Forbidden, 403),
            (errors.NotFound, 404),
            (problems.MethodNotAllowed, 405),
            (Redeemed, 409),
            (errors.ConflictRetry, 409),
            (errors.Stale, 412),
            (problems.PayloadTooLarge, 413),
            (problems.UnsupportedMediaType, 415),
            (Mismatch, 422),
            (RateLimited, 429),
            (problems.InternalError, 500),
            (errors.Unavailable, 503),
        ],
    )
    def test_comes_from_the_family(self, error: type[errors.DomainError], status: int) -> None:
        assert problems.status_of(error) == status

    def test_is_not_guessed(self) -> None:
        with pytest.raises(LookupError):
            problems.status_of(Stray)


class TestTitle:
    def test_is_the_first_sentence_without_markup(self) -> None:
        assert problems.title_of(Redeemed) == "The coupon was used before"

    def test_falls_back_to_the_code(self) -> None:
        assert problems.title_of(Mismatch) == "currency mismatch"


class TestProblem:
    def test_has_the_standard_members(self) -> None:
        assert problems.to_problem(Redeemed("used on order 1234"), "req-1") == {
            "type": "/docs#error-coupon_already_redeemed",
            "title": "The coupon was used before",
            "status": 409,
            "detail": "used on order 1234",
            "code": "coupon_already_redeemed",
            "instance": "req-1",
        }

    def test_shows_fix_faults_and_facts(self) -> None:
        error = Mismatch("EUR only", fix="send EUR", pointer="/currency", facts={"currency": "EUR"})

        problem = problems.to_problem(error, "req-1")

        assert problem["fix"] == "send EUR"
        assert problem["currency"] == "EUR"
        assert problem["errors"] == (errors.Fault("/currency", "currency_mismatch", "send EUR"),)

    def test_does_not_let_facts_hide_the_standard(self) -> None:
        problem = problems.to_problem(Redeemed("x", facts={"status": "redeemed"}), "req-1")

        assert (problem["status"], problem["current_status"]) == (409, "redeemed")


class TestHeaders:
    def test_say_when_to_ask_again(self) -> None:
        busy = errors.Unavailable("busy", facts={"retry_after": 3})

        assert problems.headers_of(busy)["Retry-After"] == "3"
        assert problems.headers_of(RateLimited("slow down"))["Retry-After"] == "1"
        assert "Retry-After" not in problems.headers_of(Redeemed("x"))

    def test_say_how_to_authenticate(self) -> None:
        assert "Bearer" in problems.headers_of(problems.Unauthenticated("x"))["WWW-Authenticate"]
