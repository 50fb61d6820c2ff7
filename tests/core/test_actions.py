"""The table of what can be done to a coupon in which state: every state, every action."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.core.activity import ActivityEvent, EventType
from chalicelib.core.changes import Changes
from chalicelib.core.coupons import (
    coupons,
    invalidations,
    redeeming,
    reversals,
    transfers,
)
from chalicelib.core.coupons.coupons import Coupon, CouponStatus, RedemptionRef
from chalicelib.core.coupons.reversals import UnredeemCoupon
from chalicelib.core.coupons.transfers import Receiver
from chalicelib.core.customers.accounts import AccountChange
from chalicelib.core.errors import Refused
from tests.builders import (
    NOON,
    a_coupon,
    a_redeem_coupon,
    a_reward,
    an_account,
    an_origin,
    an_unassigned_coupon,
    some_settings,
)
from tests.core.samples import a_redemption

_YESTERDAY, _TOMORROW = NOON - timedelta(days=1), NOON + timedelta(days=1)
_USED = RedemptionRef("rdm_0", "cus_ada", None)

_STATES: dict[str, Coupon] = {
    "unassigned": an_unassigned_coupon(expires_at=_TOMORROW),
    "claimed": a_coupon(expires_at=_TOMORROW),
    "claimed, partly used": a_coupon(usage_limit=3, usages=1, last_redemption=_USED),
    "redeemed": a_coupon(status=CouponStatus.REDEEMED, usages=1, last_redemption=_USED),
    "redeemed, expiry passed": a_coupon(
        status=CouponStatus.REDEEMED, usages=1, last_redemption=_USED, expires_at=_YESTERDAY
    ),
    "unassigned, expiry passed": an_unassigned_coupon(expires_at=_YESTERDAY),
    "claimed, expiry passed": a_coupon(expires_at=_YESTERDAY),
    "partly used, expiry passed": a_coupon(
        usage_limit=3, usages=1, last_redemption=_USED, expires_at=_YESTERDAY
    ),
    "expired": a_coupon(status=CouponStatus.EXPIRED, expires_at=_YESTERDAY),
    "expired in the pool": an_unassigned_coupon(status=CouponStatus.EXPIRED, expires_at=_YESTERDAY),
    "invalid": a_coupon(status=CouponStatus.INVALID),
    "invalid, expiry passed": a_coupon(status=CouponStatus.INVALID, expires_at=_YESTERDAY),
}


@dataclass(frozen=True, slots=True)
class Done:
    """The coupon afterwards, and the events that tell of it."""

    status: CouponStatus
    usages: int
    events: tuple[EventType, ...]


def _claim(coupon: Coupon) -> tuple[Coupon, Changes]:
    decision = coupons.decide_claim(
        coupon,
        "cus_ada",
        reward=a_reward(),
        settings=some_settings(),
        event_id="evt_1",
        origin=an_origin(),
    )
    return decision.coupon, decision.changes


def _redeem(coupon: Coupon) -> tuple[Coupon, Changes]:
    decision = redeeming.decide_redemption(
        a_redeem_coupon(),
        coupon=coupon,
        reward=a_reward(),
        settings=some_settings(),
        order=None,
        account=None,
        origin=an_origin(),
    )
    return decision.coupon, decision.changes


def _redeem_at_checkout(coupon: Coupon) -> tuple[Coupon, Changes]:
    decision = redeeming.decide_redemption(
        a_redeem_coupon(customer_id="cus_ada"),
        coupon=coupon,
        reward=a_reward(claim_on_redeem=True),
        settings=some_settings(),
        order=None,
        account=None,
        origin=an_origin(),
    )
    return decision.coupon, decision.changes


def _redeem_late(coupon: Coupon) -> tuple[Coupon, Changes]:
    """A use from before the expiry, sent after it."""
    decision = redeeming.decide_redemption(
        a_redeem_coupon(redeemed_at=_YESTERDAY - timedelta(minutes=1)),
        coupon=coupon,
        reward=a_reward(),
        settings=some_settings(),
        order=None,
        account=None,
        origin=an_origin(),
    )
    return decision.coupon, decision.changes


def _unredeem(coupon: Coupon) -> tuple[Coupon, Changes]:
    decision = reversals.decide_reversal(
        UnredeemCoupon(code=coupon.code, event_id="evt_1"),
        coupon=coupon,
        redemption=a_redemption(redemption_id="rdm_0"),
        standing_before=None,
        order=None,
        account=an_account(),
        newest_other_visit=None,
        origin=an_origin(),
    )
    return decision.coupon, decision.changes


def _expire(coupon: Coupon) -> tuple[Coupon, Changes]:
    decision = coupons.decide_expiry(coupon, event_id="evt_1", origin=an_origin())
    return (decision.coupon, decision.changes) if decision else (coupon, Changes())


def _change_expiry(coupon: Coupon) -> tuple[Coupon, Changes]:
    decision = coupons.decide_expiry_change(
        coupon, NOON + timedelta(days=9), event_id="evt_1", origin=an_origin()
    )
    return decision.coupon, decision.changes


def _invalidate(coupon: Coupon) -> tuple[Coupon, Changes]:
    decision = invalidations.decide_invalidation(
        coupon, reason="lost", in_bulk=False, event_id="evt_1", origin=an_origin()
    )
    return decision.coupon, decision.changes


def _invalidate_in_bulk(coupon: Coupon) -> tuple[Coupon, Changes]:
    decision = invalidations.decide_invalidation(
        coupon, reason=None, in_bulk=True, event_id="evt_1", origin=an_origin()
    )
    return decision.coupon, decision.changes


def _transfer(coupon: Coupon) -> tuple[Coupon, Changes]:
    decision = transfers.decide_transfer(
        coupon,
        Receiver(customer_id="cus_bob"),
        handle=None,
        event_ids=("evt_1", "evt_2"),
        origin=an_origin(),
    )
    return decision.coupon, decision.changes


_NO_CHANGE = "nothing to do"
_CLAIMED = CouponStatus.CLAIMED
_REDEEMED = CouponStatus.REDEEMED
_WAS_REDEEMED = Done(_REDEEMED, 1, (EventType.COUPON_REDEEMED,))
_WAS_EXPIRED = Done(CouponStatus.EXPIRED, 0, (EventType.COUPON_EXPIRED,))
_WAS_GIVEN_BACK = Done(_CLAIMED, 0, (EventType.COUPON_UNREDEEMED,))
_HAS_ANOTHER_END = (EventType.COUPON_EXPIRY_CHANGED,)
_WAS_INVALIDATED = (EventType.COUPON_INVALIDATED,)
_WAS_PASSED_ON = (EventType.COUPON_TRANSFERRED, EventType.COUPON_RECEIVED)
_ENDED = {
    "redeemed": "coupon_already_redeemed",
    "redeemed, expiry passed": "coupon_already_redeemed",
    "unassigned, expiry passed": "coupon_expired",
    "claimed, expiry passed": "coupon_expired",
    "partly used, expiry passed": "coupon_expired",
    "expired": "coupon_expired",
    "expired in the pool": "coupon_expired",
    "invalid": "coupon_invalid",
    "invalid, expiry passed": "coupon_invalid",
}

# What happens, or the code of the refusal, in each of the states above.
_TABLE: dict[Callable[[Coupon], tuple[Coupon, Changes]], dict[str, Done | str]] = {
    _claim: {
        "unassigned": Done(_CLAIMED, 0, (EventType.COUPON_CLAIMED,)),
        "claimed": "coupon_already_claimed",
        "claimed, partly used": "coupon_already_claimed",
        "redeemed": "coupon_already_redeemed",
        "redeemed, expiry passed": "coupon_already_redeemed",
        "unassigned, expiry passed": "coupon_expired",
        "claimed, expiry passed": "coupon_expired",
        "partly used, expiry passed": "coupon_expired",
        "expired": "coupon_expired",
        "expired in the pool": "coupon_expired",
        "invalid": "coupon_invalid",
        "invalid, expiry passed": "coupon_invalid",
    },
    _redeem: {
        "unassigned": "coupon_unassigned",
        "claimed": _WAS_REDEEMED,
        "claimed, partly used": Done(_CLAIMED, 2, (EventType.COUPON_REDEEMED,)),
        "redeemed": "coupon_already_redeemed",
        "redeemed, expiry passed": "coupon_already_redeemed",
        "unassigned, expiry passed": "coupon_expired",
        "claimed, expiry passed": "coupon_expired",
        "partly used, expiry passed": "coupon_expired",
        "expired": "coupon_expired",
        "expired in the pool": "coupon_expired",
        "invalid": "coupon_invalid",
        "invalid, expiry passed": "coupon_invalid",
    },
    _redeem_at_checkout: {
        "unassigned": Done(_REDEEMED, 1, (EventType.COUPON_CLAIMED, EventType.COUPON_REDEEMED)),
        "claimed": _WAS_REDEEMED,
        "claimed, partly used": Done(_CLAIMED, 2, (EventType.COUPON_REDEEMED,)),
        "redeemed": "coupon_already_redeemed",
        "redeemed, expiry passed": "coupon_already_redeemed",
        "unassigned, expiry passed": "coupon_expired",
        "claimed, expiry passed": "coupon_expired",
        "partly used, expiry passed": "coupon_expired",
        "expired": "coupon_expired",
        "expired in the pool": "coupon_expired",
        "invalid": "coupon_invalid",
        "invalid, expiry passed": "coupon_invalid",
    },
    _redeem_late: {
        "unassigned": "coupon_unassigned",
        "claimed": _WAS_REDEEMED,
        "claimed, partly used": Done(_CLAIMED, 2, (EventType.COUPON_REDEEMED,)),
        "redeemed": "coupon_already_redeemed",
        "redeemed, expiry passed": "coupon_already_redeemed",
        "unassigned, expiry passed": "coupon_unassigned",
        "claimed, expiry passed": _WAS_REDEEMED,
        "partly used, expiry passed": Done(_CLAIMED, 2, (EventType.COUPON_REDEEMED,)),
        "expired": _WAS_REDEEMED,
        "expired in the pool": "coupon_unassigned",
        "invalid": "coupon_invalid",
        "invalid, expiry passed": "coupon_invalid",
    },
    _unredeem: {
        "unassigned": "coupon_unassigned",
        "claimed": "coupon_not_redeemed",
        "claimed, partly used": _WAS_GIVEN_BACK,
        "redeemed": _WAS_GIVEN_BACK,
        "redeemed, expiry passed": Done(CouponStatus.EXPIRED, 0, (EventType.COUPON_UNREDEEMED,)),
        "unassigned, expiry passed": "coupon_expired",
        "claimed, expiry passed": "coupon_expired",
        "partly used, expiry passed": "coupon_expired",
        "expired": "coupon_expired",
        "expired in the pool": "coupon_expired",
        "invalid": "coupon_invalid",
        "invalid, expiry passed": "coupon_invalid",
    },
    _expire: {
        "unassigned": _NO_CHANGE,
        "claimed": _NO_CHANGE,
        "claimed, partly used": _NO_CHANGE,
        "redeemed": _NO_CHANGE,
        "redeemed, expiry passed": _NO_CHANGE,
        # Nobody has it: nobody's history tells of it.
        "unassigned, expiry passed": Done(CouponStatus.EXPIRED, 0, ()),
        "claimed, expiry passed": _WAS_EXPIRED,
        "partly used, expiry passed": Done(CouponStatus.EXPIRED, 1, (EventType.COUPON_EXPIRED,)),
        "expired": _NO_CHANGE,
        "expired in the pool": _NO_CHANGE,
        "invalid": _NO_CHANGE,
        "invalid, expiry passed": _NO_CHANGE,
    },
    _invalidate: {
        # Nobody has it: nobody's history tells of it.
        "unassigned": Done(CouponStatus.INVALID, 0, ()),
        "claimed": Done(CouponStatus.INVALID, 0, _WAS_INVALIDATED),
        "claimed, partly used": Done(CouponStatus.INVALID, 1, _WAS_INVALIDATED),
        **_ENDED,
    },
    _invalidate_in_bulk: {
        "unassigned": "coupon_unassigned",
        "claimed": Done(CouponStatus.INVALID, 0, _WAS_INVALIDATED),
        "claimed, partly used": Done(CouponStatus.INVALID, 1, _WAS_INVALIDATED),
        **_ENDED,
    },
    _transfer: {
        "unassigned": "coupon_unassigned",
        "claimed": Done(_CLAIMED, 0, _WAS_PASSED_ON),
        "claimed, partly used": Done(_CLAIMED, 1, _WAS_PASSED_ON),
        **_ENDED,
    },
    _change_expiry: {
        "unassigned": Done(CouponStatus.UNASSIGNED, 0, ()),
        "claimed": Done(_CLAIMED, 0, _HAS_ANOTHER_END),
        "claimed, partly used": Done(_CLAIMED, 1, _HAS_ANOTHER_END),
        "redeemed": "coupon_already_redeemed",
        "redeemed, expiry passed": "coupon_already_redeemed",
        "unassigned, expiry passed": "coupon_expired",
        "claimed, expiry passed": "coupon_expired",
        "partly used, expiry passed": "coupon_expired",
        "expired": "coupon_expired",
        "expired in the pool": "coupon_expired",
        "invalid": "coupon_invalid",
        "invalid, expiry passed": "coupon_invalid",
    },
}

_CASES = [
    pytest.param(action, state, expected, id=f"{action.__name__.strip('_')} {state}")
    for action, column in _TABLE.items()
    for state, expected in column.items()
]
_ALLOWED = [case for case in _CASES if isinstance(case.values[2], Done)]
_REFUSED = [case for case in _CASES if str(case.values[2]).startswith("coupon_")]
_IDLE = [case for case in _CASES if case.values[2] == _NO_CHANGE]


class TestTable:
    @pytest.mark.parametrize("column", _TABLE.values(), ids=[each.__name__ for each in _TABLE])
    def test_has_a_row_for_every_state(self, column: dict[str, Done | str]) -> None:
        assert column.keys() == _STATES.keys()
        assert {coupon.status for coupon in _STATES.values()} == set(CouponStatus)

    @pytest.mark.parametrize(("action", "state", "expected"), _ALLOWED)
    def test_allowed_action_leaves_what_it_says_and_tells_of_it(
        self,
        action: Callable[[Coupon], tuple[Coupon, Changes]],
        state: str,
        expected: Done,
    ) -> None:
        before = _STATES[state]

        after, changes = action(before)

        events = [each for each in changes.create if isinstance(each, ActivityEvent)]
        assert Done(after.status, after.usages, tuple(e.event_type for e in events)) == expected
        assert (before, after) in changes.update
        assert {event.customer_id for event in events} <= {before.customer_id, after.customer_id}
        counted = sum(count.activity_count for count in changes.count)
        assert counted == len(events), "the account counts every event"
        # What the decision does not say stays as it was: identity, owner and limits above all.
        assert (
            replace(
                after,
                status=before.status,
                usages=before.usages,
                customer_id=before.customer_id,
                claimed_at=before.claimed_at,
                redeemed_at=before.redeemed_at,
                expires_at=before.expires_at,
                last_redemption=before.last_redemption,
                invalidation=before.invalidation,
            )
            == before
        )

    @pytest.mark.parametrize(("action", "state", "expected"), _REFUSED)
    def test_refused_action_has_a_code_of_its_own(
        self,
        action: Callable[[Coupon], tuple[Coupon, Changes]],
        state: str,
        expected: str,
    ) -> None:
        with pytest.raises(Refused) as caught:
            action(_STATES[state])

        assert caught.value.code == expected
        assert caught.value.fix
        assert "coupon_status" in caught.value.facts

    @pytest.mark.parametrize(("action", "state", "expected"), _IDLE)
    def test_job_leaves_alone_what_has_not_run_out(
        self,
        action: Callable[[Coupon], tuple[Coupon, Changes]],
        state: str,
        expected: str,
    ) -> None:
        assert action(_STATES[state]) == (_STATES[state], Changes())


class TestStatusAt:
    def test_is_expired_from_the_very_instant_on(self) -> None:
        coupon = a_coupon(expires_at=NOON)

        assert coupons.status_at(coupon, NOON - timedelta(milliseconds=1)) is _CLAIMED
        assert coupons.status_at(coupon, NOON) is CouponStatus.EXPIRED

    @pytest.mark.parametrize(
        "status", [CouponStatus.REDEEMED, CouponStatus.INVALID, CouponStatus.EXPIRED]
    )
    def test_of_what_has_ended_stays(self, status: CouponStatus) -> None:
        coupon = a_coupon(status=status, expires_at=_YESTERDAY)

        assert coupons.status_at(coupon, NOON) is status
        assert coupons.runs_out_at(coupon) is None


class TestClaim:
    def test_counts_one_event_for_the_customer(self) -> None:
        _, changes = _claim(_STATES["unassigned"])

        assert changes.count == (AccountChange("cus_ada", activity_count=1),)
