"""The store, on DynamoDB: reads of snapshots, pages of lists, and one way to write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.core import moments
from chalicelib.core.changes import Changes, Ref, Snapshot
from chalicelib.core.coupons.coupons import Coupon, CouponOrder, CouponStatus
from chalicelib.core.pages import LAST, Page, PageRequest
from chalicelib.store import keys
from chalicelib.store.coupons import coupons
from chalicelib.store.engine import codecs, commit, lists
from chalicelib.store.engine.capacity import Meter
from chalicelib.store.engine.table import READ_TIMEOUT_SECONDS, Cancelled, Table
from chalicelib.usecases.ports import Backlog, CountPage, Found

if TYPE_CHECKING:  # A redemption does not wait for what it does not need.
    from chalicelib.core.activity import ActivityEvent
    from chalicelib.core.callers.api_keys import ApiKey
    from chalicelib.core.callers.tries import Tries
    from chalicelib.core.cards.cards import Card
    from chalicelib.core.cards.templates import CardTemplate
    from chalicelib.core.coupons.attempts import Attempt
    from chalicelib.core.coupons.exports import Export
    from chalicelib.core.coupons.generations import Generation
    from chalicelib.core.coupons.imports import Import, RefusedRows
    from chalicelib.core.coupons.pools import Sight
    from chalicelib.core.coupons.redemptions import Redemption
    from chalicelib.core.customers.customers import Customer
    from chalicelib.core.outbox.deliveries import Delivery
    from chalicelib.core.rewards.rewards import Reward
    from chalicelib.core.rewards.totals import DayTotals
    from chalicelib.core.wallets.devices import Registration
    from chalicelib.core.webhooks.webhooks import Webhook

# Where the list of a reward's coupons goes on after its pool.
_POOL_LISTED = "others"

# For each shard. Behind by that many or by more asks for the same; counting all of a million would
# read for a thousand units each time that a run says what it left.
_BACKLOG_COUNTED_MAX = 1_000


class DynamoStore:
    """Implements :class:`chalicelib.usecases.ports.Store`. Single reads are strongly consistent."""

    def __init__(
        self,
        table_name: str,
        *,
        meter: Meter,
        read_timeout_seconds: float = READ_TIMEOUT_SECONDS,
    ) -> None:
        self._table = Table(table_name, meter=meter, read_timeout_seconds=read_timeout_seconds)

    def ping(self) -> None:
        self._table.get(keys.SETTINGS)

    def read(self, *refs: Ref[object]) -> Found:  # type: ignore[type-var]
        names = {ref: codecs.of_kind(ref.kind).locate(*ref.parts) for ref in refs}
        raws = self._table.get_many(list(names.values()))
        return Found(
            {ref: codecs.decode(raws[name]) for ref, name in names.items() if name in raws}
        )

    def commit(self, changes: Changes) -> None:
        commit.commit(changes, table=self._table)

    def note(self, snapshot: Snapshot) -> None:
        commit.note(snapshot, table=self._table)

    def count_tries(self, counter: Tries, times: int, *, at_most: int) -> int | None:
        from chalicelib.store.callers import tries  # noqa: PLC0415 # most callers are let through

        update = tries.update_of(counter, times, at_most=at_most)
        try:
            # Counters stay below one unit by design.
            return int(self._table.update(update, units=1)["failed"]["N"])
        except Cancelled:
            return None

    def customers(self, request: PageRequest) -> Page[Customer]:
        partitions = [keys.customers(shard) for shard in range(keys.CUSTOMER_SHARDS)]
        return lists.page(self._table, partitions, request, index="list")

    def rewards(self, request: PageRequest) -> Page[Reward]:
        return lists.page(self._table, [keys.REWARDS], request, index="list")

    def api_keys(self, request: PageRequest) -> Page[ApiKey]:
        return lists.page(self._table, [keys.API_KEYS], request, index="list")

    def card_templates(self, request: PageRequest) -> Page[CardTemplate]:
        return lists.page(self._table, [keys.CARD_TEMPLATES], request, index="list")

    def cards_of_customer(self, customer_id: str, request: PageRequest) -> Page[Card]:
        partition = keys.cards_of_customer(customer_id)
        return lists.page(self._table, [partition], request, index="holder")

    def coupons_of_reward(
        self, reward_id: str, statuses: Sequence[CouponStatus], request: PageRequest
    ) -> Page[Coupon]:
        # The pool has an order of its own, so it is listed by itself, before the others: a coupon
        # that moves on meanwhile is met twice rather than never. The same goes for the others.
        in_pool = request.after is None or keys.is_in_pool(request.after)
        pool: Page[Coupon] = Page((), None)
        if in_pool and CouponStatus.UNASSIGNED in statuses:
            part = msgspec.structs.replace(request, low=" ", high=LAST)
            partitions = _coupon_partitions(reward_id, (CouponStatus.UNASSIGNED,))
            pool = lists.page(self._table, partitions, part, index="list")
        others = [status for status in statuses if status is not CouponStatus.UNASSIGNED]
        if pool.end is not None or not others:
            return pool
        after = None if in_pool or request.after == _POOL_LISTED else request.after
        room = request.limit - len(pool.items)
        if not room:
            return Page(pool.items, _POOL_LISTED)
        page: Page[Coupon] = lists.page(
            self._table,
            _coupon_partitions(reward_id, others),
            msgspec.structs.replace(request, after=after, limit=room),
            index="list",
        )
        listed = {coupon.code for coupon in pool.items}
        rest = (coupon for coupon in page.items if coupon.code not in listed)
        return Page((*pool.items, *rest), page.end)

    def list_of_reward(
        self,
        reward_id: str,
        statuses: Iterable[CouponStatus],
        request: PageRequest,
        *,
        order: CouponOrder,
        now: datetime,
    ) -> Page[Coupon]:
        from chalicelib.store.coupons import lists as coupon_lists  # noqa: PLC0415 # see codecs

        return coupon_lists.page(self._table, reward_id, statuses, request, order=order, now=now)

    @property
    def pool_shards(self) -> int:
        return keys.COUPON_SHARDS

    def pool(self, reward_id: str, shard: int, *, place: int, limit: int) -> Sight:
        from chalicelib.core.coupons.pools import Sight  # noqa: PLC0415 # see codecs

        partition = keys.coupons_of_reward(reward_id, CouponStatus.UNASSIGNED, shard)
        start = keys.place_in_pool(place)
        rows = self._table.query(partition, index="list", between=(start, LAST), limit=limit)
        if len(rows) < limit:
            rows += self._table.query(
                partition, index="list", between=(" ", start), limit=limit - len(rows)
            )
        found = lists.whole(self._table, rows, index="list")
        return Sight(tuple(codecs.decode(raw) for raw in found), whole=len(rows) < limit)

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

    def redemptions_of_coupon(self, coupon: Coupon, request: PageRequest) -> Page[Redemption]:
        partitions = [coupons.uses_of(coupon)]
        if coupon.shared:
            partitions = [coupons.uses_of(coupon, shard) for shard in range(keys.USE_SHARDS)]
        return lists.page(self._table, partitions, request, index="list")

    def redemption_of_coupon(self, coupon: Coupon, redemption_id: str) -> Redemption | None:
        shard = keys.shard_of(redemption_id, keys.USE_SHARDS) if coupon.shared else None
        rows = self._table.query(
            coupons.uses_of(coupon, shard),
            index="list",
            between=(redemption_id, redemption_id),
            limit=1,
        )
        found = lists.whole(self._table, rows, index="list")
        redemption: Redemption | None = codecs.decode(found[0]) if found else None
        return redemption

    def attempts_of_coupon(self, code_key: str, request: PageRequest) -> Page[Attempt]:
        return lists.page(self._table, [keys.attempts_of_coupon(code_key)], request, index="list")

    def attempts_of_customer(self, customer_id: str, request: PageRequest) -> Page[Attempt]:
        partition = keys.attempts_of_customer(customer_id)
        return lists.page(self._table, [partition], request, index="holder")

    def count_of_reward(
        self, reward_id: str, status: CouponStatus, *, after: str | None
    ) -> CountPage:
        # Where it goes on: the number of the shard, and the entry in it.
        number, _, start = (after or "0#").partition("#")
        partition = keys.coupons_of_reward(reward_id, status, int(number))
        entry = json.loads(start) if start else None
        count, last = self._table.count_page(partition, index="list", start=entry)
        if last is not None:
            return CountPage(count, f"{number}#{json.dumps(last)}")
        further = int(number) + 1
        return CountPage(count, f"{further}#" if further < keys.coupon_shards(status) else None)

    def days_of_reward(self, reward_id: str, *, first: date, until: date) -> list[DayTotals]:
        from chalicelib.core.rewards import totals  # noqa: PLC0415 # see codecs

        rows = []
        for shard in range(totals.SHARDS):
            partition, low = keys.day_totals(reward_id, str(shard), first.isoformat())
            _, high = keys.day_totals(reward_id, str(shard), until.isoformat())
            days = (until - first).days + 1
            rows += self._table.query(partition, between=(low, high), limit=days)
        found = [codecs.decode(raw) for raw in rows]
        return [share for share in found if share.day < until]

    def decode(self, image: Mapping[str, Any]) -> Any:
        return codecs.decode(dict(image))

    def pool_by_end(self, reward_id: str, *, after: datetime, limit: int) -> tuple[Coupon, ...]:
        partitions = [keys.pool_by_end(reward_id, shard) for shard in range(keys.ORDER_SHARDS)]
        request = PageRequest(limit=limit, descending=False, low=_due_until(after))
        page: Page[Coupon] = lists.page(self._table, partitions, request, index="holder")
        return page.items

    def pool_size(self, reward_id: str, *, limit: int) -> int:
        size = 0
        for shard in range(keys.COUPON_SHARDS):
            partition = keys.coupons_of_reward(reward_id, CouponStatus.UNASSIGNED, shard)
            span = (" ", LAST)
            size += self._table.count(partition, index="list", between=span, limit=limit - size)
            if size >= limit:
                break
        return size

    def watched_pools(self, request: PageRequest) -> Page[Reward]:
        return lists.page(self._table, [keys.WATCHED_POOLS], request, index="due")

    def running_generations(self, request: PageRequest) -> Page[Generation]:
        return lists.page(self._table, [keys.RUNNING_GENERATIONS], request, index="due")

    def registrations_of_device(self, device_id: str, request: PageRequest) -> Page[Registration]:
        partition = keys.device(device_id)[0]
        return lists.page(self._table, [partition], _within("REG#", request), index=None)

    def registrations_of_card(self, serial: str, request: PageRequest) -> Page[Registration]:
        partition = keys.devices_of_card(serial)
        return lists.page(self._table, [partition], request, index="list")

    def imports(self, request: PageRequest) -> Page[Import]:
        return lists.page(self._table, [keys.IMPORTS], request, index="list")

    def refused_rows(self, import_id: str, request: PageRequest) -> Page[RefusedRows]:
        partition = keys.coupon_import(import_id)[0]
        return lists.page(self._table, [partition], _within("REF#", request), index=None)

    def due_imports(self, *, now: datetime, limit: int) -> Page[Import]:
        request = PageRequest(limit=limit, descending=False, high=_due_until(now))
        return lists.page(self._table, [keys.DUE_IMPORTS], request, index="due")

    def due_exports(self, *, now: datetime, limit: int) -> Page[Export]:
        request = PageRequest(limit=limit, descending=False, high=_due_until(now))
        return lists.page(self._table, [keys.DUE_EXPORTS], request, index="due")

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
        count = self._table.count(partition, index="due", between=span, limit=_BACKLOG_COUNTED_MAX)
        oldest_at = datetime.fromisoformat(oldest[0]["due_sk"]["S"].partition("#")[0])
        return Backlog(count, oldest_at)

    def webhooks(self, request: PageRequest) -> Page[Webhook]:
        return lists.page(self._table, [keys.WEBHOOKS], request, index="list")

    def deliveries(self, subscriber: str, target: str, request: PageRequest) -> Page[Delivery]:
        shards = range(keys.DELIVERY_SHARDS)
        partitions = [keys.deliveries(subscriber, target, shard) for shard in shards]
        return lists.page(self._table, partitions, request, index="list")

    @property
    def delivery_shards(self) -> int:
        return keys.DELIVERY_SHARDS

    def due_deliveries(
        self, subscriber: str, shard: int, *, now: datetime, limit: int, after: str | None
    ) -> Page[Delivery]:
        request = PageRequest(limit=limit, after=after, descending=False, high=_due_until(now))
        partition = keys.due_deliveries(subscriber, shard)
        return lists.page(self._table, [partition], request, index="due")


def _coupon_partitions(reward_id: str, statuses: Sequence[CouponStatus]) -> list[str]:
    # Along the life of a coupon, see coupons_of_reward.
    return [
        keys.coupons_of_reward(reward_id, status, shard)
        for status in CouponStatus
        if status in statuses
        for shard in range(keys.coupon_shards(status))
    ]


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
