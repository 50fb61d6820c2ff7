"""The main job from the first request to the last, on the deployed stack."""

import io
import json
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

import pytest
import yaml

from tests.builders import unique
from tests.stack.deployment import Deployment
from tests.stack.line import Line
from tools import template

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def line(deployment: Deployment) -> Iterator[Line]:
    with deployment.line() as opened:
        yield opened


def _a_reward(line: Line, **fields: Any) -> str:
    body = {
        "name": "Ten percent",
        "type": "percentage_discount",
        "percent_off_basis_points": 1000,
    }
    made = line.made("/v1/rewards", body | fields)
    assert line.call("POST", f"/v1/rewards/{made['id']}/activate").json["status"] == "active"
    return str(made["id"])


def _a_coupon(line: Line, **fields: Any) -> tuple[str, str]:
    """Return code and customer of a coupon that somebody has."""
    customer = line.made("/v1/customers", {"external_id": unique("J"), "first_name": "Ada"})["id"]
    coupon = {"code": unique("J"), "customer_id": customer} | fields
    outcome = line.made(f"/v1/rewards/{_a_reward(line)}/coupons", {"coupons": [coupon]})
    assert outcome["created"] == 1, outcome
    return coupon["code"], customer


class TestService:
    def test_says_which_build_answers_and_that_the_table_does(
        self, line: Line, deployment: Deployment
    ) -> None:
        reply = line.call("GET", "/v1/health")

        function = deployment.client("lambda").get_function_configuration(
            FunctionName=deployment.outputs["APIHandlerName"]
        )
        build = function["Environment"]["Variables"]["BUILD"]
        assert reply.json == {"status": "ok", "build": build, "table": "reachable"}
        assert reply.headers["x-request-id"]

    def test_documents_itself_for_programs_and_for_people(self, line: Line) -> None:
        document = line.call("GET", "/openapi.json").json
        page = line.call("GET", "/docs")

        assert document["openapi"].startswith("3.1")
        assert "/v1/coupons/{code}/redemptions" in document["paths"]
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert b"/v1/coupons/{code}/redemptions" in page.raw

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_answers_a_path_that_is_not_there_with_a_problem(self, line: Line, method: str) -> None:
        reply = line.call(method, "/v1/nowhere", {} if method == "POST" else None)

        assert (reply.status, reply.code) == (404, "route_not_found")
        assert reply.json["instance"]

    def test_names_the_methods_of_a_path_to_who_uses_another(self, line: Line) -> None:
        reply = line.call("PUT", "/v1/customers", {})

        assert (reply.status, reply.code) == (405, "method_not_allowed")
        assert reply.headers["allow"] == "GET, POST"

    def test_asks_for_a_key(self, deployment: Deployment) -> None:
        with Line(deployment.settings.url, None) as nobody:
            reply = nobody.call("GET", "/v1/settings")

        assert (reply.status, reply.code) == (401, "unauthenticated")


class TestLifeOfACoupon:
    def test_is_redeemed_and_counted_once(self, line: Line) -> None:
        code, customer = _a_coupon(line)
        body = {"amount_minor": 2050, "order_id": unique("O")}

        def redeem(key: str) -> Any:
            headers = {"Idempotency-Key": key}
            return line.call("POST", f"/v1/coupons/{code}/redemptions", body, headers=headers)

        first, again, other = redeem("till-1"), redeem("till-1"), redeem("till-2")

        assert first.status == 201
        assert first.json["discount"]["amount_off_minor"] == 205
        assert (again.status, again.raw) == (201, first.raw)
        assert again.headers["idempotent-replayed"] == "true"
        assert (other.status, other.code) == (409, "coupon_already_redeemed")
        assert line.get(f"/v1/customers/{customer}")["lifetime_value_minor"] == 2050

    def test_is_found_where_the_answer_says(self, line: Line, deployment: Deployment) -> None:
        code, _ = _a_coupon(line)
        redeemed = line.call("POST", f"/v1/coupons/{code}/redemptions", {})

        url = urljoin(deployment.settings.endpoint, redeemed.headers["location"])
        headers = {"Authorization": f"Bearer {deployment.token}"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            assert json.loads(answer.read())["id"] == redeemed.json["id"]

    def test_is_given_back_and_can_be_used_again(self, line: Line) -> None:
        code, customer = _a_coupon(line)
        redeemed = line.made(f"/v1/coupons/{code}/redemptions", {"amount_minor": 700})

        reversed_ = line.call("POST", f"/v1/coupons/{code}/unredeem", {"reason": "wrong till"})

        assert reversed_.status == 200
        assert reversed_.json["redemption"]["id"] == redeemed["id"]
        assert line.get(f"/v1/coupons/{code}")["status"] == "claimed"
        assert line.get(f"/v1/customers/{customer}")["lifetime_value_minor"] == 0
        line.made(f"/v1/coupons/{code}/redemptions", {"amount_minor": 800})
        assert line.get(f"/v1/customers/{customer}")["lifetime_value_minor"] == 800

    def test_is_told_newest_first(self, line: Line) -> None:
        code, customer = _a_coupon(line)
        line.made(f"/v1/coupons/{code}/redemptions", {})

        events = line.get(f"/v1/customers/{customer}/activity")["items"]
        newest = line.get(f"/v1/customers/{customer}/activity?limit=1")

        types = ["coupon.redeemed", "coupon.claimed", "customer.created"]
        assert [event["type"] for event in events] == types
        assert newest["items"] == events[:1]
        next_page = f"/v1/customers/{customer}/activity?limit=1&cursor={newest['next_cursor']}"
        assert line.get(next_page)["items"] == events[1:2]

    def test_is_claimed_by_a_customer_and_in_their_list(self, line: Line) -> None:
        _, customer = _a_coupon(line)
        code = unique("P")
        coupons = {"coupons": [{"code": code}]}
        line.made(f"/v1/rewards/{_a_reward(line)}/coupons", coupons)

        claim = line.call("POST", f"/v1/coupons/{code}/claim", {"customer_id": customer})

        assert (claim.status, claim.json["status"]) == (200, "claimed")
        held = line.get(f"/v1/customers/{customer}/coupons?status=claimed")["items"]
        assert code in {coupon["code"] for coupon in held}

    def test_ends_by_the_scheduled_job(self, line: Line, deployment: Deployment) -> None:
        code, customer = _a_coupon(line, expires_at="2018-03-01T00:00:00Z")
        late = line.call("POST", f"/v1/coupons/{code}/redemptions", {})
        assert (late.status, late.code) == (409, "coupon_expired")

        now = datetime.now(UTC).isoformat(timespec="seconds")
        reports = [_expire(deployment, as_of=now) for _ in range(2)]

        assert reports[0]["expired"] >= 1
        assert reports[1] == {"expired": 0, "left": 0, "lag_seconds": 0}
        events = line.get(f"/v1/customers/{customer}/activity")["items"]
        assert [event["type"] for event in events].count("coupon.expired") == 1

    def test_is_looked_up_by_what_the_customer_says(self, line: Line) -> None:
        external_id = unique("J")
        email = f"{external_id.lower()}@example.com"
        made = line.made("/v1/customers", {"external_id": external_id, "email": email})

        found = line.get(f"/v1/customers?email={email.upper()}")["items"]

        assert [customer["id"] for customer in found] == [made["id"]]


class TestSettings:
    def test_are_kept_and_changed_only_as_they_were_read(self, line: Line) -> None:
        before = line.call("GET", "/v1/settings")
        changed = before.json | {"business_name": unique("Shop ")}
        headers = {"If-Match": before.headers["etag"]}

        first = line.call("PUT", "/v1/settings", changed, headers=headers)
        second = line.call("PUT", "/v1/settings", changed, headers=headers)

        assert (first.status, first.json) == (200, changed)
        assert (second.status, second.code) == (412, "precondition_failed")


class TestDeployment:
    def test_made_the_table_that_the_template_describes(self, deployment: Deployment) -> None:
        dynamodb = deployment.client("dynamodb")

        table = dynamodb.describe_table(TableName=deployment.table_name)["Table"]

        # What it does not tell of: point-in-time recovery and encryption; tests/tools reads them.
        wanted = template.table_definition()
        assert table["BillingModeSummary"]["BillingMode"] == wanted["BillingMode"]
        assert table["KeySchema"] == wanted["KeySchema"]
        assert table["StreamSpecification"] == wanted["StreamSpecification"]
        indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
        assert [
            {name: indexes[each["IndexName"]][name] for name in each}
            for each in wanted["GlobalSecondaryIndexes"]
        ] == wanted["GlobalSecondaryIndexes"]
        alive = dynamodb.describe_time_to_live(TableName=deployment.table_name)
        assert alive["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"

    @pytest.mark.parametrize("output", ["APIHandlerName", "ExpireCouponsName"])
    def test_gave_each_function_its_bytecode(self, deployment: Deployment, output: str) -> None:
        function = deployment.client("lambda").get_function(FunctionName=deployment.outputs[output])
        with urllib.request.urlopen(function["Code"]["Location"], timeout=30) as answer:
            names = set(zipfile.ZipFile(io.BytesIO(answer.read())).namelist())

        tag = sys.implementation.cache_tag
        assert f"__pycache__/app.{tag}.pyc" in names
        assert f"chalicelib/usecases/coupons/__pycache__/redemptions.{tag}.pyc" in names

    def test_allows_no_function_everything(self, deployment: Deployment) -> None:
        packaged = deployment.settings.build / "out" / "sam.yaml"
        made = yaml.safe_load(packaged.read_text(encoding="utf-8"))

        roles = [
            resource["Properties"]
            for resource in made["Resources"].values()
            if resource["Type"] == "AWS::IAM::Role"
        ]

        functions = [
            name
            for name, resource in made["Resources"].items()
            if resource["Type"] == "AWS::Serverless::Function"
        ]
        assert len(roles) == len(functions)
        for role in roles:
            statements = [
                statement
                for policy in role["Policies"]
                for statement in policy["PolicyDocument"]["Statement"]
            ]
            actions = [action for statement in statements for action in statement["Action"]]
            assert actions
            assert not [action for action in actions if "*" in action]
            # Tracing knows no resources; all else is for named ones.
            everywhere = [each["Action"] for each in statements if each["Resource"] == "*"]
            assert everywhere == [["xray:PutTelemetryRecords", "xray:PutTraceSegments"]]


def _expire(deployment: Deployment, *, as_of: str) -> dict[str, int]:
    """Run the job as EventBridge would, at the moment ``as_of``."""
    event = {
        "version": "0",
        "id": unique("e"),
        "account": "000000000000",
        "region": "us-east-1",
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "detail": {},
        "resources": [],
        "time": as_of,
    }
    answer = deployment.client("lambda").invoke(
        FunctionName=deployment.outputs["ExpireCouponsName"], Payload=json.dumps(event).encode()
    )
    report: dict[str, int] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, report
    return report
