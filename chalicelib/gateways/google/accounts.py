"""The business's account at Google Wallet, in a secret: the file that Google gives, and its issuer.

``issuer_id`` and ``logo_url`` are added to the JSON file of the service account's key.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from chalicelib.core.errors import Unavailable
from chalicelib.usecases.ports import Secrets

# A new key is in use that soon, without a deployment.
_KEPT_FOR: Final = timedelta(minutes=10)


class Account(msgspec.Struct, frozen=True):
    """Whose objects these are, and who may write them. ``private_key`` is PEM, and a secret.

    ``logo_url`` is where Google gets the logo of the cards, over HTTPS.
    """

    issuer_id: str
    logo_url: str
    client_email: str
    private_key: str


class GoogleAccount:
    """Reads the secret when it is needed, and again after some minutes."""

    def __init__(self, secrets: Secrets, name: str) -> None:
        self._secrets = secrets
        self._name = name
        self._kept: tuple[datetime, Account | None] | None = None

    def find(self, *, now: datetime) -> Account | None:
        """Return the account; None while the business has none.

        Raises:
            Unavailable: the secret is out of reach, or is not what it should be.
        """
        kept = self._kept
        if kept is None or not now - _KEPT_FOR <= kept[0] <= now:
            kept = self._kept = now, self._load()
        return kept[1]

    def _load(self) -> Account | None:
        secret = self._secrets.read(self._name) if self._name else None
        if secret is None:
            return None
        try:
            return msgspec.json.decode(secret, type=Account)
        except msgspec.DecodeError:
            # Its text would quote the secret.
            raise Unavailable(
                "the account at Google Wallet is not usable",
                fix="put the service account's JSON into the secret, with issuer_id and logo_url",
                facts={"retry_after": 600},
            ) from None
