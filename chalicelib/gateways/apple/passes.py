"""Passes of Apple Wallet: packed and signed ``.pkpass`` files.

The format: developer.apple.com/documentation/walletpasses/building-a-pass. Checked with
``openssl cms -verify`` in the tests.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from chalicelib.core.cards.templates import Design
from chalicelib.core.wallets.apple import Issuer
from chalicelib.gateways.apple import images
from chalicelib.gateways.apple.certificates import Signer
from chalicelib.gateways.apple.signers import KeptSigner
from chalicelib.usecases.ports import Secrets

# Every file has the same, so that only what differs makes two passes differ.
_FILE_TIME: Final = (1980, 1, 1, 0, 0, 0)

_encode = msgspec.json.Encoder(order="deterministic").encode


class ApplePasses:
    """Implements :class:`chalicelib.usecases.ports.Passes` with the certificate in a secret."""

    def __init__(self, secrets: Secrets, name: str) -> None:
        self._kept = KeptSigner(secrets, name)

    def issuer(self, *, now: datetime) -> Issuer | None:
        signer = self._kept.signer(now=now)
        return None if signer is None else signer.issuer

    def make(self, contents: Mapping[str, Any], design: Design, *, now: datetime) -> bytes:
        signer = self._kept.signer(now=now)
        assert signer is not None, "the contents name the issuer"
        return pack({"pass.json": _encode(contents), **images.images(design)}, signer)


def pack(files: Mapping[str, bytes], signer: Signer) -> bytes:
    """Return ``files`` as a pass: with the manifest of their hashes and its signature."""
    # SHA-1 is what the format asks for; the signature over the manifest has SHA-256.
    hashes = {name: hashlib.sha1(data).hexdigest() for name, data in files.items()}  # noqa: S324
    manifest = _encode(hashes)
    whole = {**files, "manifest.json": manifest, "signature": sign(manifest, signer)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in whole.items():
            archive.writestr(zipfile.ZipInfo(name, _FILE_TIME), data)
    return packed.getvalue()


def sign(manifest: bytes, signer: Signer) -> bytes:
    """Return the detached CMS signature (DER) of ``manifest``, with its time and its chain."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 # as certificates.py
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7  # noqa: PLC0415

    options = [
        # Without it line feeds are turned into CR LF before they are hashed.
        pkcs7.PKCS7Options.Binary,
        pkcs7.PKCS7Options.DetachedSignature,
        pkcs7.PKCS7Options.NoCapabilities,
    ]
    builder = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(manifest)
        .add_signer(signer.certificate, signer.key, hashes.SHA256())
        .add_certificate(signer.intermediate)
    )
    return builder.sign(Encoding.DER, options)
