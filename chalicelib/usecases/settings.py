"""Read and replace the settings of the business."""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from chalicelib.core import settings
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.settings import Settings
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.keyed import Done, once

# There is one of them, and a record names what its request made.
_MADE = ("settings",)


def get_settings(context: Context) -> Settings:
    """Return the settings as they are now; the defaults until somebody sets them."""
    name = ref(Settings)
    return context.store.read(name).find(name) or Settings()


def note_foreign_codes(context: Context, *, now: datetime) -> None:
    """Note that codes are stored that look like ours with a typing slip; once is enough."""
    if context.rules.settings(now=now).foreign_codes:
        return

    def attempt(_: Contention | None) -> None:
        before = get_settings(context)
        after = replace(before, foreign_codes=True)
        if before.version == 0:
            context.store.commit(Changes(create=(after,)))
        elif not before.foreign_codes:
            context.store.commit(Changes(update=((before, after),)))

    transact(context, attempt)
    context.rules.forget()


def put_settings(
    context: Context,
    change: Callable[[Settings], Settings],
    *,
    now: datetime,
    request: KeyedRequest | None,
) -> Done[Settings]:
    """Store what ``change`` makes of the settings as they are now.

    Raises:
        Invalid: the time zone is unknown; and what ``change`` raises.
    """

    def decide(_: Contention | None) -> tuple[Settings, tuple[str, ...], Changes]:
        before = get_settings(context)
        after = change(before)
        settings.check_time_zone(after.time_zone)
        if before.version == 0:
            return after, _MADE, Changes(create=(after,))
        return after, _MADE, Changes() if before == after else Changes(update=((before, after),))

    done = once(context, request, now=now, decide=decide, again=lambda _: get_settings(context))
    context.rules.forget()
    return done
