"""What can be wrong with a pass certificate, and that it is said."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.wallets.apple import Issuer
from chalicelib.gateways.apple import certificates
from chalicelib.gateways.apple.certificates import CertificateRefused, Material, Report
from tests.gateways.chains import TODAY, a_chain
from tools import apple_chain
from tools.apple_chain import Authority

DAY = timedelta(days=1)


def report(material: Material | None = None, *, now: datetime = TODAY, **wanted: Any) -> Report:
    return certificates.check(material or a_chain().material, now=now, **wanted)


def of_another_authority(material: Material) -> Material:
    other = apple_chain.new_authority("Local WWDR", issuer=a_chain().root, now=TODAY)
    return replace(material, intermediates=other.pem)


def with_another_key(material: Material) -> Material:
    return replace(material, private_key=apple_chain.pem_of(a_chain().root.key))


def for_no_pass_type(material: Material) -> Material:
    leaf = apple_chain.new_pass_certificate(
        a_chain().intermediate, now=TODAY, pass_type_id="com.example.app"
    )
    return replace(material, certificate=leaf.pem, private_key=apple_chain.pem_of(leaf.key))


def of_a_forger(material: Material) -> Material:
    """A certificate that says who issued it, and is signed by somebody else."""
    chain = a_chain()
    forger = Authority(chain.intermediate.certificate, chain.root.key)
    leaf = apple_chain.new_pass_certificate(forger, now=TODAY)
    return replace(material, certificate=leaf.pem, private_key=apple_chain.pem_of(leaf.key))


def of_an_authority(material: Material) -> Material:
    """A certificate that names nobody."""
    leaf = apple_chain.new_authority("Nobody", issuer=a_chain().intermediate, now=TODAY)
    return replace(material, certificate=leaf.pem, private_key=apple_chain.pem_of(leaf.key))


def without_intermediate(material: Material) -> Material:
    return replace(material, intermediates="")


def with_a_damaged_key(material: Material) -> Material:
    return replace(material, private_key="-----BEGIN PRIVATE KEY-----\nAAAA\n")


class TestLoad:
    def test_says_whose_passes_these_are(self) -> None:
        signer = certificates.load(a_chain().material)

        assert signer.issuer == Issuer(apple_chain.PASS_TYPE_ID, apple_chain.TEAM_ID)

    def test_picks_the_intermediate_that_the_certificate_names(self) -> None:
        chain = a_chain()
        older = apple_chain.new_authority("Local WWDR", issuer=chain.root, now=TODAY)
        both = replace(chain.material, intermediates=older.pem + chain.intermediate.pem)

        signer = certificates.load(both)

        assert signer.intermediate == chain.intermediate.certificate

    @pytest.mark.parametrize(
        ("damage", "why"),
        [
            (of_another_authority, "none of the intermediates"),
            (of_a_forger, "cannot be followed"),
            (without_intermediate, "cannot be read"),
            (with_another_key, "another certificate"),
            (with_a_damaged_key, "cannot be read"),
            (for_no_pass_type, "UID"),
            (of_an_authority, "UID"),
        ],
    )
    def test_refuses_what_cannot_sign(
        self, damage: Callable[[Material], Material], why: str
    ) -> None:
        damaged = damage(a_chain().material)

        with pytest.raises(CertificateRefused, match=why):
            certificates.load(damaged)
        (fault,) = report(damaged).faults
        assert why in fault


class TestCheck:
    def test_finds_no_fault_in_a_right_one_and_says_when_it_ends(self) -> None:
        found = report(pass_type_id=apple_chain.PASS_TYPE_ID, team_id=apple_chain.TEAM_ID)

        assert found.faults == ()
        assert found.expires_at is not None
        assert timedelta(days=364) < found.expires_at - TODAY < timedelta(days=366)

    def test_names_one_that_expired(self) -> None:
        (fault,) = report(now=TODAY + timedelta(days=400)).faults

        assert "the certificate expired on" in fault

    def test_names_one_that_is_not_valid_yet(self) -> None:
        faults = report(now=TODAY - DAY).faults

        assert len(faults) == 2
        assert all("is valid from" in fault for fault in faults)

    def test_names_the_wrong_pass_type_and_team(self) -> None:
        faults = report(pass_type_id="pass.com.example.other", team_id="OTHERTEAM1").faults

        assert len(faults) == 2
        assert "not pass.com.example.other" in faults[0]
        assert "not OTHERTEAM1" in faults[1]

    def test_ends_with_the_intermediate_where_that_ends_first(self) -> None:
        chain = a_chain()
        leaf = apple_chain.new_pass_certificate(
            chain.intermediate, now=TODAY, lasts=timedelta(days=365 * 20)
        )
        lasting = replace(
            chain.material, certificate=leaf.pem, private_key=apple_chain.pem_of(leaf.key)
        )

        assert report(lasting).expires_at == chain.intermediate.certificate.not_valid_after_utc
