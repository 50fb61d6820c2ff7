import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tools.demo import campaigns, expected
from tools.demo.campaigns import Attempt, Campaign, GivenCoupon, History
from tools.demo.expected import Expected, Household

DAY = datetime(2017, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def history() -> History:
    return campaigns.read()


@pytest.fixture(scope="module")
def implied(history: History) -> Expected:
    return expected.of(history)


def a_history(*attempts: Attempt) -> History:
    """One campaign that ends with March 1, and three coupons of one household."""
    return History(
        campaigns=(
            Campaign(
                campaign_id="1", campaign_type="Type A", starts_on=DAY.date(), ends_on=DAY.date()
            ),
        ),
        coupons=tuple(
            GivenCoupon(
                code=code,
                campaign_id="1",
                household_id="home",
                expires_at=DAY + timedelta(days=1),
            )
            for code in ("CODE-1", "CODE-2", "CODE-3")
        ),
        attempts=attempts,
    )


def an_attempt(
    code: str, *, order_id: str | None = None, amount_minor: int | None = None
) -> Attempt:
    return Attempt(
        number=1,
        redeemed_at=DAY,
        code=code,
        household_id="home",
        order_id=order_id,
        amount_minor=amount_minor,
    )


class TestFiles:
    def test_hold_a_year_of_campaigns(self, history: History) -> None:
        assert len(history.campaigns) == 27
        assert len(history.coupons) == 7872
        assert len(history.households) == 1559
        assert len(history.attempts) == 2102

    def test_are_in_the_order_of_time(self, history: History) -> None:
        moments = [attempt.redeemed_at for attempt in history.attempts]

        assert moments == sorted(moments)
        assert history.begins_at <= moments[0]

    def test_let_a_coupon_run_out_with_its_campaign_at_the_end_of_a_day(
        self, history: History
    ) -> None:
        ends = {campaign.campaign_id: campaign.ends_at for campaign in history.campaigns}

        assert all(coupon.expires_at == ends[coupon.campaign_id] for coupon in history.coupons)
        assert max(ends.values()) == datetime(2018, 3, 1, tzinfo=UTC)

    def test_tell_every_attempt_on_a_coupon_apart_by_time_and_order(self, history: History) -> None:
        # By these the demo knows which attempt it was that redeemed a coupon.
        marks = {(each.code, each.redeemed_at, each.order_id) for each in history.attempts}

        assert len(marks) == len(history.attempts)


class TestExpected:
    def test_is_what_the_note_on_the_files_says(self, implied: Expected) -> None:
        assert implied.redeemed == 2075
        assert dict(implied.refused) == {"coupon_already_redeemed": 27}
        assert implied.expired == 5797

    def test_counts_each_order_of_a_redeemed_coupon_once(self, implied: Expected) -> None:
        # By another way than the code: one amount for each order of a code's first attempt.
        amounts: dict[str, int] = {}
        seen: set[str] = set()
        with (campaigns.FOLDER / "redemptions.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["code"] not in seen and row["order_id"]:
                    amounts[row["order_id"]] = int(row["amount_minor"])
                seen.add(row["code"])

        assert implied.lifetime_value_minor == sum(amounts.values()) == 8_762_701

    def test_counts_an_order_of_two_coupons_once(self) -> None:
        history = a_history(
            an_attempt("CODE-1", order_id="7", amount_minor=500),
            an_attempt("CODE-2", order_id="7", amount_minor=500),
        )

        assert expected.of(history).households == {
            "home": Household(lifetime_value_minor=500, visits=1, coupons_used=2, events=7)
        }

    def test_counts_each_attempt_without_an_order_as_a_visit_of_no_value(self) -> None:
        history = a_history(an_attempt("CODE-1"), an_attempt("CODE-2"))

        assert expected.of(history).households == {
            "home": Household(lifetime_value_minor=0, visits=2, coupons_used=2, events=7)
        }

    def test_counts_nothing_for_a_refused_attempt(self) -> None:
        history = a_history(
            an_attempt("CODE-1", order_id="7", amount_minor=500),
            an_attempt("CODE-1", order_id="8", amount_minor=900),
        )

        implied = expected.of(history)

        assert (implied.redeemed, implied.expired) == (1, 2)
        assert dict(implied.refused) == {"coupon_already_redeemed": 1}
        assert implied.lifetime_value_minor == 500

    def test_refuses_from_the_instant_of_expiry_on(self) -> None:
        late = replace(an_attempt("CODE-1"), redeemed_at=DAY + timedelta(days=1))

        implied = expected.of(a_history(late))

        assert implied.redeemed == 0
        assert dict(implied.refused) == {"coupon_expired": 1}
