"""Read what a card shows."""

from datetime import datetime

from chalicelib.core.cards import templates
from chalicelib.core.cards.cards import Card
from chalicelib.core.cards.templates import CardTemplate
from chalicelib.core.changes import ref
from chalicelib.core.coupons import codes
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.wallets.showing import Showing
from chalicelib.usecases.context import Context


def showing_of(context: Context, card: Card, *, now: datetime) -> Showing:
    """Return what the card shows: in one round trip, as it is now.

    Raises:
        TemplateNotFound: the template that it shows is gone.
    """
    template_name = ref(CardTemplate, card.shown_template_id)
    coupon_name = ref(Coupon, codes.key_of(card.code or "") or "")
    names = [template_name] if card.code is None else [template_name, coupon_name]
    found = context.store.read(*names)
    template = found.find(template_name)
    if template is None:
        raise templates.not_found()
    settings = context.rules.settings(now=now)
    return Showing(card, template, found.find(coupon_name), settings, now)
