"""Opens callbacks of Google Wallet with the keys that Google publishes."""

from datetime import datetime

from chalicelib.core.wallets import callbacks, google
from chalicelib.core.wallets.callbacks import Callback
from chalicelib.gateways.google.accounts import GoogleAccount
from chalicelib.gateways.google.root_keys import GoogleRootKeys


class GoogleCallbacks:
    """Implements :class:`chalicelib.usecases.ports.Callbacks`."""

    def __init__(self, account: GoogleAccount, root_keys: GoogleRootKeys) -> None:
        self._account = account
        self._root_keys = root_keys

    def opened(self, raw: bytes, *, now: datetime) -> Callback:
        account = self._account.find(now=now)
        if account is None:
            raise google.not_set_up()
        keys = self._root_keys.read(now=now)
        return callbacks.opened(
            raw, root_keys=keys, issuer_id=account.issuer_id, verify=verify, now=now
        )


def verify(key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the key, P-256 as DER, made the signature, ECDSA with SHA-256 as DER.

    See :data:`chalicelib.core.wallets.callbacks.Verify`.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    try:
        loaded = load_der_public_key(key)
        if not isinstance(loaded, ec.EllipticCurvePublicKey):
            return False
        if not isinstance(loaded.curve, ec.SECP256R1):
            return False
        loaded.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True
