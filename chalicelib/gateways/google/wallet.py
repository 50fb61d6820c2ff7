"""Google Wallet's REST API: classes, objects, messages; and links that save an object."""

import json
from datetime import datetime
from typing import Any, Final

import msgspec

from chalicelib.core.errors import Unavailable
from chalicelib.core.wallets.google import Issuer, Notice, ObjectKind, Resource
from chalicelib.gateways.google import tokens
from chalicelib.gateways.google.accounts import Account, GoogleAccount
from chalicelib.gateways.google.calls import Caller
from chalicelib.gateways.google.tokens import TOKEN_ADDRESS, AccessTokens

ADDRESS: Final = "https://walletobjects.googleapis.com/walletobjects/v1"
SAVE_ADDRESS: Final = "https://pay.google.com/gp/v/save"

_HTTP_OK: Final = 200
_UNAUTHENTICATED: Final = 401
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
# More than three notifications of a pass in a day.
_QUOTA: Final = "quotaExceeded"


class GoogleWallet:
    """Implements :class:`chalicelib.usecases.ports.GoogleWallet`."""

    def __init__(
        self, account: GoogleAccount, *, address: str = ADDRESS, token_address: str = TOKEN_ADDRESS
    ) -> None:
        self._account = account
        self._address = address
        self._caller = Caller()
        self._tokens = AccessTokens(self._caller, token_address)
        self._classes: dict[str, Resource] = {}

    def issuer(self, *, now: datetime) -> Issuer | None:
        account = self._account.find(now=now)
        return None if account is None else Issuer(account.issuer_id, account.logo_url)

    def put_class(self, kind: ObjectKind, made: Resource, *, now: datetime) -> None:
        # A template changes seldom: what this container put last is still there.
        if self._classes.get(made.resource_id) != made:
            self._put(f"{kind}Class", made, now=now)
            self._classes[made.resource_id] = made

    def put_object(self, kind: ObjectKind, made: Resource, *, now: datetime) -> None:
        self._put(f"{kind}Object", made, now=now)

    def change_object(self, kind: ObjectKind, change: Resource, *, now: datetime) -> bool:
        path = f"{kind}Object/{change.resource_id}"
        status, raw = self._send("PATCH", path, change.body, now=now)
        if status != _NOT_FOUND:
            _check(status, raw)
        return status != _NOT_FOUND

    def add_notice(
        self, kind: ObjectKind, object_id: str, notice: Notice, *, now: datetime
    ) -> bool:
        path = f"{kind}Object/{object_id}/addMessage"
        said = {"id": notice.notice_id, "header": notice.header, "body": notice.body}
        for message_type in ("TEXT_AND_NOTIFY", "TEXT"):
            body = {"message": said | {"messageType": message_type}}
            status, raw = self._send("POST", path, body, now=now)
            if status != _FORBIDDEN or _reason(raw) != _QUOTA:
                break
        if status != _NOT_FOUND:
            _check(status, raw)
        return status != _NOT_FOUND

    def save_link(self, kind: ObjectKind, *, object_id: str, class_id: str, now: datetime) -> str:
        account = self._found(now)
        claims = {
            "iss": account.client_email,
            "aud": "google",
            "typ": "savetowallet",
            "iat": int(now.timestamp()),
            "payload": {f"{kind}Objects": [{"id": object_id, "classId": class_id}]},
        }
        return f"{SAVE_ADDRESS}/{tokens.signed(claims, account)}"

    def _put(self, collection: str, made: Resource, *, now: datetime) -> None:
        new = {name: value for name, value in made.body.items() if value is not None}
        status, raw = self._send("POST", collection, new, now=now)
        if status == _CONFLICT:
            path = f"{collection}/{made.resource_id}"
            status, raw = self._send("PATCH", path, made.body, now=now)
        _check(status, raw)

    def _send(
        self, method: str, path: str, body: dict[str, Any], *, now: datetime
    ) -> tuple[int, bytes]:
        account = self._found(now)
        encoded = msgspec.json.encode(body)
        for is_last in (False, True):
            token = self._tokens.get(account, now=now)
            status, raw = self._caller.send(method, f"{self._address}/{path}", encoded, token)
            if status != _UNAUTHENTICATED or is_last:
                break
            self._tokens.forget()
        return status, raw

    def _found(self, now: datetime) -> Account:
        account = self._account.find(now=now)
        assert account is not None, "the issuer was asked for first"
        return account


def _check(status: int, raw: bytes) -> None:
    """Raise unless Google did what it was asked.

    Raises:
        Unavailable: it did not; later it may, or once somebody has set things right.
    """
    if status == _HTTP_OK:
        return
    is_passing = status in {_CONFLICT, _TOO_MANY} or status >= _SERVER_ERROR
    print(json.dumps({"event": "google.refused", "status": status, "reason": _reason(raw)}))  # noqa: T201
    raise Unavailable(
        "Google Wallet does not take the card",
        fix="try again in a moment" if is_passing else "check the account of Google Wallet",
        facts={"retry_after": 1 if is_passing else 600},
    )


class _Detail(msgspec.Struct, frozen=True):
    reason: str = ""


class _Error(msgspec.Struct, frozen=True):
    errors: tuple[_Detail, ...] = ()


class _Refusal(msgspec.Struct, frozen=True):
    error: _Error


def _reason(raw: bytes) -> str:
    """Return the name that Google has for the refusal; its text may quote what is on the card."""
    try:
        return ", ".join(
            each.reason for each in msgspec.json.decode(raw, type=_Refusal).error.errors
        )
    except msgspec.DecodeError:
        return ""
