from datetime import datetime, timedelta

import pytest

from chalicelib.core.callers.api_keys import ApiKey, ApiKeyNotFound
from chalicelib.core.callers.callers import Caller, Role
from chalicelib.core.pages import PageRequest
from chalicelib.usecases.callers import api_keys
from chalicelib.usecases.callers.api_keys import KEYS_KEPT_MAX, Gate
from chalicelib.wiring import Services
from tests.builders import NOON
from tests.usecases.world import a_request, find

_KEPT = timedelta(seconds=30)
_INSTANT = timedelta(milliseconds=1)


def _key(
    services: Services, *, role: Role = Role.CASHIER, expires_at: datetime | None = None
) -> tuple[str, str]:
    """Return the id of a new key, and the key as its holder sends it."""
    key_id = services.new_id("key", NOON)
    token = api_keys.token_of(key_id, services.new_secret())
    key = ApiKey(
        key_id, api_keys.hash_of(token), "Till", role, NOON, "key_0", expires_at=expires_at
    )
    api_keys.create_key(services.context, key, now=NOON, request=None)
    return key_id, token


def _revoke(services: Services, key_id: str) -> ApiKey:
    return api_keys.revoke_key(services.context, key_id, now=NOON, request=None).result


class TestGate:
    @pytest.mark.parametrize("role", list(Role))
    def test_knows_whom_a_key_speaks_for(self, services: Services, role: Role) -> None:
        key_id, token = _key(services, role=role)

        assert services.gate.authenticate(token, now=NOON) == Caller(key_id, role)

    def test_keeps_no_secret_in_the_table(self, services: Services) -> None:
        key_id, token = _key(services)

        stored = find(services, ApiKey, key_id)

        assert stored is not None
        secret = token.rpartition("_")[2]
        assert secret not in repr(stored)
        assert len(stored.secret_hash) == 64

    def test_lets_nobody_in_without_the_secret(self, services: Services) -> None:
        key_id, token = _key(services)
        name = key_id.removeprefix("key_")

        for wrong in (
            "",
            "cpk_",
            f"cpk_{name}",
            f"cpk_{name}_",
            f"cpk_{name}_x",
            token[:-1],
            token + "x",
            token.lower(),
            token.removeprefix("cpk_"),
            f"{token} ",
            "cpk_#_x",
            "cpk_" + "A" * 5000 + "_x",
        ):
            assert services.gate.authenticate(wrong, now=NOON) is None, wrong

    def test_asks_the_table_once_in_thirty_seconds(self, services: Services) -> None:
        _, token = _key(services)
        services.capacity.reset()

        for seconds in (0, 1, 29):
            services.gate.authenticate(token, now=NOON + timedelta(seconds=seconds))
        assert services.capacity.round_trips == 1

        services.gate.authenticate(token, now=NOON + _KEPT)
        assert services.capacity.round_trips == 2

    def test_lets_a_revoked_key_in_for_less_than_thirty_seconds(self, services: Services) -> None:
        key_id, token = _key(services)
        services.gate.authenticate(token, now=NOON)
        _revoke(services, key_id)

        assert services.gate.authenticate(token, now=NOON + _KEPT - _INSTANT) is not None
        assert services.gate.authenticate(token, now=NOON + _KEPT) is None

    def test_lets_a_revoked_key_in_no_more_once_it_has_forgotten(self, services: Services) -> None:
        key_id, token = _key(services)
        services.gate.authenticate(token, now=NOON)
        _revoke(services, key_id)

        services.gate.forget()

        assert services.gate.authenticate(token, now=NOON) is None

    def test_lets_an_expired_key_in_no_instant_longer(self, services: Services) -> None:
        """Although it keeps it: the expiry is known."""
        _, token = _key(services, expires_at=NOON + timedelta(seconds=5))
        gate = services.gate

        assert gate.authenticate(token, now=NOON + timedelta(seconds=5) - _INSTANT) is not None
        assert gate.authenticate(token, now=NOON + timedelta(seconds=5)) is None

    def test_knows_a_new_key_at_once_although_it_was_tried_before(self, services: Services) -> None:
        key_id = services.new_id("key", NOON)
        token = api_keys.token_of(key_id, services.new_secret())
        assert services.gate.authenticate(token, now=NOON) is None
        key = ApiKey(key_id, api_keys.hash_of(token), "Till", Role.OWNER, NOON, "key_0")
        api_keys.create_key(services.context, key, now=NOON, request=None)

        assert services.gate.authenticate(token, now=NOON) == Caller(key_id, Role.OWNER)

    def test_is_not_fooled_by_a_clock_that_goes_back(self, services: Services) -> None:
        _, token = _key(services)
        services.gate.authenticate(token, now=NOON)
        services.capacity.reset()

        services.gate.authenticate(token, now=NOON - timedelta(hours=1))

        assert services.capacity.round_trips == 1

    def test_fills_no_memory_with_what_is_tried(self, services: Services) -> None:
        _, token = _key(services)
        gate = Gate(services.store, services.watch)
        gate.authenticate(token, now=NOON)

        for number in range(50):
            gate.authenticate(f"cpk_{number}_x", now=NOON)

        assert len(gate._kept) == 1 <= KEYS_KEPT_MAX  # noqa: SLF001 # memory shows nowhere else


class TestKeys:
    def test_are_revoked_once_and_for_ever(self, services: Services) -> None:
        key_id, _ = _key(services)

        first = _revoke(services, key_id)
        again = api_keys.revoke_key(
            services.context, key_id, now=NOON + timedelta(days=1), request=a_request()
        ).result

        assert again.revoked_at == first.revoked_at == NOON

    def test_of_unknown_ids_are_not_found(self, services: Services) -> None:
        with pytest.raises(ApiKeyNotFound):
            _revoke(services, "key_none")

    def test_are_listed_revoked_ones_too(self, services: Services) -> None:
        kept, _ = _key(services)
        gone, _ = _key(services)
        _revoke(services, gone)

        page = api_keys.list_keys(services.context, PageRequest(limit=100))

        revoked = {key.key_id: key.revoked_at for key in page.items}
        assert (revoked[kept], revoked[gone]) == (None, NOON)
