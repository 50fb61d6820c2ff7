"""The function that follows the table's stream, given what an engine's stream really holds."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core.activity import Channel, Origin
from chalicelib.core.changes import Contention
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.redemptions import Redemption
from chalicelib.core.errors import ConflictRetry, Unavailable
from chalicelib.core.rewards import totals
from chalicelib.core.rewards.rewards import CouponSource, Reward
from chalicelib.core.rewards.totals import DayTotals, Totals
from chalicelib.core.stream import ParkedRecord
from chalicelib.store.engine import codecs
from chalicelib.usecases.coupons import coupons as coupon_usecases
from chalicelib.usecases.coupons import expiry
from chalicelib.usecases.rewards import totals as usecases
from chalicelib.wiring import Services
from tests import engines, streams
from tests.builders import NOON, an_origin
from tests.conftest import at, services_on
from tests.usecases.unsteady import fails, unsteady
from tests.usecases.world import (
    a_member,
    a_request,
    an_offer,
    codes_of,
    coupon_of,
    put,
    redeem,
    set_rules,
    some_coupons,
    unredeem,
)

_ZONE = "America/New_York"
_SOON = NOON + timedelta(hours=5)
_NEXT_DAY = NOON + timedelta(days=1)


def follow(records: Sequence[Any]) -> Any:
    """Return the function's answer to ``records``, given as Lambda gives them."""
    import app  # noqa: PLC0415 # not on collection: its import is what some tests measure

    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    return app.app.handler_map["apply_changes"](streams.event(records), context)


@pytest.fixture
def services(followed_table_name: str, monkeypatch: pytest.MonkeyPatch) -> Services:
    services = at(services_on(followed_table_name), _NEXT_DAY)
    monkeypatch.setattr(wiring, "services", lambda: services)
    return services


@pytest.fixture
def told(engine: str, followed_table_name: str) -> Callable[[], list[Any]]:
    """Return a function that returns what the stream has told so far."""
    return lambda: streams.records(engine, followed_table_name)


@pytest.fixture
def stored(engine: str, followed_table_name: str) -> Callable[[], list[Any]]:
    """Return a function that returns everything in the table."""
    pages = engines.client(engine).get_paginator("scan")

    def read() -> list[Any]:
        found = pages.paginate(TableName=followed_table_name, ConsistentRead=True)
        return [codecs.decode(item) for page in found for item in page["Items"]]

    return read


def live(services: Services, rng: random.Random) -> list[Reward]:
    """Let coupons of two rewards go through everything that a coupon can go through."""
    set_rules(services, time_zone=_ZONE)
    members = [a_member(services) for _ in range(3)]
    offers = [an_offer(services), an_offer(services, usage_limit=3, claim_on_redeem=True)]
    for offer in offers:
        owners = [rng.choice([None, *members]) for _ in range(40)]
        codes = some_coupons(services, offer, owners)
        codes += some_coupons(services, offer, owners[:10], expires_at=_SOON)
        for code in codes:
            for _ in range(rng.randrange(4)):
                act(services, code, rng, members)
    job = Origin(actor="job", channel=Channel.JOB, recorded_at=_NEXT_DAY)
    expiry.expire_due(services.context, origin=job, has_time=lambda: True)
    return offers


def act(services: Services, code: str, rng: random.Random, members: list[str]) -> None:
    """Do one thing to the coupon, if it can be done."""
    coupon = coupon_of(services, code)
    now = NOON + timedelta(minutes=rng.randrange(240))
    choice = rng.randrange(5)
    if choice == 0 and coupon.status is CouponStatus.UNASSIGNED:
        origin, member = an_origin(now), rng.choice(members)
        coupon_usecases.claim(services.context, code, member, origin=origin, request=a_request())
    elif choice in (1, 2) and coupon.status is CouponStatus.CLAIMED:
        redeem(services, code, now=now, amount_minor=rng.randrange(10_000))
    elif choice == 3 and coupon.usages and coupon.status is not CouponStatus.INVALID:
        unredeem(services, code, now=now)
    elif coupon.status in (CouponStatus.UNASSIGNED, CouponStatus.CLAIMED) and not coupon.usages:
        put(services, coupon, status=CouponStatus.INVALID)


def recounted(everything: Sequence[Any], reward_id: str) -> totals.Amounts:
    """Return what the totals of the reward have to be, from its coupons and redemptions."""
    found: totals.Amounts = Counter()
    for each in everything:
        if isinstance(each, Coupon) and each.reward_id == reward_id:
            found[None, str(each.status)] += 1
            found[None, "used"] += each.usages > 0
            if each.claimed_at is not None:
                for day in (None, totals.day_of(each.claimed_at, time_zone=_ZONE)):
                    found[day, "claims"] += 1
        if isinstance(each, Redemption) and each.reward_id == reward_id and not each.reversal:
            for day in (None, totals.day_of(each.redeemed_at, time_zone=_ZONE)):
                found[day, "redemptions"] += 1
                found[day, "purchase_minor"] += each.amount_minor or 0
                found[day, "discount_minor"] += each.discount.amount_off_minor or 0
    return +found


def kept(services: Services, reward_id: str) -> totals.Amounts:
    """Return what the totals of the reward are."""
    everything = usecases.totals_of(services.context, reward_id)
    shares = services.store.days_of_reward(
        reward_id, first=date(2026, 1, 1), until=date(2027, 1, 1)
    )
    days = totals.by_day(reward_id, shares)
    found: totals.Amounts = Counter(_amounts(everything, None))
    for day, share in days.items():
        found.update(_amounts(share, day))
    assert not -found, "nothing is negative in the end"
    return +found


def _amounts(share: Totals | DayTotals, day: date | None) -> totals.Amounts:
    names = set(type(share).__struct_fields__) - {"reward_id", "shard", "day", "version"}
    return Counter({(day, name): getattr(share, name) for name in names})


def deliveries(records: list[Any], rng: random.Random) -> Iterator[list[Any]]:
    """Yield batches: items in any order, those of one item in order, some of it twice or more."""
    by_item: dict[str, list[Any]] = {}
    for record in records:
        by_item.setdefault(json.dumps(record["dynamodb"]["Keys"], sort_keys=True), []).append(
            record
        )
    queues = list(by_item.values())
    done: list[list[Any]] = []
    while queues:
        batch = []
        for _ in range(rng.randrange(1, 100)):
            if not queues:
                break
            queue = rng.choice(queues)
            batch.append(queue.pop(0))
            if not queue:
                queues.remove(queue)
        done.append(batch)
        yield batch
        if rng.random() < 0.5:
            # A batch that failed after its work comes again, and so may those before it.
            yield from done[-rng.randrange(1, 4) :]


class TestTotals:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_equal_a_full_recount_however_the_records_are_delivered(
        self,
        services: Services,
        told: Callable[[], list[Any]],
        stored: Callable[[], list[Any]],
        seed: int,
    ) -> None:
        rng = random.Random(seed)
        offers = live(services, rng)

        for batch in deliveries(told(), rng):
            assert follow(batch)["parked"] == 0

        everything = stored()
        for offer in offers:
            expected = recounted(everything, offer.reward_id)
            assert kept(services, offer.reward_id) == expected
            assert len(expected) > 10

    def test_of_many_records_take_few_transactions(
        self, services: Services, told: Callable[[], list[Any]]
    ) -> None:
        offer, member = an_offer(services), a_member(services)
        some_coupons(services, offer, [member] * 90)
        records = told()
        assert len(records) == 93

        follow(records)

        # Settings once; notes and shares three times.
        assert services.capacity.round_trips == 1 + 3 * 2

    def test_of_what_comes_again_take_no_transaction(
        self, services: Services, told: Callable[[], list[Any]]
    ) -> None:
        some_coupons(services, an_offer(services), [a_member(services)] * 30)
        records = told()
        follow(records)

        follow(records)

        assert services.capacity.writes == 0


class TestASharedCode:
    def test_is_counted_by_its_redemptions(
        self, services: Services, told: Callable[[], list[Any]]
    ) -> None:
        offer = an_offer(services, coupon_source=CouponSource.SHARED)
        (code,) = some_coupons(services, offer, [None])
        for _ in range(3):
            redeem(services, code, customer_id=a_member(services))

        follow(told())

        found = kept(services, offer.reward_id)
        assert (found[None, "redemptions"], found[None, "purchase_minor"]) == (3, 6000)
        assert sum(found[None, status] for status in CouponStatus) == 1


class TestARecordThatCannotBeApplied:
    def test_is_parked_and_stops_none_of_the_others(
        self,
        services: Services,
        told: Callable[[], list[Any]],
        stored: Callable[[], list[Any]],
    ) -> None:
        offer, member = an_offer(services), a_member(services)
        codes = some_coupons(services, offer, [member] * 5)
        records = told()
        for record in records:
            if record["dynamodb"]["NewImage"].get("code") == {"S": codes[2]}:
                record["dynamodb"]["NewImage"]["code"] = {"S": "not a code!"}
            if record["dynamodb"]["NewImage"].get("code") == {"S": codes[3]}:
                del record["dynamodb"]["NewImage"]["status"]

        assert follow(records) == {"applied": 5, "parked": 2}
        assert follow(records) == {"applied": 5, "parked": 2}

        assert kept(services, offer.reward_id)[None, "claimed"] == 5
        parked = {each.applier: each for each in stored() if isinstance(each, ParkedRecord)}
        assert set(parked) == {"read", "totals"}
        assert "not a code!" in parked["totals"].record
        assert codes_of(1)


class TestWhenTheTableIsBusy:
    @pytest.mark.parametrize("error", [Unavailable("out of reach"), ConflictRetry("busy")])
    def test_the_batch_fails_and_counts_when_it_comes_again(
        self,
        services: Services,
        told: Callable[[], list[Any]],
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
    ) -> None:
        offer = an_offer(services)
        some_coupons(services, offer, [a_member(services)] * 40)
        records = told()
        slow, line = unsteady(services)
        line.before += [lambda: None, fails(error)]
        monkeypatch.setattr(wiring, "services", lambda: slow)
        with pytest.raises(type(error)):
            follow(records)

        follow(records)

        assert kept(services, offer.reward_id)[None, "claimed"] == 40

    def test_a_lost_race_is_decided_again(
        self,
        services: Services,
        told: Callable[[], list[Any]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Another consumer was at the same totals, or has applied the same records meanwhile."""
        offer = an_offer(services)
        some_coupons(services, offer, [a_member(services)] * 4)
        records = told()
        slow, line = unsteady(services)
        line.before += [fails(Contention()), lambda: _other(services, records, monkeypatch, slow)]
        monkeypatch.setattr(wiring, "services", lambda: slow)

        follow(records)

        assert kept(services, offer.reward_id)[None, "claimed"] == 4


def _other(
    services: Services, records: list[Any], monkeypatch: pytest.MonkeyPatch, slow: Services
) -> None:
    monkeypatch.setattr(wiring, "services", lambda: services)
    follow(records)
    monkeypatch.setattr(wiring, "services", lambda: slow)
