"""The pass certificate: whose passes it signs, whether it can, and until when.

Apple issues it for about a year; its UID is the pass type, its OU the team. An intermediate of
Apple's (WWDR) stands between it and Apple's root, and there are several of those: the right one is
the one whose key the certificate names. ``cryptography`` is loaded when a pass is made.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from chalicelib.core.wallets.apple import Issuer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

_TYPES_BEGIN: Final = "pass."
# Apple's own: what the certificate is for, and for which pass type.
_SIGNS_PASSES: Final = "1.2.840.113635.100.4.14"


class Material(msgspec.Struct, frozen=True):
    """What the secret holds, as PEM: one certificate, its key, and one or more intermediates."""

    certificate: str
    private_key: str
    intermediates: str


class Signer(msgspec.Struct, frozen=True):
    """Everything that signs: loaded once, since loading a key costs more than signing does."""

    issuer: Issuer
    certificate: Certificate
    key: RSAPrivateKey
    intermediate: Certificate


class Report(msgspec.Struct, frozen=True):
    """What is known of a certificate; it can sign while it has no ``faults``."""

    issuer: Issuer | None
    expires_at: datetime | None
    faults: tuple[str, ...]


class CertificateRefused(Exception):
    """No pass can be signed with this; the message says why."""


def load(material: Material) -> Signer:
    """Return the signer of ``material``.

    The key is not validated, which takes 77 ms of each container's first pass: it comes from our
    own secret, and :func:`check` validates it before it gets there.

    Raises:
        CertificateRefused: a part is missing or unreadable, or the parts do not belong together.
    """
    from cryptography import x509  # noqa: PLC0415 # heavy, and not needed to redeem a coupon
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )

    try:
        certificate = x509.load_pem_x509_certificate(material.certificate.encode())
        intermediates = x509.load_pem_x509_certificates(material.intermediates.encode())
        key = load_pem_private_key(
            material.private_key.encode(), None, unsafe_skip_rsa_key_validation=True
        )
    except (TypeError, ValueError) as error:
        raise CertificateRefused(f"it cannot be read: {error}") from error
    if not isinstance(key, RSAPrivateKey):
        raise CertificateRefused("the private key is no RSA key")
    if certificate.public_key() != key.public_key():
        raise CertificateRefused("the private key is that of another certificate")
    return Signer(
        issuer_of(certificate), certificate, key, _intermediate_of(certificate, intermediates)
    )


def issuer_of(certificate: Certificate) -> Issuer:
    """Return whose passes ``certificate`` signs.

    Raises:
        CertificateRefused: it is for something else.
    """
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    found = [
        [str(each.value) for each in certificate.subject.get_attributes_for_oid(oid)]
        for oid in (NameOID.USER_ID, NameOID.ORGANIZATIONAL_UNIT_NAME)
    ]
    pass_types, teams = found
    if len(pass_types) != 1 or not pass_types[0].startswith(_TYPES_BEGIN):
        raise CertificateRefused("its UID is no pass type: it should begin with pass.")
    if len(teams) != 1 or not teams[0]:
        raise CertificateRefused("its OU names no team")
    return Issuer(pass_types[0], teams[0])


def check(
    material: Material,
    *,
    now: datetime,
    pass_type_id: str | None = None,
    team_id: str | None = None,
) -> Report:
    """Return what is wrong with ``material``, and until when it can sign.

    ``pass_type_id`` and ``team_id`` are what it should be for, where that is known.
    """
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )

    try:
        signer = load(material)
        load_pem_private_key(material.private_key.encode(), None)  # This time validated.
    except (CertificateRefused, ValueError) as error:
        return Report(None, None, (str(error),))
    certificate, issuer = signer.certificate, signer.issuer
    faults = []
    for name, each in (("certificate", certificate), ("intermediate", signer.intermediate)):
        if each.not_valid_before_utc > now:
            faults.append(f"the {name} is valid from {each.not_valid_before_utc:%Y-%m-%d} only")
        if each.not_valid_after_utc <= now:
            faults.append(f"the {name} expired on {each.not_valid_after_utc:%Y-%m-%d}")
    if pass_type_id not in (None, issuer.pass_type_id):
        faults.append(f"its UID is {issuer.pass_type_id}, not {pass_type_id}")
    if team_id not in (None, issuer.team_id):
        faults.append(f"its OU is {issuer.team_id}, not {team_id}")
    if not _signs_passes(certificate):
        faults.append("it is not for signing passes (extended key usage)")
    return Report(
        issuer,
        min(certificate.not_valid_after_utc, signer.intermediate.not_valid_after_utc),
        tuple(faults),
    )


def _intermediate_of(certificate: Certificate, intermediates: list[Certificate]) -> Certificate:
    """Return the intermediate that issued ``certificate``.

    Raises:
        CertificateRefused: it is not among them.
    """
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    try:
        wanted = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        for each in intermediates:
            found = each.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
            if found.value.digest == wanted.value.key_identifier:
                certificate.verify_directly_issued_by(each)
                return each
    except (x509.ExtensionNotFound, InvalidSignature, TypeError, ValueError) as error:
        raise CertificateRefused(f"its chain cannot be followed: {error!r}") from error
    raise CertificateRefused(
        "none of the intermediates issued it: Apple's WWDR certificates come in generations, "
        "and the one named by its authority key identifier is needed"
    )


def _signs_passes(certificate: Certificate) -> bool:
    from cryptography import x509  # noqa: PLC0415

    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return any(usage.dotted_string == _SIGNS_PASSES for usage in usages)
