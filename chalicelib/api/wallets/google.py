"""What Google Wallet calls when a card is saved in it or removed from it."""

from typing import Any, Final

from chalicelib.api.web import problems
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.exchange import here
from chalicelib.core.activity import Channel, Origin
from chalicelib.core.errors import ConflictRetry, Unavailable
from chalicelib.core.wallets.callbacks import CallbackRefused
from chalicelib.core.wallets.google import NoGoogleWallet
from chalicelib.usecases.wallets import saves

blueprint = JsonBlueprint()

_SIZE_MAX: Final = 64 * 1024


@blueprint.operation(
    "POST",
    "/v1/wallets/google/callbacks",
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
