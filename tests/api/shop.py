"""A business as its tests need it: things made through the API, states that no action makes."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from chalice.local import LambdaContext
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.core.changes import Changes, ref
from chalicelib.core.coupons.codes import key_of
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.customers.accounts import Account, Standing
from chalicelib.wiring import Services
from tests.builders import unique
from tests.conftest import Clock
from tests.http import Api, Reply

T = TypeVar("T")


class Shop:
    """Calls the API, and passes by it where a test needs a state that no action makes."""

    def __init__(self, api: Api, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api = api
        self.services = services
        self._monkeypatch = monkeypatch

    def use(self, services: Services) -> None:
        """Let the API work with other services from now on."""
        self.services = services
        self._monkeypatch.setattr(wiring, "services", lambda: services)

    def stop_clock(self, moment: datetime) -> Clock:
        """Let the API live at ``moment``, until the clock is set to another one."""
        clock = Clock(moment)
        self.use(replace(self.services, clock=clock))
        return clock

    def customer(self, **fields: Any) -> Any:
        """Return a new customer."""
        return self.api.made("/v1/customers", fields)

    def reward(self, *, status: str = "active", **fields: Any) -> Any:
        """Return a new reward in ``status``: by default ten percent off."""
        kind = {"type": "percentage_discount", "percent_off_basis_points": 1000}
        fields = {"name": "An offer"} | (fields if "type" in fields else kind | fields)
        reward = self.api.made("/v1/rewards", fields)
        verbs = {"draft": (), "active": ("activate",), "archived": ("archive",)}
        for verb in verbs.get(status, ("activate", "pause")):
            reward = self.api.made(f"/v1/rewards/{reward['id']}/{verb}", None)
        return reward

    def coupons(self, reward: Any, coupons: Sequence[Mapping[str, Any]]) -> Any:
        """Add coupons to the reward, and return the outcomes."""
        path = f"/v1/rewards/{reward['id']}/coupons"
        return self.api.made(path, {"coupons": list(coupons)})

    def coupon(self, reward: Any = None, *, customer: Any = None, **fields: Any) -> str:
        """Return the code of a new coupon: of a new reward, and claimed by the customer if any."""
        code = fields.pop("code", None) or unique("CODE-")
        if customer is not None:
            fields["customer_id"] = customer["id"]
        outcomes = self.coupons(reward or self.reward(), [{"code": code, **fields}])
        assert outcomes["created"] == 1, outcomes
        return str(code)

    def template(self, kind: str = "coupon", *, reward: Any = None, **fields: Any) -> Any:
        """Return a new card template; a stamp card is full with three."""
        given: dict[str, Any] = {"name": "A card", "type": kind}
        if kind != "points":
            given["reward_id"] = (reward or self.reward())["id"]
        if kind == "stamp":
            given["stamps_needed"] = 3
        return self.api.made("/v1/card-templates", given | fields)

    def card(self, template: Any, *, customer: Any = None, **fields: Any) -> Any:
        """Return a new card; the pool must have a coupon for a coupon card."""
        customer = customer or self.customer()
        body = {"template_id": template["id"], "customer_id": customer["id"]}
        return self.api.made("/v1/cards", body | fields)

    def redeem(self, code: str, *, key: str | None = None, **body: Any) -> Reply:
        """Ask for a redemption."""
        return self.api.post(f"/v1/coupons/{code}/redemptions", body, headers=with_key(key))

    def redeemed(self, code: str, **body: Any) -> Any:
        """Return a redemption that must succeed."""
        reply = self.redeem(code, **body)
        assert reply.status == 201, reply.raw
        return reply.json

    def unredeem(self, code: str, *, key: str | None = None, **body: Any) -> Reply:
        """Ask for a reversal."""
        return self.api.post(f"/v1/coupons/{code}/unredeem", body, headers=with_key(key))

    def validate(self, code: str, **body: Any) -> Any:
        """Return what redeeming would do."""
        return self.api.made(f"/v1/coupons/{code}/validate", body)

    def find(self, path: str) -> Any:
        """Return what is there now."""
        reply = self.api.get(path)
        assert reply.status == 200, reply.raw
        return reply.json

    def find_customer(self, customer: Any) -> Any:
        """Return the customer as they are now."""
        return self.find(f"/v1/customers/{customer['id']}")

    def find_coupon(self, code: str) -> Any:
        """Return the coupon as it is now."""
        return self.find(f"/v1/coupons/{code}")

    def history(self, customer: Any) -> list[Any]:
        """Return the customer's activity events, first recorded first."""
        path = f"/v1/customers/{customer['id']}/activity?limit=100&sort=recorded_at"
        return list(self.find(path)["items"])

    def set_settings(self, **changes: Any) -> None:
        """Change some of the settings."""
        reply = self.api.put("/v1/settings", self.find("/v1/settings") | changes)
        assert reply.status == 200, reply.raw

    def set_standing(self, customer: Any, standing: Standing) -> None:
        """Exclude, delete or include the customer, for which there is no route yet."""
        name = ref(Account, customer["id"])
        account = self.services.store.read(name).find(name)
        assert account is not None
        change = Changes(update=((account, replace(account, standing=standing)),))
        self.services.store.commit(change)

    def set_coupon(self, code: str, **changes: Any) -> None:
        """Bring the coupon into a state for which there is no route yet."""
        name = ref(Coupon, key_of(code) or "")
        coupon = self.services.store.read(name).find(name)
        assert coupon is not None
        self.services.store.commit(Changes(update=((coupon, replace(coupon, **changes)),)))

    def run_expiry_job(self, as_of: datetime) -> Any:
        """Run the scheduled job as the schedule would at ``as_of``."""
        import app  # noqa: PLC0415 # as tests/conftest.py does

        event = {
            "version": "0",
            "id": "1",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "1",
            "time": text(as_of),
            "region": "us-east-1",
            "resources": [],
            "detail": {},
        }
        context = LambdaContext("expire_coupons", 256, max_runtime_ms=60_000)
        return app.app.handler_map["expire_coupons"](event, context)


def with_key(key: str | None) -> dict[str, str]:
    """Return the header that makes a write safe to repeat."""
    return {} if key is None else {"Idempotency-Key": key}


def text(moment: datetime) -> str:
    """Return ``moment`` as the API writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Return what the API's text says."""
    return datetime.fromisoformat(text)


def from_now(shop: Shop, **difference: float) -> str:
    """Return the moment that lies so many ``days``, ``hours``… after now (before: negative)."""
    return text(shop.services.now() + timedelta(**difference))


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Return what the calls return when they are made at the same moment, in their order."""
    together = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        together.wait(timeout=10)
        return call()

    # Chalice's test client puts a copy of the environment in its place, which threads mix up.
    environment = os.environ
    try:
        with ThreadPoolExecutor(len(calls)) as threads:
            return list(threads.map(run, calls))
    finally:
        os.environ = environment  # noqa: B003
