"""What Google says of cards that were saved in its wallet, or taken out of it."""

from chalicelib.core.activity import Origin
from chalicelib.core.cards.cards import Card
from chalicelib.core.changes import Contention, ref
from chalicelib.core.wallets import google, saves
from chalicelib.core.wallets.callbacks import Callback
from chalicelib.core.wallets.saves import CallbackNonce, SavedObject
from chalicelib.usecases.context import Context, transact


def take(context: Context, callback: Callback, *, origin: Origin) -> None:
    """Note what the callback says of a card; nothing where it is known, or about something else.

    Raises:
        ConflictRetry: too many callbacks about the card at once.
    """
    named = google.card_of(callback.object_name or "")
    if named is None or not saves.is_about_saves(callback):
        return
    serial, kind = named
    event_id = context.new_id("evt", origin.recorded_at)
    card_name, saved_name = ref(Card, serial), ref(SavedObject, serial, kind)

    def attempt(lost: Contention | None) -> None:
        if lost is not None and lost.stored(CallbackNonce) is not None:
            return
        found = context.store.read(card_name, saved_name)
        card = found.find(card_name)
        if card is None:
            return
        changes = saves.decide(
            callback, card, found.find(saved_name), kind=kind, event_id=event_id, origin=origin
        )
        context.store.commit(changes)

    transact(context, attempt)
