"""Passes of Apple Wallet: made anew whenever a phone asks."""

from datetime import datetime

from chalicelib.core.cards import templates
from chalicelib.core.cards.cards import Card
from chalicelib.core.cards.templates import CardTemplate
from chalicelib.core.changes import ref
from chalicelib.core.coupons import codes
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.wallets import apple
from chalicelib.core.wallets.apple import Issuer, Showing
from chalicelib.usecases.context import Context
from chalicelib.usecases.ports import Passes


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
    showing = _showing(context, card, now=now)
    contents = apple.contents(showing, issuer=issuer, service_url=service_url)
    return passes.make(contents, showing.template.design, now=now)


def _showing(context: Context, card: Card, *, now: datetime) -> Showing:
    template_name = ref(CardTemplate, card.shown_template_id)
    coupon_name = ref(Coupon, codes.key_of(card.code or "") or "")
    names = [template_name] if card.code is None else [template_name, coupon_name]
    found = context.store.read(*names)
    template = found.find(template_name)
    if template is None:
        raise templates.not_found()
    settings = context.rules.settings(now=now)
    return Showing(card, template, found.find(coupon_name), settings, now)
