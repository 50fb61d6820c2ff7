"""Imports and exports through HTTP; what workers make of them: tests/usecases, tests/stack."""

import csv
import io
import subprocess
import sys
from typing import Any

import pytest
from chalice.local import LambdaContext

from chalicelib.core.callers.callers import Role
from chalicelib.gateways.files import S3Files
from chalicelib.gateways.functions import LambdaFunctions
from tests.api.shop import Shop, with_key
from tests.builders import unique
from tests.conftest import a_key
from tests.http import Reply
from tests.twins import LocalFiles, NotedFunctions


def an_import(shop: Shop, **options: Any) -> str:
    """Return the path of a new import."""
    body = {"reward_id": shop.reward()["id"], **options}
    return f"/v1/imports/{shop.api.made('/v1/imports', body)['import']['id']}"


def put(shop: Shop, path: str, data: bytes) -> None:
    files = shop.services.files
    assert isinstance(files, LocalFiles)
    files.put(f"imports/{path.rpartition('/')[2]}/upload.csv", data)


def start(shop: Shop, path: str, key: str | None = None) -> Reply:
    return shop.api.post(f"{path}/start", headers=with_key(key or unique("key")))


def run(name: str, event: dict[str, str]) -> Any:
    """Let the function work, as it would when it is called."""
    import app  # noqa: PLC0415 # as tests/conftest.py does

    function = app.app.handler_map[name]
    return function(event, LambdaContext(name, 512, max_runtime_ms=900_000))


class TestCreate:
    def test_answers_where_to_send_the_file(self, shop: Shop) -> None:
        reward = shop.reward()

        reply = shop.api.post("/v1/imports", {"reward_id": reward["id"], "delimiter": ";"})

        assert reply.status == 201
        made, upload = reply.json["import"], reply.json["upload"]
        assert reply.headers["location"].endswith(f"/v1/imports/{made['id']}")
        assert (made["status"], made["reward_id"]) == ("draft", reward["id"])
        assert made["options"] == {
            "delimiter": ";",
            "encoding": None,
            "has_header": None,
            "mapping": None,
        }
        assert upload["fields"]["key"] == f"imports/{made['id']}/upload.csv"
        assert upload["size_max"] == 256 * 1024 * 1024

    def test_again_with_the_same_key_is_the_same_import(self, shop: Shop) -> None:
        body, headers = {"reward_id": shop.reward()["id"]}, with_key(unique("key"))

        first = shop.api.post("/v1/imports", body, headers=headers)
        again = shop.api.post("/v1/imports", body, headers=headers)

        assert again.headers["idempotent-replayed"] == "true"
        assert first.json["import"] == again.json["import"]

    def test_again_after_the_start_has_nothing_to_upload(self, shop: Shop) -> None:
        body, headers = {"reward_id": shop.reward()["id"]}, with_key(unique("key"))
        made = shop.api.post("/v1/imports", body, headers=headers).json["import"]
        path = f"/v1/imports/{made['id']}"
        put(shop, path, b"code\n" + unique("A").encode())
        assert start(shop, path).status == 200

        again = shop.api.post("/v1/imports", body, headers=headers)

        assert (again.status, again.json["upload"]) == (201, None)
        assert again.json["import"]["id"] == made["id"]

    def test_into_a_draft_is_fine(self, shop: Shop) -> None:
        body = {"reward_id": shop.reward(status="draft")["id"]}

        assert shop.api.post("/v1/imports", body).status == 201

    def test_into_a_shared_reward_is_refused(self, shop: Shop) -> None:
        body = {"reward_id": shop.reward(coupon_source="shared", status="draft")["id"]}

        reply = shop.api.post("/v1/imports", body)

        assert (reply.status, reply.code) == (422, "validation_failed")

    def test_is_listed(self, shop: Shop) -> None:
        path = an_import(shop)

        items = shop.find("/v1/imports?status=draft&limit=100")["items"]

        assert items[0] == shop.find(path)

    def test_leave_to_upload_can_be_asked_for_again(self, shop: Shop) -> None:
        reply = shop.api.post(f"{an_import(shop)}/upload")

        assert (reply.status, reply.json["size_max"]) == (200, 256 * 1024 * 1024)


class TestPreview:
    def test_shows_what_was_detected_and_what_is_wrong(self, shop: Shop) -> None:
        path = an_import(shop)
        put(shop, path, "Code;Ablauf;E-Mail\nABCD-1;2030-01-01;a@x.org\n!;;\n".encode("utf-16"))

        preview = shop.find(f"{path}/preview")

        assert shop.find(path)["status"] == "uploaded"
        listed = shop.find("/v1/imports?status=uploaded&limit=100")["items"]
        assert shop.find(path) in listed
        assert (preview["encoding"], preview["bom"]) == ("utf-16-le", True)
        assert (preview["delimiter"], preview["has_header"]) == (";", True)
        assert preview["columns"] == ["Code", "Ablauf", "E-Mail"]
        assert preview["mapping"] == {
            "code": 1,
            "expires_at": None,
            "assignee": 3,
            "metadata": [],
        }
        assert [(row["line"], row["fault"]) for row in preview["rows"]] == [
            (2, None),
            (3, "bad_code"),
        ]
        assert preview["rows"][0]["coupon"]["assignee"] == "a@x.org"

    def test_follows_a_correction_of_the_options(self, shop: Shop) -> None:
        path = an_import(shop, encoding="utf-8")
        put(shop, path, b"Nr;Gutschein\n1;ABCD-1\n")

        patched = shop.api.patch(path, {"mapping": {"code": "gutschein"}, "encoding": None})

        assert patched.status == 200
        assert patched.json["options"]["mapping"]["code"] == "gutschein"
        assert patched.json["options"]["encoding"] is None
        assert shop.find(f"{path}/preview")["rows"][0]["coupon"]["code"] == "ABCD-1"

    def test_of_a_stale_state_is_not_corrected(self, shop: Shop) -> None:
        path = an_import(shop)
        stale = shop.api.get(path).headers["etag"]
        shop.api.patch(path, {"delimiter": ";"})

        reply = shop.api.patch(path, {"delimiter": ","}, headers={"If-Match": stale})

        assert (reply.status, reply.code) == (412, "precondition_failed")


class TestStart:
    def test_needs_a_key(self, shop: Shop) -> None:
        path = an_import(shop)
        put(shop, path, b"ABCD-1\n")

        reply = shop.api.post(f"{path}/start")

        assert (reply.status, reply.code) == (422, "validation_failed")

    def test_lets_the_function_work_and_shows_how_it_went(self, shop: Shop) -> None:
        path, code = an_import(shop), unique("START-")
        put(shop, path, f"{code}\n{code}\n!\n".encode())
        key = unique("key")

        started, again = start(shop, path, key), start(shop, path, key)

        assert (started.status, started.json["status"]) == (200, "running")
        assert again.headers["idempotent-replayed"] == "true"
        import_id = path.rpartition("/")[2]
        functions = shop.services.functions
        assert isinstance(functions, NotedFunctions)
        assert import_id in functions.imports
        report = run("import_coupons", {"import_id": import_id})
        assert (report["outcome"], report["created"]) == ("completed_with_errors", 1)
        assert run("import_coupons", {"import_id": import_id}) == {"outcome": "nothing_to_do"}
        done = shop.find(path)
        assert (done["created"], done["duplicate"], done["invalid"]) == (1, 1, 1)
        assert (done["processed_rows"], done["processed_bytes"]) == (3, done["size_bytes"])
        link = shop.find(done["refused_rows"])
        assert link["rows"] == 2
        assert shop.find_coupon(code)["metadata"] == {}

    def test_cancelled_before_it_begins_adds_nothing(self, shop: Shop) -> None:
        path, code = an_import(shop), unique("CANCEL-")
        put(shop, path, f"{code}\n".encode())
        start(shop, path)

        cancelled = shop.api.post(f"{path}/cancel")

        assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
        run("import_coupons", {"import_id": path.rpartition("/")[2]})
        assert shop.api.get(f"/v1/coupons/{code}").status == 404
        assert shop.find(path)["refused_rows"] == f"{path}/refused"


class TestTemplate:
    def test_is_a_file_that_can_be_imported(self, shop: Shop) -> None:
        reply = shop.api.get("/v1/imports/template")

        assert reply.headers["content-type"] == "text/csv"
        assert "coupons.csv" in reply.headers["content-disposition"]
        rows = list(csv.reader(io.StringIO(reply.raw.decode())))
        assert rows[0] == ["code", "expires_at", "assignee", "metadata"]
        path = an_import(shop)
        put(shop, path, reply.raw)
        preview = shop.find(f"{path}/preview")
        assert preview["mapping"] == {"code": 1, "expires_at": 2, "assignee": 3, "metadata": [4]}
        assert preview["rows"][0]["fault"] is None


class TestExport:
    def test_is_written_by_the_function_and_linked_to(self, shop: Shop) -> None:
        reward = shop.reward()
        shop.coupon(reward)

        made = shop.api.post("/v1/exports", {"kind": "coupons", "reward_id": reward["id"]})

        assert (made.status, made.json["status"], made.json["url"]) == (201, "running", None)
        path = f"/v1/exports/{made.json['id']}"
        assert made.headers["location"].endswith(path)
        report = run("export_rows", {"export_id": made.json["id"]})
        assert report == {"outcome": "completed", "rows": 1}
        assert run("export_rows", {"export_id": made.json["id"]}) == {"outcome": "nothing_to_do"}
        done = shop.find(path)
        assert (done["status"], done["rows"]) == ("completed", 1)
        assert f"coupons-{reward['id']}.csv" in done["url"]

    def test_of_redemptions_knows_no_status_of_coupons(self, shop: Shop) -> None:
        body = {"kind": "redemptions", "reward_id": shop.reward()["id"], "status": ["claimed"]}

        reply = shop.api.post("/v1/exports", body)

        assert (reply.status, reply.code) == (422, "validation_failed")

    @pytest.mark.parametrize("role", [Role.CASHIER, Role.INTEGRATION])
    def test_is_for_the_office_only(self, shop: Shop, role: Role) -> None:
        caller = shop.api.with_token(a_key(shop.services, role))

        reply = caller.post("/v1/exports", {"kind": "coupons", "reward_id": "rwd_1"})

        assert reply.status == 403


class TestClients:
    def test_of_files_and_functions_are_made_on_first_use_only(self) -> None:
        """A redemption has no use for them."""
        files, functions = S3Files("bucket"), LambdaFunctions(imports="a", exports="b")

        assert "_client" not in vars(files)
        assert "_client" not in vars(functions)
        code = "import app, sys; print('chalicelib.gateways.files' in sys.modules)"
        code += "; print(any('s3transfer' in name or 'boto3' in name for name in sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert done.stdout.split() == [b"True", b"False"]
