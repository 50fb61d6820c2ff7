"""Cards at Google Wallet: brought there as they are now, and saved by a link."""

from datetime import datetime

from chalicelib.core.cards import cards
from chalicelib.core.wallets import google
from chalicelib.core.wallets.google import Issuer, ObjectKind
from chalicelib.core.wallets.showing import Showing
from chalicelib.usecases.cards.cards import get_card
from chalicelib.usecases.context import Context
from chalicelib.usecases.ports import GoogleWallet
from chalicelib.usecases.wallets.showing import showing_of


def save_link(
    context: Context, wallet: GoogleWallet, serial: str, *, callback_url: str, now: datetime
) -> str:
    """Return an address that saves the card at Google Wallet, once the card is there.

    ``callback_url`` is told when that happens.

    Raises:
        CardNotFound, CardDeleted, TemplateNotFound, NoGoogleWallet.
        Unavailable: Google is out of reach, or does not take the card.
    """
    card = get_card(context, serial)
    cards.check_not_deleted(card)
    issuer = wallet.issuer(now=now)
    if issuer is None:
        raise google.not_set_up()
    showing = showing_of(context, card, now=now)
    return _bring(wallet, showing, issuer=issuer, callback_url=callback_url)


def _bring(wallet: GoogleWallet, showing: Showing, *, issuer: Issuer, callback_url: str) -> str:
    """Put the card there and return the link: class before object, both before what ends."""
    kind, now = google.kind_of(showing.card), showing.now
    made = google.class_of(
        showing.template, showing.settings, issuer=issuer, callback_url=callback_url
    )
    wallet.put_class(kind, made, now=now)
    shown = google.object_of(showing, issuer=issuer)
    wallet.put_object(kind, shown, now=now)
    ended = google.ended_object_of(showing, issuer=issuer)
    if ended is not None:
        before = ObjectKind.LOYALTY if kind is ObjectKind.OFFER else ObjectKind.OFFER
        wallet.change_object(before, ended, now=now)
    return wallet.save_link(kind, object_id=shown.resource_id, class_id=made.resource_id, now=now)
