"""Changes of what a card shows that no decision on the card itself has made."""

from datetime import datetime

from msgspec.structs import replace

from chalicelib.core.cards import cards
from chalicelib.core.cards.cards import Card
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.usecases.context import Context, transact


def note_change(context: Context, serial: str, *, now: datetime) -> None:
    """Note that the card shows something else since ``now``, so that phones get it anew.

    Such as after its coupon was redeemed, ran out or was given another expiry; before its phones
    are told. Nothing where there is no such card.

    Raises:
        ConflictRetry: too many changes of this card at once.
    """

    def attempt(_: Contention | None) -> None:
        name = ref(Card, serial)
        card = context.store.read(name).find(name)
        if card is not None:
            after = replace(card, shown_at=cards.next_shown_at(card, now))
            context.store.commit(Changes(update=((card, after),)))

    transact(context, attempt)
