from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.rewards import limits
from chalicelib.core.rewards.limits import (
    NOTHING_KNOWN,
    SHARDS,
    CustomerLimitReached,
    Ledger,
    LimitCounter,
    Limits,
    Period,
    RewardLimitReached,
    UnitTaken,
)

_AT = datetime(
    2026, 3, 31, 22, 30, tzinfo=UTC
)  # The first of April, half past midnight, in Berlin.


def _take(limits_: Limits, *, known: Ledger = NOTHING_KNOWN, turn: int = 0) -> UnitTaken:
    (unit,) = limits.decide_units(
        "rwd_1",
        limits=limits_,
        limits_per_customer=Limits(),
        customer_id="cus_ada",
        known=known,
        turn=turn,
        at=_AT,
        time_zone="Europe/Berlin",
    )
    return unit


class TestPeriods:
    @pytest.mark.parametrize(
        ("period", "bucket", "end"),
        [
            (Period.TOTAL, "total", None),
            (Period.DAY, "2026-04-01", "2026-04-01T22:00:00+00:00"),
            (Period.WEEK, "2026-W14", "2026-04-05T22:00:00+00:00"),
            (Period.MONTH, "2026-04", "2026-04-30T22:00:00+00:00"),
        ],
    )
    def test_are_those_of_the_business(self, period: Period, bucket: str, end: str | None) -> None:
        assert limits.bucket_of(period, _AT, time_zone="Europe/Berlin") == bucket
        found = limits.ends_at(period, _AT, time_zone="Europe/Berlin")
        assert (found.isoformat() if found else None) == end

    def test_of_weeks_belong_to_the_iso_year(self) -> None:
        new_year = datetime(2027, 1, 1, 12, tzinfo=UTC)

        assert limits.bucket_of(Period.WEEK, new_year, time_zone="UTC") == "2026-W53"

    @given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)))  # noqa: DTZ001
    def test_end_where_the_next_begins(self, at: datetime) -> None:
        at = at.replace(microsecond=0)
        for period in (Period.DAY, Period.WEEK, Period.MONTH):
            end = limits.ends_at(period, at, time_zone="Europe/Berlin")
            assert end is not None
            assert end > at
            before = end.fromtimestamp(end.timestamp() - 1, UTC)
            bucket = limits.bucket_of(period, at, time_zone="Europe/Berlin")
            assert limits.bucket_of(period, before, time_zone="Europe/Berlin") == bucket
            assert limits.bucket_of(period, end, time_zone="Europe/Berlin") != bucket


class TestShares:
    @given(st.integers(0, 10**9))
    def test_add_up_to_the_limit(self, limit: int) -> None:
        shares = limits.shares_of(limit)

        assert sum(shares) == limit
        assert len(shares) == SHARDS
        assert max(shares) - min(shares) <= 1

    @given(
        st.lists(st.none() | st.integers(0, 50), min_size=SHARDS, max_size=SHARDS),
        st.integers(1, 400),
    )
    def test_are_set_anew_without_taking_away_what_is_taken(
        self, used: list[int | None], limit: int
    ) -> None:
        counters = tuple(
            None if each is None else LimitCounter("rwd_1", "total", each, shard=n, share=50)
            for n, each in enumerate(used)
        )

        changes = limits.shared_out("rwd_1", "total", limit, counters)

        taken = sum(each or 0 for each in used)
        assert sum(change.share for change in changes) == max(limit, taken)
        assert all(change.share >= (each or 0) for change, each in zip(changes, used, strict=True))


class TestDecideUnits:
    @given(st.integers(0, 2**32))
    def test_takes_from_a_counter_with_a_share_where_nothing_is_known(self, turn: int) -> None:
        unit = _take(Limits(total=3), turn=turn)

        assert unit.shard < 3
        assert unit.limit == 1

    @given(
        st.lists(st.none() | st.integers(0, 3), min_size=SHARDS, max_size=SHARDS),
        st.integers(0, 100),
    )
    def test_refuses_only_when_no_counter_has_a_unit_left(
        self, used: list[int | None], turn: int
    ) -> None:
        counters = tuple(
            None if each is None else LimitCounter("rwd_1", "total", each, shard=n, share=3)
            for n, each in enumerate(used)
        )
        known = Ledger(rewards={"total": counters})
        left = [n for n, each in enumerate(used) if (each or 0) < 3]

        if left:
            assert _take(Limits(total=3 * SHARDS), known=known, turn=turn).shard in left
        else:
            with pytest.raises(RewardLimitReached) as caught:
                _take(Limits(total=3 * SHARDS), known=known, turn=turn)
            assert caught.value.facts == {"limit": 24, "period": "total", "until": None}

    def test_says_when_a_customer_can_have_another(self) -> None:
        counter = LimitCounter("rwd_1", "2026-04-01", 2, customer_id="cus_ada")

        with pytest.raises(CustomerLimitReached) as caught:
            limits.decide_units(
                "rwd_1",
                limits=Limits(),
                limits_per_customer=Limits(per_day=2),
                customer_id="cus_ada",
                known=Ledger(customers={counter.bucket: counter}),
                turn=0,
                at=_AT,
                time_zone="Europe/Berlin",
            )

        assert caught.value.facts["until"] == "2026-04-01T22:00:00.000Z"
        assert "2026-04-01T22:00" in caught.value.fix

    def test_of_a_guest_take_nothing_from_a_customers_counter(self) -> None:
        units = limits.decide_units(
            "rwd_1",
            limits=Limits(),
            limits_per_customer=Limits(total=1),
            customer_id=None,
            known=NOTHING_KNOWN,
            turn=0,
            at=_AT,
            time_zone="UTC",
        )

        assert units == ()

    def test_are_given_back_where_they_were_taken(self) -> None:
        unit = replace(_take(Limits(total=80)), shard=5)

        (back,) = limits.given_back([unit])

        assert (back.reward_id, back.bucket, back.shard) == ("rwd_1", "total", 5)
