from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools import cloudformation
from tools.dynamodb_local import free_port
from tools.package import Package
from tools.stack import ministack, up
from tools.stack.settings import Settings

pytestmark = pytest.mark.xdist_group("stack")

_QUEUE = {"Type": "AWS::SQS::Queue"}
# Something that the engine refuses when it makes it, not when it reads the template.
_REFUSED = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [{"Id": "one"}]}}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = Settings(port=free_port(), home=tmp_path_factory.mktemp("stack"))
    ministack.start(settings)
    up.client("s3", settings).create_bucket(Bucket="deploy")
    yield settings
    ministack.kill(settings)


def _deploy(settings: Settings, folder: Path, name: str, resources: Any) -> dict[str, str]:
    template = {"Resources": resources, "Outputs": {"Made": {"Value": ",".join(resources)}}}
    return cloudformation.deploy(
        Package(template=template, folder=folder),
        stack_name=name,
        parameters={},
        target=cloudformation.Target(
            client=lambda service: up.client(service, settings),
            bucket="deploy",
            template_url=f"{settings.endpoint}/deploy",
            poll_seconds=0.02,
        ),
    )


class TestDeploy:
    def test_again_without_a_change_is_no_error(self, settings: Settings, tmp_path: Path) -> None:
        first = _deploy(settings, tmp_path, "same", {"Queue": _QUEUE})

        assert _deploy(settings, tmp_path, "same", {"Queue": _QUEUE}) == first == {"Made": "Queue"}

    def test_names_the_resource_that_failed(self, settings: Settings, tmp_path: Path) -> None:
        with pytest.raises(cloudformation.DeployError, match=r"Wrong: .*Metrics"):
            _deploy(settings, tmp_path, "named", {"Queue": _QUEUE, "Wrong": _REFUSED})

    def test_starts_afresh_after_a_first_attempt_that_failed(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        with pytest.raises(cloudformation.DeployError):
            _deploy(settings, tmp_path, "afresh", {"Wrong": _REFUSED})

        assert _deploy(settings, tmp_path, "afresh", {"Queue": _QUEUE}) == {"Made": "Queue"}

    def test_keeps_what_runs_when_an_update_fails(self, settings: Settings, tmp_path: Path) -> None:
        _deploy(settings, tmp_path, "kept", {"Queue": _QUEUE})

        with pytest.raises(cloudformation.DeployError, match="UPDATE_ROLLBACK_COMPLETE"):
            _deploy(settings, tmp_path, "kept", {"Queue": _QUEUE, "Wrong": _REFUSED})

        found = up.client("cloudformation", settings).describe_stacks(StackName="kept")
        assert found["Stacks"][0]["Outputs"][0]["OutputValue"] == "Queue"
