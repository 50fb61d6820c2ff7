import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core import ids
from tests.builders import NOON

_moments = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 # Hypothesis adds the zone
    max_value=datetime(9999, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
_randoms = st.integers(0, 2**80 - 1)


def _ulid(at: datetime, random: int) -> str:
    return ids.ulid_id("cus", at=at, random=random)


class TestUlidId:
    def test_has_the_prefix_and_a_ulid(self) -> None:
        # The timestamp of the specification's own example.
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1469918176385)

        assert _ulid(at, 0) == "cus_01ARYZ6S410000000000000000"
        assert _ulid(at, 2**80 - 1) == "cus_01ARYZ6S41ZZZZZZZZZZZZZZZZ"

    @given(_moments, _randoms)
    def test_has_always_the_same_form(self, at: datetime, random: int) -> None:
        assert re.fullmatch("cus_[0-7][0-9A-HJKMNP-TV-Z]{25}", _ulid(at, random))

    @given(_moments, _moments, _randoms, _randoms)
    def test_sorts_by_time(self, one: datetime, other: datetime, a: int, b: int) -> None:
        early, late = sorted((one, other))
        if late - early >= timedelta(milliseconds=1):
            assert _ulid(early, a) < _ulid(late, b)

    @given(_randoms, _randoms)
    def test_differs_by_its_random_bits(self, a: int, b: int) -> None:
        assert (_ulid(NOON, a) < _ulid(NOON, b)) == (a < b)

    def test_of_a_moment_before_1970_sorts_first(self) -> None:
        assert _ulid(datetime(1960, 1, 1, tzinfo=UTC), 0) == "cus_" + "0" * 26
