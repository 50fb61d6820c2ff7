from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.core.callers import api_keys
from chalicelib.core.callers.api_keys import ApiKey
from chalicelib.core.callers.callers import Caller, Role
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


class TestWebOrigin:
    @pytest.mark.parametrize(
        ("typed", "origin"),
        [
            ("https://shop.example", "https://shop.example"),
            ("HTTPS://Shop.Example:8443", "https://shop.example:8443"),
            ("https://shop.example:443", "https://shop.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:80", "http://localhost"),
            ("http://127.0.0.1:5173", "http://127.0.0.1:5173"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ],
    )
    def test_is_written_as_browsers_send_it(self, typed: str, origin: str) -> None:
        assert api_keys.web_origin(typed) == origin

    @pytest.mark.parametrize(
        "typed",
        [
            "*",
            "null",
            "shop.example",
            "https://",
            "https://*.shop.example",
            "http://shop.example",
            "https://shop.example/",
            "https://shop.example/cart",
            "https://user@shop.example",
            "https://shop.example:0",
            "https://shop.example:65536",
            "https://shop.example:",
            "https://-shop.example",
            "https://shop..example",
            "https://bücher.example",
            "https://shop.example\n",
            "http://localhost.evil.example",
            "file://localhost",
        ],
    )
    def test_is_no_pattern_no_path_and_nothing_that_can_be_read_on_the_way(
        self, typed: str
    ) -> None:
        assert api_keys.web_origin(typed) is None
