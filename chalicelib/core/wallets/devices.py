"""Phones that asked to be told of changes of their passes, by Apple's web service.

A device has one push token for all of its passes; a registration says that it has one of them.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from chalicelib.core.activity import Origin
from chalicelib.core.cards.cards import Card
from chalicelib.core.changes import Changes
from chalicelib.core.wallets import installations
from chalicelib.core.wallets.installations import Wallet


class Device(msgspec.Struct, frozen=True):
    """A phone, by the name it gave itself, which nobody else knows.

    ``push_token`` is a credential, and was given at ``named_at``; ``passes`` counts its
    registrations: it is forgotten with the last one.
    """

    device_id: str
    push_token: str
    named_at: datetime
    passes: int
    version: int = 0


class Registration(msgspec.Struct, frozen=True):
    """That a device has the pass of a card."""

    device_id: str
    serial: str
    registered_at: datetime
    version: int = 0


class Updated(msgspec.Struct, frozen=True):
    """Serials of passes that changed, and the tag to ask with the next time."""

    serials: tuple[str, ...]
    tag: str


def decide_registration(  # noqa: PLR0913
    card: Card,
    *,
    device: Device | None,
    registration: Registration | None,
    device_id: str,
    push_token: str,
    event_id: str,
    origin: Origin,
) -> Changes:
    """Decide that the device has the card's pass, and is reached by ``push_token`` from now on.

    ``device`` and ``registration`` are what is known of it. Said again, it changes nothing but
    the token and when it was given: a push that fails late says nothing of a token given since.
    """
    now = origin.recorded_at
    more = 0 if registration is not None else 1
    changes = Changes()
    if device is None:
        changes += Changes(create=(Device(device_id, push_token, now, passes=1),))
    else:
        after = replace(device, push_token=push_token, named_at=now, passes=device.passes + more)
        changes += Changes(update=((device, after),))
    if registration is not None:
        return changes
    installed = installations.decide(card, 1, wallet=Wallet.APPLE, event_id=event_id, origin=origin)
    new = Registration(device_id, card.serial, now)
    return changes + Changes(create=(new,)) + installed.changes


def decide_removal(
    card: Card,
    *,
    device: Device | None,
    registration: Registration | None,
    event_id: str,
    origin: Origin,
) -> Changes:
    """Decide that the device has the card's pass no more; nothing where it had not."""
    if registration is None:
        return Changes()
    removed = installations.decide(card, -1, wallet=Wallet.APPLE, event_id=event_id, origin=origin)
    changes = Changes(delete=(registration,)) + removed.changes
    if device is None:
        return changes
    if device.passes <= 1:
        return changes + Changes(delete=(device,))
    return changes + Changes(update=((device, replace(device, passes=device.passes - 1)),))


def is_gone(device: Device, *, push_token: str, gone_at: datetime | None) -> bool:
    """Whether the device is the one that the push service knows no more.

    Not where it has named another token since, or the same one again after ``gone_at``.
    """
    return device.push_token == push_token and (gone_at is None or device.named_at <= gone_at)


def updated_since(cards: Iterable[Card], tag: str | None) -> Updated | None:
    """Return which of a device's cards changed after ``tag``; None where none did.

    The tag is decimal digits, the moment of the last change in milliseconds: nothing in it needs
    encoding. One that is none of ours counts as none at all, and then all of them changed.
    """
    since = int(tag) if tag is not None and _is_tag(tag) else -1
    changed = [(tag_of(card), card.serial) for card in cards if tag_of(card) > since]
    if not changed:
        return None
    return Updated(tuple(serial for _, serial in changed), str(max(changed)[0]))


def tag_of(card: Card) -> int:
    """Return the milliseconds of the last change of what the card shows."""
    return round(card.shown_at.timestamp() * 1000)


def stamp_of(card: Card) -> datetime:
    """Return the second of that change: HTTP dates know nothing finer."""
    return card.shown_at.replace(microsecond=0)


_TAG_LENGTH_MAX = 18


def _is_tag(tag: str) -> bool:
    return tag.isascii() and tag.isdigit() and len(tag) <= _TAG_LENGTH_MAX
