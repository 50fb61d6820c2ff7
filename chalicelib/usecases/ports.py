"""What the use cases need from the outside world."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from chalicelib.core.activity import ActivityEvent
from chalicelib.core.api_keys import ApiKey
from chalicelib.core.changes import Changes, Ref, Snapshot
from chalicelib.core.coupons import Coupon, CouponStatus
from chalicelib.core.customers import Customer
from chalicelib.core.pages import Page, PageRequest
from chalicelib.core.redemptions import Redemption
from chalicelib.core.rewards import Reward

S = TypeVar("S", bound=Snapshot)


class Found:
    """Snapshots that were read together, by their names."""

    def __init__(self, snapshots: Mapping[Ref[Any], Any]) -> None:
        self._snapshots = snapshots

    def find(self, ref: Ref[S]) -> S | None:
        """Return the snapshot that ``ref`` names, or None if it is not stored."""
        snapshot: S | None = self._snapshots.get(ref)
        return snapshot


class Backlog(msgspec.Struct, frozen=True):
    """What is due and not done: how many (counted to about 6,000), and since when."""

    count: int
    oldest_at: datetime | None


class Store(Protocol):
    """Snapshots to decide on, pages of lists, and one way to write.

    ``read`` is one round trip for up to 100 things and strongly consistent. Lists name their
    entries eventually consistent, and show them as they are now.
    """

    def read(self, *refs: Ref[Any]) -> Found: ...

    def commit(self, changes: Changes) -> None:
        """Write ``changes`` in one transaction; see :class:`~chalicelib.core.changes.Changes`.

        Raises:
            Contention: something is no longer as it was when the decision was made.
            Unavailable: the table throttles or is out of reach.
        """
        ...

    def ping(self) -> None:
        """Raise Unavailable unless the table answers."""
        ...

    def customers(self, request: PageRequest) -> Page[Customer]: ...

    def rewards(self, request: PageRequest) -> Page[Reward]: ...

    def api_keys(self, request: PageRequest) -> Page[ApiKey]: ...

    def coupons_of_reward(
        self, reward_id: str, statuses: Sequence[CouponStatus], request: PageRequest
    ) -> Page[Coupon]:
        """Return coupons by their time of creation and code, of the recorded ``statuses``."""
        ...

    def coupons_of_customer(self, customer_id: str, request: PageRequest) -> Page[Coupon]:
        """Return coupons by the time of their claim."""
        ...

    def activity(self, customer_id: str, request: PageRequest) -> Page[ActivityEvent]: ...

    def redemptions_of_customer(self, customer_id: str, request: PageRequest) -> Page[Redemption]:
        """Return redemptions by their time of use, strongly consistent."""
        ...

    def redemptions_of_coupon(self, code_key: str, request: PageRequest) -> Page[Redemption]: ...

    def redemption_of_coupon(self, code_key: str, redemption_id: str) -> Redemption | None: ...

    @property
    def due_shards(self) -> int:
        """Return over how many shards the due coupons are spread."""
        ...

    def due_coupons(
        self, shard: int, *, now: datetime, limit: int, after: str | None
    ) -> Page[Coupon]:
        """Return coupons of one shard whose end is to be recorded, the longest due first."""
        ...

    def backlog(self, shard: int, *, now: datetime) -> Backlog: ...
