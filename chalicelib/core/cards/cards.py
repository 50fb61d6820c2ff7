"""Cards: one customer's copy of a template, on the phone or on the way to it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from chalicelib.core import errors
from chalicelib.core.cards.templates import CardType


class CardNotFound(errors.NotFound):
    """No card has this serial."""

    code = "card_not_found"


class CardDeleted(errors.Refused):
    """Staff deleted the card, for good."""

    code = "card_deleted"


class CardStatus(StrEnum):
    """The life of a card. Values are public."""

    NOT_INSTALLED = "not_installed"
    INSTALLED = "installed"
    DELETED = "deleted"


class Holder(msgspec.Struct, frozen=True):
    """The holder's details as they were when the card was issued; the profile may go on."""

    first_name: str | None = None
    last_name: str | None = None


class Card(msgspec.Struct, frozen=True):
    """A card of a customer.

    ``template_id`` is what it was issued from and, however it is converted, what its installation
    counts for; ``shown_template_id`` is what it shows: another one once it was converted, by the
    redemption ``converted_by``. ``secret`` opens its page and is its token for Apple's web
    service: it never changes. ``code`` is the coupon of a coupon card.

    ``installations`` counts the devices and browsers that have it. ``shown_at`` is the moment of
    the last change of anything that the card shows, in whole milliseconds, never the same twice.
    ``stamps`` are those towards the next reward; ``rewards_given`` says how often it was full.
    ``promotions`` are the chosen ones.
    """

    serial: str
    template_id: str
    shown_template_id: str
    card_type: CardType
    customer_id: str
    issued_at: datetime
    shown_at: datetime
    secret: str
    status: CardStatus = CardStatus.NOT_INSTALLED
    installations: int = 0
    holder: Holder = Holder()
    code: str | None = None
    converted_by: str | None = None
    stamps: int = 0
    rewards_given: int = 0
    expires_at: datetime | None = None
    custom_values: Mapping[str, str] = msgspec.field(default_factory=dict)
    utm: Mapping[str, str] = msgspec.field(default_factory=dict)
    promotions: tuple[str, ...] = ()
    version: int = 0


def not_found() -> CardNotFound:
    """Return the error for a serial that names no card."""
    return CardNotFound("no card has this serial", fix="check the serial")
