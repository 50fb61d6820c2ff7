"""API keys: shown once, kept as a hash, dead when revoked or expired."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.core.callers.callers import Role
from tests.api.conftest import Contents
from tests.api.shop import Shop, moment, text
from tests.builders import NOON
from tests.conftest import at, services_on
from tests.http import Api

MILLISECOND = timedelta(milliseconds=1)


def made(shop: Shop, **fields: object) -> tuple[Api, str, str]:
    """Return the API as the holder of a new key calls it, the key's id, and the key."""
    key = shop.api.made("/v1/api-keys", {"name": "till", "role": "owner"} | fields)
    return shop.api.with_token(key["key"]), key["id"], key["key"]


class TestAKey:
    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.STOREFRONT}))
    def test_works_for_its_role(self, shop: Shop, role: Role) -> None:
        reply = shop.api.post("/v1/api-keys", {"name": "Ada's till", "role": role})

        assert reply.status == 201
        assert reply.json["key"].startswith("cpk_")
        assert (reply.json["name"], reply.json["role"]) == ("Ada's till", role)
        assert reply.headers["location"].endswith(f"/v1/api-keys/{reply.json['id']}")
        assert shop.api.with_token(reply.json["key"]).get("/v1/rewards").status == 200

    def test_is_shown_once_and_kept_as_a_hash(
        self, shop: Shop, contents: Callable[[], Contents]
    ) -> None:
        _, key_id, key = made(shop)

        listed = shop.find("/v1/api-keys?limit=100")["items"]

        (entry,) = [entry for entry in listed if entry["id"] == key_id]
        assert "key" not in entry
        assert key not in str(contents())
        assert key.split("_", 2)[2] not in str(contents())

    def test_is_no_other_for_a_slip(self, shop: Shop) -> None:
        _, _, key = made(shop)

        for wrong in (key[:-1], key + "x", key.swapcase(), "", "cpk_", key.replace("cpk_", "")):
            assert shop.api.with_token(wrong).get("/v1/rewards").status == 401

    @pytest.mark.parametrize("scheme", ["Basic", "", "Token"])
    def test_goes_as_a_bearer_token(self, shop: Shop, scheme: str) -> None:
        _, _, key = made(shop)
        headers = {"Authorization": f"{scheme} {key}".strip()}

        assert shop.api.get("/v1/rewards", headers=headers).code == "unauthenticated"

    def test_that_is_revoked_is_dead_at_once(self, shop: Shop) -> None:
        till, key_id, _ = made(shop)
        assert till.get("/v1/rewards").status == 200

        revoked = shop.api.delete(f"/v1/api-keys/{key_id}")

        assert revoked.status == 200
        assert revoked.json["revoked_at"] is not None
        assert till.get("/v1/rewards").code == "unauthenticated"
        assert shop.api.delete(f"/v1/api-keys/{key_id}").json == revoked.json

    def test_that_is_revoked_is_dead_everywhere_within_30_seconds(
        self, shop: Shop, table_name: str
    ) -> None:
        shop.stop_clock(NOON)
        here, there = shop.services, services_on(table_name)
        till, key_id, _ = made(shop)
        shop.use(at(there, NOON))
        assert till.get("/v1/rewards").status == 200
        shop.use(here)
        shop.api.delete(f"/v1/api-keys/{key_id}")

        shop.use(at(there, NOON + timedelta(seconds=30)))

        assert till.get("/v1/rewards").code == "unauthenticated"

    def test_dies_when_it_expires(self, shop: Shop) -> None:
        clock = shop.stop_clock(NOON)
        expires_at = NOON + timedelta(seconds=10)
        till, _, _ = made(shop, expires_at=text(expires_at))

        clock.moment = expires_at - MILLISECOND
        assert till.get("/v1/rewards").status == 200
        clock.moment = expires_at
        assert till.get("/v1/rewards").code == "unauthenticated"

    def test_cannot_be_made_expired(self, shop: Shop) -> None:
        body = {"name": "till", "role": "cashier", "expires_at": text(NOON)}
        shop.stop_clock(NOON)

        assert shop.api.post("/v1/api-keys", body).code == "validation_failed"

    def test_says_who_made_it_and_when(self, shop: Shop) -> None:
        shop.stop_clock(NOON)
        manager, manager_id, _ = made(shop)

        key = manager.made("/v1/api-keys", {"name": "till", "role": "cashier"})

        assert key["created_by"] == manager_id
        assert moment(key["created_at"]) == NOON
