"""What the stream tells is counted once, however often and in whatever order it tells it."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.changes import Changes
from chalicelib.core.coupons import batches
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.redemptions import Redemption, Reversal
from chalicelib.core.rewards import totals
from chalicelib.core.rewards.rewards import Discount, RewardType
from chalicelib.core.rewards.totals import Change, CouponShadow, Part, TotalsChange
from tests.builders import NOON, a_coupon, an_unassigned_coupon
from tests.core.samples import a_redemption

_ZONE = "Europe/Berlin"
_CLAIMED = {"status": CouponStatus.CLAIMED, "customer_id": "cus_ada", "claimed_at": NOON}
_USED = {"status": CouponStatus.REDEEMED, "usages": 1, "redeemed_at": NOON}
_UNUSED = {"status": CouponStatus.CLAIMED, "usages": 0, "redeemed_at": None}


def _life(first: Coupon, *steps: dict[str, Any]) -> list[Change[Coupon]]:
    """Return the changes that ``steps`` make to a coupon, one after another."""
    found: list[Change[Coupon]] = []
    before = first
    for step in steps:
        after = replace(before, version=before.version + 1, **step)
        found.append(Change(before, after))
        before = after
    return found


def _stored(part: Part | None) -> Any:
    """Return the note of ``part`` as it is stored then."""
    assert part is not None
    note: Any
    (note,) = (*part.note.create, *(after for _, after in part.note.update))
    return replace(note, version=note.version + 1)


class TestOfACoupon:
    def test_a_claim_moves_it_from_the_pool_to_the_claimed_ones(self) -> None:
        part = totals.of_coupon(None, _life(an_unassigned_coupon(), _CLAIMED), time_zone=_ZONE)

        assert part is not None
        assert part.reward_id == "rwd_1"
        assert part.amounts == Counter(
            {
                (None, "unassigned"): -1,
                (None, "claimed"): 1,
                (None, "claims"): 1,
                (NOON.date(), "claims"): 1,
            }
        )

    def test_several_changes_at_once_are_one(self) -> None:
        life = _life(an_unassigned_coupon(), _CLAIMED, _USED)

        part = totals.of_coupon(None, life, time_zone=_ZONE)

        assert part is not None
        assert part.amounts[None, "claimed"] == 0
        assert part.amounts[None, "redeemed"] == 1
        assert part.amounts[None, "used"] == 1

    def test_what_was_counted_before_is_nothing_new(self) -> None:
        claim, use = _life(an_unassigned_coupon(), _CLAIMED, _USED)
        shadow = _stored(totals.of_coupon(None, [claim, use], time_zone=_ZONE))

        assert totals.of_coupon(shadow, [claim], time_zone=_ZONE) is None
        assert totals.of_coupon(shadow, [claim, use], time_zone=_ZONE) is None

    def test_told_again_with_something_new_only_that_counts(self) -> None:
        claim, use = _life(an_unassigned_coupon(), _CLAIMED, _USED)
        shadow = _stored(totals.of_coupon(None, [claim], time_zone=_ZONE))

        part = totals.of_coupon(shadow, [claim, use], time_zone=_ZONE)

        assert part is not None
        assert part.amounts == Counter(
            {(None, "claimed"): -1, (None, "redeemed"): 1, (None, "used"): 1}
        )

    def test_a_new_one_is_counted_by_its_batch_and_only_noted(self) -> None:
        part = totals.of_coupon(None, [Change(None, a_coupon())], time_zone=_ZONE)

        assert part is not None
        assert not +part.amounts
        assert isinstance(_stored(part), CouponShadow)

    def test_what_was_missed_is_made_up_for(self) -> None:
        """A record that never came is in the difference to what has been counted."""
        claim, use, undo = _life(an_unassigned_coupon(), _CLAIMED, _USED, _UNUSED)
        shadow = _stored(totals.of_coupon(None, [claim], time_zone=_ZONE))

        part = totals.of_coupon(shadow, [undo], time_zone=_ZONE)

        assert use is not undo
        assert part is not None
        assert not part.amounts

    def test_the_day_of_a_claim_stays_when_the_business_moves(self) -> None:
        late = datetime.fromisoformat("2026-03-29T22:30:00Z")
        claim, use = _life(an_unassigned_coupon(), _CLAIMED | {"claimed_at": late}, _USED)
        shadow = _stored(totals.of_coupon(None, [claim], time_zone=_ZONE))

        part = totals.of_coupon(shadow, [use], time_zone="UTC")

        assert shadow.claimed_on == date(2026, 3, 30)
        assert part is not None
        assert all(day is None for day, _ in part.amounts)


_STEPS = st.lists(
    st.sampled_from(
        [
            _CLAIMED,
            _USED,
            _UNUSED,
            {"status": CouponStatus.EXPIRED},
            {"status": CouponStatus.INVALID},
            {"expires_at": NOON},
            {"expires_at": None},
        ]
    ),
    max_size=8,
)


class TestAnyDelivery:
    """Of a coupon's records: batches in order, some of them repeated from further back."""

    @given(steps=_STEPS, data=st.data(), begun=st.sampled_from(["pool", "claimed"]))
    def test_ends_with_what_the_coupon_is(
        self, steps: list[dict[str, Any]], data: st.DataObject, begun: str
    ) -> None:
        first = an_unassigned_coupon() if begun == "pool" else a_coupon(claimed_at=NOON)
        life = _life(first, *steps)
        if begun == "claimed":
            life = [Change(None, first), *life]
        sums = +totals.of_batch(batches.of([first], batch_id="b", at=NOON), time_zone=_ZONE).amounts  # type: ignore[union-attr]
        shadow, done = None, 0
        while done < len(life):
            again = data.draw(st.integers(0, done), label="from")
            until = data.draw(st.integers(done + 1, len(life)), label="until")
            part = totals.of_coupon(shadow, life[again:until], time_zone=_ZONE)
            if part is not None:
                sums.update(part.amounts)
                shadow = _stored(part)
            done = until

        last = life[-1].after if life else first
        assert +sums == _recounted([last])
        assert not -sums


def _recounted(coupons: list[Coupon]) -> totals.Amounts:
    found: totals.Amounts = Counter()
    for coupon in coupons:
        found[None, str(coupon.status)] += 1
        found[None, "used"] += coupon.usages > 0
        if coupon.claimed_at is not None:
            found[None, "claims"] += 1
            found[totals.day_of(coupon.claimed_at, time_zone=_ZONE), "claims"] += 1
    return +found


def _new(**changes: Any) -> Change[Redemption]:
    discount = Discount(RewardType.DISCOUNT, 300, 300)
    return Change(None, a_redemption(discount=discount, amount_minor=2000, **changes))


def _reversed(new: Change[Redemption]) -> Change[Redemption]:
    after = replace(new.after, reversal=Reversal(NOON, "key_1", None), version=2)
    return Change(new.after, after)


class TestOfARedemption:
    def test_adds_to_all_time_and_to_its_day(self) -> None:
        late = datetime.fromisoformat("2026-03-28T23:30:00Z")

        part = totals.of_redemption(None, [_new(redeemed_at=late)], time_zone=_ZONE)

        assert part is not None
        assert part.amounts == Counter(
            {
                (day, name): amount
                for day in (None, date(2026, 3, 29))
                for name, amount in (
                    ("redemptions", 1),
                    ("purchase_minor", 2000),
                    ("discount_minor", 300),
                )
            }
        )

    @pytest.mark.parametrize("zone", [_ZONE, "Pacific/Auckland"])
    def test_a_reversal_takes_it_all_back_from_the_day_it_was_counted_on(self, zone: str) -> None:
        new = _new()
        first = totals.of_redemption(None, [new], time_zone=_ZONE)
        assert first is not None

        back = totals.of_redemption(_stored(first), [_reversed(new)], time_zone=zone)

        assert back is not None
        assert {name: -amount for name, amount in back.amounts.items()} == dict(first.amounts)

    def test_made_and_reversed_at_once_adds_nothing(self) -> None:
        new = _new()

        part = totals.of_redemption(None, [new, _reversed(new)], time_zone=_ZONE)

        assert part is not None
        assert not +part.amounts

    def test_told_twice_adds_once(self) -> None:
        new = _new()
        shadow = _stored(totals.of_redemption(None, [new, _reversed(new)], time_zone=_ZONE))

        assert totals.of_redemption(shadow, [new], time_zone=_ZONE) is None


class TestOfABatch:
    def test_adds_its_coupons_once(self) -> None:
        batch = batches.of([an_unassigned_coupon(), a_coupon()], batch_id="bat_1", at=NOON)

        part = totals.of_batch(batch, time_zone=_ZONE)

        assert part is not None
        assert +part.amounts == Counter(
            {
                (None, "unassigned"): 1,
                (None, "claimed"): 1,
                (None, "claims"): 1,
                (NOON.date(), "claims"): 1,
            }
        )
        assert totals.of_batch(_stored(part), time_zone=_ZONE) is None


class TestTogether:
    def test_is_one_addition_for_each_reward_and_day(self) -> None:
        day = NOON.date()
        parts = [
            Part("rwd_1", Counter({(None, "claimed"): 1, (day, "claims"): 1}), Changes()),
            Part("rwd_1", Counter({(None, "claimed"): 2, (None, "redeemed"): 1}), Changes()),
            Part("rwd_2", Counter({(None, "claimed"): 1, (None, "expired"): 0}), Changes()),
        ]

        assert totals.together(parts, shard=3).add == (
            TotalsChange("rwd_1", "3", None, (("claimed", 3), ("redeemed", 1))),
            TotalsChange("rwd_1", "3", day, (("claims", 1),)),
            TotalsChange("rwd_2", "3", None, (("claimed", 1),)),
        )

    def test_what_cancels_out_is_not_written(self) -> None:
        parts = [
            Part("rwd_1", Counter({(None, "claimed"): 1}), Changes()),
            Part("rwd_1", Counter({(None, "claimed"): -1}), Changes()),
        ]

        assert totals.together(parts, shard=0) == Changes()


class TestDayOf:
    def test_is_the_day_of_the_business(self) -> None:
        before_midnight = datetime.fromisoformat("2026-03-28T22:59:59Z")

        assert totals.day_of(before_midnight, time_zone=_ZONE) == date(2026, 3, 28)
        assert totals.day_of(before_midnight + timedelta(seconds=1), time_zone=_ZONE) == date(
            2026, 3, 29
        )
