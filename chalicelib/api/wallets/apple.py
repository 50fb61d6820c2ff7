"""What Apple Wallet calls: the web service of developer.apple.com/documentation/walletpasses.

A phone appends ``/v1/…`` to the address in its pass, so that Apple's version stands behind ours,
and names are Apple's. Its token is checked here, against the card's; a serial that nobody has is
answered like a wrong token.
"""

import hmac
import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Annotated, Any, Final

import msgspec

from chalicelib.api.web import logs, problems, requests
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.exchange import here
from chalicelib.core.activity import Channel, Origin
from chalicelib.core.cards.cards import Card
from chalicelib.core.cards.templates import TemplateNotFound
from chalicelib.core.errors import ConflictRetry, Unavailable
from chalicelib.core.wallets import devices
from chalicelib.core.wallets.apple import Issuer
from chalicelib.usecases.wallets import apple as passes_usecases
from chalicelib.usecases.wallets import devices as usecases

blueprint = JsonBlueprint()

ROOT: Final = "/v1/wallets/apple"
"""What a phone appends ``/v1/…`` to."""

_REGISTRATIONS: Final = f"{ROOT}/v1/devices/{{device_id}}/registrations/{{pass_type_id}}"
_REGISTRATION: Final = f"{_REGISTRATIONS}/{{serial}}"
_PASS: Final = f"{ROOT}/v1/passes/{{pass_type_id}}/{{serial}}"
_REFUSALS: Final = (problems.Unauthenticated, Unavailable)

_SCHEME: Final = "applepass"
_LOG_SIZE_MAX: Final = 64 * 1024
_LOG_LINES_MAX: Final = 20
_LOG_LINE_LENGTH_MAX: Final = 500
# Names of devices and tokens: whoever knows one can use it.
_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9_-]{31,}")

_HTTP_OK: Final = 200
_NO_CONTENT: Final = 204
_NOT_MODIFIED: Final = 304


class PushTokenBody(msgspec.Struct, frozen=True, kw_only=True):
    """How the device is reached."""

    push_token: Annotated[
        str,
        msgspec.Meta(pattern="^[0-9A-Fa-f]{1,256}$", description="hexadecimal digits"),
    ] = msgspec.field(name="pushToken")


class UpdatesQuery(msgspec.Struct, frozen=True, kw_only=True):
    since: str | None = msgspec.field(default=None, name="passesUpdatedSince")


class UpdatesView(msgspec.Struct, frozen=True, kw_only=True):
    """Serials of passes to get anew, and the tag to send the next time."""

    serials: tuple[str, ...] = msgspec.field(name="serialNumbers")
    tag: str = msgspec.field(name="lastUpdated")


@blueprint.operation(
    "POST",
    _REGISTRATION,
    body=PushTokenBody,
    status=201,
    further=(_HTTP_OK,),
    writes=False,
    refusals=(*_REFUSALS, ConflictRetry),
)
def register_device(
    call: Call[PushTokenBody, None], device_id: str, pass_type_id: str, serial: str
) -> Answer:
    """Note that a device has a pass and how it is reached.

    `201` the first time; after that `200`, and the new push token is the one that counts.
    """
    card, _ = _card(call, pass_type_id, serial)
    is_new = usecases.register(
        call.services.context, card, device_id, call.body.push_token, origin=_origin(call)
    )
    return Answer() if is_new else Answer(status=_HTTP_OK)


@blueprint.operation("DELETE", _REGISTRATION, writes=False, refusals=(*_REFUSALS, ConflictRetry))
def unregister_device(
    call: Call[None, None], device_id: str, pass_type_id: str, serial: str
) -> Answer:
    """Note that a device has a pass no more; said twice, it is the same."""
    card, _ = _card(call, pass_type_id, serial)
    usecases.unregister(call.services.context, card, device_id, origin=_origin(call))
    return Answer()


@blueprint.operation(
    "GET",
    _REGISTRATIONS,
    query=UpdatesQuery,
    answer=UpdatesView,
    further=(_NO_CONTENT,),
    refusals=(Unavailable,),
)
def list_updated_passes(
    call: Call[None, UpdatesQuery], device_id: str, pass_type_id: str
) -> Answer:
    """List the passes of a device that changed since a tag; without one, all of them.

    The name of the device is what it proves itself by: Apple's protocol has no token here.
    """
    issuer = call.services.passes.issuer(now=call.now)
    found = None
    if issuer is not None and issuer.pass_type_id == pass_type_id:
        found = usecases.updated_since(call.services.context, device_id, call.query.since)
    if found is None:
        return Answer(status=_NO_CONTENT)
    return Answer(UpdatesView(serials=found.serials, tag=found.tag), etag=False)


@blueprint.operation(
    "GET",
    _PASS,
    answer=bytes,
    media_type="application/vnd.apple.pkpass",
    further=(_NOT_MODIFIED,),
    refusals=(*_REFUSALS, TemplateNotFound),
)
def get_pass(call: Call[None, None], pass_type_id: str, serial: str) -> Answer:
    """Get a pass as it is now; `304` where it is what `If-Modified-Since` says the device has."""
    card, issuer = _card(call, pass_type_id, serial)
    changed_at = devices.stamp_of(card)
    headers = {"Last-Modified": format_datetime(changed_at, usegmt=True)}
    had = _moment(here.exchange.request.headers.get("if-modified-since"))
    if had is not None and had >= changed_at:
        return Answer(status=_NOT_MODIFIED, headers=headers)
    packed = passes_usecases.make_pass(
        call.services.context,
        call.services.passes,
        card,
        issuer=issuer,
        service_url=requests.root_of(here.exchange.request) + ROOT,
        now=call.now,
    )
    return Answer(packed, etag=False, headers=headers)


@blueprint.operation("POST", f"{ROOT}/v1/log", writes=False)
def log_messages(call: Call[None, None]) -> Answer:
    """Take what a device has to say of its troubles, `{"logs": ["…"]}`; it goes to our own log.

    Whatever comes is taken: a device that was refused would only say it again.
    """
    for line in _messages():
        logs.write(
            "wallet.apple_said",
            level="info",
            request_id=call.request_id,
            said=_CREDENTIAL.sub("…", line)[:_LOG_LINE_LENGTH_MAX],
        )
    return Answer()


def _card(call: Call[Any, Any], pass_type_id: str, serial: str) -> tuple[Card, Issuer]:
    """Return the card whose token the device sent, and whose passes ours are.

    Raises:
        problems.Unauthenticated: it is not the card's, or there is no such pass.
    """
    scheme, _, token = here.exchange.request.headers.get("authorization", "").partition(" ")
    card = usecases.find_card(call.services.context, serial)
    issuer = call.services.passes.issuer(now=call.now)
    wanted = card.secret if card is not None else ""
    is_right = hmac.compare_digest(token.strip().encode(errors="replace"), wanted.encode())
    if (
        card is None
        or issuer is None
        or issuer.pass_type_id != pass_type_id
        or scheme.lower() != _SCHEME
        or not is_right
    ):
        raise problems.Unauthenticated(
            "there is no such pass, or its token is another one",
            fix="send Authorization: ApplePass and the authenticationToken of the pass",
        )
    return card, issuer


def _origin(call: Call[Any, Any]) -> Origin:
    return Origin(actor="apple_wallet", channel=Channel.WALLET, recorded_at=call.now)


def _moment(header: str | None) -> datetime | None:
    """Return what an HTTP date says; None where it says nothing."""
    if header is None:
        return None
    try:
        moment = parsedate_to_datetime(header)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _messages() -> list[str]:
    """Return what the body says, in the shape of Apple's or as the bare list of other clients."""
    try:
        raw = here.exchange.request.raw_body
        if len(raw) > _LOG_SIZE_MAX:
            return ["(too much)"]
        said = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return ["(unreadable)"]
    lines = said.get("logs") if isinstance(said, dict) else said
    if not isinstance(lines, list):
        return ["(unreadable)"]
    return [line for line in lines if isinstance(line, str)][:_LOG_LINES_MAX]
