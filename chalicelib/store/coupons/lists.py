"""The coupons of a reward in three orders, whatever their number: few queries, then their items.

A list is made of parts, one after the other: what has the attribute that it is sorted by, then
what has it not, and last the pool, in the order in which it gives its codes.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.core import moments
from chalicelib.core.coupons.coupons import Coupon, CouponOrder, CouponStatus
from chalicelib.core.pages import LAST, Page, PageRequest
from chalicelib.store import keys
from chalicelib.store.engine import codecs, lists
from chalicelib.store.engine.lists import Source
from chalicelib.store.engine.table import Table

_POOL = CouponStatus.UNASSIGNED


class _Part(msgspec.Struct, frozen=True):
    """Partitions that are merged, bounded as the request is, or by bounds of their own."""

    sources: Sequence[Source]
    keeps: Callable[[Coupon], bool]
    bounds: tuple[str, str] | None = None


def page(  # noqa: PLR0913
    table: Table,
    reward_id: str,
    statuses: Iterable[CouponStatus],
    request: PageRequest,
    *,
    order: CouponOrder,
    now: datetime,
) -> Page[Coupon]:
    """Return one page; what ran out by ``now`` is expired although nobody has recorded it."""
    wanted = frozenset(statuses)
    # Only what has the attribute lies in a range of it.
    ranged = (request.low, request.high) != (" ", LAST)
    parts = _parts(reward_id, wanted, order, now=now)[: 1 if ranged else None]
    number, _, end = (request.after or "0:").partition(":")
    coupons: dict[str, Coupon] = {}
    read = 0
    for position in range(int(number), len(parts)):
        if read == request.limit:
            return Page(tuple(coupons.values()), f"{position}:")
        part = parts[position]
        low, high = part.bounds or (request.low, request.high)
        rest = replace(request, limit=request.limit - read, after=end or None, low=low, high=high)
        found, next_end = lists.entries(table, part.sources, rest)
        names = [(entry["PK"]["S"], keys.coupon("")[1]) for entry in found]
        read += len(found)
        items = table.get_many(names)
        for name in names:
            coupon = codecs.decode(items[name]) if name in items else None
            # Met in two parts while it moves from one to the other, it is shown once.
            if coupon is None or not part.keeps(coupon):
                continue
            if not ranged or _lies_in(coupon, order, request):
                coupons.setdefault(coupon.code, coupon)
        if next_end is not None:
            return Page(tuple(coupons.values()), f"{position}:{next_end}")
        end = ""
    return Page(tuple(coupons.values()), None)


def _parts(
    reward_id: str, wanted: frozenset[CouponStatus], order: CouponOrder, *, now: datetime
) -> list[_Part]:
    held = set(wanted - {_POOL})
    if CouponStatus.EXPIRED in wanted:
        held.add(CouponStatus.CLAIMED)
    if order is CouponOrder.CLAIMED_AT:
        parts = [_Part(_held(reward_id, held), _anything)]
    elif order is CouponOrder.REDEEMED_AT:
        parts = [
            _Part(_orders(reward_id, "list", keys.coupons_by_use), _used),
            _Part(_held(reward_id, held - {CouponStatus.REDEEMED}), _never_used),
        ]
    else:
        pool = _pool_by_end(reward_id) if wanted & {_POOL, CouponStatus.EXPIRED} else []
        parts = [
            _Part([*_orders(reward_id, "due", keys.coupons_by_end), *pool], _ends),
            _Part(_held(reward_id, held), _never_ends),
        ]
    if _POOL in wanted:
        keeps = _never_ends if order is CouponOrder.EXPIRES_AT else _anything
        parts.append(_Part(_partitions(reward_id, [_POOL]), keeps))
    elif CouponStatus.EXPIRED in wanted and order is not CouponOrder.EXPIRES_AT:
        due = (" ", moments.iso(now) + "$")
        parts.append(_Part(_pool_by_end(reward_id), _anything, bounds=due))
    return [part for part in parts if part.sources]


def _lies_in(coupon: Coupon, order: CouponOrder, request: PageRequest) -> bool:
    # An entry can be older than its coupon, and one by the time of making says nothing of a claim.
    moment: datetime | None = getattr(coupon, order)
    return moment is not None and request.low <= moments.iso(moment) < request.high


def _held(reward_id: str, statuses: set[CouponStatus]) -> list[Source]:
    return _partitions(reward_id, [status for status in CouponStatus if status in statuses])


def _partitions(reward_id: str, statuses: Iterable[CouponStatus]) -> list[Source]:
    return [
        Source("list", keys.coupons_of_reward(reward_id, status, shard))
        for status in statuses
        for shard in range(keys.coupon_shards(status))
    ]


def _orders(reward_id: str, index: str, partition: Callable[[str, int], str]) -> list[Source]:
    return [Source(index, partition(reward_id, shard)) for shard in range(keys.ORDER_SHARDS)]


def _pool_by_end(reward_id: str) -> list[Source]:
    return _orders(reward_id, "holder", keys.pool_by_end)


def _anything(_: Coupon) -> bool:
    return True


def _used(coupon: Coupon) -> bool:
    return coupon.redeemed_at is not None


def _never_used(coupon: Coupon) -> bool:
    return coupon.redeemed_at is None


def _ends(coupon: Coupon) -> bool:
    return coupon.expires_at is not None


def _never_ends(coupon: Coupon) -> bool:
    return coupon.expires_at is None
