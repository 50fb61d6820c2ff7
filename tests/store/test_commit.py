import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from chalicelib.core.callers.api_keys import ApiKey
from chalicelib.core.changes import Changes, Clash, Contention, Snapshot
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.redemptions import Redemption
from chalicelib.core.customers.accounts import (
    Account,
    AccountChange,
    NewestVisit,
    Standing,
    VisitReset,
)
from chalicelib.core.customers.customers import Customer
from chalicelib.core.customers.orders import Order
from chalicelib.core.idempotency import KEPT_FOR, IdempotencyRecord
from chalicelib.core.rewards.rewards import Reward, RewardStatus
from chalicelib.core.settings import Settings
from chalicelib.store.engine import codecs
from chalicelib.store.engine.capacity import Meter
from chalicelib.usecases.ports import Store
from tests import engines
from tests.builders import JOINED, NOON, a_coupon, unique
from tests.store.samples import FULL, ref_of

S = TypeVar("S", bound=Snapshot)


def _new(**changes: Any) -> Coupon:
    """Return a coupon that is not stored yet, with a code of its own."""
    return a_coupon(**{"code": unique("C"), "version": 0, **changes})


def _stored(store: Store, snapshot: S) -> S | None:
    found: S | None = store.read(ref_of(snapshot)).find(ref_of(snapshot))
    return found


def _create(store: Store, snapshot: S) -> S:
    """Store ``snapshot`` and return it as it is stored."""
    store.commit(Changes(create=(snapshot,)))
    stored = _stored(store, snapshot)
    assert stored is not None
    return stored


class TestCommit:
    def test_writes_everything_that_changes(self, store: Store) -> None:
        changed, gone = _create(store, _new()), _create(store, _new())
        kept, created = _create(store, _new()), _new()

        store.commit(
            Changes(
                create=(created,),
                update=((changed, replace(changed, usages=1)),),
                delete=(gone,),
                check=(kept,),
            )
        )

        assert _stored(store, created) == replace(created, version=1)
        assert _stored(store, changed) == replace(changed, usages=1, version=2)
        assert _stored(store, gone) is None
        assert _stored(store, kept) == kept

    def test_of_nothing_calls_nobody(self, store: Store, meter: Meter) -> None:
        meter.reset()

        store.commit(Changes())

        assert (meter.round_trips, meter.writes) == (0, 0)

    @pytest.mark.parametrize("fault", ["create", "update", "delete", "check", "count"])
    def test_writes_nothing_when_one_thing_is_stale(self, store: Store, fault: str) -> None:
        created, changed, gone = _new(), _create(store, _new()), _create(store, _new())
        account = _create(store, Account(unique("cus_"), Standing.ACTIVE, JOINED))
        stale = replace(_create(store, _new()), version=7)
        faults = {
            "create": Changes(create=(_create(store, _new()),)),
            "update": Changes(update=((stale, replace(stale, usages=1)),)),
            "delete": Changes(delete=(stale,)),
            "check": Changes(check=(stale,)),
            "count": Changes(count=(AccountChange(unique("cus_nobody"), activity_count=1),)),
        }
        good = Changes(
            create=(created,),
            update=((changed, replace(changed, usages=1)),),
            delete=(gone,),
            count=(AccountChange(account.customer_id, activity_count=1),),
        )

        with pytest.raises(Contention):
            store.commit(good + faults[fault])

        assert _stored(store, created) is None
        assert _stored(store, changed) == changed
        assert _stored(store, gone) == gone
        assert _stored(store, account) == account

    def test_names_what_clashed_with_what_is_stored(self, store: Store) -> None:
        read = _create(store, _new())
        store.commit(Changes(update=((read, replace(read, usages=1)),)))
        wanted = replace(read, status=CouponStatus.REDEEMED)

        with pytest.raises(Contention) as caught:
            store.commit(Changes(create=(_new(),), update=((read, wanted),)))

        now = replace(read, usages=1, version=2)
        assert caught.value.clashes == (Clash(wanted, now),)
        assert caught.value.stored(Coupon) == now
        assert caught.value.stored(Order) is None

    def test_names_everything_that_clashed(self, store: Store) -> None:
        taken, gone = _create(store, _new()), _new(version=1)
        count = AccountChange(unique("cus_nobody"), activity_count=1)

        with pytest.raises(Contention) as caught:
            store.commit(Changes(create=(taken,), delete=(gone,), count=(count,)))

        assert caught.value.clashes == (
            Clash(taken, replace(taken, version=1)),
            Clash(gone, None),
            Clash(count, None),
        )

    def test_creates_nothing_over_what_exists(self, store: Store) -> None:
        first = _create(store, _new())
        second = replace(first, reward_id="rwd_other", version=0)

        with pytest.raises(Contention) as caught:
            store.commit(Changes(create=(second,)))

        assert caught.value.clashes == (Clash(second, first),)
        assert _stored(store, first) == first

    def test_deletes_at_the_version_that_was_read_only(self, store: Store) -> None:
        read = _create(store, _new())
        store.commit(Changes(update=((read, replace(read, usages=1)),)))

        with pytest.raises(Contention):
            store.commit(Changes(delete=(read,)))

        assert _stored(store, read) == replace(read, usages=1, version=2)

    def test_updates_nothing_that_is_gone(self, store: Store) -> None:
        read = _create(store, _new())
        store.commit(Changes(delete=(read,)))

        with pytest.raises(Contention) as caught:
            store.commit(Changes(update=((read, replace(read, usages=1)),)))

        assert [clash.stored for clash in caught.value.clashes] == [None]
        assert _stored(store, read) is None

    def test_takes_a_hundred_items_and_no_more(self, store: Store) -> None:
        many = tuple(_new() for _ in range(100))

        store.commit(Changes(create=many))

        assert all(_stored(store, each) for each in (many[0], many[-1]))
        with pytest.raises(AssertionError, match="101 items"):
            store.commit(Changes(create=tuple(_new() for _ in range(101))))

    def test_lets_one_of_many_writers_through(self, store: Store) -> None:
        read = _create(store, _new(usage_limit=100))
        outcomes: list[str] = []

        def write(number: int) -> None:
            try:
                store.commit(Changes(update=((read, replace(read, usages=number)),)))
                outcomes.append("written")
            except Contention:
                outcomes.append("lost")

        _at_once(*(lambda number=number: write(number) for number in range(1, 9)))

        assert sorted(outcomes) == ["lost"] * 7 + ["written"]
        stored = _stored(store, read)
        assert stored is not None
        assert stored.version == 2

    def test_adds_up_what_many_count(self, store: Store) -> None:
        account = _create(store, Account(unique("cus_"), Standing.ACTIVE, JOINED))
        change = AccountChange(account.customer_id, activity_count=1, lifetime_value_minor=3)

        def count() -> None:
            while True:
                try:
                    return store.commit(Changes(count=(change,)))
                except Contention as contention:
                    met.append(contention)

        met: list[Contention] = []
        _at_once(*[count] * 8)

        # Others were under way; nothing was found to be different.
        assert all(contention.clashes == () for contention in met)

        stored = _stored(store, account)
        assert stored is not None
        assert (stored.activity_count, stored.lifetime_value_minor, stored.version) == (8, 24, 9)


class TestIdempotencyRecord:
    def test_stands_in_the_way_for_seven_days(self, store: Store) -> None:
        first = IdempotencyRecord(unique("hash"), "this", ("rdm_1",), NOON)
        store.commit(Changes(create=(first,)))
        too_soon = NOON + KEPT_FOR - timedelta(milliseconds=1)

        with pytest.raises(Contention) as caught:
            store.commit(Changes(create=(replace(first, recorded_at=too_soon),)))

        assert caught.value.stored(IdempotencyRecord) == replace(first, version=1)

    def test_is_overwritten_once_it_has_lapsed(self, store: Store) -> None:
        """The table removes it late: until then it counts as absent."""
        first = IdempotencyRecord(unique("hash"), "this", ("rdm_1",), NOON)
        store.commit(Changes(create=(first,)))
        second = IdempotencyRecord(first.key_hash, "that", ("rdm_2",), NOON + KEPT_FOR)

        store.commit(Changes(create=(second,)))

        assert _stored(store, first) == replace(second, version=1)

    def test_is_marked_for_removal_when_it_lapses(self) -> None:
        raw = codecs.encode(IdempotencyRecord("hash", "this", (), NOON))

        assert raw["ttl"] == {"N": str(int((NOON + KEPT_FOR).timestamp()))}


def _sample(kind: type[Any]) -> Any:
    """Return one with every field set, under a name of its own where it has one."""
    (found,) = (each for each in FULL if type(each) is kind)
    own: dict[type[Any], dict[str, str]] = {
        Coupon: {"code": unique("C")},
        Customer: {"customer_id": unique("cus_")},
        Order: {"order_id": unique("order")},
        Redemption: {"redemption_id": unique("rdm_")},
        Reward: {"reward_id": unique("rwd_")},
        ApiKey: {"key_id": unique("key_")},
    }
    return replace(found, **own.get(kind, {}))


_CHANGES: list[Any] = [
    pytest.param(Coupon, {"status": CouponStatus.REDEEMED, "expires_at": None}, id="coupon"),
    pytest.param(Customer, {"first_name": "Grace", "phone": None, "tags": ()}, id="customer"),
    pytest.param(Reward, {"status": RewardStatus.ARCHIVED, "image_url": None}, id="reward"),
    pytest.param(Settings, {"time_zone": "Asia/Tokyo"}, id="settings"),
    pytest.param(Order, {"standing": 3, "amount_minor": None}, id="order"),
    pytest.param(Redemption, {"reversal": None, "comment": None}, id="redemption"),
    pytest.param(ApiKey, {"revoked_at": None, "name": "Till 4"}, id="API key"),
]
# What a newer version could add: of any type, of an index, and beside what is removed.
_NEWER: dict[str, dict[str, Any]] = {
    "future_text": {"S": "tier gold"},
    "future_count": {"N": "12"},
    "future_map": {"M": {"a": {"L": [{"BOOL": True}, {"NULL": True}]}}},
    "future_set": {"SS": ["x", "y"]},
    "future_pk": {"S": "TIER#gold"},
}


class TestNewerVersion:
    """During a deployment both versions write; the older one erases nothing of the newer's."""

    @pytest.mark.parametrize(("kind", "changes"), _CHANGES)
    def test_keeps_what_this_one_does_not_know(
        self,
        store: Store,
        engine: str,
        table_name: str,
        kind: type[Any],
        changes: dict[str, Any],
    ) -> None:
        sample = _sample(kind)
        old = _stored(store, sample)
        store.commit(Changes(delete=(old,) if old else ()))
        before = _create(store, sample)
        written = _written_by_newer(engine, table_name, codecs.encode(before))

        store.commit(Changes(update=((before, replace(before, **changes)),)))

        after = _raw(engine, table_name, written)
        assert {name: after[name] for name in _NEWER} == _NEWER
        assert _stored(store, sample) == replace(before, **changes, version=2)

    def test_keeps_it_on_accounts_that_are_added_to(
        self, store: Store, engine: str, table_name: str
    ) -> None:
        before = _create(store, Account(unique("cus_"), Standing.ACTIVE, JOINED, visits=1))
        written = _written_by_newer(engine, table_name, codecs.encode(before))

        for visit in (NewestVisit(NOON), VisitReset(None)):
            store.commit(Changes(count=(AccountChange(before.customer_id, 1, visit=visit),)))

        after = _raw(engine, table_name, written)
        assert {name: after[name] for name in _NEWER} == _NEWER

    def test_keeps_what_it_wrote_inside_a_value_that_is_left_alone(
        self, store: Store, engine: str, table_name: str
    ) -> None:
        before = _create(store, _sample(Customer))
        raw = codecs.encode(before) | {
            "consent": {"S": '{"email":true,"sms":true,"push":true,"fax":true}'}
        }
        engines.client(engine).put_item(TableName=table_name, Item=raw)
        read = _stored(store, before)
        assert read is not None

        store.commit(Changes(update=((read, replace(read, first_name="Grace")),)))

        assert _raw(engine, table_name, raw)["consent"] == raw["consent"]

    def test_is_kept_by_the_condition_of_the_older_ones_change(
        self, store: Store, engine: str, table_name: str
    ) -> None:
        """What the newer one changes in between makes the older one decide again."""
        before = _create(store, _new())
        raw = codecs.encode(before) | _NEWER | {"version": {"N": "2"}}
        engines.client(engine).put_item(TableName=table_name, Item=raw)

        with pytest.raises(Contention):
            store.commit(Changes(update=((before, replace(before, usages=1)),)))

        assert _raw(engine, table_name, raw) == raw


def _written_by_newer(engine: str, table_name: str, raw: dict[str, Any]) -> dict[str, Any]:
    written = raw | _NEWER
    engines.client(engine).put_item(TableName=table_name, Item=written)
    return written


def _raw(engine: str, table_name: str, like: dict[str, Any]) -> dict[str, Any]:
    key = {"PK": like["PK"], "SK": like["SK"]}
    item: dict[str, Any] = engines.client(engine).get_item(
        TableName=table_name, Key=key, ConsistentRead=True
    )["Item"]
    return item


def _at_once(*actions: Callable[[], None]) -> None:
    """Run ``actions`` in threads that start together; raise what one of them raises."""
    barrier = threading.Barrier(len(actions))

    def run(action: Callable[[], None]) -> None:
        barrier.wait()
        action()

    with ThreadPoolExecutor(len(actions)) as pool:
        for done in [pool.submit(run, action) for action in actions]:
            done.result()
