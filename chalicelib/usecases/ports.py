"""What the use cases need from the outside world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from chalicelib.core.changes import Changes, Ref, Snapshot
from chalicelib.core.pages import Page, PageRequest

if TYPE_CHECKING:  # A redemption does not wait for what it does not need.
    from chalicelib.core.activity import ActivityEvent
    from chalicelib.core.callers.api_keys import ApiKey
    from chalicelib.core.callers.tries import Tries
    from chalicelib.core.cards.cards import Card
    from chalicelib.core.cards.templates import CardTemplate, Design
    from chalicelib.core.coupons.attempts import Attempt
    from chalicelib.core.coupons.coupons import Coupon, CouponOrder, CouponStatus
    from chalicelib.core.coupons.exports import Export
    from chalicelib.core.coupons.generations import Generation
    from chalicelib.core.coupons.imports import Import, RefusedRows
    from chalicelib.core.coupons.pools import Sight
    from chalicelib.core.coupons.redemptions import Redemption
    from chalicelib.core.customers.customers import Customer
    from chalicelib.core.outbox.deliveries import Delivery
    from chalicelib.core.outbox.messages import Message, Subscriber
    from chalicelib.core.rewards.rewards import Reward
    from chalicelib.core.rewards.totals import DayTotals
    from chalicelib.core.wallets.apple import Issuer
    from chalicelib.core.wallets.callbacks import Callback
    from chalicelib.core.wallets.devices import Registration
    from chalicelib.core.wallets.google import Issuer as GoogleIssuer
    from chalicelib.core.wallets.google import Notice, ObjectKind, Resource
    from chalicelib.core.webhooks.webhooks import Webhook

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
    """What is due and not done: how many (counted to a thousand), and since when."""

    count: int
    oldest_at: datetime | None


class CountPage(msgspec.Struct, frozen=True):
    """How many entries a page of a list has, and where the next one starts, None at the end."""

    count: int
    end: str | None


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

    def note(self, snapshot: Snapshot) -> None:
        """Write what no decision depends on, unless it is stored already: half the price.

        Raises:
            Unavailable: the table throttles or is out of reach.
        """
        ...

    def count_tries(self, counter: Tries, times: int, *, at_most: int) -> int | None:
        """Add to the counter at once, and return its count; None if it had reached ``at_most``.

        Taking away is always possible.

        Raises:
            Unavailable: the table throttles or is out of reach.
        """
        ...

    def ping(self) -> None:
        """Raise Unavailable unless the table answers."""
        ...

    def customers(self, request: PageRequest) -> Page[Customer]: ...

    def rewards(self, request: PageRequest) -> Page[Reward]: ...

    def api_keys(self, request: PageRequest) -> Page[ApiKey]: ...

    def card_templates(self, request: PageRequest) -> Page[CardTemplate]: ...

    def cards_of_customer(self, customer_id: str, request: PageRequest) -> Page[Card]: ...

    def coupons_of_reward(
        self, reward_id: str, statuses: Sequence[CouponStatus], request: PageRequest
    ) -> Page[Coupon]:
        """Return coupons of the recorded ``statuses``: those of the pool, then the others.

        The pool is in the order in which it gives its codes, the others are by the time of their
        claim (of their creation, where nobody ever had them); a range bounds the others alone.
        A coupon that moves on meanwhile is met twice rather than never.
        """
        ...

    @property
    def pool_shards(self) -> int:
        """Return over how many shards the pool of a reward is spread."""
        ...

    def pool(self, reward_id: str, shard: int, *, place: int, limit: int) -> Sight:
        """Return up to ``limit`` coupons of one shard of a pool, from ``place`` on and around.

        Which ones is known eventually consistent; they are shown as they are now.
        """
        ...

    def list_of_reward(
        self,
        reward_id: str,
        statuses: Iterable[CouponStatus],
        request: PageRequest,
        *,
        order: CouponOrder,
        now: datetime,
    ) -> Page[Coupon]:
        """Return coupons by ``order``; what has no such time comes last, and then the pool.

        Holds all that are in one of ``statuses`` at ``now``, and may hold others. By use and by
        expiry a coupon has its place moments after it changed.
        """
        ...

    def coupons_of_customer(self, customer_id: str, request: PageRequest) -> Page[Coupon]:
        """Return coupons by the time of their claim."""
        ...

    def activity(self, customer_id: str, request: PageRequest) -> Page[ActivityEvent]: ...

    def redemptions_of_customer(self, customer_id: str, request: PageRequest) -> Page[Redemption]:
        """Return redemptions by their time of use, strongly consistent."""
        ...

    def redemptions_of_coupon(self, coupon: Coupon, request: PageRequest) -> Page[Redemption]: ...

    def redemption_of_coupon(self, coupon: Coupon, redemption_id: str) -> Redemption | None: ...

    def attempts_of_coupon(self, code_key: str, request: PageRequest) -> Page[Attempt]: ...

    def attempts_of_customer(self, customer_id: str, request: PageRequest) -> Page[Attempt]: ...

    def count_of_reward(
        self, reward_id: str, status: CouponStatus, *, after: str | None
    ) -> CountPage:
        """Return how many coupons of the reward are in ``status``, page by page."""
        ...

    def days_of_reward(self, reward_id: str, *, first: date, until: date) -> list[DayTotals]:
        """Return the shares of the totals of each day in ``[first, until)``, in any order."""
        ...

    def decode(self, image: Mapping[str, Any]) -> Any:
        """Return the snapshot that an item of the table's stream holds."""
        ...

    def pool_by_end(self, reward_id: str, *, after: datetime, limit: int) -> tuple[Coupon, ...]:
        """Return coupons of a pool that run out after a moment, the first ones first."""
        ...

    def pool_size(self, reward_id: str, *, limit: int) -> int:
        """Return how many coupons are in the pool, counted up to ``limit``, at most some thousands.

        Eventually consistent; those that ran out count until the job records it.
        """
        ...

    def watched_pools(self, request: PageRequest) -> Page[Reward]:
        """Return the active rewards with a ``low_stock_at``, by their ids."""
        ...

    def running_generations(self, request: PageRequest) -> Page[Generation]:
        """Return the generations that have not ended, by the time of their order."""
        ...

    def registrations_of_device(self, device_id: str, request: PageRequest) -> Page[Registration]:
        """Return what the device has, by serial, strongly consistent."""
        ...

    def registrations_of_card(self, serial: str, request: PageRequest) -> Page[Registration]: ...

    def imports(self, request: PageRequest) -> Page[Import]: ...

    def refused_rows(self, import_id: str, request: PageRequest) -> Page[RefusedRows]:
        """Return what the import refused, by line."""
        ...

    def due_imports(self, *, now: datetime, limit: int) -> Page[Import]:
        """Return imports that have something left to do and no worker, the longest due first."""
        ...

    def due_exports(self, *, now: datetime, limit: int) -> Page[Export]:
        """Return exports that have something left to do and no worker, the longest due first."""
        ...

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

    def webhooks(self, request: PageRequest) -> Page[Webhook]: ...

    def deliveries(self, subscriber: str, target: str, request: PageRequest) -> Page[Delivery]:
        """Return the deliveries to a target, by the time their events were recorded."""
        ...

    @property
    def delivery_shards(self) -> int:
        """Return over how many shards the due deliveries of a subscriber are spread."""
        ...

    def due_deliveries(
        self, subscriber: str, shard: int, *, now: datetime, limit: int, after: str | None
    ) -> Page[Delivery]:
        """Return deliveries of one shard that are to be sent, the longest due first."""
        ...


class StoredFile(msgspec.Struct, frozen=True):
    """A file that is there. ``etag`` names its content."""

    size_bytes: int
    etag: str


class UploadForm(msgspec.Struct, frozen=True):
    """Where a client sends a file: a POST of ``multipart/form-data``, these fields before it."""

    url: str
    fields: Mapping[str, str]


class FileGone(Exception):
    """There is no such file, or no longer."""


class FileChanged(Exception):
    """The file has another content than it had."""


class Files(Protocol):
    """Files by name. All but the first two raise Unavailable when they are out of reach."""

    def upload_form(self, key: str, *, size_max: int, seconds: int) -> UploadForm:
        """Return leave to upload one file of at most ``size_max`` bytes for some ``seconds``."""
        ...

    def link(self, key: str, *, name: str, seconds: int) -> str:
        """Return an address from which anybody who has it can download the file as ``name``."""
        ...

    def find(self, key: str) -> StoredFile | None: ...

    def read(self, key: str, *, start: int, size: int, etag: str | None = None) -> bytes:
        """Return at most ``size`` bytes from ``start`` on, where there must be some.

        Raises:
            FileGone: there is no such file.
            FileChanged: its content is not the one that ``etag`` names.
        """
        ...

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write a file, whole or not at all, holding a few megabytes of it at a time."""
        ...


class Functions(Protocol):
    """Workers that are told to take a job; whether they were told is answered, not raised."""

    def start_import(self, import_id: str) -> bool: ...

    def start_export(self, export_id: str) -> bool: ...


class Secrets(Protocol):
    """Secrets by name."""

    def read(self, name: str) -> str | None:
        """Return the secret, or None where nobody has put one.

        Raises:
            Unavailable: the secrets are out of reach.
        """
        ...


class Passes(Protocol):
    """Makes passes of Apple Wallet. Both raise Unavailable where the certificate cannot be used."""

    def issuer(self, *, now: datetime) -> Issuer | None:
        """Return whose passes these are; None while the business has no certificate."""
        ...

    def make(self, contents: Mapping[str, Any], design: Design, *, now: datetime) -> bytes:
        """Return the signed ``.pkpass`` file that says ``contents``."""
        ...


class Callbacks(Protocol):
    """Opens what Google Wallet calls back with."""

    def opened(self, raw: bytes, *, now: datetime) -> Callback:
        """Return what the callback says.

        Raises:
            NoGoogleWallet: the business has no account there.
            CallbackRefused: it is not one of Google's to this business, or comes too late.
            Unavailable: the account or Google's keys are out of reach.
        """
        ...


class PushOutcome(StrEnum):
    """What became of a push. ``LATER``: the same may succeed when it is sent again."""

    SENT = "sent"
    GONE = "gone"
    LATER = "later"
    REFUSED = "refused"


class Push(msgspec.Struct, frozen=True):
    """What became of the push to one token.

    ``gone_at`` is since when nobody has it, where that is known; ``reason`` is the service's own
    word.
    """

    outcome: PushOutcome
    gone_at: datetime | None = None
    reason: str | None = None


class Pushes(Protocol):
    """Tells phones with Apple Wallet that passes of theirs have changed, not which."""

    def send(self, tokens: Sequence[str], *, now: datetime) -> dict[str, Push]:
        """Return what became of the push to each of ``tokens``; none of them is raised.

        Raises:
            Unavailable: the certificate cannot be used.
        """
        ...


class MessageRefused(Exception):
    """The topic does not take these messages, today or tomorrow: it is their own fault."""


class Topic(Protocol):
    """Where everybody outside hears of what happened."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Publish ``messages`` in their order, each at least once.

        Raises:
            MessageRefused: at least one of them cannot be published.
            Unavailable: the topic is out of reach; some may have been published.
        """
        ...


class Depth(msgspec.Struct, frozen=True):
    """About how many messages wait, are being worked on, and were given up."""

    waiting: int
    in_flight: int
    dead_letters: int


class Queues(Protocol):
    """The queues of the subscribers. All raise Unavailable when they are out of reach."""

    def depth(self, subscriber: Subscriber) -> Depth: ...

    def replay(self, subscriber: Subscriber, *, at_most: int) -> int:
        """Move messages that were given up back into the queue; return how many.

        One that dies meanwhile leaves a message in both: a subscriber knows what it had.
        """
        ...


class Posted(msgspec.Struct, frozen=True):
    """What came of sending: the status of the answer, or why there was none."""

    status: int | None
    error: str | None
    duration_ms: int


class Posts(Protocol):
    """Sends to servers of other people. Never raises: what goes wrong there is an answer, too."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Posted: ...


class GoogleWallet(Protocol):
    """Keeps cards at Google Wallet.

    All raise Unavailable where the account or Google is out of reach, or it takes no such thing.
    """

    def issuer(self, *, now: datetime) -> GoogleIssuer | None:
        """Return whose objects these are; None while the business has no account there."""
        ...

    def put_class(self, kind: ObjectKind, made: Resource, *, now: datetime) -> None:
        """Make the class, or change it to what it should be."""
        ...

    def put_object(self, kind: ObjectKind, made: Resource, *, now: datetime) -> None:
        """Make the object, or change it to what it should be; its class must be there."""
        ...

    def change_object(self, kind: ObjectKind, change: Resource, *, now: datetime) -> bool:
        """Change what is named of an object; return whether there is one."""
        ...

    def add_notice(
        self, kind: ObjectKind, object_id: str, notice: Notice, *, now: datetime
    ) -> bool:
        """Say something on an object; return whether there is one.

        The holder is notified, as long as Google's limit of three a day is not reached.
        """
        ...

    def save_link(self, kind: ObjectKind, *, object_id: str, class_id: str, now: datetime) -> str:
        """Return an address that saves an object, which must be there, for whoever opens it."""
        ...
