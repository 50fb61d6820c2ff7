"""A small business on a table: members, rewards and coupons with ids as long as real ones."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from msgspec.structs import replace

from chalicelib.core.activity import ActivityEvent
from chalicelib.core.changes import Changes, Snapshot, ref
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.coupons.redemptions import RedeemCoupon
from chalicelib.core.coupons.reversals import UnredeemCoupon
from chalicelib.core.customers.accounts import Account
from chalicelib.core.customers.customers import Customer
from chalicelib.core.customers.orders import Order
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import Page, PageRequest
from chalicelib.core.rewards.rewards import Reward
from chalicelib.usecases import settings
from chalicelib.usecases.coupons import coupons, issuing, redemptions, reversals
from chalicelib.usecases.coupons.issuing import NewCoupon
from chalicelib.usecases.coupons.redemptions import Redeemed
from chalicelib.usecases.coupons.reversals import Reversed
from chalicelib.usecases.customers import customers
from chalicelib.usecases.rewards import rewards
from chalicelib.wiring import Services
from tests.builders import JOINED, NOON, a_customer, a_reward, an_origin, unique

S = TypeVar("S", bound=Snapshot)


def a_member(services: Services, *, joined_at: datetime = JOINED, **changes: Any) -> str:
    """Return the id of a new customer."""
    customer_id = services.new_id("cus", NOON)
    customer = a_customer(customer_id=customer_id, joined_at=joined_at, **changes)
    customers.create_customer(services.context, customer, origin=an_origin(), request=None)
    return customer_id


def an_offer(services: Services, **changes: Any) -> Reward:
    """Return a new active reward."""
    reward = a_reward(reward_id=services.new_id("rwd", NOON), version=0, **changes)
    return rewards.create_reward(services.context, reward, now=NOON, request=None).result


def codes_of(count: int) -> list[str]:
    """Return new codes of 21 characters."""
    start = unique("SPRING-26")
    return [f"{start[:16]}{number:05d}" for number in range(count)]


def some_coupons(
    services: Services,
    reward: Reward,
    customer_ids: Iterable[str | None],
    *,
    expires_at: datetime | None = None,
    now: datetime = NOON,
) -> list[str]:
    """Return the codes of new coupons, one for each customer or, for None, nobody's."""
    owners = list(customer_ids)
    wanted = [
        NewCoupon(code, customer_id, expires_at)
        for code, customer_id in zip(codes_of(len(owners)), owners, strict=True)
    ]
    issued = issuing.add_coupons(
        services.context, reward.reward_id, wanted, origin=an_origin(now), request=None
    )
    assert all(isinstance(outcome.result, Coupon) for outcome in issued.outcomes)
    return [new.code for new in wanted]


def a_members_coupon(services: Services, *, expires_at: datetime | None = None) -> tuple[str, str]:
    """Return the code of a coupon of a new member, and the member's id."""
    customer_id = a_member(services)
    (code,) = some_coupons(services, an_offer(services), [customer_id], expires_at=expires_at)
    return code, customer_id


def a_request(key: str | None = None, said: str = "said") -> KeyedRequest:
    """Return what an Idempotency-Key stands for; the same for the same ``key``."""
    name = key or unique("key")
    return KeyedRequest(key_hash=f"{name:x>64}", fingerprint=f"{said:x>64}")


def a_command(
    services: Services, code: str, *, now: datetime = NOON, **changes: Any
) -> RedeemCoupon:
    """Return a request to redeem, with ids as the API makes them."""
    first, second = sorted(services.new_id("evt", now) for _ in range(2))
    command = RedeemCoupon(
        code=code,
        redemption_id=services.new_id("rdm", changes.get("redeemed_at") or now),
        event_ids=(first, second),
        amount_minor=2000,
    )
    return replace(command, **changes)


def redeem(services: Services, code: str, *, now: datetime = NOON, **changes: Any) -> Redeemed:
    command = a_command(services, code, now=now, **changes)
    return redemptions.redeem(services.context, command, origin=an_origin(now))


def unredeem(services: Services, code: str, *, now: datetime = NOON, **changes: Any) -> Reversed:
    command = UnredeemCoupon(code=code, event_id=services.new_id("evt", now))
    return reversals.unredeem(services.context, replace(command, **changes), origin=an_origin(now))


def set_rules(services: Services, **changes: Any) -> None:
    """Change the settings of the business."""
    settings.put_settings(
        services.context, lambda before: replace(before, **changes), now=NOON, request=None
    )


def account_of(services: Services, customer_id: str) -> Account:
    account = find(services, Account, customer_id)
    assert account is not None
    return account


def coupon_of(services: Services, code: str) -> Coupon:
    return coupons.get_coupon(services.context, code)


def order_of(services: Services, order_id: str) -> Order | None:
    return find(services, Order, order_id)


def profile_of(services: Services, customer_id: str) -> Customer | None:
    return find(services, Customer, customer_id)


def find(services: Services, kind: type[S], *parts: str) -> S | None:
    """Return what is stored under the name, or None."""
    name = ref(kind, *parts)
    return services.store.read(name).find(name)


def put(services: Services, before: Any, **changes: Any) -> Any:
    """Change a stored thing as somebody else would, and return it as it is then."""
    after = replace(before, **changes)
    services.store.commit(Changes(update=((before, after),)))
    return replace(after, version=before.version + 1)


def events_of(services: Services, customer_id: str) -> list[ActivityEvent]:
    """Return the whole history of the customer, oldest first."""
    found: list[ActivityEvent] = []
    page: Page[ActivityEvent] | None = None
    while page is None or page.end is not None:
        request = PageRequest(limit=100, descending=False, after=page.end if page else None)
        page = services.store.activity(customer_id, request)
        found += page.items
    return found
