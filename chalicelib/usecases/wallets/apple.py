"""Passes of Apple Wallet: made anew whenever a phone asks."""

from datetime import datetime

from chalicelib.core.cards.cards import Card
from chalicelib.core.wallets import apple
from chalicelib.core.wallets.apple import Issuer
from chalicelib.usecases.context import Context
from chalicelib.usecases.ports import Passes
from chalicelib.usecases.wallets.showing import showing_of


def make_pass(  # noqa: PLR0913
    context: Context,
    passes: Passes,
    card: Card,
    *,
    issuer: Issuer,
    service_url: str,
    now: datetime,
) -> bytes:
    """Return the ``.pkpass`` of the card, as it is now.

    ``service_url`` is where the phone will ask for changes; see
    :func:`chalicelib.core.wallets.apple.contents`.

    Raises:
        TemplateNotFound: the template that it shows is gone.
        Unavailable: the certificate cannot be used.
    """
    showing = showing_of(context, card, now=now)
    contents = apple.contents(showing, issuer=issuer, service_url=service_url)
    return passes.make(contents, showing.template.design, now=now)
