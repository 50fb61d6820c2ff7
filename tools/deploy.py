"""``make deploy STAGE=prod``: package as for AWS and deploy to the account of your credentials."""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.gateways.apple import certificates as apple_certificates
from tools import certificates, cloudformation, package
from tools.paths import LOCAL, ROOT

_BUCKET_EXISTS = {"BucketAlreadyOwnedByYou"}


@click.command()
@click.option("--stage", default="", help="A stage of .chalice/config.json: dev or prod.")
@click.option("--bucket", default="", help="For the packages; one is made if you name none.")
@click.option("--alarm-topic", default="", help="ARN of an SNS topic that is told of alarms.")
def main(stage: str, bucket: str, alarm_topic: str) -> None:
    """Deploy one stage as the stack couponry-STAGE, and print its outputs."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    stages = sorted(config["stages"])
    if stage not in stages:
        raise click.UsageError(f"Say which stage: make deploy STAGE={'|'.join(stages)}")
    try:
        outputs = _deploy(stage, bucket=bucket, alarm_topic=alarm_topic)
    except (package.PackageError, cloudformation.DeployError) as error:
        raise click.ClickException(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(f"AWS refuses: {error}") from error
    for name, value in sorted(outputs.items()):
        click.echo(f"{name:20} {value}")


def _deploy(stage: str, *, bucket: str, alarm_topic: str) -> dict[str, str]:
    session = boto3.Session()
    account, region = _account_and_region(session)
    bucket = bucket or f"couponry-deploy-{account}-{region}"
    click.echo(f"Account {account}, region {region}, stage {stage}, bucket {bucket}")
    version = ".".join(map(str, sys.version_info[:2]))
    click.echo(f"Packaging for Lambda's Python {version}, which is the one that runs this ...")
    packaged = package.make(stage=stage, full=True, build=LOCAL / "build-aws")
    client: Callable[[str], Any] = session.client
    _ensure_bucket(client("s3"), bucket, region)
    parameters = {"Stage": stage, "Build": package.revision(), "AlarmTopic": alarm_topic}
    click.echo("Deploying; CloudFormation takes a few minutes the first time ...")
    outputs = cloudformation.deploy(
        packaged,
        stack_name=f"couponry-{stage}",
        parameters=parameters,
        target=cloudformation.Target(
            client=client,
            bucket=bucket,
            template_url=f"https://{bucket}.s3.{region}.{_suffix(session, region)}",
            poll_seconds=3.0,
        ),
    )
    for line in _certificate_lines(client, outputs[certificates.OUTPUT]):
        click.echo(line)
    return outputs


def _certificate_lines(client: Callable[[str], Any], secret: str) -> list[str]:
    """Return what to know of the certificate for passes of Apple Wallet."""
    try:
        material = certificates.deployed(client, secret)
    except click.ClickException as error:  # What was deployed works all the same.
        return [error.message]
    if material is None:
        return ["No certificate for Apple Wallet: see `python -m tools.certificates put --help`"]
    now = datetime.now(UTC)
    found = apple_certificates.check(material, now=now)
    return ["Apple Wallet", *certificates.lines(found, now=now)]


def _account_and_region(session: Any) -> tuple[str, str]:
    if "AWS_ENDPOINT_URL" in os.environ:
        raise click.ClickException("AWS_ENDPOINT_URL names the local stack: unset it first.")
    if session.get_credentials() is None:
        raise click.ClickException(
            "No AWS credentials were found. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY. (For the stack on this machine: make up)"
        )
    if session.region_name is None:
        raise click.ClickException("No AWS region was found. Set AWS_DEFAULT_REGION.")
    identity = session.client("sts").get_caller_identity()
    return identity["Account"], session.region_name


def _ensure_bucket(s3: Any, bucket: str, region: str) -> None:
    """Make the bucket if it is not there: private, encrypted, as S3 does by default."""
    # us-east-1 is the one region that S3 does not take by its name.
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    try:
        if where:
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        else:
            s3.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _BUCKET_EXISTS:
            raise


def _suffix(session: Any, region: str) -> str:
    partition = session.get_partition_for_region(region)
    return "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"


if __name__ == "__main__":
    main(prog_name="python -m tools.deploy")
