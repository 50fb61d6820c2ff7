"""The action table of ``domain`` section 2.1: every status, every action, alone and in bulk.

Written from the specification, not from the code. What is allowed happens, with its events and no
others; what is not is refused with its own code, and leaves every item of the coupon and of its
customers as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests import engines
from tests.api.conftest import Contents
from tests.api.shop import Shop, from_now, with_key
from tests.builders import unique
from tests.http import Reply

# --- The statuses: how each is reached ------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A coupon, its customer (also where the pool has it), and somebody who has nothing to do."""

    shop: Shop
    code: str
    holder: Any
    other: Any


def _case(shop: Shop, *, claimed: bool, usage_limit: int = 1, **fields: Any) -> Case:
    holder, other = shop.customer(), shop.customer()
    # So that the action at a checkout is one row of the table, not another table.
    reward = shop.reward(usage_limit=usage_limit, claim_on_redeem=True)
    code = shop.coupon(reward, customer=holder if claimed else None, **fields)
    return Case(shop, code, holder, other)


def _due(shop: Shop) -> dict[str, Any]:
    return {"expires_at": from_now(shop, hours=-2)}


def unassigned(shop: Shop) -> Case:
    return _case(shop, claimed=False, expires_at=from_now(shop, hours=2))


def claimed(shop: Shop) -> Case:
    return _case(shop, claimed=True, expires_at=from_now(shop, hours=2))


def partly_used(shop: Shop) -> Case:
    case = _case(shop, claimed=True, usage_limit=3)
    shop.redeemed(case.code, amount_minor=500)
    return case


def redeemed(shop: Shop) -> Case:
    case = _case(shop, claimed=True)
    shop.redeemed(case.code, amount_minor=500)
    return case


def redeemed_and_past_its_expiry(shop: Shop) -> Case:
    case = _case(shop, claimed=True, **_due(shop))
    shop.redeemed(case.code, redeemed_at=from_now(shop, hours=-4))
    return case


def run_out_in_the_pool(shop: Shop) -> Case:
    return _case(shop, claimed=False, **_due(shop))


def run_out(shop: Shop) -> Case:
    return _case(shop, claimed=True, **_due(shop))


def run_out_partly_used(shop: Shop) -> Case:
    case = partly_used(shop)
    assert shop.api.patch(f"/v1/coupons/{case.code}", _due(shop)).status == 200
    return case


def _recorded(case: Case) -> Case:
    case.shop.run_expiry_job(case.shop.services.now())
    return case


def expired_in_the_pool(shop: Shop) -> Case:
    return _recorded(run_out_in_the_pool(shop))


def expired(shop: Shop) -> Case:
    return _recorded(run_out(shop))


def invalid(shop: Shop) -> Case:
    case = claimed(shop)
    shop.api.made(f"/v1/coupons/{case.code}/invalidate", {})
    return case


# --- The actions ----------------------------------------------------------------------------------


def _post(case: Case, action: str, **body: Any) -> Reply:
    return case.shop.api.post(f"/v1/coupons/{case.code}/{action}", body)


def _bulk(case: Case, action: str, **body: Any) -> Reply:
    coupons = {"coupons": [{"code": case.code, **body}]}
    path = f"/v1/bulk/coupons/{action}"
    return case.shop.api.post(path, coupons, headers=with_key(unique("key-")))


def claim(case: Case) -> Reply:
    return _post(case, "claim", customer_id=case.other["id"])


def claim_in_bulk(case: Case) -> Reply:
    return _bulk(case, "claim", customer_id=case.other["id"])


def redeem(case: Case) -> Reply:
    return _post(case, "redemptions", amount_minor=700)


def redeem_in_bulk(case: Case) -> Reply:
    return _bulk(case, "redeem", amount_minor=700)


def redeem_at_a_checkout(case: Case) -> Reply:
    return _post(case, "redemptions", customer_id=case.holder["id"])


def redeem_at_a_checkout_in_bulk(case: Case) -> Reply:
    return _bulk(case, "redeem", customer_id=case.holder["id"])


def redeem_late(case: Case) -> Reply:
    return _post(case, "redemptions", redeemed_at=from_now(case.shop, hours=-3))


def redeem_late_in_bulk(case: Case) -> Reply:
    return _bulk(case, "redeem", redeemed_at=from_now(case.shop, hours=-3))


def unredeem(case: Case) -> Reply:
    return _post(case, "unredeem")


def unredeem_in_bulk(case: Case) -> Reply:
    return _bulk(case, "unredeem")


def invalidate(case: Case) -> Reply:
    return _post(case, "invalidate")


def invalidate_in_bulk(case: Case) -> Reply:
    return _bulk(case, "invalidate")


def transfer(case: Case) -> Reply:
    return _post(case, "transfer", customer_id=case.other["id"])


def change_expiry(case: Case) -> Reply:
    body = {"expires_at": from_now(case.shop, hours=5)}
    return case.shop.api.patch(f"/v1/coupons/{case.code}", body)


def expire(case: Case) -> None:
    """Let the job run; it answers nobody."""
    case.shop.run_expiry_job(case.shop.services.now())


# --- The table ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Done:
    """The coupon as it is read afterwards, and what each of the two customers is told."""

    status: str
    usages: int
    holder: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


State = Callable[[Shop], Case]
Column = dict[State, Done | str]

STATES: tuple[State, ...] = (
    unassigned,
    claimed,
    partly_used,
    redeemed,
    redeemed_and_past_its_expiry,
    run_out_in_the_pool,
    run_out,
    run_out_partly_used,
    expired_in_the_pool,
    expired,
    invalid,
)
_USED = "coupon_already_redeemed"
_EXPIRED = "coupon_expired"
_INVALID = "coupon_invalid"
# What every action but a late upload, and the job, is told of a coupon whose life is over.
_OVER: Column = {
    run_out_in_the_pool: _EXPIRED,
    run_out: _EXPIRED,
    run_out_partly_used: _EXPIRED,
    expired_in_the_pool: _EXPIRED,
    expired: _EXPIRED,
    invalid: _INVALID,
}
_USED_UP: Column = {redeemed: _USED, redeemed_and_past_its_expiry: _USED}

_CLAIM: Column = {
    unassigned: Done("claimed", 0, other=("coupon.claimed",)),
    claimed: "coupon_already_claimed",
    partly_used: "coupon_already_claimed",
    **_USED_UP,
    **_OVER,
}
_REDEEM: Column = {
    unassigned: "coupon_unassigned",
    claimed: Done("redeemed", 1, ("coupon.redeemed",)),
    partly_used: Done("claimed", 2, ("coupon.redeemed",)),
    **_USED_UP,
    **_OVER,
}
_REDEEM_AT_A_CHECKOUT: Column = _REDEEM | {
    unassigned: Done("redeemed", 1, ("coupon.claimed", "coupon.redeemed")),
}
# A coupon that ran out unused counts as it was at the time of use, recorded or not.
_REDEEM_LATE: Column = _REDEEM | {
    run_out_in_the_pool: "coupon_unassigned",
    expired_in_the_pool: "coupon_unassigned",
    run_out: Done("redeemed", 1, ("coupon.redeemed",)),
    expired: Done("redeemed", 1, ("coupon.redeemed",)),
    run_out_partly_used: Done("expired", 2, ("coupon.redeemed",)),
}
_UNREDEEM: Column = {
    unassigned: "coupon_unassigned",
    claimed: "coupon_not_redeemed",
    partly_used: Done("claimed", 0, ("coupon.unredeemed",)),
    redeemed: Done("claimed", 0, ("coupon.unredeemed",)),
    redeemed_and_past_its_expiry: Done("expired", 0, ("coupon.unredeemed",)),
    **_OVER,
}
_INVALIDATE: Column = {
    unassigned: Done("invalid", 0),
    claimed: Done("invalid", 0, ("coupon.invalidated",)),
    partly_used: Done("invalid", 1, ("coupon.invalidated",)),
    **_USED_UP,
    **_OVER,
}
_TRANSFER: Column = {
    unassigned: "coupon_unassigned",
    claimed: Done("claimed", 0, ("coupon.transferred",), ("coupon.received",)),
    partly_used: Done("claimed", 1, ("coupon.transferred",), ("coupon.received",)),
    **_USED_UP,
    **_OVER,
}
_CHANGE_EXPIRY: Column = {
    unassigned: Done("unassigned", 0),
    claimed: Done("claimed", 0, ("coupon.expiry_changed",)),
    partly_used: Done("claimed", 1, ("coupon.expiry_changed",)),
    **_USED_UP,
    **_OVER,
}
TABLE: dict[Callable[[Case], Reply], Column] = {
    claim: _CLAIM,
    claim_in_bulk: _CLAIM,
    redeem: _REDEEM,
    redeem_in_bulk: _REDEEM,
    redeem_at_a_checkout: _REDEEM_AT_A_CHECKOUT,
    redeem_at_a_checkout_in_bulk: _REDEEM_AT_A_CHECKOUT,
    redeem_late: _REDEEM_LATE,
    redeem_late_in_bulk: _REDEEM_LATE,
    unredeem: _UNREDEEM,
    unredeem_in_bulk: _UNREDEEM,
    invalidate: _INVALIDATE,
    # In bulk claimed ones only.
    invalidate_in_bulk: _INVALIDATE | {unassigned: "coupon_unassigned"},
    transfer: _TRANSFER,
    change_expiry: _CHANGE_EXPIRY,
}
# What the job records; None where it leaves a coupon alone.
JOB: dict[State, Done | None] = {
    **dict.fromkeys(STATES),
    run_out_in_the_pool: Done("expired", 0),
    run_out: Done("expired", 0, ("coupon.expired",)),
    run_out_partly_used: Done("expired", 1, ("coupon.expired",)),
}


def _cases(kind: type) -> list[Any]:
    return [
        pytest.param(action, state, expected, id=f"{action.__name__} {state.__name__}")
        for action, column in TABLE.items()
        for state, expected in column.items()
        if isinstance(expected, kind)
    ]


@pytest.fixture
def items(engine: str, table_name: str) -> Callable[[Case], Contents]:
    """Return a function that returns every item of a coupon and of its customers."""
    client = engines.client(engine)

    def read(case: Case) -> Contents:
        code = case.code.upper().replace("-", "")
        found: Contents = {}
        for partition in (f"CPN#{code}", *(f"CUS#{c['id']}" for c in (case.holder, case.other))):
            answer = client.query(
                TableName=table_name,
                ConsistentRead=True,
                KeyConditionExpression="PK = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
            )
            assert "LastEvaluatedKey" not in answer
            found |= {(item["PK"]["S"], item["SK"]["S"]): item for item in answer["Items"]}
        return found

    return read


def told(case: Case, customer: Any, before: Contents) -> tuple[str, ...]:
    """Return what the customer was told since ``before``; the account has counted all of it."""
    history = case.shop.history(customer)
    assert case.shop.find_customer(customer)["activity_count"] == len(history)
    new = [each for each in history if (f"CUS#{customer['id']}", f"EVT#{each['id']}") not in before]
    assert {each["code"] for each in new} <= {case.code}
    return tuple(each["type"] for each in new)


def found(case: Case, before: Contents) -> Done:
    """Return how the coupon is now, and what was told since ``before``."""
    coupon = case.shop.find_coupon(case.code)
    return Done(
        coupon["status"],
        coupon["usages"],
        told(case, case.holder, before),
        told(case, case.other, before),
    )


class TestTable:
    def test_has_a_row_for_every_status(self) -> None:
        assert all(column.keys() == set(STATES) for column in TABLE.values())
        assert JOB.keys() == set(STATES)

    @pytest.mark.parametrize("state", STATES)
    def test_begins_with_what_is_really_in_that_status(
        self, shop: Shop, items: Callable[[Case], Contents], state: State
    ) -> None:
        case = state(shop)
        coupon: Any = next(item for (pk, _), item in items(case).items() if pk[:4] == "CPN#")

        shown = shop.find_coupon(case.code)["status"]
        name = state.__name__
        expected = {
            "partly_used": ("claimed", "claimed"),
            "redeemed_and_past_its_expiry": ("redeemed", "redeemed"),
            "run_out": ("claimed", "expired"),
            "run_out_partly_used": ("claimed", "expired"),
            "run_out_in_the_pool": ("unassigned", "expired"),
            "expired_in_the_pool": ("expired", "expired"),
        }.get(name, (name, name))
        assert (coupon["status"]["S"], shown) == expected

    @pytest.mark.parametrize(("action", "state", "expected"), _cases(Done))
    def test_what_is_allowed_happens_with_its_events(
        self,
        shop: Shop,
        items: Callable[[Case], Contents],
        action: Callable[[Case], Reply],
        state: State,
        expected: Done,
    ) -> None:
        case = state(shop)
        before = items(case)

        reply = action(case)

        assert reply.status in (200, 201), reply.raw
        assert "error" not in reply.json.get("items", [{}])[0], reply.raw
        assert found(case, before) == expected

    @pytest.mark.parametrize(("action", "state", "expected"), _cases(str))
    def test_what_is_not_is_refused_and_changes_nothing(
        self,
        shop: Shop,
        items: Callable[[Case], Contents],
        action: Callable[[Case], Reply],
        state: State,
        expected: str,
    ) -> None:
        case = state(shop)
        before = items(case)

        reply = action(case)

        if "bulk" in action.__name__:
            assert reply.status == 200, reply.raw
            problem = reply.json["items"][0]["error"]
        else:
            problem = reply.json
        assert (problem["status"], problem["code"]) == (409, expected)
        assert problem["fix"]
        assert items(case) == before

    @pytest.mark.parametrize("state", STATES)
    def test_the_job_expires_what_has_run_out_and_nothing_else(
        self, shop: Shop, items: Callable[[Case], Contents], state: State
    ) -> None:
        case, expected = state(shop), JOB[state]
        before = items(case)

        expire(case)

        if expected is None:
            assert items(case) == before
        else:
            assert found(case, before) == expected

    def test_has_no_transfer_and_no_change_of_expiry_in_bulk(self, shop: Shop) -> None:
        paths = shop.find("/openapi.json")["paths"]

        assert {path for path in paths if path.startswith("/v1/bulk/")} == {
            f"/v1/bulk/coupons/{action}" for action in ("claim", "redeem", "unredeem", "invalidate")
        }


class TestTheLifeOfACoupon:
    def test_that_runs_out_between_two_runs_of_the_job(self, own_shop: Shop) -> None:
        """The clock passes the expiry: refused from that instant on, told when the job has run."""
        clock = own_shop.stop_clock(own_shop.services.now())
        customer = own_shop.customer()
        end = clock.moment + timedelta(hours=1)
        code = own_shop.coupon(customer=customer, expires_at=end.isoformat())

        clock.moment = end - timedelta(milliseconds=1)
        own_shop.run_expiry_job(clock.moment.replace(microsecond=0))
        assert own_shop.find_coupon(code)["status"] == "claimed"
        clock.moment = end
        assert own_shop.redeem(code).code == "coupon_expired"
        assert [each["type"] for each in own_shop.history(customer)][1:] == ["coupon.claimed"]
        own_shop.run_expiry_job(end + timedelta(seconds=1))
        assert [each["type"] for each in own_shop.history(customer)][1:] == [
            "coupon.claimed",
            "coupon.expired",
        ]
