"""What each operation takes of the table: round trips and capacity units, through the function."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from bench.events import api_event
from bench.setup import Bench


@dataclass(frozen=True, slots=True)
class Taken:
    """Of one call. Units are counted from item sizes by Amazon's published rules."""

    operation: str
    round_trips: int
    read_units: float
    write_units: float


def measure(bench: Bench) -> list[Taken]:
    """Call every operation once, warm, and return what it took."""
    meter, taken = bench.services.capacity, []

    def call(name: str, method: str, route: str, body: Any = None, **path: str) -> Any:
        event = api_event(bench.token, method, route, body, **path)
        answer = bench.call(event)
        assert answer["statusCode"] < 300, (name, answer)  # noqa: PLR2004
        taken.append(Taken(name, meter.round_trips, meter.reads, meter.writes))
        return json.loads(answer["body"])

    plain, ordered, other = bench.claimed_coupons(3)
    coupon = "/v1/coupons/{code}"
    amount = {"amount_minor": 1999}
    bench.call(api_event(bench.token, "GET", coupon, code=plain))  # Keys and rules are kept now.
    bench.call(api_event(bench.token, "POST", coupon + "/validate", amount, code=plain))

    profile = {"email": f"{uuid4().hex}@example.com", "external_id": uuid4().hex}
    customer = call("create a customer", "POST", "/v1/customers", profile)
    call("read a customer", "GET", "/v1/customers/{customer_id}", customer_id=customer["id"])
    call("read a coupon", "GET", coupon, code=plain)
    call("validate", "POST", coupon + "/validate", amount, code=plain)
    call("redeem", "POST", coupon + "/redemptions", amount, code=plain)
    with_order = amount | {"order_id": uuid4().hex}
    call("redeem on an order", "POST", coupon + "/redemptions", with_order, code=ordered)
    call("unredeem", "POST", coupon + "/unredeem", {"reason": "a mistake"}, code=ordered)
    expiry = {"expires_at": "2031-01-01T00:00:00Z"}
    call("change the expiry", "PATCH", coupon, expiry, code=other)
    call("redemptions of a coupon", "GET", coupon + "/redemptions", code=plain)
    holder = call("read a coupon again", "GET", coupon, code=plain)["customer_id"]
    taken.pop()
    of_customer = "/v1/customers/{customer_id}"
    call("coupons of a customer", "GET", of_customer + "/coupons", customer_id=holder)
    call("activity of a customer", "GET", of_customer + "/activity", customer_id=holder)
    return taken
