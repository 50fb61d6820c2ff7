"""Links that save cards at Google Wallet, and what it calls when that happens."""

from typing import Any, Final

import msgspec

from chalicelib.api.web import problems, requests
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.exchange import here
from chalicelib.core.activity import Channel, Origin
from chalicelib.core.cards.cards import CardDeleted, CardNotFound
from chalicelib.core.cards.templates import TemplateNotFound
from chalicelib.core.errors import ConflictRetry, Unavailable
from chalicelib.core.wallets.callbacks import CallbackRefused
from chalicelib.core.wallets.google import NoGoogleWallet
from chalicelib.usecases.wallets import google, saves

blueprint = JsonBlueprint()

_CALLBACKS: Final = "/v1/wallets/google/callbacks"
_SIZE_MAX: Final = 64 * 1024


class GoogleLinkView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the holder saves the card."""

    url: str


@blueprint.operation(
    "GET",
    "/v1/cards/{serial}/google-link",
    answer=GoogleLinkView,
    refusals=(CardNotFound, CardDeleted, TemplateNotFound, NoGoogleWallet),
)
def get_google_link(call: Call[None, None], serial: str) -> Answer:
    """Return the link that saves a card at Google Wallet, for its holder alone.

    The card is brought to Google as it is now, so that opening the link shows it.
    """
    url = google.save_link(
        call.services.context,
        call.services.google,
        serial,
        callback_url=requests.root_of(here.exchange.request) + _CALLBACKS,
        now=call.now,
    )
    return Answer(GoogleLinkView(url=url), etag=False)


@blueprint.operation(
    "POST",
    _CALLBACKS,
    writes=False,
    refusals=(
        CallbackRefused,
        NoGoogleWallet,
        problems.PayloadTooLarge,
        ConflictRetry,
        Unavailable,
    ),
)
def take_google_callback(call: Call[None, None]) -> Answer:
    """Take what Google Wallet says of a card: that it was saved, or removed.

    The body is as Google signs it (`ECv2SigningOnly`). Whatever comes twice, late or in another
    order leaves the card the same; what is about something else is taken, and changes nothing.
    """
    callback = call.services.callbacks.opened(_raw(), now=call.now)
    saves.take(call.services.context, callback, origin=_origin(call))
    return Answer()


def _raw() -> bytes:
    """Return the body as it came, whatever it is declared as: its signature says what it is.

    Raises:
        problems.PayloadTooLarge: it is longer than any callback.
    """
    try:
        raw = here.exchange.request.raw_body
    except ValueError:
        return b""
    if len(raw) > _SIZE_MAX:
        raise problems.PayloadTooLarge(
            "the body is too large", fix="send less at once", facts={"size_max": _SIZE_MAX}
        )
    return raw.encode() if isinstance(raw, str) else raw


def _origin(call: Call[Any, Any]) -> Origin:
    return Origin(actor="google_wallet", channel=Channel.WALLET, recorded_at=call.now)
