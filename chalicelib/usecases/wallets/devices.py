"""Which phones have which passes, and what they are told of changes."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final

from chalicelib.core.activity import Origin
from chalicelib.core.cards.cards import Card
from chalicelib.core.changes import Contention, ref
from chalicelib.core.pages import LIMIT_MAX, Page, PageRequest
from chalicelib.core.wallets import devices
from chalicelib.core.wallets.devices import Device, Registration, Updated
from chalicelib.usecases.context import Context, transact

# A phone has a few cards of a business, and a card is on a few phones: a thousand is more than any.
_PAGES_MAX: Final = 10


def find_card(context: Context, serial: str) -> Card | None:
    """Return the card, if there is one."""
    name = ref(Card, serial)
    return context.store.read(name).find(name)


def register(
    context: Context, card: Card, device_id: str, push_token: str, *, origin: Origin
) -> bool:
    """Note that the device has the card's pass; return whether it had it not before.

    Raises:
        ConflictRetry: too many calls of this device at once.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def attempt(_: Contention | None) -> bool:
        now_card, device, registration = _read(context, card.serial, device_id)
        assert now_card is not None, "cards are never removed"
        changes = devices.decide_registration(
            now_card,
            device=device,
            registration=registration,
            device_id=device_id,
            push_token=push_token,
            event_id=event_id,
            origin=origin,
        )
        context.store.commit(changes)
        return registration is None

    return transact(context, attempt)


def unregister(context: Context, card: Card, device_id: str, *, origin: Origin) -> None:
    """Note that the device has the card's pass no more; nothing changes where it had not.

    Raises:
        ConflictRetry: too many calls of this device at once.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def attempt(_: Contention | None) -> None:
        now_card, device, registration = _read(context, card.serial, device_id)
        assert now_card is not None, "cards are never removed"
        changes = devices.decide_removal(
            now_card, device=device, registration=registration, event_id=event_id, origin=origin
        )
        context.store.commit(changes)

    transact(context, attempt)


def forget(context: Context, device: Device, *, gone_at: datetime | None, origin: Origin) -> None:
    """Take every pass from a device that the push service knows no more.

    Nothing where the phone has come back meanwhile; ``gone_at`` is since when it is gone, where
    that is known.

    Raises:
        ConflictRetry: too many calls of this device at once.
    """
    for serial in _serials_of(context, device.device_id):
        event_id = context.new_id("evt", origin.recorded_at)

        def attempt(_: Contention | None, serial: str = serial, event_id: str = event_id) -> None:
            card, found, registration = _read(context, serial, device.device_id)
            if card is None or found is None:
                return
            if devices.is_gone(found, push_token=device.push_token, gone_at=gone_at):
                changes = devices.decide_removal(
                    card,
                    device=found,
                    registration=registration,
                    event_id=event_id,
                    origin=origin,
                )
                context.store.commit(changes)

        transact(context, attempt)


def with_cards(context: Context, serials: Iterable[str]) -> tuple[Device, ...]:
    """Return the devices that have one of the cards, each once."""
    store = context.store
    found = [
        registration.device_id
        for serial in serials
        for registration in _all(partial(store.registrations_of_card, serial))
    ]
    names = [ref(Device, device_id) for device_id in dict.fromkeys(found)]
    read = context.store.read(*names)
    return tuple(device for name in names if (device := read.find(name)) is not None)


def updated_since(context: Context, device_id: str, tag: str | None) -> Updated | None:
    """Return which passes of the device changed since it was given ``tag``; None where none did."""
    serials = _serials_of(context, device_id)
    if not serials:
        return None
    names = [ref(Card, serial) for serial in serials]
    found = context.store.read(*names)
    cards = [card for name in names if (card := found.find(name)) is not None]
    return devices.updated_since(cards, tag)


def _serials_of(context: Context, device_id: str) -> list[str]:
    found = _all(partial(context.store.registrations_of_device, device_id))
    return [registration.serial for registration in found]


def _all(page_of: Callable[[PageRequest], Page[Registration]]) -> list[Registration]:
    """Return what is on all of the pages, of which there is hardly ever a second."""
    found: list[Registration] = []
    after = None
    for _ in range(_PAGES_MAX):
        page = page_of(PageRequest(limit=LIMIT_MAX, after=after, descending=False))
        found += page.items
        after = page.end
        if after is None:
            break
    return found


def _read(
    context: Context, serial: str, device_id: str
) -> tuple[Card | None, Device | None, Registration | None]:
    """Return the card, the device and its registration as they are now."""
    names = ref(Card, serial), ref(Device, device_id), ref(Registration, device_id, serial)
    found = context.store.read(*names)
    return found.find(names[0]), found.find(names[1]), found.find(names[2])
