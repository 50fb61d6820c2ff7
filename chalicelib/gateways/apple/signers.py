"""The certificate of a secret, kept in the container."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from chalicelib.core.errors import Unavailable
from chalicelib.gateways.apple import certificates
from chalicelib.gateways.apple.certificates import CertificateRefused, Material, Signer
from chalicelib.usecases.ports import Secrets

# A new certificate is in use that soon, without a deployment.
_KEPT_FOR: Final = timedelta(minutes=10)


class KeptSigner:
    """Loads the certificate of a secret, and looks every ten minutes whether it is another."""

    def __init__(self, secrets: Secrets, name: str) -> None:
        self._secrets = secrets
        self._name = name
        self._kept: tuple[datetime, Signer | None] | None = None

    def signer(self, *, now: datetime) -> Signer | None:
        """Return the signer; None while nobody has put a certificate.

        Raises:
            Unavailable: what was put cannot be used, or the secrets are out of reach.
        """
        kept = self._kept
        if kept is None or not now - _KEPT_FOR <= kept[0] <= now:
            kept = self._kept = now, self._load()
        return kept[1]

    def _load(self) -> Signer | None:
        secret = self._secrets.read(self._name) if self._name else None
        if secret is None:
            return None
        try:
            return certificates.load(msgspec.json.decode(secret, type=Material))
        except (CertificateRefused, msgspec.DecodeError) as error:
            raise Unavailable(
                "the certificate for passes is not usable",
                fix="check it with `python -m tools.certificates check`",
                facts={"retry_after": 600},
            ) from error
