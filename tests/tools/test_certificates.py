"""The tool that checks the certificate for passes, and puts it where functions read it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chalicelib.gateways.apple import certificates as checks
from tests.gateways.chains import TODAY, a_chain
from tools import apple_chain, certificates
from tools.certificates import main


class NoSecret(Exception):
    pass


class Secrets:
    """Secrets Manager, as far as it is used, with one secret that may be empty."""

    def __init__(self, text: str | None = None) -> None:
        self.text = text
        self.exceptions = type("Exceptions", (), {"ResourceNotFoundException": NoSecret})

    def get_secret_value(self, SecretId: str) -> Any:  # noqa: N803 # boto3's own
        if self.text is None:
            raise NoSecret
        return {"SecretString": self.text}

    def put_secret_value(self, SecretId: str, SecretString: str) -> None:  # noqa: N803 # boto3's own
        self.text = SecretString


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options that name the files of a right certificate."""
    material = a_chain().material
    options = []
    for name, text in (
        ("certificate", material.certificate),
        ("key", material.private_key),
        ("wwdr", material.intermediates),
    ):
        path = tmp_path / f"{name}.pem"
        path.write_text(text, encoding="ascii")
        options += [f"--{name}", str(path)]
    return options


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


class TestCheck:
    def test_says_whose_it_is_and_when_it_ends(self, files: list[str]) -> None:
        result = run("check", *files)

        assert result.exit_code == 0, result.output
        assert f"{apple_chain.PASS_TYPE_ID} of team {apple_chain.TEAM_ID}" in result.output
        assert "expires  " in result.output
        assert "FAULT" not in result.output

    def test_fails_on_a_fault(self, files: list[str]) -> None:
        result = run("check", *files, "--team", "OTHERTEAM1")

        assert result.exit_code == 1
        assert "FAULT    its OU is LOCALTEAM1, not OTHERTEAM1" in result.output

    def test_needs_to_know_what_to_look_at(self) -> None:
        assert run("check").exit_code == 2


class TestPut:
    def test_keeps_what_functions_read(
        self, files: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secrets = Secrets()
        monkeypatch.setattr(certificates, "secret_of", lambda stage: stage)
        monkeypatch.setattr("boto3.Session.client", lambda *_: secrets)

        assert run("check", "--stage", "prod").exit_code == 1
        assert run("put", "--stage", "prod", *files).exit_code == 0

        assert run("check", "--stage", "prod").exit_code == 0
        assert certificates.deployed(lambda _: secrets, "x") == a_chain().material

    def test_refuses_what_cannot_sign(
        self, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        secrets = Secrets()
        monkeypatch.setattr(certificates, "secret_of", lambda stage: stage)
        monkeypatch.setattr("boto3.Session.client", lambda *_: secrets)
        (tmp_path / "wwdr.pem").write_text(a_chain().root.pem, encoding="ascii")

        result = run("put", "--stage", "prod", *files)

        assert result.exit_code == 1
        assert "none of the intermediates" in result.output
        assert secrets.text is None


class TestSecret:
    def test_of_something_else_is_said_to_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(certificates, "secret_of", lambda stage: stage)
        monkeypatch.setattr("boto3.Session.client", lambda *_: Secrets('{"x": 1}'))

        result = run("check", "--stage", "prod")

        assert result.exit_code == 1
        assert "The secret holds no certificate" in result.output

    def test_that_was_never_filled_is_no_certificate(self) -> None:
        assert certificates.deployed(lambda _: Secrets(""), "x") is None


class TestLines:
    def test_ask_for_a_new_one_a_month_before_the_end(self) -> None:
        found = checks.check(a_chain().material, now=TODAY)
        assert found.expires_at is not None

        for days, is_soon in ((31, False), (29, True), (-1, True)):
            lines = certificates.lines(found, now=found.expires_at - timedelta(days=days))
            assert any("RENEW" in line for line in lines) == is_soon
