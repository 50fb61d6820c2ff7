"""Whose tries are counted together, in which window, and how long a caller waits."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.callers import tries
from chalicelib.core.callers.callers import Caller, Role
from chalicelib.core.callers.tries import Tries
from tests.builders import NOON

HERE, THERE = "192.0.2.1", "192.0.2.2"


class TestGuesser:
    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.STOREFRONT}))
    def test_of_a_server_key_is_the_key_wherever_it_calls_from(self, role: Role) -> None:
        caller = Caller("key_1", role)

        assert tries.guesser_of(caller, network=HERE) == tries.guesser_of(caller, network=THERE)
        assert not tries.guesser_of(caller, network=HERE).is_stranger

    def test_of_a_publishable_key_is_one_address_of_one_key(self) -> None:
        one, other = Caller("key_1", Role.STOREFRONT), Caller("key_2", Role.STOREFRONT)

        names = {
            tries.guesser_of(caller, network=network).name
            for caller in (one, other)
            for network in (HERE, THERE)
        }

        assert len(names) == 4
        assert not any(HERE in name for name in names)
        assert tries.guesser_of(one, network=HERE).is_stranger

    def test_has_fewest_tries_where_anybody_may_be_behind_the_key(self) -> None:
        assert min(tries.TRIES_MAX, key=tries.TRIES_MAX.__getitem__) is Role.STOREFRONT
        assert set(tries.TRIES_MAX) == set(Role)


class TestWindow:
    @given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1)))
    def test_is_over_within_ten_minutes_and_says_when(self, elapsed: timedelta) -> None:
        now = NOON + elapsed

        seconds = tries.too_many(now).facts["retry_after"]

        assert isinstance(seconds, int)
        assert 0 < seconds <= 600
        assert tries.window_at(now + timedelta(seconds=seconds)) == tries.window_at(now) + 1

    def test_ends_where_the_next_one_begins(self) -> None:
        window = tries.window_at(NOON)

        assert Tries("key_1", window).lapses_at == NOON + tries.WINDOW
        assert tries.window_at(NOON - timedelta(milliseconds=1)) == window - 1
