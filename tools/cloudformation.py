"""Deploys a package with CloudFormation, to AWS and to the local stack alike."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from tools.package import Package

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_TIMEOUT_SECONDS = 1800


class DeployError(Exception):
    """CloudFormation did not get there; the message names the resources that failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where to deploy. ``client`` makes a boto3 client from the name of a service."""

    client: Callable[[str], Any]
    bucket: str
    template_url: str
    """The prefix under which CloudFormation reads the bucket's objects."""
    poll_seconds: float


def deploy(
    package: Package, *, stack_name: str, parameters: Mapping[str, str], target: Target
) -> dict[str, str]:
    """Create or update the stack, wait for it, and return its outputs.

    Raises:
        DeployError: it was rolled back, or is in a state that cannot be updated.
    """
    template = _upload_archives(package, target)
    body = json.dumps(template, sort_keys=True).encode()
    arguments = {
        "StackName": stack_name,
        "TemplateURL": f"{target.template_url}/{_upload(body, '.json', target)}",
        "Capabilities": _CAPABILITIES,
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    }
    cloudformation = target.client("cloudformation")
    _remove_failed_creation(cloudformation, stack_name, poll_seconds=target.poll_seconds)
    try:
        cloudformation.create_stack(**arguments)
    except cloudformation.exceptions.AlreadyExistsException:
        try:
            cloudformation.update_stack(**arguments)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise DeployError(str(error)) from error
    return _wait(cloudformation, stack_name, poll_seconds=target.poll_seconds)


def _remove_failed_creation(cloudformation: Any, stack_name: str, *, poll_seconds: float) -> None:
    """Delete a stack whose very first deployment was rolled back: it cannot be updated."""
    while True:
        try:
            found = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return
            raise
        if found["StackStatus"] == "ROLLBACK_COMPLETE":
            cloudformation.delete_stack(StackName=stack_name)
        elif found["StackStatus"] != "DELETE_IN_PROGRESS":
            return
        time.sleep(poll_seconds)


def _upload_archives(package: Package, target: Target) -> dict[str, Any]:
    template: dict[str, Any] = json.loads(json.dumps(package.template))
    uploaded: dict[str, str] = {}
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        for field in ("CodeUri", "ContentUri"):
            path = properties.get(field)
            if isinstance(path, str) and path.startswith("./"):
                if path not in uploaded:
                    content = (package.folder / path).read_bytes()
                    uploaded[path] = f"s3://{target.bucket}/{_upload(content, '.zip', target)}"
                properties[field] = uploaded[path]
    return template


def _upload(content: bytes, suffix: str, target: Target) -> str:
    key = hashlib.sha256(content).hexdigest() + suffix
    target.client("s3").put_object(Bucket=target.bucket, Key=key, Body=content)
    return key


def _wait(cloudformation: Any, stack_name: str, *, poll_seconds: float) -> dict[str, str]:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
        status = stack["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise DeployError(f"{stack_name} is still {status} after {_TIMEOUT_SECONDS} s")
        time.sleep(poll_seconds)
    if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise DeployError(f"{stack_name} is {status}\n{_failures(cloudformation, stack_name)}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _failures(cloudformation: Any, stack_name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack_name)["StackEvents"]
    return "\n".join(
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if "FAILED" in event["ResourceStatus"]
    )
