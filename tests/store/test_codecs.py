from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.activity import ActivityEvent, Channel, EventType
from chalicelib.core.changes import Changes
from chalicelib.core.coupons.coupons import Coupon, CouponStatus, Invalidation, RedemptionRef
from chalicelib.core.customers.accounts import Account, Standing
from chalicelib.core.customers.customers import Address, Consent, Customer
from chalicelib.core.customers.orders import Order
from chalicelib.store.engine import codecs
from chalicelib.usecases.ports import Store
from tests.store.samples import BARE, FULL, ref_of

_NAMES = [type(snapshot).__name__ for snapshot in FULL]
_KINDS = [pytest.param(snapshot, id=type(snapshot).__name__) for snapshot in FULL]

_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
_moments = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 # Hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
_amounts = st.integers(-(10**15), 10**15)
_counts = st.integers(0, 10**9)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


_coupons = st.builds(
    Coupon,
    code=st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{3,63}", fullmatch=True),
    reward_id=_texts,
    status=st.sampled_from(CouponStatus),
    created_at=_moments,
    usage_limit=_counts,
    usages=_counts,
    customer_id=_maybe(_texts),
    claimed_at=_maybe(_moments),
    redeemed_at=_maybe(_moments),
    expires_at=_maybe(_moments),
    last_redemption=_maybe(st.builds(RedemptionRef, _texts, _texts, _maybe(_texts))),
    made_by=_maybe(_texts),
    invalidation=_maybe(st.builds(Invalidation, _moments, _texts, _maybe(_texts))),
    version=_counts,
)
_accounts = st.builds(
    Account,
    customer_id=_texts,
    standing=st.sampled_from(Standing),
    joined_at=_moments,
    lifetime_value_minor=_amounts,
    visits=_counts,
    coupons_used=_counts,
    last_visit_at=_maybe(_moments),
    activity_count=_counts,
    version=_counts,
)
_customers = st.builds(
    Customer,
    customer_id=_texts,
    joined_at=_moments,
    created_at=_moments,
    external_id=_maybe(_texts),
    email=_maybe(_texts),
    first_name=_maybe(_texts),
    birthday=_maybe(st.dates(min_value=date(1000, 1, 1))),
    address=_maybe(st.builds(Address, line1=_maybe(_texts), country=_maybe(_texts))),
    consent=st.builds(Consent, email=st.booleans(), sms=st.booleans(), push=st.booleans()),
    tags=st.lists(_texts, max_size=5).map(tuple),
    custom_fields=st.dictionaries(_texts, _texts, max_size=5),
    version=_counts,
)
_orders = st.builds(
    Order,
    order_id=_texts,
    customer_id=_texts,
    recorded_at=_moments,
    amount_minor=_maybe(_amounts),
    standing=_counts,
    counting=st.integers(0, 1000),
    version=_counts,
)
_events = st.builds(
    ActivityEvent,
    event_id=_texts,
    event_type=st.sampled_from(EventType),
    customer_id=_texts,
    occurred_at=_moments,
    recorded_at=_moments,
    actor=_texts,
    channel=st.sampled_from(Channel),
    code=_maybe(_texts),
    detail=st.dictionaries(_texts, st.none() | _texts | _amounts, max_size=5),
    version=_counts,
)


class TestRoundTrip:
    def test_covers_every_kind(self) -> None:
        assert {codecs.encode(snapshot)["kind"]["S"] for snapshot in FULL} == set(codecs.MODULES)
        assert {codecs.encode(snapshot)["kind"]["S"] for snapshot in BARE} == set(codecs.MODULES)

    def test_samples_have_all_that_there_is(self) -> None:
        """Every field of the full ones is set, to something else than what it is by default."""
        for snapshot in FULL:
            fields = {name for name in type(snapshot).__struct_fields__ if name != "version"}
            empty = {name for name in fields if getattr(snapshot, name) in (None, "", (), {}, 0)}
            assert empty - {"amount_minor"} == set(), type(snapshot).__name__

    @pytest.mark.parametrize("which", ["full", "bare"])
    @pytest.mark.parametrize("name", _NAMES)
    def test_through_the_table_changes_nothing(self, store: Store, name: str, which: str) -> None:
        samples = FULL if which == "full" else BARE
        (snapshot,) = (sample for sample in samples if type(sample).__name__ == name)
        old = store.read(ref_of(snapshot)).find(ref_of(snapshot))
        store.commit(Changes(delete=(old,) if old else ()))

        store.commit(Changes(create=(snapshot,)))

        stored = store.read(ref_of(snapshot)).find(ref_of(snapshot))
        assert stored == replace(snapshot, version=1)

    @pytest.mark.parametrize("name", _NAMES)
    def test_from_all_to_nothing_and_back_changes_nothing(self, store: Store, name: str) -> None:
        """An update removes what is gone and adds what is new."""
        full, bare = (
            next(each for each in samples if type(each).__name__ == name)
            for samples in (FULL, BARE)
        )
        identity = {
            field: getattr(full, field)
            for field in (
                "customer_id",
                "code",
                "order_id",
                "field",
                "value",
                "key_hash",
                "guesser",
                "window",
            )
            if field in full.__struct_fields__
        }
        bare = replace(bare, **identity)
        old = store.read(ref_of(full)).find(ref_of(full))
        store.commit(Changes(delete=(old,) if old else ()))
        store.commit(Changes(create=(full,)))

        store.commit(Changes(update=((replace(full, version=1), bare),)))
        assert store.read(ref_of(bare)).find(ref_of(bare)) == replace(bare, version=2)

        store.commit(Changes(update=((replace(bare, version=2), full),)))
        assert store.read(ref_of(full)).find(ref_of(full)) == replace(full, version=3)

    @given(st.one_of(_coupons, _accounts, _customers, _orders, _events))
    def test_through_an_item_changes_nothing(self, snapshot: Any) -> None:
        assert codecs.decode(codecs.encode(snapshot)) == snapshot

    def test_writes_moments_so_that_they_sort_like_time(self) -> None:
        moments = [
            datetime(2026, 3, 29, 1, 0, tzinfo=UTC) + timedelta(milliseconds=step)
            for step in (0, 1, 10, 999, 1000, 60_000)
        ]

        written = [
            codecs.encode(replace(FULL[0], last_visit_at=moment))["last_visit_at"]["S"]
            for moment in moments
        ]

        assert written == sorted(written)
        assert len({len(text) for text in written}) == 1


class TestNewerVersion:
    """During a deployment both versions write; the older one erases nothing of the newer's."""

    @pytest.mark.parametrize("snapshot", _KINDS)
    def test_is_read_as_far_as_it_is_known(self, snapshot: Any) -> None:
        raw = codecs.encode(snapshot) | {
            "future_text": {"S": "x"},
            "future_map": {"M": {"a": {"NULL": True}}},
            "future_set": {"NS": ["1", "2"]},
        }

        assert codecs.decode(raw) == snapshot
