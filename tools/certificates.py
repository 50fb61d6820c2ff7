"""The certificate that signs passes of Apple Wallet: check it, and put it where functions read it.

``python -m tools.certificates check --certificate pass.pem --key key.pem --wwdr AppleWWDRCAG4.pem``
looks at files; with ``--stage prod`` instead it looks at what is deployed. ``put`` takes both: it
checks the files, and then keeps them in the secret of the stage.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import click
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.gateways.apple import certificates
from chalicelib.gateways.apple.certificates import Material, Report

OUTPUT = "AppleCertificate"
"""The output of the stack that names the secret."""

_SOON = timedelta(days=30)
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Check the certificate for passes, and put it into a deployed stage."""


@main.command()
@click.option("--stage", default="", help="Look at what this stage has.")
@click.option("--certificate", type=_file, help="The pass certificate, PEM.")
@click.option("--key", type=_file, help="Its private key, PEM without a password.")
@click.option("--wwdr", type=_file, multiple=True, help="Apple's intermediates, PEM.")
@click.option("--pass-type", help="The pass type it should be for.")
@click.option("--team", help="The team it should be for.")
def check(  # noqa: PLR0913, PLR0917 # one for each option
    stage: str,
    certificate: Path | None,
    key: Path | None,
    wwdr: tuple[Path, ...],
    pass_type: str | None,
    team: str | None,
) -> None:
    """Say what is wrong with a certificate, and when it expires."""
    if stage:
        material = deployed(boto3.Session().client, secret_of(stage))
        if material is None:
            raise click.ClickException(f"{stage} has no certificate: nobody gets a pass")
    elif certificate and key and wwdr:
        material = read_files(certificate, key, wwdr)
    else:
        raise click.UsageError("Name a --stage, or --certificate, --key and --wwdr.")
    now = datetime.now(UTC)
    found = certificates.check(material, now=now, pass_type_id=pass_type, team_id=team)
    for line in lines(found, now=now):
        click.echo(line)
    if found.faults:
        raise click.exceptions.Exit(1)


@main.command()
@click.option("--stage", required=True)
@click.option("--certificate", type=_file, required=True)
@click.option("--key", type=_file, required=True)
@click.option("--wwdr", type=_file, multiple=True, required=True)
def put(stage: str, certificate: Path, key: Path, wwdr: tuple[Path, ...]) -> None:
    """Give a stage its certificate; functions use it within ten minutes."""
    material = read_files(certificate, key, wwdr)
    now = datetime.now(UTC)
    found = certificates.check(material, now=now)
    for line in lines(found, now=now):
        click.echo(line)
    if found.faults:
        raise click.ClickException("It was not put.")
    try:
        keep(boto3.Session().client, secret_of(stage), material)
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(f"AWS refuses: {error}") from error


def lines(report: Report, *, now: datetime) -> list[str]:
    """Return what a person should know of a certificate."""
    said = [f"FAULT    {fault}" for fault in report.faults]
    if report.issuer is not None:
        said.append(f"passes   {report.issuer.pass_type_id} of team {report.issuer.team_id}")
    if report.expires_at is not None:
        days = (report.expires_at - now) // timedelta(days=1)
        soon = "  RENEW IT" if report.expires_at - now < _SOON else ""
        said.append(f"expires  {report.expires_at:%Y-%m-%d}, in {days} days{soon}")
    return said


def read_files(certificate: Path, key: Path, wwdr: tuple[Path, ...]) -> Material:
    """Return the content of PEM files."""
    return Material(
        certificate=certificate.read_text(encoding="ascii"),
        private_key=key.read_text(encoding="ascii"),
        intermediates="\n".join(path.read_text(encoding="ascii") for path in wwdr),
    )


def secret_of(stage: str) -> str:
    """Return the name of the secret of a deployed stage."""
    try:
        answer = boto3.client("cloudformation").describe_stacks(StackName=f"couponry-{stage}")
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(f"The stage {stage} cannot be looked at: {error}") from error
    outputs = {each["OutputKey"]: each["OutputValue"] for each in answer["Stacks"][0]["Outputs"]}
    return str(outputs[OUTPUT])


def deployed(client: Any, secret: str) -> Material | None:
    """Return what the secret holds, or None while nobody has put anything.

    ``client`` makes a client of the service that it is given the name of.

    Raises:
        ClickException: it holds something else, or may not be read.
    """
    secrets = client("secretsmanager")
    try:
        text = secrets.get_secret_value(SecretId=secret).get("SecretString")
    except secrets.exceptions.ResourceNotFoundException:
        return None
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(f"The certificate cannot be looked at: {error}") from error
    try:
        return msgspec.json.decode(text, type=Material) if text else None
    except msgspec.DecodeError as error:
        raise click.ClickException(f"The secret holds no certificate: {error}") from error


def keep(client: Any, secret: str, material: Material) -> None:
    """Put ``material`` into the secret."""
    text = json.dumps(msgspec.to_builtins(material))
    client("secretsmanager").put_secret_value(SecretId=secret, SecretString=text)


if __name__ == "__main__":
    main(prog_name="python -m tools.certificates")
