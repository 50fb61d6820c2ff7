"""The only reader of environment, clock and randomness; builds the services."""

import gc
import os
import random
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.core import ids
from chalicelib.core.callers.callers import Caller
from chalicelib.gateways.files import S3Files
from chalicelib.gateways.functions import LambdaFunctions
from chalicelib.store.engine.capacity import Meter
from chalicelib.store.store import DynamoStore
from chalicelib.usecases import cursors
from chalicelib.usecases.callers.api_keys import Gate
from chalicelib.usecases.callers.watch import Watch
from chalicelib.usecases.context import Context
from chalicelib.usecases.pacing import Pace
from chalicelib.usecases.ports import (
    Callbacks,
    Files,
    Functions,
    GoogleWallet,
    Passes,
    Posts,
    Pushes,
    Queues,
    Store,
    Topic,
)
from chalicelib.usecases.rules import Rules

if TYPE_CHECKING:  # A redemption does not wait for what it does not need.
    from chalicelib.usecases.outbox.delivering import Courier

_PAUSE_SECONDS_MAX = 0.5


class Services(msgspec.Struct, frozen=True, eq=False):
    """What handlers pass to use cases. Made once per container.

    ``rest`` waits for so many seconds. ``open_passes`` returns what makes passes, always the same,
    ``open_pushes`` what tells phones of their changes, ``open_callbacks`` what opens Google's
    callbacks, ``open_google`` what keeps cards there. ``private_addresses``: webhooks may point
    into the network of this machine, as on the local stack.
    """

    context: Context
    gate: Gate
    watch: Watch
    capacity: Meter
    build: str
    clock: Callable[[], datetime]
    expiry_pace: Pace
    rest: Callable[[float], None]
    files: Files
    functions: Functions
    open_passes: Callable[[], Passes]
    open_callbacks: Callable[[], Callbacks]
    open_pushes: Callable[[], Pushes]
    open_topic: Callable[[], Topic]
    open_queues: Callable[[], Queues]
    open_posts: Callable[[], Posts]
    private_addresses: bool
    open_google: Callable[[], GoogleWallet]

    @property
    def store(self) -> Store:
        """Return the store."""
        return self.context.store

    @property
    def passes(self) -> Passes:
        """Return what makes passes of Apple Wallet."""
        return self.open_passes()

    @property
    def callbacks(self) -> Callbacks:
        """Return what opens callbacks of Google Wallet."""
        return self.open_callbacks()

    @property
    def pushes(self) -> Pushes:
        """Return what tells phones with Apple Wallet that passes of theirs have changed."""
        return self.open_pushes()

    @property
    def google(self) -> GoogleWallet:
        """Return what keeps cards at Google Wallet."""
        return self.open_google()

    @property
    def topic(self) -> Topic:
        """Return where everybody outside hears of what happened."""
        return self.open_topic()

    @property
    def queues(self) -> Queues:
        """Return the queues of those who listen to it."""
        return self.open_queues()

    @property
    def posts(self) -> Posts:
        """Return what sends to servers of other people."""
        return self.open_posts()

    def now(self) -> datetime:
        """Return the moment, in UTC with whole milliseconds."""
        moment = self.clock()
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def new_id(self, prefix: str, at: datetime) -> str:
        """Return a new id; ids made in one millisecond by one container sort as they were made."""
        return _ids.make(prefix, at)

    def new_secret(self) -> str:
        """Return 256 random bits as text that fits a header and an address."""
        return secrets.token_urlsafe(32)

    def cursor_secret(self) -> str:
        """Return what cursors are signed with."""
        return _cursor_secret(self)

    def webhook_courier(self, has_time: Callable[[], bool]) -> "Courier":
        """Return what sends to webhooks, while it has time to."""
        from chalicelib.usecases.outbox.delivering import Courier  # noqa: PLC0415
        from chalicelib.usecases.webhooks.channel import WebhookChannel  # noqa: PLC0415

        channel = WebhookChannel(self.context, self.posts)
        return Courier(self.context, channel, clock=self.now, has_time=has_time)

    def authenticate(self, token: str) -> Caller | None:
        """Return whom the API key speaks for, or None."""
        return self.gate.authenticate(token, now=self.now())


@cache
def services() -> Services:
    """Build the services on the first request of a container, not on import.

    ``chalice package`` imports app.py on a machine that has no table and no credentials.
    """
    meter = Meter()
    store = DynamoStore(os.environ["TABLE_NAME"], meter=meter)
    built = services_for(store, meter=meter)
    # What is here now stays: looking through all of it for garbage stops a request for 80 ms.
    gc.freeze()
    return built


def services_for(store: Store, *, meter: Meter) -> Services:
    """Return the services on ``store``; its cost is counted by ``meter``."""
    context = Context(
        store=store,
        rules=Rules(store),
        new_id=_ids.make,
        pause=_pause,
        random_below=secrets.randbelow,
    )
    watch = Watch(store)
    # A function cannot be told its own name by the template, and calls itself when time is up.
    own_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    return Services(
        context=context,
        gate=Gate(store, watch),
        watch=watch,
        capacity=meter,
        build=os.environ.get("BUILD", "development"),
        clock=lambda: datetime.now(UTC),
        expiry_pace=Pace(_expiry_rate(), timer=time.perf_counter, sleep=time.sleep),
        rest=time.sleep,
        files=S3Files(os.environ.get("FILES_BUCKET", "")),
        functions=LambdaFunctions(
            imports=os.environ.get("IMPORT_FUNCTION", own_name),
            exports=os.environ.get("EXPORT_FUNCTION", own_name),
        ),
        open_passes=_apple_passes,
        open_callbacks=_google_callbacks,
        open_pushes=cache(apple_pushes),
        open_topic=_topic,
        open_queues=_queues,
        open_posts=_posts,
        private_addresses=_private_addresses(),
        open_google=_google_wallet,
    )


@cache
def _apple_passes() -> Passes:
    # Redemptions have no use for it.
    from chalicelib.gateways.apple.passes import ApplePasses  # noqa: PLC0415
    from chalicelib.gateways.secrets import ManagedSecrets  # noqa: PLC0415

    return ApplePasses(ManagedSecrets(), os.environ.get("APPLE_CERTIFICATE", ""))


@cache
def _google_callbacks() -> Callbacks:
    # Redemptions have no use for it.
    from chalicelib.gateways.google.callbacks import GoogleCallbacks  # noqa: PLC0415
    from chalicelib.gateways.google.root_keys import GoogleRootKeys  # noqa: PLC0415

    return GoogleCallbacks(_google_account(), GoogleRootKeys())


@cache
def _google_wallet() -> GoogleWallet:
    from chalicelib.gateways.google import wallet  # noqa: PLC0415

    return wallet.GoogleWallet(_google_account())


@cache
def _google_account() -> Any:
    from chalicelib.gateways.google.accounts import GoogleAccount  # noqa: PLC0415
    from chalicelib.gateways.secrets import ManagedSecrets  # noqa: PLC0415

    return GoogleAccount(ManagedSecrets(), os.environ.get("GOOGLE_WALLET", ""))


def apple_pushes() -> Pushes:
    """Return what tells phones of changes: Apple's service, where the environment names it."""
    from chalicelib.gateways.apple.pushes import ApplePushes, SilentPushes  # noqa: PLC0415
    from chalicelib.gateways.secrets import ManagedSecrets  # noqa: PLC0415

    host = os.environ.get("APPLE_PUSH_HOST")
    if not host:
        return SilentPushes()
    secret = os.environ.get("APPLE_CERTIFICATE", "")
    return ApplePushes(ManagedSecrets(), secret, host=host, timer=timer)


@cache
def _topic() -> Topic:
    # Redemptions have no use for it.
    from chalicelib.gateways.topics import SnsTopic  # noqa: PLC0415

    return SnsTopic(os.environ.get("EVENTS_TOPIC", ""))


@cache
def _queues() -> Queues:
    # Redemptions have no use for it.
    from chalicelib.core.outbox.messages import Subscriber  # noqa: PLC0415
    from chalicelib.gateways.queues import Pair, SqsQueues  # noqa: PLC0415

    found = {}
    for each in Subscriber:
        queue, dead_letters = f"{each.name}_QUEUE", f"{each.name}_DEAD_LETTERS"
        found[each] = Pair(os.environ.get(queue, ""), os.environ.get(dead_letters, ""))
    return SqsQueues(found)


@cache
def _posts() -> Posts:
    # Redemptions have no use for it.
    from chalicelib.gateways.posts import HttpPosts  # noqa: PLC0415

    return HttpPosts(timer=time.perf_counter, private_allowed=_private_addresses())


def _private_addresses() -> bool:
    return os.environ.get("WEBHOOK_PRIVATE_ADDRESSES") == "true"


def _expiry_rate() -> float | None:
    """Return how many write units a second the expiry job may use; None for any number."""
    rate = os.environ.get("EXPIRY_WRITE_UNITS_PER_SECOND")
    return float(rate) if rate else None


@cache
def _cursor_secret(services: Services) -> str:
    return cursors.get_secret(services.context, proposed=secrets.token_hex(32))


def timer() -> float:
    """Return seconds on a clock that only goes forward."""
    return time.perf_counter()


def _pause(attempt: int) -> None:
    # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    time.sleep(random.uniform(0, min(_PAUSE_SECONDS_MAX, 0.01 * 2**attempt)))  # noqa: S311


class _Ids:
    """Monotonic within a millisecond, as the ULID specification asks of one maker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, tuple[datetime, int]] = {}

    def make(self, prefix: str, at: datetime) -> str:
        with self._lock:
            last = self._last.get(prefix)
            if last is not None and last[0] == at:
                number = last[1] + 1
            else:
                # Half the space stays free for those that follow in the same millisecond.
                number = secrets.randbits(ids.RANDOM_BITS - 1)
            self._last[prefix] = at, number
        return ids.ulid_id(prefix, at=at, random=number)


_ids = _Ids()
