"""Each function works with what its role allows, and the roles are really asked."""

import io
import json
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.core.callers.api_keys import ApiKey
from chalicelib.core.callers.callers import Role
from chalicelib.core.cards.cards import Card
from chalicelib.core.changes import ref
from chalicelib.store.engine.capacity import Meter
from chalicelib.store.store import DynamoStore
from chalicelib.usecases.callers import api_keys
from chalicelib.usecases.ports import Store
from tests import engines
from tests.stack import uploads
from tests.stack.receiver import Receiver
from tools.apple_chain import PASS_TYPE_ID
from tools.stack import up
from tools.stack.settings import Settings

pytestmark = pytest.mark.xdist_group("stack")


class Deployed:
    """The API of a stack that enforces policies, called as its owner."""

    def __init__(self, settings: Settings, stack: up.Stack) -> None:
        self.settings = settings
        self.outputs = stack.outputs
        self.url = stack.url
        self._token = _owner_key(stack.outputs["TableName"])

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> tuple[int, Any]:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            }
            | ({} if key is None else {"Idempotency-Key": key}),
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def made(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        status, answer = self.call(method, path, body, key=key)
        assert status < 300, answer
        return answer

    def until_ended(self, path: str) -> Any:
        """Return an import or an export once it has ended."""
        for _ in range(300):
            found = self.made("GET", path)
            if found["finished_at"] and found["status"] != "running":
                return found
            time.sleep(0.1)
        raise AssertionError(found)


def _owner_key(table_name: str) -> str:
    meter = Meter()
    services = wiring.services_for(DynamoStore(table_name, meter=meter), meter=meter)
    key_id = services.new_id("key", services.now())
    token = api_keys.token_of(key_id, services.new_secret())
    key = ApiKey(key_id, api_keys.hash_of(token), "test", Role.OWNER, services.now(), "test")
    api_keys.create_key(services.context, key, now=services.now(), request=None)
    return token


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    home = tmp_path_factory.mktemp("stack")
    with (
        pytest.MonkeyPatch.context() as patch,
        engines.local_stack(home, enforce_policies=True, warm_workers=1) as (settings, stack),
    ):
        for name, value in up.environment(settings, stack.outputs).items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", settings.endpoint)
        yield Deployed(settings, stack)


_SCHEDULED = {
    "version": "0",
    "id": "1",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "000000000000",
    "time": "2018-03-01T00:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}


class TestRoles:
    def test_allow_the_life_of_a_coupon(self, deployed: Deployed) -> None:
        customer = deployed.made("POST", "/v1/customers", {"external_id": "role-1"})
        reward = {
            "name": "Ten off",
            "type": "discount",
            "amount_off_minor": 1000,
            "currency": "USD",
            "coupon_source": "uploaded",
            "purchase_amount": "optional",
        }
        reward = deployed.made("POST", "/v1/rewards", reward)
        coupons = f"/v1/rewards/{reward['id']}/coupons"
        uploaded = deployed.made("POST", coupons, {"coupons": [{"code": "ROLE-0001"}]})
        assert uploaded["created"] == 1, uploaded
        deployed.made("POST", f"/v1/rewards/{reward['id']}/activate")
        coupon = "/v1/coupons/ROLE-0001"
        deployed.made("POST", f"{coupon}/claim", {"customer_id": customer["id"]})
        redemption = {"customer_id": customer["id"], "amount_minor": 5000, "currency": "USD"}
        deployed.made("POST", f"{coupon}/validate", redemption)
        deployed.made("POST", f"{coupon}/redemptions", redemption | {"order_id": "order-1"})
        deployed.made("POST", f"{coupon}/unredeem", {})
        for path in (coupon, coupons, f"/v1/customers/{customer['id']}/activity", "/v1/settings"):
            deployed.made("GET", path)
        deployed.made("PATCH", f"/v1/customers/{customer['id']}", {"external_id": "role-2"})

    def test_allow_imports_and_exports(self, deployed: Deployed) -> None:
        reward = {"name": "A gift", "type": "gift", "coupon_source": "uploaded"}
        reward_id = deployed.made("POST", "/v1/rewards", reward)["id"]
        made = deployed.made("POST", "/v1/imports", {"reward_id": reward_id})
        uploads.send(made["upload"], b"ROLE-1001\n!\n")
        path = f"/v1/imports/{made['import']['id']}"
        deployed.made("GET", f"{path}/preview")
        deployed.made("POST", f"{path}/start", key="start")
        imported = deployed.until_ended(path)
        assert (imported["status"], imported["created"]) == ("completed_with_errors", 1), imported
        refused = deployed.made("GET", imported["refused_rows"])
        assert uploads.download(refused["url"]).splitlines()[1:] == ["2,!,bad_code"]
        body = {"kind": "coupons", "reward_id": reward_id}
        export = deployed.made("POST", "/v1/exports", body)
        exported = deployed.until_ended(f"/v1/exports/{export['id']}")
        assert uploads.download(exported["url"]).splitlines()[1].startswith("ROLE-1001,unassigned")

    def test_allow_pools_to_be_filled(self, deployed: Deployed) -> None:
        functions = up.client("lambda", deployed.settings)
        reward = {"name": "A gift", "type": "gift", "low_stock_at": 5, "top_up_to": 150}
        reward_id = deployed.made("POST", "/v1/rewards", reward)["id"]
        path = f"/v1/rewards/{reward_id}/coupons"
        ordered = deployed.made("POST", f"{path}/generate", {"count": 3}, key="generate")
        assert (ordered["status"], ordered["made"]) == ("completed", 3)
        deployed.made("POST", f"/v1/rewards/{reward_id}/activate")

        answer = functions.invoke(
            FunctionName=deployed.outputs["KeepStockName"], Payload=json.dumps(_SCHEDULED)
        )

        assert "FunctionError" not in answer
        report = json.loads(answer["Payload"].read())
        assert report == {"watched": 1, "low": 0, "filled": 1, "made": 147, "running": 0}
        customer = deployed.made("POST", "/v1/customers", {})
        body = {"customer_id": customer["id"]}
        assert deployed.made("POST", f"/v1/rewards/{reward_id}/claim", body)["status"] == "claimed"

    def test_allow_the_look_for_stalled_work(self, deployed: Deployed) -> None:
        functions = up.client("lambda", deployed.settings)

        answer = functions.invoke(
            FunctionName=deployed.outputs["ResumeFileJobsName"], Payload=json.dumps(_SCHEDULED)
        )

        assert "FunctionError" not in answer
        assert json.loads(answer["Payload"].read()) == {"imports": 0, "exports": 0}

    def test_allow_passes_to_be_signed(self, deployed: Deployed) -> None:
        reward = deployed.made("POST", "/v1/rewards", {"name": "A gift", "type": "gift"})
        deployed.made("POST", f"/v1/rewards/{reward['id']}/activate")
        body = {"name": "Tea", "type": "stamp", "reward_id": reward["id"], "stamps_needed": 5}
        template = deployed.made("POST", "/v1/card-templates", body)
        customer = deployed.made("POST", "/v1/customers", {})
        issued = {"template_id": template["id"], "customer_id": customer["id"]}
        serial = deployed.made("POST", "/v1/cards", issued)["serial"]
        name = ref(Card, serial)
        table: Store = DynamoStore(deployed.outputs["TableName"], meter=Meter())
        card = table.read(name).find(name)
        assert card is not None

        request = urllib.request.Request(
            f"{deployed.url}/v1/wallets/apple/v1/passes/{PASS_TYPE_ID}/{serial}",
            headers={"Authorization": f"ApplePass {card.secret}", "Accept": "*/*"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            packed = answer.read()

        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            found = json.loads(archive.read("pass.json"))
        assert found["serialNumber"] == serial
        assert found["webServiceURL"] == f"{deployed.url}/v1/wallets/apple"

    def test_allow_the_expiry_of_coupons(self, deployed: Deployed) -> None:
        functions = up.client("lambda", deployed.settings)

        answer = functions.invoke(
            FunctionName=deployed.outputs["ExpireCouponsName"], Payload=json.dumps(_SCHEDULED)
        )

        assert "FunctionError" not in answer
        report = json.loads(answer["Payload"].read())
        assert report == {"expired": 0, "left": 0, "lag_seconds": 0}

    def test_allow_totals_to_follow_the_stream_and_to_be_recounted(
        self, deployed: Deployed
    ) -> None:
        reward = deployed.made("POST", "/v1/rewards", {"name": "A gift", "type": "gift"})
        path = f"/v1/rewards/{reward['id']}"
        deployed.made("POST", f"{path}/coupons", {"coupons": [{"code": "ROLE-0002"}]})
        deadline = time.monotonic() + 120
        total = 0
        while total == 0 and time.monotonic() < deadline:
            time.sleep(0.2)
            total = deployed.made("GET", f"{path}/statistics")["coupons"]["total"]
        assert total == 1

        functions = up.client("lambda", deployed.settings)
        answer = functions.invoke(
            FunctionName=deployed.outputs["ReconcileTotalsName"], Payload=json.dumps(_SCHEDULED)
        )

        assert "FunctionError" not in answer
        report = json.loads(answer["Payload"].read())
        assert report["finished"] == 1
        assert report["rewards"] >= 1

    def test_allow_events_to_reach_a_webhook(self, deployed: Deployed) -> None:
        with Receiver() as receiver:
            webhook = deployed.made("POST", "/v1/webhooks", {"url": receiver.url})
            path = f"/v1/webhooks/{webhook['id']}"
            tried = deployed.made("POST", f"{path}/test")
            assert tried["status"] == "delivered", tried
            customer = deployed.made("POST", "/v1/customers", {})
            told = receiver.wait_for(lambda each: each["customer_id"] == customer["id"])
            assert told["type"] == "customer.created"
            replay = deployed.made("POST", f"{path}/deliveries/{tried['id']}/replay")
            assert len(replay["attempts"]) == 2
            assert len(deployed.made("GET", f"{path}/deliveries")["items"]) >= 2

        functions = up.client("lambda", deployed.settings)
        answer = functions.invoke(
            FunctionName=deployed.outputs["RetryWebhooksName"], Payload=json.dumps(_SCHEDULED)
        )
        assert "FunctionError" not in answer

        sqs = up.client("sqs", deployed.settings)
        dead = deployed.outputs["WebhooksDeadLettersQueue"]
        sqs.send_message(QueueUrl=dead, MessageBody="no message")
        assert deployed.made("GET", "/v1/outbox")["subscribers"][0]["dead_letters"] == 1
        body = {"subscriber": "webhooks"}
        assert deployed.made("POST", "/v1/outbox/replay", body)["replayed"] == 1

    def test_are_asked(self, deployed: Deployed) -> None:
        """Without its policy the API function may do nothing: the tests above prove something."""
        functions = up.client("lambda", deployed.settings)
        iam = up.client("iam", deployed.settings)
        name = deployed.outputs["APIHandlerName"]
        configuration = functions.get_function_configuration(FunctionName=name)
        role = configuration["Role"].rsplit("/", 1)[1]
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=policy)

        status, _ = deployed.call("GET", "/v1/health")

        assert status >= 500
