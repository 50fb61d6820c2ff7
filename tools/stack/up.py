"""``make up``: from whatever there is to a deployed, warm local stack."""

import concurrent.futures
import contextlib
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

from tools import apple_chain, certificates, cloudformation, package, template
from tools.stack import envfile, ministack, workarounds
from tools.stack.settings import REGION, Settings

_BUCKET = "deploy"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
# Far above what one machine can send: throttling is tested by itself, not met by accident.
_UNTHROTTLED = {
    "RequestsPerSecond": "100000",
    "RequestBurst": "100000",
    "ExpiryWriteUnitsPerSecond": "1000000",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A running stack: the API's address and CloudFormation's outputs."""

    url: str
    endpoint: str
    outputs: dict[str, str]


def up(settings: Settings, *, say: Callable[[str], None]) -> Stack:
    """Start, package, deploy and warm; what is already so is left as it is.

    ``say`` is told of each step. Raises what :mod:`tools.stack.ministack`, :mod:`tools.package` and
    :mod:`tools.cloudformation` raise.
    """
    started = ministack.start(settings)
    say("MiniStack started" if started else "MiniStack runs already")
    packaged = package.make(stage="dev", full=settings.full, build=settings.build)
    say("Packaged" + (" with all dependencies" if settings.full else ""))
    outputs = deploy(packaged, settings)
    say("Deployed")
    _create_table_elsewhere(settings, outputs["TableName"])
    _sign_passes(settings, outputs[certificates.OUTPUT])
    envfile.merge(settings.env_file, environment(settings, outputs))
    warm(settings)
    say(f"{settings.warm_workers} function processes are warm")
    return Stack(url=settings.url, endpoint=settings.endpoint, outputs=outputs)


def deploy(packaged: package.Package, settings: Settings) -> dict[str, str]:
    """Deploy to the running MiniStack and return the outputs of the stack."""

    def make_client(service: str) -> Any:
        return client(service, settings)

    s3 = make_client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=_BUCKET)
    target = cloudformation.Target(
        client=make_client,
        bucket=_BUCKET,
        template_url=f"{settings.endpoint}/{_BUCKET}",
        poll_seconds=0.1,
    )
    parameters = {"Stage": "dev", "Build": package.revision(), "LocalHost": "127.0.0.1"}
    outputs = cloudformation.deploy(
        packaged,
        stack_name=settings.stack_name,
        parameters=parameters | _UNTHROTTLED,
        target=target,
    )
    workarounds.apply(packaged.template, outputs, make_client)
    return outputs


def client(service: str, settings: Settings, *, endpoint: str | None = None) -> Any:
    """Return a boto3 client of the local stack, or of another engine with its credentials."""
    return boto3.client(
        service,
        endpoint_url=endpoint or settings.endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            retries={"max_attempts": 3}, s3={"addressing_style": "path"}, read_timeout=150
        ),
    )


def environment(settings: Settings, outputs: dict[str, str]) -> dict[str, str]:
    """Return the variables with which a script reaches this stack."""
    return (
        _CREDENTIALS
        | settings.extra_environment
        | {
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": settings.endpoint,
            "COUPONRY_URL": settings.url,
            "TABLE_NAME": outputs["TableName"],
        }
    )


def _create_table_elsewhere(settings: Settings, name: str) -> None:
    """Create the table on the engine that functions are told to use instead of MiniStack's."""
    endpoint = settings.extra_environment.get("AWS_ENDPOINT_URL_DYNAMODB")
    if endpoint is None:
        return
    dynamodb = client("dynamodb", settings, endpoint=endpoint)
    with contextlib.suppress(dynamodb.exceptions.ResourceInUseException):
        dynamodb.create_table(TableName=name, **template.table_definition())


def _sign_passes(settings: Settings, secret: str) -> None:
    """Give the stack a certificate for passes, of a chain of its own, unless it has one."""

    def make_client(service: str) -> Any:
        return client(service, settings)

    if certificates.deployed(make_client, secret) is None:
        chain = apple_chain.new_chain(now=datetime.now(UTC))
        certificates.keep(make_client, secret, chain.material)
        settings.apple_root.write_text(chain.root.pem, encoding="ascii")


def warm(settings: Settings) -> None:
    """Make the API answer, with as many function processes as the settings say.

    Raises:
        StackError: it does not answer with 200.
    """
    _health(settings)
    workers = settings.warm_workers
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for result in [pool.submit(_health, settings) for _ in range(workers)]:
            result.result()


def _health(settings: Settings) -> None:
    begun = time.monotonic()
    try:
        urllib.request.urlopen(f"{settings.url}/v1/health", timeout=60).read()
    except OSError as error:
        seconds = time.monotonic() - begun
        raise ministack.StackError(
            f"{settings.url}/v1/health: {error} after {seconds:.1f} s; see {settings.log_file}"
        ) from error
