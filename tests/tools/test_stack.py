import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import engines
from tools.stack import envfile, ministack, up
from tools.stack.settings import Settings

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, up.Stack]]:
    with engines.local_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def _get(settings: Settings, path: str) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=60)
    try:
        connection.request("GET", f"/api{path}")
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, json.loads(answer.read())
    finally:
        connection.close()


class TestDeployedStack:
    def test_answers_under_the_stable_address(self, stack: tuple[Settings, up.Stack]) -> None:
        settings, running = stack

        status, _, health = _get(settings, "/v1/health")

        assert running.url == f"http://127.0.0.1:{settings.port}/api"
        assert (status, health["status"]) == (200, "ok")

    def test_a_missing_route_is_a_problem(self, stack: tuple[Settings, up.Stack]) -> None:
        status, headers, problem = _get(stack[0], "/v1/nowhere")

        assert status == 404
        assert headers["content-type"] == "application/problem+json"
        assert problem["code"] == "route_not_found"
        assert problem["instance"]

    def test_the_table_forgets_by_its_time_to_live(self, stack: tuple[Settings, up.Stack]) -> None:
        settings, running = stack
        dynamodb = up.client("dynamodb", settings)

        found = dynamodb.describe_time_to_live(TableName=running.outputs["TableName"])

        assert found["TimeToLiveDescription"] == {
            "AttributeName": "ttl",
            "TimeToLiveStatus": "ENABLED",
        }

    def test_every_function_has_kept_logs(self, stack: tuple[Settings, up.Stack]) -> None:
        settings, running = stack
        groups = up.client("logs", settings).describe_log_groups()["logGroups"]

        kept = {group["logGroupName"]: group.get("retentionInDays") for group in groups}
        for function in (running.outputs["APIHandlerName"], running.outputs["ExpireCouponsName"]):
            assert kept[f"/aws/lambda/{function}"] == 14

    def test_writes_down_how_to_reach_it(self, stack: tuple[Settings, up.Stack]) -> None:
        settings, running = stack

        written = envfile.read(settings.env_file)

        assert written["COUPONRY_URL"] == running.url
        assert written["TABLE_NAME"] == running.outputs["TableName"]
        assert written["AWS_ENDPOINT_URL"] == settings.endpoint

    def test_answers_after_its_functions_are_killed(self, stack: tuple[Settings, up.Stack]) -> None:
        workers = ministack.function_processes(stack[0])
        assert workers
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

        deadline = time.monotonic() + 30
        while (answer := _get(stack[0], "/v1/health"))[0] != 200:
            assert time.monotonic() < deadline, answer

    def test_says_no_when_the_gateway_is_asked_too_often(
        self, stack: tuple[Settings, up.Stack]
    ) -> None:
        settings, running = stack
        gateway = up.client("apigateway", settings)
        where = {"restApiId": running.outputs["RestAPIId"], "stageName": "api"}

        def limit(rate: str) -> None:
            paths = ("/*/*/throttling/rateLimit", "/*/*/throttling/burstLimit")
            patches = [{"op": "replace", "path": path, "value": rate} for path in paths]
            gateway.update_stage(**where, patchOperations=patches)

        limit("1")
        try:
            answers = [_get(settings, "/v1/health") for _ in range(3)]
        finally:
            limit("100000")

        status, headers, problem = answers[-1]
        assert (status, problem["code"]) == (429, "rate_limited")
        assert headers["retry-after"] == "1"


class TestRestart:
    def test_keeps_what_was_written(self, tmp_path: Path) -> None:
        with engines.local_stack(tmp_path, warm_workers=1) as (settings, running):
            item = {"PK": {"S": "kept"}, "SK": {"S": "kept"}}
            table = running.outputs["TableName"]
            up.client("dynamodb", settings).put_item(TableName=table, Item=item)
            envfile.merge(settings.env_file, {"COUPONRY_API_KEY": "cpk_kept"})

            assert ministack.stop(settings)
            assert ministack.running_pid(settings) is None
            again = up.up(settings, say=lambda _: None)

            found = up.client("dynamodb", settings).get_item(TableName=table, Key=item)
            assert again == running
            assert found["Item"] == item
            assert envfile.read(settings.env_file)["COUPONRY_API_KEY"] == "cpk_kept"


class TestStart:
    def test_says_who_has_the_port(self, tmp_path: Path) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            settings = replace(Settings(home=tmp_path), port=other.getsockname()[1])

            with pytest.raises(ministack.StackError, match="taken by another program"):
                ministack.start(settings)

    def test_does_not_take_anothers_process_for_its_own(self, tmp_path: Path) -> None:
        settings = Settings(home=tmp_path)
        # After the machine was restarted, the number may belong to anybody.
        settings.pid_file.write_text(str(os.getppid()), encoding="utf-8")

        assert ministack.running_pid(settings) is None

    def test_stopping_what_does_not_run_is_no_error(self, tmp_path: Path) -> None:
        assert not ministack.stop(Settings(home=tmp_path))


class TestTableElsewhere:
    def test_functions_use_the_engine_they_are_told_of(self, tmp_path: Path) -> None:
        with (
            engines.dynamodb_local() as endpoint,
            engines.local_stack(tmp_path, dynamodb_endpoint=endpoint) as (settings, running),
        ):
            assert _get(settings, "/v1/health")[0] == 200
            tables = engines.client(endpoint).list_tables()["TableNames"]
            assert tables == [running.outputs["TableName"]]
