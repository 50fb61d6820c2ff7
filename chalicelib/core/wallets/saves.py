"""Whether a card is in somebody's Google Wallet: the newest callback about it decides.

Callbacks come twice, late and in any order. Each says until when it is to be believed, a fixed time
after it was said: that is the order of what they say, whatever the order in which they come. The
``count`` that they carry has been 1 in all that were ever recorded, so it orders nothing.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from chalicelib.core.activity import Origin
from chalicelib.core.cards.cards import Card
from chalicelib.core.changes import Changes
from chalicelib.core.wallets import installations
from chalicelib.core.wallets.callbacks import Callback
from chalicelib.core.wallets.google import ObjectKind
from chalicelib.core.wallets.installations import Wallet

_SAVED: Final = "save"
_REMOVED: Final = "del"
# Google may sign again what it repeats, with a later end. It was never seen to repeat for long.
_REMEMBERED_FOR: Final = timedelta(days=30)


class SavedObject(msgspec.Struct, frozen=True):
    """What is known of one object of a card: ``said_until`` orders what was said of it.

    One that was removed is kept, so that a callback of before cannot save it again.
    """

    serial: str
    object_kind: ObjectKind
    is_saved: bool
    said_until: datetime
    version: int = 0


class CallbackNonce(msgspec.Struct, frozen=True):
    """That a callback was taken; the same one comes to nothing at least until ``lapses_at``."""

    nonce: str
    lapses_at: datetime
    version: int = 0


def is_about_saves(callback: Callback) -> bool:
    """Whether the callback says that an object was saved or removed."""
    return callback.event_type in {_SAVED, _REMOVED}


def decide(  # noqa: PLR0913
    callback: Callback,
    card: Card,
    known: SavedObject | None,
    *,
    kind: ObjectKind,
    event_id: str,
    origin: Origin,
) -> Changes:
    """Decide what a callback changes of the card; at the least, that it does not count again.

    Of two that were said in the same millisecond saving wins: a card that is taken for saved costs
    an update that nobody sees, one that is not would be told of nothing any more.
    """
    assert is_about_saves(callback), "other callbacks change nothing"
    now = origin.recorded_at
    lapses_at = max(callback.expires_at, now) + _REMEMBERED_FOR
    changes = Changes(create=(CallbackNonce(callback.nonce, lapses_at),))
    is_saved, said_until = callback.event_type == _SAVED, callback.expires_at
    if known is None:
        changes += Changes(create=(SavedObject(card.serial, kind, is_saved, said_until),))
    elif (known.said_until, known.is_saved) < (said_until, is_saved):
        after = replace(known, is_saved=is_saved, said_until=said_until)
        changes += Changes(update=((known, after),))
    else:
        return changes
    difference = int(is_saved) - int(known is not None and known.is_saved)
    if difference == 0:
        return changes
    installed = installations.decide(
        card, difference, wallet=Wallet.GOOGLE, event_id=event_id, origin=origin
    )
    return changes + installed.changes
