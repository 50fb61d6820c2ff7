"""Random lives of customers and coupons, beside a plain model of the specification."""

import os
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from chalicelib.core.activity import Channel, Origin
from chalicelib.core.changes import Changes, ref
from chalicelib.core.coupons.coupons import Coupon, key_of, status_at
from chalicelib.core.coupons.redemptions import RedeemCoupon
from chalicelib.core.coupons.reversals import UnredeemCoupon
from chalicelib.core.coupons.transfers import Receiver
from chalicelib.core.customers.accounts import Account, Standing
from chalicelib.core.customers.customers import Customer
from chalicelib.core.errors import DomainError
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards import rewards as core_rewards
from chalicelib.core.rewards.rewards import PurchaseAmount, Reward, RewardStatus, RewardType
from chalicelib.core.settings import Settings
from chalicelib.usecases import settings as settings_usecases
from chalicelib.usecases.coupons import (
    coupons,
    expiry,
    invalidations,
    issuing,
    redemptions,
    reversals,
    transfers,
)
from chalicelib.usecases.coupons.issuing import NewCoupon
from chalicelib.usecases.customers import customers
from chalicelib.usecases.rewards import rewards
from tests import engines
from tests.builders import NOON
from tests.conftest import Clock, services_on
from tests.usecases.model import Member, Model, No, Offer
from tools.proof import figures

RUNS = int(os.environ.get("COUPONRY_MODEL_RUNS", "40"))
STEPS = 50
LATE_LIMIT_HOURS = 72

amounts = st.sampled_from([None, 0, 500, 999, 1000, 2500])
orders = st.sampled_from([None, None, "order-1", "order-2", "order-3"])
# Mostly far enough away for a life before the end.
expiries = st.sampled_from([None] * 6 + [2000, 1000, 1000, 400, 400, 200, 100, 24, 1, 0, -1, -72])


class CouponLife(RuleBasedStateMachine):
    """Each rule does the same to the application and to the model, and compares what they say."""

    endpoint = ""
    # What all runs together have compared: done alike, or refused alike with which code.
    outcomes: ClassVar[Counter[str]] = Counter()
    runs: ClassVar[Counter[str]] = Counter()

    members = Bundle("members")
    offers = Bundle("offers")
    cards = Bundle("cards")

    def __init__(self) -> None:
        super().__init__()
        self.runs["runs"] += 1
        self.table = f"model-{uuid4().hex[:12]}"
        engines.create_table(self.endpoint, self.table)
        self.clock = Clock(NOON)
        self.services = replace(services_on(self.table), clock=self.clock)
        self.context = self.services.context
        self.model = Model(timedelta(hours=LATE_LIMIT_HOURS))
        self.last_redeem: tuple[RedeemCoupon, Any] | None = None

    def teardown(self) -> None:
        for member in self.model.members:
            self.history_is_complete(member)
        engines.delete_table(self.endpoint, self.table)

    @property
    def now(self) -> datetime:
        return self.clock.moment

    @property
    def origin(self) -> Origin:
        return Origin("key_1", Channel.SCANNER, self.now)

    def both(self, ours: Any, theirs: Any) -> Any:
        """Run both; they must succeed together or refuse with the same code."""
        expected = None
        try:
            theirs()
        except No as no:
            expected = no.code
        try:
            result = ours()
        except DomainError as error:
            if error.code != expected:
                raise AssertionError(f"refused with {error.code}, expected {expected}") from error
            self.outcomes[f"refused alike: {expected}"] += 1
            return None
        assert expected is None, f"done, expected {expected}"
        self.outcomes["done alike"] += 1
        return result

    @initialize(target=offers)
    def business(self) -> Any:
        wanted = Settings(time_zone="Europe/Berlin", late_upload_limit_hours=LATE_LIMIT_HOURS)
        settings_usecases.put_settings(self.context, lambda _: wanted, now=self.now, request=None)
        return multiple(*(self.offer_of(usage_limit) for usage_limit in (1, 3)))

    @initialize(target=members)
    def two_members(self) -> Any:
        return multiple(self.member_since(1000), self.member_since(24))

    @initialize(target=cards)
    def three_cards_in_hand(self) -> Any:
        offer = self.offer_of(3)
        return multiple(*(self.issue(offer, self.member_since(1000), None) for _ in range(3)))

    @rule(target=members, joined_hours_ago=st.sampled_from([0, 1, 24, 1000]))
    def join(self, joined_hours_ago: int) -> Any:
        return self.member_since(joined_hours_ago)

    def member_since(self, joined_hours_ago: int) -> str:
        joined_at = self.now - timedelta(hours=joined_hours_ago)
        name = self.services.new_id("cus", self.now)
        email = self.email_of(name)
        customer = Customer(name, joined_at=joined_at, created_at=self.now, email=email)
        customers.create_customer(self.context, customer, origin=self.origin, request=None)
        self.model.members[name] = Member(joined_at)
        return name

    @staticmethod
    def email_of(member: str) -> str:
        return f"{member.lower()}@example.com"

    @rule(
        target=offers,
        usage_limit=st.sampled_from([1, 1, 2, 3]),
        claim_on_redeem=st.booleans(),
        amount_required=st.booleans(),
        minimum=st.sampled_from([None, None, 1000]),
        period=st.sampled_from([(None, None), (-24, None), (None, 48), (-24, 24)]),
        days=st.sampled_from([None, None, 0, 2]),
    )
    def make_offer(  # noqa: PLR0913, PLR0917 # Hypothesis passes them by name
        self,
        usage_limit: int,
        claim_on_redeem: bool,  # noqa: FBT001
        amount_required: bool,  # noqa: FBT001
        minimum: int | None,
        period: tuple[int | None, int | None],
        days: int | None,
    ) -> Any:
        start, end = (
            None if shift is None else self.now + timedelta(hours=shift) for shift in period
        )
        return self.offer_of(
            usage_limit,
            claim_on_redeem=claim_on_redeem,
            amount_required=amount_required,
            minimum=minimum,
            start=start,
            end=end,
            days=days,
        )

    def offer_of(  # noqa: PLR0913
        self,
        usage_limit: int,
        *,
        claim_on_redeem: bool = True,
        amount_required: bool = False,
        minimum: int | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        days: int | None = None,
    ) -> str:
        reward = Reward(
            self.services.new_id("rwd", self.now),
            name="Something",
            reward_type=RewardType.CUSTOM,
            created_at=self.now,
            status=RewardStatus.ACTIVE,
            usage_limit=usage_limit,
            claim_on_redeem=claim_on_redeem,
            purchase_amount=PurchaseAmount.REQUIRED if amount_required else PurchaseAmount.OPTIONAL,
            minimum_purchase_minor=minimum,
            active_from=start,
            active_until=end,
            valid_days_after_claim=days,
        )
        rewards.create_reward(self.context, reward, now=self.now, request=None)
        self.model.offers[reward.reward_id] = Offer(
            usage_limit, claim_on_redeem, amount_required, minimum, start, end, days
        )
        return reward.reward_id

    @rule(
        target=cards,
        offer=offers,
        holder=st.one_of(st.none(), members),
        expires_in=expiries,
    )
    def issue(self, offer: str, holder: str | None, expires_in: int | None) -> Any:
        code = f"C-{len(self.model.cards):04}"
        expires_at = None if expires_in is None else self.now + timedelta(hours=expires_in)
        expected = None
        try:
            self.model.issue(code, offer, holder, expires_at or self._end_of_days(offer, holder))
        except No as no:
            expected = no.code
            self.model.cards.pop(code)
        issued = issuing.add_coupons(
            self.context,
            offer,
            [NewCoupon(code, holder, expires_at)],
            origin=self.origin,
            request=None,
        )
        result = issued.outcomes[0].result
        if isinstance(result, DomainError):
            assert result.code == expected
            return multiple()
        assert expected is None
        return code

    @rule(code=cards, member=members)
    def claim(self, code: str, member: str) -> None:
        offer = self.model.cards[code].offer
        self.both(
            lambda: coupons.claim(self.context, code, member, origin=self.origin, request=None),
            lambda: self.model.claim(code, member, self.now, self._end_of_days(offer, member)),
        )

    @rule(
        code=cards,
        named=st.sampled_from(["nobody", "holder", "somebody"]),
        somebody=members,
        amount=amounts,
        order=orders,
        late_hours=st.one_of(st.none(), st.none(), st.sampled_from([-1, 0, 1, 24, 71, 72, 73])),
    )
    def redeem(  # noqa: PLR0913, PLR0917 # Hypothesis passes them by name
        self,
        code: str,
        named: str,
        somebody: str,
        amount: int | None,
        order: str | None,
        late_hours: int | None,
    ) -> None:
        self.redeem_as(named, somebody, code, amount, order, late_hours)

    def redeem_as(  # noqa: PLR0913, PLR0917
        self,
        named: str,
        somebody: str,
        code: str,
        amount: int | None,
        order: str | None,
        late_hours: int | None,
    ) -> None:
        card = self.model.cards[code]
        member = {"nobody": None, "holder": card.holder, "somebody": somebody}[named]
        late = None if late_hours is None else self.now - timedelta(hours=late_hours)
        event_ids = sorted(self.services.new_id("evt", self.now) for _ in range(2))
        command = RedeemCoupon(
            code=code.lower().replace("-", " "),
            redemption_id=self.services.new_id("rdm", late or self.now),
            event_ids=(event_ids[0], event_ids[1]),
            customer_id=member,
            amount_minor=amount,
            order_id=order,
            redeemed_at=late,
            request=KeyedRequest(uuid4().hex, "same"),
        )
        end = self._end_of_days(card.offer, member, at=late or self.now)
        done = self.both(
            lambda: redemptions.redeem(self.context, command, origin=self.origin),
            lambda: self.model.redeem(
                code,
                command.redemption_id,
                member=member,
                amount=amount,
                order=order,
                late=late,
                now=self.now,
                end_of_days=end,
            ),
        )
        if done is not None:
            assert not done.replayed
            self.last_redeem = command, done.redemption

    @precondition(lambda self: self.last_redeem is not None)
    @rule()
    def send_the_last_redemption_again(self) -> None:
        assert self.last_redeem is not None
        command, first = self.last_redeem
        again = redemptions.redeem(
            self.context,
            replace(command, redemption_id=self.services.new_id("rdm", self.now)),
            origin=self.origin,
        )
        assert again.replayed
        assert replace(again.redemption, reversal=None, version=0) == first

    @precondition(lambda self: self.usable())
    @rule(data=st.data(), amount=st.sampled_from([1000, 1000, 2500]), order=orders)
    def a_holder_redeems(self, data: st.DataObject, amount: int, order: str | None) -> None:
        code = data.draw(st.sampled_from(self.usable()))
        self.redeem_as("nobody", "", code, amount, order, None)

    @precondition(lambda self: self.usable())
    @rule(data=st.data(), hours_ago=st.sampled_from([1, 24, 49, 71]), order=orders)
    def a_holder_redeemed_offline(
        self, data: st.DataObject, hours_ago: int, order: str | None
    ) -> None:
        code = data.draw(st.sampled_from(self.usable()))
        self.redeem_as("holder", "", code, 1000, order, hours_ago)

    @precondition(lambda self: self.used())
    @rule(data=st.data(), which=st.sampled_from(["latest", "first"]))
    def staff_take_a_use_back(self, data: st.DataObject, which: str) -> None:
        self.unredeem(data.draw(st.sampled_from(self.used())), which)

    def usable(self) -> list[str]:
        return [code for code in self.model.cards if self.model.status(code, self.now) == "claimed"]

    def used(self) -> list[str]:
        return [code for code, card in self.model.cards.items() if card.standing]

    @rule(code=cards, which=st.sampled_from(["latest", "first"]))
    def unredeem(self, code: str, which: str) -> None:
        uses = self.model.cards[code].uses
        name = uses[0].name if uses and which == "first" else None
        command = UnredeemCoupon(
            code=code, event_id=self.services.new_id("evt", self.now), redemption_id=name
        )
        self.both(
            lambda: reversals.unredeem(self.context, command, origin=self.origin),
            lambda: self.model.unredeem(code, name, self.now),
        )

    @rule(code=cards, expires_in=expiries)
    def change_expiry(self, code: str, expires_in: int | None) -> None:
        expires_at = None if expires_in is None else self.now + timedelta(hours=expires_in)
        self.both(
            lambda: coupons.change_expiry(
                self.context,
                code,
                expires_at,
                check=lambda _: None,
                origin=self.origin,
                request=None,
            ),
            lambda: self.model.change_expiry(code, expires_at, self.now),
        )

    @rule(code=cards)
    def invalidate(self, code: str) -> None:
        self.both(
            lambda: invalidations.invalidate(
                self.context, code, reason=None, in_bulk=False, origin=self.origin, request=None
            ),
            lambda: self.model.invalidate(code, self.now),
        )

    @rule(code=cards, member=members, named_by=st.sampled_from(["id", "e-mail", "both"]))
    def transfer(self, code: str, member: str, named_by: str) -> None:
        receiver = Receiver(
            customer_id=None if named_by == "e-mail" else member,
            email=None if named_by == "id" else self.email_of(member),
        )
        self.both(
            lambda: transfers.transfer(
                self.context, code, receiver, origin=self.origin, request=None
            ),
            lambda: self.model.transfer(code, member, self.now),
        )

    @precondition(lambda self: self.usable())
    @rule(data=st.data(), member=members)
    def a_holder_passes_it_on(self, data: st.DataObject, member: str) -> None:
        self.transfer(data.draw(st.sampled_from(self.usable())), member, "id")

    @rule(minutes=st.sampled_from([1, 60, 60, 8 * 60, 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.clock.moment += timedelta(minutes=minutes)

    @rule()
    def the_expiry_job_runs(self) -> None:
        progress = expiry.expire_due(self.context, origin=self.origin, has_time=lambda: True)
        assert progress.expired == self.model.run_expiry_job(self.now)
        assert (progress.left, progress.lag_seconds) == (0, 0)

    @rule(offer=offers)
    def pause_or_activate(self, offer: str) -> None:
        was = self.model.offers[offer].status
        status = RewardStatus.PAUSED if was == "active" else RewardStatus.ACTIVE
        rewards.move_reward(self.context, offer, status, now=self.now, request=None)
        self.model.offers[offer].status = status.value

    @rule(member=members, standing=st.sampled_from(["excluded", "active"]))
    def exclude_or_include(self, member: str, standing: str) -> None:
        name = ref(Account, member)
        account = self.context.store.read(name).find(name)
        assert account is not None
        if account.standing != standing:
            after = replace(account, standing=Standing(standing))
            self.context.store.commit(Changes(update=((account, after),)))
        self.model.members[member].standing = standing

    @invariant()
    def every_coupon_is_as_the_model_says(self) -> None:
        refs = {code: ref(Coupon, key_of(code)) for code in self.model.cards}
        found = self.context.store.read(*refs.values())
        for code, card in self.model.cards.items():
            coupon = found.find(refs[code])
            assert coupon is not None
            assert status_at(coupon, self.now) == self.model.status(code, self.now)
            assert coupon.usages == len(card.standing)
            assert coupon.customer_id == card.holder
            assert coupon.expires_at == card.expires_at
            last = coupon.last_redemption
            assert (last and last.redemption_id) == (
                card.standing[-1].name if card.standing else None
            )

    @invariant()
    def every_counter_is_as_the_model_says(self) -> None:
        refs = {name: ref(Account, name) for name in self.model.members}
        found = self.context.store.read(*refs.values())
        for name, member in self.model.members.items():
            account = found.find(refs[name])
            assert account is not None
            uses = [use for uses in self.model.purchases(name).values() for use in uses]
            assert account.lifetime_value_minor == self.model.lifetime_value(name)
            assert account.visits == len(self.model.counted(name))
            assert account.last_visit_at == self.model.last_visit(name)
            assert account.coupons_used == len(uses)
            assert account.activity_count == len(member.events)

    def history_is_complete(self, member: str) -> None:
        page = customers.list_activity(
            self.context, member, PageRequest(limit=1000, descending=False)
        )
        assert [str(event.event_type) for event in page.items] == self.model.members[member].events

    def _end_of_days(
        self, offer: str, member: str | None, *, at: datetime | None = None
    ) -> datetime | None:
        days = self.model.offers[offer].days_after_claim
        if days is None or member is None:
            return None
        reward = Reward("rwd", "n", RewardType.CUSTOM, self.now, valid_days_after_claim=days)
        return core_rewards.expiry_of_claim(
            reward, claimed_at=at or self.now, time_zone="Europe/Berlin"
        )


class TestCouponLife:
    def test_equals_the_plain_model_of_the_specification(
        self, engine: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(CouponLife, "endpoint", engine)
        run_state_machine_as_test(
            CouponLife,
            settings=settings(
                max_examples=RUNS,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=RUNS < 500,
                suppress_health_check=list(HealthCheck),
            ),
        )
        compared = sorted(CouponLife.outcomes.items())
        figures.record(
            "model", {**CouponLife.runs, "steps a run, at most": STEPS, **dict(compared)}
        )
        assert CouponLife.runs["runs"] >= RUNS
