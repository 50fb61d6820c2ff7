import json
from typing import Any

import pytest

from chalicelib.core.files import leases
from chalicelib.core.outbox.messages import Subscriber
from tools import template
from tools.paths import ROOT

_POLICIES = sorted((ROOT / ".chalice").glob("policy-*.json"))


_STATEMENTS = [
    pytest.param(statement, id=f"{path.stem}-{statement['Sid']}")
    for path in _POLICIES
    for statement in json.loads(path.read_text(encoding="utf-8"))["Statement"]
]


class TestPolicies:
    @pytest.mark.parametrize("statement", _STATEMENTS)
    def test_name_every_action(self, statement: dict[str, Any]) -> None:
        assert [action for action in statement["Action"] if "*" in action] == []

    @pytest.mark.parametrize("statement", _STATEMENTS)
    def test_never_allow_a_scan(self, statement: dict[str, Any]) -> None:
        assert "dynamodb:Scan" not in statement["Action"]

    @pytest.mark.parametrize("statement", _STATEMENTS)
    def test_name_a_resource_unless_there_is_none(self, statement: dict[str, Any]) -> None:
        # X-Ray is the one service here whose actions take no resource.
        is_tracing = all(action.startswith("xray:") for action in statement["Action"])
        assert (statement["Resource"] == "*") == is_tracing

    def test_each_function_has_its_own(self) -> None:
        config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
        for stage in config["stages"].values():
            files = [each["iam_policy_file"] for each in stage["lambda_functions"].values()]
            assert sorted(files) == [path.name for path in _POLICIES]


class TestTable:
    def test_is_kept_encrypted_and_backed_up(self) -> None:
        table = template.load()["Resources"]["Table"]

        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True}
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }

    def test_indexes_hold_keys_only(self) -> None:
        indexes = template.table_definition()["GlobalSecondaryIndexes"]

        assert {index["IndexName"] for index in indexes} == {"list", "holder", "due"}
        assert {index["Projection"]["ProjectionType"] for index in indexes} == {"KEYS_ONLY"}


class TestFiles:
    def test_are_kept_encrypted_and_private(self) -> None:
        bucket = template.load()["Resources"]["Files"]

        assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
        properties = bucket["Properties"]
        assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4

    def test_are_removed_when_the_table_forgets_them(self) -> None:
        bucket = template.load()["Resources"]["Files"]["Properties"]

        (rule,) = bucket["LifecycleConfiguration"]["Rules"]
        assert rule["ExpirationInDays"] == leases.FILES_KEPT_FOR.days
        assert rule["AbortIncompleteMultipartUpload"]

    def test_can_be_uploaded_by_a_page(self) -> None:
        bucket = template.load()["Resources"]["Files"]["Properties"]

        (rule,) = bucket["CorsConfiguration"]["CorsRules"]
        assert "POST" in rule["AllowedMethods"]


_RESOURCES: dict[str, Any] = template.load()["Resources"]
_QUEUES = {
    name: each["Properties"]
    for name, each in _RESOURCES.items()
    if each.get("Type") == "AWS::SQS::Queue"
}
_SUBSCRIPTIONS = {
    name: each["Properties"]
    for name, each in _RESOURCES.items()
    if each.get("Type") == "AWS::SNS::Subscription"
}


class TestQueues:
    @pytest.mark.parametrize("name", _QUEUES)
    def test_are_encrypted(self, name: str) -> None:
        assert _QUEUES[name]["SqsManagedSseEnabled"] is True

    def test_the_topic_is_encrypted(self) -> None:
        assert _RESOURCES["Events"]["Properties"]["KmsMasterKeyId"]

    def test_each_subscriber_has_one_and_one_for_what_it_failed_on(self) -> None:
        assert len(_SUBSCRIPTIONS) == len(Subscriber)
        for subscription in _SUBSCRIPTIONS.values():
            assert subscription["RawMessageDelivery"] is True
            queue = _QUEUES[subscription["Endpoint"]["Fn::GetAtt"][0]]
            dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
            assert _QUEUES[dead]["MessageRetentionPeriod"] == 14 * 24 * 3600

    @pytest.mark.parametrize("name", _SUBSCRIPTIONS)
    def test_take_messages_of_the_topic_alone(self, name: str) -> None:
        endpoint = _SUBSCRIPTIONS[name]["Endpoint"]
        (statement,) = (
            statement
            for each in _RESOURCES.values()
            if each.get("Type") == "AWS::SQS::QueuePolicy"
            for statement in each["Properties"]["PolicyDocument"]["Statement"]
            if statement["Resource"] == endpoint
        )
        assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "Events"}}}

    def test_hide_a_message_six_times_as_long_as_a_function_may_take(self) -> None:
        config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
        for stage in config["stages"].values():
            timeout = stage["lambda_functions"]["deliver_webhooks"]["lambda_timeout"]
            assert _QUEUES["Webhooks"]["VisibilityTimeout"] >= 6 * timeout

    def test_that_fill_with_failures_are_watched(self) -> None:
        watched = {
            dimension["Value"]["Fn::GetAtt"][0]
            for each in _RESOURCES.values()
            if each.get("Properties", {}).get("MetricName") == "ApproximateNumberOfMessagesVisible"
            for dimension in each["Properties"]["Dimensions"]
        }
        assert watched == {name for name in _QUEUES if "RedrivePolicy" not in _QUEUES[name]}


class TestAlarms:
    def test_watch_every_function(self) -> None:
        resources = template.load()["Resources"]
        config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
        names = {
            "APIHandler" if name == "api_handler" else "".join(map(str.capitalize, name.split("_")))
            for name in config["stages"]["prod"]["lambda_functions"]
        }

        for metric in ("Errors", "Throttles"):
            watched = {
                dimension["Value"]["Ref"]
                for each in resources.values()
                if each.get("Properties", {}).get("MetricName") == metric
                for dimension in each["Properties"].get("Dimensions", ())
                if dimension["Name"] == "FunctionName"
            }
            assert watched == names, metric


_GATEWAY: dict[str, Any] = template.load()["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]


class TestGatewayResponses:
    @pytest.mark.parametrize("response", list(_GATEWAY.values()), ids=list(_GATEWAY))
    def test_are_problems_like_every_other_error(self, response: dict[str, Any]) -> None:
        problem = json.loads(response["ResponseTemplates"]["application/json"])

        assert set(problem) == {"type", "title", "status", "detail", "code", "instance"}
        assert problem["status"] == response["StatusCode"]
        assert problem["type"] == f"/docs#error-{problem['code']}"
        headers = response["ResponseParameters"]["Headers"]
        assert headers["Content-Type"] == "'application/problem+json'"
        assert ("Retry-After" in headers) == (problem["status"] in {429, 503})
