"""Units against worked examples, counted by hand from Amazon's published rules.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import threading
from typing import Any

import pytest

from chalicelib.core.changes import Changes, ref
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.store.engine import capacity, codecs
from chalicelib.store.engine.capacity import Meter
from chalicelib.usecases.ports import Store
from tests.builders import a_coupon, an_unassigned_coupon, unique
from tests.store.calls import recorded


class TestItemSize:
    @pytest.mark.parametrize(
        ("attributes", "size"),
        [
            pytest.param({}, 0, id="nothing"),
            # The example of the page: 18 + 9 bytes of names and values in UTF-8.
            pytest.param(
                {"shirt-color": {"S": "R"}, "shirt-size": {"S": "M"}}, 23, id="the page's"
            ),
            pytest.param({"a": {"S": ""}}, 1, id="empty text"),
            pytest.param({"a": {"S": "abc"}}, 4, id="text"),
            pytest.param({"a": {"S": "é"}}, 3, id="two bytes in UTF-8"),
            pytest.param({"a": {"S": "\U0001f381"}}, 5, id="four bytes in UTF-8"),
            # A number: a byte for every two significant digits, and one.
            pytest.param({"n": {"N": "0"}}, 2, id="zero"),
            pytest.param({"n": {"N": "7"}}, 3, id="one digit"),
            pytest.param({"n": {"N": "27"}}, 3, id="two digits"),
            pytest.param({"n": {"N": "127"}}, 4, id="three digits"),
            pytest.param({"n": {"N": "1200"}}, 3, id="trailing zeros are trimmed"),
            pytest.param({"n": {"N": "1000000000000"}}, 3, id="a power of ten"),
            pytest.param({"n": {"N": "-127"}}, 4, id="negative"),
            pytest.param({"n": {"N": "1007"}}, 4, id="zeros inside are significant"),
            pytest.param({"b": {"BOOL": True}}, 2, id="true"),
            pytest.param({"b": {"NULL": True}}, 2, id="null"),
            pytest.param({"b": {"B": b"12345"}}, 6, id="binary"),
            pytest.param({"s": {"SS": ["ab", "c"]}}, 4, id="set of texts"),
            pytest.param({"s": {"NS": ["12", "345"]}}, 6, id="set of numbers"),
            # Lists and maps: three bytes, and one for each element.
            pytest.param({"l": {"L": []}}, 4, id="empty list"),
            pytest.param({"l": {"L": [{"S": "ab"}, {"N": "1"}]}}, 1 + 3 + 2 + 2 + 2, id="list"),
            pytest.param({"m": {"M": {}}}, 4, id="empty map"),
            pytest.param({"m": {"M": {"key": {"S": "ab"}}}}, 1 + 3 + 1 + 3 + 2, id="map"),
        ],
    )
    def test_is_names_and_values(self, attributes: dict[str, Any], size: int) -> None:
        assert capacity.item_size(attributes) == size

    def test_of_a_coupon_is_what_was_counted_by_hand(self) -> None:
        raw = codecs.encode(an_unassigned_coupon(code="SPRING-10", reward_id="rwd_1"))

        by_hand = {
            "PK": 2 + len("CPN#SPRING10"),
            "SK": 2 + len("COUPON"),
            "kind": 4 + len("coupon"),
            "version": 7 + 2,
            "code": 4 + len("SPRING-10"),
            "reward_id": 9 + len("rwd_1"),
            "status": 6 + len("unassigned"),
            "created_at": 10 + len("2025-01-01T00:00:00.000Z"),
            "usage_limit": 11 + 2,
            "usages": 6 + 1,
            "shared": 6 + 1,
            "list_pk": 7 + len("RWD#rwd_1#unassigned#0"),
            "list_sk": 7 + 16 + len("#SPRING10"),
        }
        assert set(raw) == set(by_hand)
        assert capacity.item_size(raw) == sum(by_hand.values())


class TestUnits:
    @pytest.mark.parametrize(
        ("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (2048, 2), (2049, 3)]
    )
    def test_of_a_write_are_kilobytes_begun(self, size: int, units: int) -> None:
        assert capacity.write_units(size) == units

    @pytest.mark.parametrize(("size", "units"), [(0, 1), (4096, 1), (4097, 2), (8193, 3)])
    def test_of_a_strong_read_are_four_kilobytes_begun(self, size: int, units: int) -> None:
        assert capacity.read_units(size) == units

    @pytest.mark.parametrize(
        ("before", "after", "units"),
        [
            pytest.param(None, 500, 2, id="created"),
            pytest.param(500, None, 2, id="deleted"),
            pytest.param(500, 1500, 4, id="grown"),
            pytest.param(1500, 500, 4, id="shrunk"),
            pytest.param(500, 500, 2, id="checked"),
        ],
    )
    def test_of_a_write_in_a_transaction_are_twice_the_larger_size(
        self, before: int | None, after: int | None, units: int
    ) -> None:
        assert capacity.transaction_units(_of(before), _of(after)) == units

    @pytest.mark.parametrize(
        ("before", "after", "units"),
        [
            pytest.param({}, {"list": "a"}, 1, id="put"),
            pytest.param({"list": "a"}, {}, 1, id="deleted"),
            pytest.param({"list": "a"}, {"list": "b"}, 2, id="moved"),
            pytest.param({"list": "a"}, {"list": "a"}, 0, id="left"),
            pytest.param({}, {}, 0, id="in no index"),
            pytest.param({"due": "a", "list": "a"}, {"list": "b"}, 3, id="redeemed"),
            pytest.param({}, {"due": "a", "list": "a", "holder": "a"}, 3, id="in all"),
        ],
    )
    def test_of_the_indexes_are_those_of_entries_that_change(
        self, before: dict[str, str], after: dict[str, str], units: int
    ) -> None:
        assert capacity.index_units(_indexed(before), _indexed(after)) == units

    def test_of_a_page_are_those_of_its_sum(self) -> None:
        rows = [{"PK": {"S": "x" * 98}}] * 50

        assert capacity.page_units(rows, consistent=True) == 2
        assert capacity.page_units(rows, consistent=False) == 1
        assert capacity.page_units([], consistent=False) == 0.5


class TestMeter:
    def test_counts_what_is_called(self, store: Store, meter: Meter) -> None:
        calls = recorded(store)
        coupon = a_coupon(code=unique("C"), version=0)
        meter.reset()

        store.commit(Changes(create=(coupon,)))
        written = meter.writes
        store.read(ref(Coupon, coupon.code))
        store.read(ref(Coupon, coupon.code), ref(Coupon, "NOSUCH"))

        assert meter.round_trips == len(calls.names) == 3
        # Two for the item, and one for each of the indexes that it is in.
        assert written == 2 + 2
        assert meter.reads == 1 + 2

    def test_counts_each_thread_by_itself(self, store: Store, meter: Meter) -> None:
        meter.reset()
        seen: list[int] = []

        def other() -> None:
            store.read(ref(Coupon, "NOSUCH"))
            seen.append(meter.round_trips)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

        assert seen == [1]
        assert meter.round_trips == 0


def _of(size: int | None) -> dict[str, Any] | None:
    return None if size is None else {"a": {"S": "x" * (size - 1)}}


def _indexed(indexes: dict[str, str]) -> dict[str, Any]:
    raw: dict[str, Any] = {"PK": {"S": "p"}, "SK": {"S": "s"}, "other": {"S": "o"}}
    for name, key in indexes.items():
        raw |= {f"{name}_pk": {"S": key}, f"{name}_sk": {"S": key}}
    return raw
