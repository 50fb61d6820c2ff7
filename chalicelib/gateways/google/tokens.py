"""What Google is shown by who may write objects: signed with the key of the service account."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

from chalicelib.core.errors import Unavailable
from chalicelib.gateways.google.accounts import Account
from chalicelib.gateways.google.calls import Caller

TOKEN_ADDRESS: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 # an address
SCOPE: Final = "https://www.googleapis.com/auth/wallet_object.issuer"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_LASTS: Final = timedelta(minutes=55)
_SPARE: Final = timedelta(seconds=60)
_HTTP_OK: Final = 200


class _Token(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int


class AccessTokens:
    """Access tokens, each used until a minute before its end."""

    def __init__(self, caller: Caller, address: str = TOKEN_ADDRESS) -> None:
        self._caller = caller
        self._address = address
        self._kept: tuple[str, str, datetime] | None = None

    def get(self, account: Account, *, now: datetime) -> str:
        """Return a token that is good for the next minute.

        Raises:
            Unavailable: Google gives none.
        """
        kept = self._kept
        if kept is not None and kept[0] == account.private_key and now < kept[2]:
            return kept[1]
        token = self._ask(account, now)
        lasts = timedelta(seconds=token.expires_in) - _SPARE
        self._kept = account.private_key, token.access_token, now + lasts
        return token.access_token

    def forget(self) -> None:
        """Ask for a new one the next time: Google does not take the one that there is."""
        self._kept = None

    def _ask(self, account: Account, now: datetime) -> _Token:
        claims = {
            "iss": account.client_email,
            "scope": SCOPE,
            "aud": self._address,
            "iat": int(now.timestamp()),
            "exp": int((now + _LASTS).timestamp()),
        }
        fields = {"grant_type": GRANT, "assertion": signed(claims, account)}
        status, raw = self._caller.post_form(self._address, fields)
        try:
            if status == _HTTP_OK:
                return msgspec.json.decode(raw, type=_Token)
        except msgspec.DecodeError:
            pass
        raise Unavailable(
            "Google does not take the service account",
            fix="check the key in the secret GoogleWallet",
            facts={"retry_after": 60},
        )


def signed(claims: dict[str, Any], account: Account) -> str:
    """Return ``claims`` as a JWT (RS256) of the service account.

    Raises:
        Unavailable: its key is none.
    """
    import jwt  # noqa: PLC0415 # a redemption needs none of it

    return jwt.encode(claims, _key(account.private_key), algorithm="RS256")


@lru_cache(maxsize=2)
def _key(pem: str) -> Any:
    # From text PyJWT would load it each time, which costs 80 ms.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(pem.encode(), password=None)
        if isinstance(key, RSAPrivateKey):
            return key
    except (ValueError, TypeError):
        pass
    raise Unavailable(
        "the key of the service account is not usable",
        fix="put the service account's JSON file into the secret GoogleWallet",
        facts={"retry_after": 600},
    )
