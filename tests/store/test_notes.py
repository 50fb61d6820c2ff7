"""Notes and counts beside the transactions: one unit each, and repeating one does no harm."""

from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from chalicelib.core.callers.tries import Tries
from chalicelib.core.changes import ref
from chalicelib.core.coupons.attempts import Attempt
from chalicelib.store.engine.capacity import Meter
from chalicelib.usecases.ports import Store
from tests.builders import unique
from tests.engines import store_on
from tests.store.samples import BARE, FULL

A_NOTE = next(each for each in BARE if isinstance(each, Attempt))


class TestNote:
    def test_is_kept_once_as_it_came_first(self, table_name: str) -> None:
        store: Store = store_on(table_name)
        first = replace(A_NOTE, attempt_id=unique("att_"))
        name = ref(Attempt, first.code, first.attempt_id)

        store.note(first)
        store.note(replace(first, refusal="another"))

        assert store.read(name).find(name) == replace(first, version=1)

    def test_takes_a_unit_and_one_for_each_index(self, table_name: str) -> None:
        meter = Meter()
        store = store_on(table_name, meter=meter)
        (full,) = (each for each in FULL if isinstance(each, Attempt))

        store.note(replace(A_NOTE, attempt_id=unique("att_")))
        assert (meter.writes, meter.round_trips) == (2, 1)

        store.note(replace(full, key_hash=unique("hash")))
        assert (meter.writes, meter.round_trips) == (5, 2)


class TestCount:
    def test_is_exact_up_to_the_limit_however_many_count_at_once(self, table_name: str) -> None:
        store: Store = store_on(table_name)
        counter = Tries(unique("key_"), 7)
        name = ref(Tries, counter.guesser, "7")

        with ThreadPoolExecutor(16) as threads:
            found = list(
                threads.map(lambda _: store.count_tries(counter, 1, at_most=10), range(40))
            )

        assert sorted(count for count in found if count is not None) == list(range(1, 11))
        assert found.count(None) == 30
        stored = store.read(name).find(name)
        assert stored is not None
        assert (stored.guesser, stored.window, stored.failed) == (counter.guesser, 7, 10)

    def test_gives_back_at_the_limit_too(self, table_name: str) -> None:
        store: Store = store_on(table_name)
        counter = Tries(unique("key_"), 7)
        assert store.count_tries(counter, 3, at_most=2) == 3
        assert store.count_tries(counter, 1, at_most=2) is None

        assert store.count_tries(counter, -2, at_most=2) == 1
        assert store.count_tries(counter, 1, at_most=2) == 2

    def test_takes_a_unit(self, table_name: str) -> None:
        meter = Meter()
        store = store_on(table_name, meter=meter)

        store.count_tries(Tries(unique("key_"), 7), 1, at_most=2)

        assert (meter.writes, meter.round_trips) == (1, 1)
