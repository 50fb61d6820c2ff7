"""The store, on DynamoDB: reads of snapshots, pages of lists, and one way to write."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.core import moments
from chalicelib.core.activity import ActivityEvent
from chalicelib.core.api_keys import ApiKey
from chalicelib.core.changes import Changes, Ref
from chalicelib.core.coupons import Coupon, CouponStatus
from chalicelib.core.customers import Customer
from chalicelib.core.pages import Page, PageRequest
from chalicelib.core.redemptions import Redemption
from chalicelib.core.rewards import Reward
from chalicelib.store import codecs, commit, keys, lists
from chalicelib.store.capacity import Meter
from chalicelib.store.table import Table
from chalicelib.usecases.ports import Backlog, Found


class DynamoStore:
    """Implements :class:`chalicelib.usecases.ports.Store`. Single reads are strongly consistent."""

    def __init__(self, table_name: str, *, meter: Meter) -> None:
        self._table = Table(table_name, meter=meter)

    def ping(self) -> None:
        self._table.get(keys.SETTINGS)

    def read(self, *refs: Ref[object]) -> Found:  # type: ignore[type-var]
        names = {ref: codecs.BY_KIND[ref.kind].locate(*ref.parts) for ref in refs}
        raws = self._table.get_many(list(names.values()))
        return Found(
            {ref: codecs.decode(raws[name]) for ref, name in names.items() if name in raws}
        )

    def commit(self, changes: Changes) -> None:
        commit.commit(changes, table=self._table)

    def customers(self, request: PageRequest) -> Page[Customer]:
        partitions = [keys.customers(shard) for shard in range(keys.CUSTOMER_SHARDS)]
        return lists.page(self._table, partitions, request, index="list")

    def rewards(self, request: PageRequest) -> Page[Reward]:
        return lists.page(self._table, [keys.REWARDS], request, index="list")

    def api_keys(self, request: PageRequest) -> Page[ApiKey]:
        return lists.page(self._table, [keys.API_KEYS], request, index="list")

    def coupons_of_reward(
        self, reward_id: str, statuses: Sequence[CouponStatus], request: PageRequest
    ) -> Page[Coupon]:
        # Along the life of a coupon: one that moves on meanwhile is met twice rather than never.
        partitions = [
            keys.coupons_of_reward(reward_id, status, shard)
            for status in CouponStatus
            if status in statuses
            for shard in range(keys.COUPON_SHARDS)
        ]
        return lists.page(self._table, partitions, request, index="list")

    def coupons_of_customer(self, customer_id: str, request: PageRequest) -> Page[Coupon]:
        partition = keys.customer(customer_id)[0]
        return lists.page(self._table, [partition], request, index="holder")

    def activity(self, customer_id: str, request: PageRequest) -> Page[ActivityEvent]:
        return lists.page(
            self._table, [keys.customer(customer_id)[0]], _within("EVT#", request), index=None
        )

    def redemptions_of_customer(self, customer_id: str, request: PageRequest) -> Page[Redemption]:
        return lists.page(
            self._table, [keys.customer(customer_id)[0]], _within("RDM#", request), index=None
        )

    def redemptions_of_coupon(self, code_key: str, request: PageRequest) -> Page[Redemption]:
        return lists.page(self._table, [keys.coupon(code_key)[0]], request, index="list")

    def redemption_of_coupon(self, code_key: str, redemption_id: str) -> Redemption | None:
        rows = self._table.query(
            keys.coupon(code_key)[0],
            index="list",
            between=(redemption_id, redemption_id),
            limit=1,
        )
        found = lists.whole(self._table, rows, index="list")
        redemption: Redemption | None = codecs.decode(found[0]) if found else None
        return redemption

    @property
    def due_shards(self) -> int:
        return keys.DUE_SHARDS

    def due_coupons(
        self, shard: int, *, now: datetime, limit: int, after: str | None
    ) -> Page[Coupon]:
        request = PageRequest(limit=limit, after=after, descending=False, high=_due_until(now))
        return lists.page(self._table, [keys.due_coupons(shard)], request, index="due")

    def backlog(self, shard: int, *, now: datetime) -> Backlog:
        span = (" ", _due_until(now))
        partition = keys.due_coupons(shard)
        oldest = self._table.query(partition, index="due", between=span, limit=1)
        if not oldest:
            return Backlog(0, None)
        count = self._table.count(partition, index="due", between=span)
        oldest_at = datetime.fromisoformat(oldest[0]["due_sk"]["S"].partition("#")[0])
        return Backlog(count, oldest_at)


def _within(prefix: str, request: PageRequest) -> PageRequest:
    """Return ``request`` for keys behind ``prefix``."""
    return PageRequest(
        limit=request.limit,
        after=request.after,
        descending=request.descending,
        low=prefix + request.low.strip(),
        high=prefix + request.high,
    )


def _due_until(now: datetime) -> str:
    # What is due at this very instant sorts after its bare time, and before this.
    return moments.iso(now) + "$"
