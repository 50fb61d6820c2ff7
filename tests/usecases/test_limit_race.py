"""Many clients ask for more than a limit allows: exactly the limit is given out."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from chalicelib.core.changes import Changes
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.errors import ConflictRetry, Refused
from chalicelib.core.rewards.limits import Limits
from chalicelib.core.rewards.rewards import CouponSource, Reward
from chalicelib.usecases.coupons import pools, redemptions
from chalicelib.usecases.coupons.coupons import get_counted_coupon
from chalicelib.usecases.rewards import rewards as reward_usecases
from chalicelib.wiring import Services
from tests.builders import a_redeem_coupon, an_origin, an_unassigned_coupon, unique
from tests.conftest import services_on
from tests.usecases.world import a_member, an_offer
from tools.proof import figures

# `make proof` lets 64 clients ask 5,000 times for 1,000.
_CLIENTS = int(os.environ.get("COUPONRY_LIMIT_CLIENTS", "8"))
_ASKS = int(os.environ.get("COUPONRY_LIMIT_ASKS", "128"))
_LIMIT = int(os.environ.get("COUPONRY_LIMIT", "40"))
_CLIENTS_A_CONTAINER = 16

Ask = Callable[[Services, str], None]


@dataclass
class Asked:
    """The answers, by their code ("given" for a yes), and how often each customer was given one."""

    answers: Counter[str] = field(default_factory=Counter)
    by_customer: Counter[str] = field(default_factory=Counter)
    again: int = 0
    seconds: float = 0


def _all_ask(table_name: str, ask: Ask, customers: list[str]) -> Asked:
    """Let every client ask, each for its customer and again when it lost a race, all at once."""
    containers = [services_on(table_name) for _ in range(-(-_CLIENTS // _CLIENTS_A_CONTAINER))]
    together = threading.Barrier(_CLIENTS)
    asked, lock = Asked(), threading.Lock()

    def client(number: int) -> None:
        together.wait(timeout=30)
        for turn in range(_ASKS // _CLIENTS):
            customer = customers[(number + turn * _CLIENTS) % len(customers)]
            answer = "again"
            while answer == "again":
                try:
                    ask(containers[number // _CLIENTS_A_CONTAINER], customer)
                    answer = "given"
                except ConflictRetry:
                    asked.again += 1
                except Refused as refusal:
                    answer = refusal.code
            with lock:
                asked.answers[answer] += 1
                asked.by_customer[customer] += answer == "given"

    begun_at = time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as threads:
        list(threads.map(client, range(_CLIENTS)))
    asked.seconds = time.monotonic() - begun_at
    return asked


def _use(code: str) -> Ask:
    def ask(services: Services, customer: str) -> None:
        now = services.now()
        command = a_redeem_coupon(
            code=code,
            customer_id=customer,
            redemption_id=services.new_id("rdm", now),
            event_ids=(services.new_id("evt", now), services.new_id("evt", now)),
        )
        redemptions.redeem(services.context, command, origin=an_origin(now))

    return ask


def _claim(reward: Reward) -> Ask:
    def ask(services: Services, customer: str) -> None:
        pools.claim_any(
            services.context,
            reward.reward_id,
            customer,
            by_staff=True,
            origin=an_origin(services.now()),
            request=None,
        )

    return ask


def _shared_code(services: Services, limits: Limits, per_customer: Limits) -> str:
    offer = an_offer(
        services,
        coupon_source=CouponSource.SHARED,
        limits=limits,
        limits_per_customer=per_customer,
        stocked=True,
    )
    coupon = an_unassigned_coupon(
        code=unique("S"), reward_id=offer.reward_id, shared=True, version=0
    )
    services.store.commit(Changes(create=(coupon,)))
    return coupon.code


def _pool(services: Services, limits: Limits, size: int) -> Reward:
    offer = an_offer(services, limits=limits)
    name = unique("P")
    coupons: list[Coupon] = [
        an_unassigned_coupon(code=f"{name}{number}", reward_id=offer.reward_id, version=0)
        for number in range(size)
    ]
    for start in range(0, size, 100):
        services.store.commit(Changes(create=tuple(coupons[start : start + 100])))
    return offer


class TestLimitThatManyAskFor:
    @pytest.mark.parametrize("limit", [_LIMIT, 1], ids=["many", "one"])
    @pytest.mark.parametrize("kind", ["a shared code", "a pool"])
    def test_is_given_out_exactly(self, table_name: str, kind: str, limit: int) -> None:
        services = services_on(table_name)
        customers = [a_member(services) for _ in range(_CLIENTS)]
        limits = Limits(total=limit)
        if kind == "a pool":
            ask = _claim(_pool(services, limits, size=limit + 50))
        else:
            code = _shared_code(services, limits, Limits())
            ask = _use(code)

        asked = _all_ask(table_name, ask, customers)

        asks = _ASKS // _CLIENTS * _CLIENTS
        assert asked.answers == {"given": limit, "reward_limit_reached": asks - limit}
        if kind == "a shared code":
            assert get_counted_coupon(services.context, code).usages == limit
        figures.record(
            f"limit-{kind.removeprefix('a ').replace(' ', '-')}-{limit}",
            {
                "clients": _CLIENTS,
                "asked": asks,
                "limit": limit,
                "given": asked.answers["given"],
                "told that the limit is reached": asked.answers["reward_limit_reached"],
                "told to ask again (conflict_retry)": asked.again,
                "seconds": round(asked.seconds, 1),
            },
        )

    def test_of_each_customer_is_given_out_exactly(self, table_name: str) -> None:
        services = services_on(table_name)
        customers = [a_member(services) for _ in range(_CLIENTS // 4)]
        code = _shared_code(services, Limits(), Limits(total=2))

        asked = _all_ask(table_name, _use(code), customers)

        assert asked.by_customer == dict.fromkeys(customers, 2)
        asks = _ASKS // _CLIENTS * _CLIENTS
        given = 2 * len(customers)
        assert asked.answers == {"given": given, "customer_limit_reached": asks - given}

    def test_raised_in_the_middle_is_given_out_exactly(self, table_name: str) -> None:
        services = services_on(table_name)
        customers = [a_member(services) for _ in range(_CLIENTS)]
        code = _shared_code(services, Limits(total=_LIMIT // 2), Limits())
        offer_id = get_counted_coupon(services.context, code).reward_id

        def change() -> None:
            time.sleep(0.5)
            reward_usecases.update_reward(
                services.context,
                offer_id,
                lambda reward: replace(reward, limits=Limits(total=_LIMIT)),
                now=services.now(),
                request=None,
            )

        changing = threading.Thread(target=change)
        changing.start()
        _all_ask(table_name, _use(code), customers)
        changing.join()
        _all_ask(table_name, _use(code), customers)

        assert get_counted_coupon(services.context, code).usages == _LIMIT
