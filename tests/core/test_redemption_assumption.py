from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.coupons.coupons import Coupon, CouponStatus, RedemptionRef
from chalicelib.core.coupons.redeeming import RedemptionDecision
from chalicelib.core.coupons.redemptions import RedeemCoupon
from chalicelib.core.customers.accounts import (
    Account,
    AccountChange,
    NewestVisit,
    OlderVisit,
    Standing,
)
from chalicelib.core.rewards.rewards import PurchaseAmount, Reward, RewardStatus
from tests.builders import (
    JOINED,
    NOON,
    a_coupon,
    a_redeem_coupon,
    a_reward,
    an_account,
)
from tests.core.samples import count_of, outcome_of

_INSTANT = timedelta(milliseconds=1)
_HOUR = timedelta(hours=1)
_USED = RedemptionRef("rdm_0", "cus_ada", "order 0")


_commands = st.builds(
    a_redeem_coupon,
    amount_minor=st.none() | st.integers(0, 10_000),
    redeemed_at=st.none() | st.integers(0, 100).map(lambda hours: NOON - hours * _HOUR),
    customer_id=st.sampled_from([None, "cus_ada", "cus_bob"]),
    currency=st.sampled_from([None, "USD", "EUR"]),
)
_accounts = st.builds(
    an_account,
    joined_at=st.integers(0, 100).map(lambda hours: NOON - hours * _HOUR) | st.just(JOINED),
    last_visit_at=st.none() | st.integers(-3, 100).map(lambda hours: NOON - hours * _HOUR),
    standing=st.sampled_from(Standing),
)
_coupons = st.builds(
    a_coupon,
    usage_limit=st.integers(2, 3),
    usages=st.integers(0, 1),
    expires_at=st.none() | st.integers(-3, 100).map(lambda hours: NOON - hours * _HOUR),
    last_redemption=st.just(_USED),
    status=st.sampled_from([CouponStatus.CLAIMED, CouponStatus.EXPIRED, CouponStatus.REDEEMED]),
)
_rewards = st.builds(
    a_reward,
    status=st.sampled_from([RewardStatus.ACTIVE, RewardStatus.ACTIVE, RewardStatus.PAUSED]),
    purchase_amount=st.sampled_from(PurchaseAmount),
    minimum_purchase_minor=st.none() | st.integers(0, 5000),
)


class TestAssumption:
    """A redemption reads no account: it assumes the usual one, and makes that a condition."""

    @given(_commands, _coupons, _rewards, _accounts)
    def test_leads_to_the_same_where_it_holds(
        self, command: RedeemCoupon, coupon: Coupon, reward: Reward, account: Account
    ) -> None:
        assumed = outcome_of(command, coupon=coupon, reward=reward)
        known = outcome_of(command, coupon=coupon, reward=reward, account=account)

        if isinstance(assumed, str):
            # Only the account's own refusal may come before.
            not_active = account.standing is not Standing.ACTIVE
            assert known == assumed or (not_active and str(known).startswith("customer_"))
        elif _holds(count_of(assumed), account):
            assert isinstance(known, RedemptionDecision)
            assert (known.redemption, known.coupon) == (assumed.redemption, assumed.coupon)
            assert known.changes == replace(
                assumed.changes, count=(replace(count_of(assumed), joined_by=None),)
            )

    @given(_commands, _coupons, _rewards, _accounts)
    def test_with_the_account_read_holds_as_it_was_read(
        self, command: RedeemCoupon, coupon: Coupon, reward: Reward, account: Account
    ) -> None:
        """Else the second try would fail as the first did, for ever."""
        known = outcome_of(command, coupon=coupon, reward=reward, account=account)

        if isinstance(known, RedemptionDecision):
            assert _holds(count_of(known), account)


def _holds(change: AccountChange, account: Account) -> bool:
    """Whether the table takes ``change`` while it has ``account``, by what the types promise."""
    last = account.last_visit_at
    match change.visit:
        case NewestVisit(at):
            visit_holds = last is None or last <= at
        case OlderVisit(at):
            visit_holds = last is not None and last > at
        case _:
            visit_holds = True
    return (
        visit_holds
        and (not change.while_active or account.standing is Standing.ACTIVE)
        and (change.joined_by is None or account.joined_at <= change.joined_by)
        and change.at_version in (None, account.version)
    )
