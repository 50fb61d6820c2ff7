"""A chain like Apple's, made here: for tests and the local stack. No phone trusts it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from chalicelib.gateways.apple.certificates import Material

PASS_TYPE_ID = "pass.com.example.couponry"
TEAM_ID = "LOCALTEAM1"
_SIGNS_PASSES = ObjectIdentifier("1.2.840.113635.100.4.14")
_PASS_TYPE = ObjectIdentifier("1.2.840.113635.100.6.1.16")
_UTF_8_STRING = 0x0C
_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate with its key, which can issue others."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


@dataclass(frozen=True, slots=True)
class Chain:
    """What signs passes, and the root that its checkers have to trust."""

    material: Material
    root: Authority
    intermediate: Authority


def new_chain(*, now: datetime, pass_type_id: str = PASS_TYPE_ID, team_id: str = TEAM_ID) -> Chain:
    """Return a root, an intermediate of it, and a pass certificate that is valid for a year."""
    root = new_authority("Local Root", now=now)
    intermediate = new_authority("Local WWDR", issuer=root, now=now)
    leaf = new_pass_certificate(intermediate, now=now, pass_type_id=pass_type_id, team_id=team_id)
    material = Material(
        certificate=leaf.pem, private_key=pem_of(leaf.key), intermediates=intermediate.pem
    )
    return Chain(material, root, intermediate)


def new_authority(name: str, *, now: datetime, issuer: Authority | None = None) -> Authority:
    """Return an authority, issued by ``issuer`` or by itself, for ten years."""
    key = _new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, key, issuer, now=now, lasts=10 * _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
    )
    signed_by = key if issuer is None else issuer.key
    return Authority(builder.sign(signed_by, hashes.SHA256()), key)


def new_pass_certificate(
    issuer: Authority,
    *,
    now: datetime,
    pass_type_id: str = PASS_TYPE_ID,
    team_id: str = TEAM_ID,
    lasts: timedelta = _YEAR,
) -> Authority:
    """Return a certificate with what Apple's have: names, usages and the pass type."""
    key = _new_key()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, pass_type_id),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Pass Type ID: {pass_type_id}"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, team_id),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Local"),
        ]
    )
    said = pass_type_id.encode()
    builder = (
        _builder(subject, key, issuer, now=now, lasts=lasts)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, _SIGNS_PASSES]),
            critical=False,
        )
        .add_extension(
            x509.UnrecognizedExtension(_PASS_TYPE, bytes([_UTF_8_STRING, len(said)]) + said),
            critical=False,
        )
    )
    return Authority(builder.sign(issuer.key, hashes.SHA256()), key)


def pem_of(key: rsa.RSAPrivateKey) -> str:
    """Return the key as PEM, without a password."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _builder(
    subject: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer: Authority | None,
    *,
    now: datetime,
    lasts: timedelta,
) -> x509.CertificateBuilder:
    issuer_name = subject if issuer is None else issuer.certificate.subject
    own_name = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer_key_name = own_name
    if issuer is not None:
        found = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        issuer_key_name = found.value
    start = now - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + lasts)
        .add_extension(own_name, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_name),
            critical=False,
        )
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
