"""What the engine can answer beside "done": all of it has a name."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from chalicelib.core.changes import Changes, Clash, Contention, ref
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.errors import Unavailable
from chalicelib.store.engine import codecs
from chalicelib.store.engine.capacity import Meter
from chalicelib.store.store import DynamoStore
from chalicelib.usecases.ports import Store
from tests.builders import a_coupon, unique
from tests.store.calls import client_of, recorded
from tools.dynamodb_local import free_port

_THROTTLES = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionInProgressException",
]


@pytest.fixture
def stubbed(table_name: str) -> Iterator[tuple[Store, Stubber, Meter]]:
    """A store whose engine answers what the test says, in that order."""
    meter = Meter()
    store = DynamoStore(table_name, meter=meter)
    with Stubber(client_of(store)) as stubber:
        yield store, stubber, meter
        stubber.assert_no_pending_responses()


Stubbed = tuple[Store, Stubber, Meter]


def _cancelled(stubber: Stubber, *reasons: dict[str, Any]) -> None:
    stubber.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        http_status_code=400,
        modeled_fields={"CancellationReasons": [*reasons]},
    )


def _create(count: int = 1) -> Changes:
    return Changes(create=tuple(a_coupon(code=unique("C"), version=0) for _ in range(count)))


def _read(store: Store) -> None:
    store.read(ref(Coupon, "SPRING10"))


class TestRead:
    def test_of_nothing_finds_nothing(self, store: Store) -> None:
        found = store.read()

        assert found.find(ref(Coupon, "SPRING10")) is None

    def test_of_more_than_a_hundred_takes_a_round_trip_for_each_hundred(
        self, store: Store, meter: Meter
    ) -> None:
        prefix = unique("C")
        codes = [f"{prefix}{number:04d}" for number in range(250)]
        stored = codes[::2]
        for start in range(0, len(stored), 100):
            chunk = stored[start : start + 100]
            store.commit(Changes(create=tuple(a_coupon(code=code, version=0) for code in chunk)))
        meter.reset()

        found = store.read(*(ref(Coupon, code) for code in codes))

        assert [code for code in codes if found.find(ref(Coupon, code))] == stored
        assert meter.round_trips == 3
        assert meter.reads == 250

    def test_of_the_same_thing_twice_reads_it_once(self, store: Store, meter: Meter) -> None:
        coupon = a_coupon(code=unique("C"), version=0)
        store.commit(Changes(create=(coupon,)))
        name = ref(Coupon, coupon.code)
        meter.reset()

        found = store.read(name, name)

        assert found.find(name) is not None
        assert (meter.round_trips, meter.reads) == (1, 1)

    def test_is_strongly_consistent(self, store: Store) -> None:
        calls = recorded(store)

        store.read(ref(Coupon, "AAAA"))
        store.read(ref(Coupon, "AAAA"), ref(Coupon, "BBBB"))

        one, many = calls.requests
        assert one["ConsistentRead"] is True
        (each,) = many["RequestItems"].values()
        assert each["ConsistentRead"] is True

    def test_asks_again_for_what_the_engine_left_out(
        self, stubbed: Stubbed, table_name: str
    ) -> None:
        store, stubber, meter = stubbed
        coupons = [a_coupon(code=f"CODE{number}") for number in range(3)]
        raws = [codecs.encode(coupon) for coupon in coupons]
        left = [{"PK": raw["PK"], "SK": raw["SK"]} for raw in raws[1:]]
        stubber.add_response(
            "batch_get_item",
            {
                "Responses": {table_name: raws[:1]},
                "UnprocessedKeys": {table_name: {"Keys": left, "ConsistentRead": True}},
            },
        )
        stubber.add_response(
            "batch_get_item",
            {"Responses": {table_name: raws[1:]}, "UnprocessedKeys": {}},
            {"RequestItems": {table_name: {"Keys": left, "ConsistentRead": True}}},
        )

        found = store.read(*(ref(Coupon, coupon.code) for coupon in coupons))

        assert [found.find(ref(Coupon, coupon.code)) for coupon in coupons] == coupons
        assert (meter.round_trips, meter.reads) == (2, 3)

    def test_gives_up_on_an_engine_that_leaves_everything_out(
        self, stubbed: Stubbed, table_name: str
    ) -> None:
        store, stubber, _ = stubbed
        keys = [{"PK": {"S": f"CPN#CODE{number}"}, "SK": {"S": "COUPON"}} for number in range(2)]
        for _ in range(5):
            stubber.add_response(
                "batch_get_item",
                {"Responses": {}, "UnprocessedKeys": {table_name: {"Keys": keys}}},
            )

        with pytest.raises(Unavailable):
            store.read(ref(Coupon, "CODE0"), ref(Coupon, "CODE1"))


class TestUnavailable:
    @pytest.mark.parametrize("code", _THROTTLES)
    def test_is_what_a_throttled_read_gets(self, stubbed: Stubbed, code: str) -> None:
        store, stubber, _ = stubbed
        stubber.add_client_error("get_item", code)

        with pytest.raises(Unavailable) as caught:
            _read(store)

        assert caught.value.facts["retry_after"] == 1

    @pytest.mark.parametrize("code", _THROTTLES)
    def test_is_what_a_throttled_write_gets(self, stubbed: Stubbed, code: str) -> None:
        store, stubber, _ = stubbed
        stubber.add_client_error("transact_write_items", code)

        with pytest.raises(Unavailable):
            store.commit(_create())

    @pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
    def test_is_what_a_transaction_gets_when_one_item_is_throttled(
        self, stubbed: Stubbed, code: str
    ) -> None:
        store, stubber, _ = stubbed
        _cancelled(stubber, {"Code": "ConditionalCheckFailed"}, {"Code": code})

        with pytest.raises(Unavailable):
            store.commit(_create(2))

    @pytest.mark.parametrize(
        "error",
        [
            ReadTimeoutError(endpoint_url="x"),
            ConnectTimeoutError(endpoint_url="x"),
            EndpointConnectionError(endpoint_url="x"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_is_what_a_table_out_of_reach_gets(self, table_name: str, error: Exception) -> None:
        store = DynamoStore(table_name, meter=Meter())

        def fail(**_: Any) -> None:
            raise error

        client_of(store).meta.events.register("before-call.dynamodb.*", fail)

        with pytest.raises(Unavailable):
            _read(store)
        with pytest.raises(Unavailable):
            store.commit(_create())
        with pytest.raises(Unavailable):
            store.ping()

    def test_is_told_within_seconds_where_nobody_listens(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{free_port()}")
        store = DynamoStore("couponry", meter=Meter())

        with pytest.raises(Unavailable):
            store.ping()

    def test_leaves_time_to_answer_within_the_functions_limit(self, table_name: str) -> None:
        config = client_of(DynamoStore(table_name, meter=Meter())).meta.config
        attempts = config.retries["total_max_attempts"]

        assert attempts * (config.connect_timeout + config.read_timeout) < 20


class TestCancelled:
    def test_by_another_transaction_is_contention_without_clashes(self, stubbed: Stubbed) -> None:
        store, stubber, _ = stubbed
        _cancelled(stubber, {"Code": "None"}, {"Code": "TransactionConflict"})

        with pytest.raises(Contention) as caught:
            store.commit(_create(2))

        assert caught.value.clashes == ()

    def test_by_a_condition_names_its_item_among_the_others(self, stubbed: Stubbed) -> None:
        store, stubber, _ = stubbed
        changes, stored = _create(3), a_coupon(code="STORED")
        _cancelled(
            stubber,
            {"Code": "TransactionConflict"},
            {"Code": "ConditionalCheckFailed", "Item": codecs.encode(stored)},
            {"Code": "None"},
        )

        with pytest.raises(Contention) as caught:
            store.commit(changes)

        assert caught.value.clashes == (Clash(changes.create[1], stored),)

    def test_read_by_a_conflict_is_contention(self, stubbed: Stubbed) -> None:
        store, stubber, _ = stubbed
        stubber.add_client_error("transact_write_items", "TransactionConflictException")

        with pytest.raises(Contention):
            store.commit(_create())

    @pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
    def test_by_a_mistake_of_ours_surfaces(self, stubbed: Stubbed, code: str) -> None:
        store, stubber, _ = stubbed
        _cancelled(stubber, {"Code": "ConditionalCheckFailed"}, {"Code": code})

        with pytest.raises(ClientError):
            store.commit(_create(2))


class TestMistakes:
    @pytest.mark.parametrize(
        "code", ["ValidationException", "ResourceNotFoundException", "AccessDeniedException"]
    )
    def test_surface(self, stubbed: Stubbed, code: str) -> None:
        store, stubber, _ = stubbed
        stubber.add_client_error("get_item", code)

        with pytest.raises(ClientError):
            _read(store)

    def test_of_a_missing_table_surface(self, engine: str) -> None:
        with pytest.raises(ClientError, match="ResourceNotFound"):
            DynamoStore("no-such-table", meter=Meter()).ping()
