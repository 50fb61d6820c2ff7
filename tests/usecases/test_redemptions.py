import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.activity import EventType
from chalicelib.core.changes import Clash, Contention
from chalicelib.core.coupons.coupons import CouponAlreadyRedeemed, CouponNotFound, CouponStatus
from chalicelib.core.coupons.redemptions import RedemptionNotFound
from chalicelib.core.customers.accounts import (
    CustomerDeleted,
    CustomerExcluded,
    CustomerNotFound,
    Standing,
)
from chalicelib.core.errors import ConflictRetry, Unavailable
from chalicelib.core.idempotency import KEPT_FOR, IdempotencyKeyReused
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards.rewards import Reward, RewardNotActive, RewardStatus
from chalicelib.usecases.coupons import expiry, redemptions
from chalicelib.wiring import Services
from tests.builders import JOINED, NOON, an_origin, unique
from tests.usecases.unsteady import fails, unsteady
from tests.usecases.world import (
    a_command,
    a_member,
    a_members_coupon,
    a_request,
    account_of,
    an_offer,
    coupon_of,
    events_of,
    find,
    order_of,
    put,
    redeem,
    set_rules,
    some_coupons,
)


class TestRedeem:
    def test_changes_coupon_record_account_and_history_together(self, services: Services) -> None:
        code, customer_id = a_members_coupon(services)
        order_id = unique("order ")

        done = redeem(services, code, amount_minor=1999, order_id=order_id)

        coupon, account = coupon_of(services, code), account_of(services, customer_id)
        order = order_of(services, order_id)
        assert coupon.status is CouponStatus.REDEEMED
        assert (account.lifetime_value_minor, account.visits, account.coupons_used) == (1999, 1, 1)
        assert account.last_visit_at == NOON
        assert order is not None
        assert (order.amount_minor, order.standing, order.counting) == (1999, 1, 1)
        stored = redemptions.find_redemption(services.context, code, done.redemption.redemption_id)
        assert stored == replace(done.redemption, version=1)
        history = events_of(services, customer_id)
        assert [event.event_type for event in history] == [
            EventType.CUSTOMER_CREATED,
            EventType.COUPON_CLAIMED,
            EventType.COUPON_REDEEMED,
        ]
        assert account.activity_count == len(history)

    def test_finds_the_code_as_people_type_it(self, services: Services) -> None:
        code, _ = a_members_coupon(services)

        done = redeem(services, f" {code.lower().replace('-', ' ')}_")

        assert done.redemption.code == code

    @pytest.mark.parametrize("typed", ["NOSUCHCODE99", "", "!", "x" * 200])
    def test_of_an_unknown_code_is_not_found(self, services: Services, typed: str) -> None:
        with pytest.raises(CouponNotFound):
            redeem(services, typed)

    def test_of_an_unknown_customer_is_not_found(self, services: Services) -> None:
        reward = an_offer(services, claim_on_redeem=True)
        (code,) = some_coupons(services, reward, [None])

        with pytest.raises(CustomerNotFound) as caught:
            redeem(services, code, customer_id="cus_nobody")

        assert caught.value.faults[0].pointer == "/customer_id"
        assert coupon_of(services, code).status is CouponStatus.UNASSIGNED

    @pytest.mark.parametrize(
        ("standing", "refusal"),
        [(Standing.EXCLUDED, CustomerExcluded), (Standing.DELETED, CustomerDeleted)],
    )
    def test_is_refused_to_who_does_not_take_part(
        self, services: Services, standing: Standing, refusal: type[Exception]
    ) -> None:
        code, customer_id = a_members_coupon(services)
        put(services, account_of(services, customer_id), standing=standing)

        with pytest.raises(refusal):
            redeem(services, code)

        assert coupon_of(services, code).usages == 0
        assert account_of(services, customer_id).coupons_used == 0

    def test_from_before_joining_counts_no_purchase(self, services: Services) -> None:
        code, customer_id = a_members_coupon(services)
        before = JOINED - timedelta(seconds=1)
        set_rules(services, late_upload_limit_hours=20_000)

        redeem(services, code, redeemed_at=before, amount_minor=700)

        account = account_of(services, customer_id)
        assert (account.lifetime_value_minor, account.visits) == (0, 0)
        assert account.last_visit_at is None
        assert account.coupons_used == 1

    def test_of_an_older_visit_leaves_the_last_visit_alone(self, services: Services) -> None:
        customer_id = a_member(services)
        newer, older = some_coupons(services, an_offer(services), [customer_id, customer_id])
        redeem(services, newer, now=NOON)

        done = redeem(services, older, now=NOON, redeemed_at=NOON - timedelta(hours=1))

        assert not done.redemption.newest_visit
        account = account_of(services, customer_id)
        assert (account.last_visit_at, account.visits) == (NOON, 2)

    def test_with_a_coupon_that_two_ask_for_gives_it_to_one(self, services: Services) -> None:
        """The other decides again, on what it finds then."""
        code, customer_id = a_members_coupon(services)
        slow, line = unsteady(services)
        line.before.append(lambda: _quietly(lambda: redeem(services, code)))

        with pytest.raises(CouponAlreadyRedeemed):
            redeem(slow, code)

        assert account_of(services, customer_id).coupons_used == 1

    def test_and_expiry_at_once_end_in_one_of_the_two(self, services: Services) -> None:
        """The customer's till was a moment before the end, the job a moment after it."""
        end = NOON + timedelta(minutes=1)
        code, customer_id = a_members_coupon(services, expires_at=end)
        slow, line = unsteady(services)
        late = end + timedelta(seconds=1)
        line.before.append(lambda: _expire(services, now=late))

        redeem(slow, code, now=late, redeemed_at=end - timedelta(seconds=1))

        coupon = coupon_of(services, code)
        assert (coupon.status, coupon.usages) == (CouponStatus.REDEEMED, 1)
        assert account_of(services, customer_id).activity_count == len(
            events_of(services, customer_id)
        )


class TestOrder:
    def test_counts_once_however_many_coupons_are_used_on_it(self, services: Services) -> None:
        customer_id, order_id = a_member(services), unique("order")
        codes = some_coupons(services, an_offer(services), [customer_id] * 3)

        for code in codes:
            redeem(services, code, amount_minor=5000, order_id=order_id)

        account = account_of(services, customer_id)
        assert (account.lifetime_value_minor, account.visits) == (5000, 1)
        assert account.coupons_used == 3

    def test_counts_once_when_two_coupons_are_used_on_it_at_once(self, services: Services) -> None:
        customer_id, order_id = a_member(services), unique("order")
        first, second = some_coupons(services, an_offer(services), [customer_id] * 2)
        slow, line = unsteady(services)
        line.before.append(
            lambda: _quietly(lambda: redeem(services, first, amount_minor=5000, order_id=order_id))
        )

        redeem(slow, second, amount_minor=5000, order_id=order_id)

        account = account_of(services, customer_id)
        assert (account.lifetime_value_minor, account.visits) == (5000, 1)
        assert account.coupons_used == 2


class TestIdempotency:
    def test_gives_the_first_answer_again(self, services: Services) -> None:
        code, customer_id = a_members_coupon(services)
        request = a_request()
        first = redeem(services, code, request=request)

        again = redeem(services, code, request=request, now=NOON + timedelta(minutes=1))

        assert (first.replayed, again.replayed) == (False, True)
        assert again.redemption == replace(first.redemption, version=1)
        assert account_of(services, customer_id).coupons_used == 1

    def test_refuses_the_key_with_another_request(self, services: Services) -> None:
        code, customer_id = a_members_coupon(services)
        (other,) = some_coupons(services, an_offer(services), [customer_id])
        redeem(services, code, request=a_request("K", "this"))

        with pytest.raises(IdempotencyKeyReused):
            redeem(services, other, request=a_request("K", "that"))

        assert coupon_of(services, other).usages == 0

    def test_does_not_keep_a_refusal(self, services: Services) -> None:
        customer_id, request = a_member(services), a_request()
        reward = an_offer(services, status=RewardStatus.PAUSED)
        (code,) = some_coupons(services, reward, [customer_id])
        with pytest.raises(RewardNotActive):
            redeem(services, code, request=request)
        put(services, _reward(services, code), status=RewardStatus.ACTIVE)

        done = redeem(services, code, request=request)

        assert not done.replayed

    def test_forgets_a_key_after_seven_days(self, services: Services) -> None:
        customer_id, request = a_member(services), a_request()
        first, second = some_coupons(services, an_offer(services), [customer_id] * 2)
        redeem(services, first, request=request)

        done = redeem(services, second, request=request, now=NOON + KEPT_FOR)

        assert not done.replayed
        assert coupon_of(services, second).usages == 1

    def test_keeps_a_key_for_all_of_the_seven_days(self, services: Services) -> None:
        code, _ = a_members_coupon(services)
        request = a_request()
        redeem(services, code, request=request)
        last = NOON + KEPT_FOR - timedelta(milliseconds=1)

        assert redeem(services, code, request=request, now=last).replayed


_LOST_ANSWERS = [
    pytest.param(Contention(), id="told that it clashed"),
    pytest.param(Contention([Clash(None, None)]), id="told what it clashed with"),
]


class TestLostAnswer:
    @pytest.mark.parametrize("lie", _LOST_ANSWERS)
    @pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without a key"])
    def test_after_the_commit_is_told_its_own_success(
        self, services: Services, lie: Contention, *, keyed: bool
    ) -> None:
        code, customer_id = a_members_coupon(services)
        slow, line = unsteady(services)
        line.after.append(fails(lie))

        done = redeem(slow, code, request=a_request() if keyed else None)

        assert coupon_of(services, code).last_redemption is not None
        assert done.redemption.redemption_id == _last(services, code)
        account = account_of(services, customer_id)
        assert (account.coupons_used, account.visits) == (1, 1)
        assert account.lifetime_value_minor == 2000
        assert account.activity_count == len(events_of(services, customer_id))

    def test_is_told_its_own_success_when_the_same_request_is_sent_again(
        self, services: Services
    ) -> None:
        code, customer_id = a_members_coupon(services)
        slow, line = unsteady(services)
        line.after.append(fails(Unavailable("timed out")))
        request = a_request()
        with contextlib.suppress(Unavailable):
            redeem(slow, code, request=request)

        done = redeem(slow, code, request=request)

        assert done.redemption.redemption_id == _last(services, code)
        assert account_of(services, customer_id).coupons_used == 1

    def test_of_a_use_of_a_coupon_with_several_takes_no_second_use(
        self, services: Services
    ) -> None:
        customer_id = a_member(services)
        (code,) = some_coupons(services, an_offer(services, usage_limit=5), [customer_id])
        slow, line = unsteady(services)
        line.after += [fails(Contention()), fails(Contention())]

        redeem(slow, code)

        assert coupon_of(services, code).usages == 1
        assert account_of(services, customer_id).coupons_used == 1

    def test_without_the_commit_redeems_in_the_end(self, services: Services) -> None:
        code, _ = a_members_coupon(services)
        slow, line = unsteady(services)
        line.before += [fails(Contention()) for _ in range(3)]

        done = redeem(slow, code)

        assert not done.replayed
        assert line.commits == 4

    def test_for_ever_ends_with_conflict_retry(self, services: Services) -> None:
        code, customer_id = a_members_coupon(services)
        slow, line = unsteady(services)
        line.before += [fails(Contention()) for _ in range(100)]

        with pytest.raises(ConflictRetry):
            redeem(slow, code)

        assert account_of(services, customer_id).coupons_used == 0


class TestPreview:
    def test_shows_what_redeeming_would_do_and_does_nothing(self, services: Services) -> None:
        code, customer_id = a_members_coupon(services)
        before = coupon_of(services, code), account_of(services, customer_id)
        command = a_command(services, code)

        shown = redemptions.preview(services.context, command, origin=an_origin())

        assert (coupon_of(services, code), account_of(services, customer_id)) == before
        done = redemptions.redeem(services.context, command, origin=an_origin())
        assert done.redemption == shown.redemption

    @pytest.mark.parametrize(
        ("rewards_changes", "standing", "changes"),
        [
            pytest.param({}, Standing.EXCLUDED, {}, id="excluded"),
            pytest.param({"status": RewardStatus.PAUSED}, Standing.ACTIVE, {}, id="paused"),
            pytest.param(
                {"status": RewardStatus.PAUSED}, Standing.EXCLUDED, {}, id="excluded and paused"
            ),
            pytest.param(
                {"minimum_purchase_minor": 5000},
                Standing.DELETED,
                {"currency": "XAU"},
                id="deleted, too little and in gold",
            ),
            pytest.param({}, Standing.ACTIVE, {"currency": "XAU"}, id="in gold"),
            pytest.param({}, Standing.ACTIVE, {"customer_id": "cus_other"}, id="another customer"),
            pytest.param(
                {"claim_on_redeem": True, "minimum_purchase_minor": 5000},
                None,
                {"customer_id": "cus_nobody"},
                id="nobody, and too little",
            ),
            pytest.param({"claim_on_redeem": True}, None, {"customer_id": "cus_no"}, id="nobody"),
            pytest.param({}, None, {}, id="unassigned"),
            pytest.param(
                {}, Standing.EXCLUDED, {"redeemed_at": NOON + timedelta(days=1)}, id="tomorrow"
            ),
        ],
    )
    def test_gets_the_very_refusal_of_the_redemption(
        self,
        services: Services,
        rewards_changes: dict[str, Any],
        standing: Standing | None,
        changes: dict[str, Any],
    ) -> None:
        customer_id = None if standing is None else a_member(services)
        (code,) = some_coupons(services, an_offer(services, **rewards_changes), [customer_id])
        if customer_id is not None and standing not in (None, Standing.ACTIVE):
            put(services, account_of(services, customer_id), standing=standing)

        shown = _refusal(lambda: _preview(services, code, **changes))
        got = _refusal(lambda: redeem(services, code, **changes))

        assert (type(shown), shown.facts, shown.fix, shown.faults) == (
            type(got),
            got.facts,
            got.fix,
            got.faults,
        )


class TestRulesInMemory:
    def test_are_read_again_before_they_refuse(self, services: Services) -> None:
        customer_id = a_member(services)
        reward = an_offer(services, status=RewardStatus.PAUSED)
        (code,) = some_coupons(services, reward, [customer_id])
        with pytest.raises(RewardNotActive):
            redeem(services, code)
        # Another container activates it; this one has kept that it is paused.
        put(services, _reward(services, code), status=RewardStatus.ACTIVE)

        assert not redeem(services, code).replayed

    def test_are_those_of_at_most_a_minute_ago(self, services: Services) -> None:
        customer_id = a_member(services)
        first, second = some_coupons(services, an_offer(services), [customer_id] * 2)
        redeem(services, first)
        put(services, _reward(services, first), status=RewardStatus.PAUSED)

        with pytest.raises(RewardNotActive):
            redeem(services, second, now=NOON + timedelta(seconds=60))


class TestRedemptions:
    def test_are_listed_newest_use_first(self, services: Services) -> None:
        customer_id = a_member(services)
        (code,) = some_coupons(services, an_offer(services, usage_limit=3), [customer_id])
        ids = [
            redeem(services, code, now=NOON + timedelta(hours=hour)).redemption.redemption_id
            for hour in range(3)
        ]

        page = redemptions.list_redemptions(services.context, code, PageRequest())

        assert [redemption.redemption_id for redemption in page.items] == ids[::-1]

    def test_of_an_unknown_code_are_not_found(self, services: Services) -> None:
        with pytest.raises(CouponNotFound):
            redemptions.list_redemptions(services.context, "NOSUCHCODE", PageRequest())

    def test_are_found_by_their_id_under_their_own_coupon_only(self, services: Services) -> None:
        customer_id = a_member(services)
        used, other = some_coupons(services, an_offer(services), [customer_id] * 2)
        redemption_id = redeem(services, used).redemption.redemption_id

        found = redemptions.find_redemption(services.context, used, redemption_id)

        assert found.redemption_id == redemption_id
        with pytest.raises(RedemptionNotFound):
            redemptions.find_redemption(services.context, other, redemption_id)
        with pytest.raises(CouponNotFound):
            redemptions.find_redemption(services.context, "NOSUCHCODE", redemption_id)


def _preview(services: Services, code: str, **changes: Any) -> object:
    command = a_command(services, code, **changes)
    return redemptions.preview(services.context, command, origin=an_origin())


def _refusal(attempt: Callable[[], object]) -> errors.DomainError:
    with pytest.raises(errors.DomainError) as caught:
        attempt()
    return caught.value


def _quietly(attempt: Callable[[], object]) -> None:
    attempt()


def _expire(services: Services, *, now: datetime) -> None:
    expiry.expire_due(services.context, origin=an_origin(now), has_time=lambda: True)


def _last(services: Services, code: str) -> str | None:
    last = coupon_of(services, code).last_redemption
    return last.redemption_id if last else None


def _reward(services: Services, code: str) -> Reward:
    reward = find(services, Reward, coupon_of(services, code).reward_id)
    assert reward is not None
    return reward
