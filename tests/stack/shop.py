"""A shop to race in: customers, rewards and codes, made through the API."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.builders import unique
from tests.stack.line import Line, Request


@dataclass(frozen=True, kw_only=True, slots=True)
class Shop:
    """A reward, its codes and customers. ``name`` is part of every code and order id."""

    name: str
    reward_id: str
    customers: tuple[str, ...]
    codes: tuple[str, ...]
    currency: str

    def redemption(
        self, code: str, *, client: int, order_id: str | None = None, **body: Any
    ) -> Request:
        """Return a request to redeem ``code`` that is like no other: own key, order and amount."""
        body = {
            "order_id": order_id or f"{code}-{client}",
            "amount_minor": 1_000 + 7 * client + len(code) * self.codes.index(code),
            "currency": self.currency,
            "channel": "scanner",
        } | body
        return Request(
            method="POST",
            path=f"/v1/coupons/{code}/redemptions",
            body=body,
            key=str(uuid4()),
        )


def opened(line: Line, *, codes: int, customers: int, assigned: bool = True, **reward: Any) -> Shop:
    """Open a shop of ``customers``, who have a code in turn if they are ``assigned``."""
    name = unique("S")
    made = line.made(
        "/v1/rewards",
        {"name": name, "type": "percentage_discount", "percent_off_basis_points": 1000} | reward,
    )
    assert line.call("POST", f"/v1/rewards/{made['id']}/activate").status == 200
    members = tuple(
        line.made("/v1/customers", {"external_id": f"{name}-{number}"})["id"]
        for number in range(customers)
    )
    shop = Shop(
        name=name,
        reward_id=made["id"],
        customers=members,
        codes=tuple(f"{name}-{number:04}" for number in range(codes)),
        currency=made["currency"],
    )
    coupons = [
        {"code": code} | ({"customer_id": members[number % customers]} if assigned else {})
        for number, code in enumerate(shop.codes)
    ]
    outcome = line.made(f"/v1/rewards/{shop.reward_id}/coupons", {"coupons": coupons})
    assert outcome["created"] == codes, outcome["items"]
    return shop
