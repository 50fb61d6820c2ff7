"""Passes of Apple Wallet: made anew whenever a phone asks, and phones told to ask."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec

from chalicelib.core.activity import Origin
from chalicelib.core.cards.cards import Card
from chalicelib.core.errors import Unavailable
from chalicelib.core.wallets import apple
from chalicelib.core.wallets.apple import Issuer
from chalicelib.usecases.context import Context
from chalicelib.usecases.ports import Passes, Pushes, PushOutcome
from chalicelib.usecases.wallets import devices
from chalicelib.usecases.wallets.showing import showing_of


class Pushed(msgspec.Struct, frozen=True):
    """How many phones were told, are gone, or could not be told for ``reasons`` of our own."""

    sent: int = 0
    gone: int = 0
    refused: int = 0
    reasons: tuple[str, ...] = ()


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


def push_updates(
    context: Context, pushes: Pushes, serials: Iterable[str], *, origin: Origin
) -> Pushed:
    """Tell every phone that has one of the cards to ask what changed; each is told once.

    What changed it finds by ``shown_at``: see :mod:`chalicelib.usecases.wallets.changes`. Devices
    that the service knows no more are forgotten.

    Raises:
        Unavailable: some could not be told; tell all of them again. It does no harm.
    """
    now = origin.recorded_at
    told = devices.with_cards(context, serials)
    if not told:
        return Pushed()
    results = pushes.send([device.push_token for device in told], now=now)
    counts = Counter(results[device.push_token].outcome for device in told)
    for device in told:
        push = results[device.push_token]
        if push.outcome is PushOutcome.GONE:
            devices.forget(context, device, gone_at=push.gone_at, origin=origin)
    if counts[PushOutcome.LATER]:
        raise Unavailable(
            "Apple's push service is busy or out of reach",
            fix="push again in a moment",
            facts={"retry_after": 60},
        )
    reasons = {each.reason for each in results.values() if each.outcome is PushOutcome.REFUSED}
    return Pushed(
        sent=counts[PushOutcome.SENT],
        gone=counts[PushOutcome.GONE],
        refused=counts[PushOutcome.REFUSED],
        reasons=tuple(sorted(reason or "unknown" for reason in reasons)),
    )
