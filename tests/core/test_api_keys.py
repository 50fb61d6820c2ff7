from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.core import api_keys
from chalicelib.core.api_keys import ApiKey
from chalicelib.core.callers import Caller, Role
from tests.builders import JOINED, NOON

_KEY = ApiKey("key_1", "hash", "Till 3", Role.CASHIER, JOINED, "key_0", version=1)


class TestCallerOf:
    @pytest.mark.parametrize("role", list(Role))
    def test_has_the_role_of_the_key(self, role: Role) -> None:
        assert api_keys.caller_of(replace(_KEY, role=role), now=NOON) == Caller("key_1", role)

    def test_is_nobody_without_a_key(self) -> None:
        assert api_keys.caller_of(None, now=NOON) is None

    def test_is_nobody_once_it_is_revoked(self) -> None:
        assert api_keys.caller_of(replace(_KEY, revoked_at=NOON), now=NOON) is None

    def test_is_nobody_from_the_instant_of_its_expiry_on(self) -> None:
        key = replace(_KEY, expires_at=NOON)

        assert api_keys.caller_of(key, now=NOON - timedelta(milliseconds=1)) is not None
        assert api_keys.caller_of(key, now=NOON) is None
