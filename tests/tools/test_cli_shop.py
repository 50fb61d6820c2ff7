"""The command line against the application itself, its functions and its files."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from chalice.test import Client
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.wiring import Services
from tests.api.shop import Shop
from tests.builders import unique
from tests.conftest import a_key
from tests.http import Api
from tests.tools.live import LiveServer
from tests.tools.terminal import Terminal
from tests.twins import NotedQueues


@pytest.fixture
def live(
    services: Services, tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LiveServer]:
    import app  # noqa: PLC0415 # as tests/conftest.py does

    folder = tmp_path / "bucket"
    folder.mkdir()
    with Client(app.app) as client, LiveServer(client, folder) as server:
        served = replace(services, files=server.files, functions=server.functions)
        monkeypatch.setattr(wiring, "services", lambda: served)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        terminal.call_as(server.url, a_key(services))
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def shop(live: LiveServer, services: Services, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The same business, for what a test needs to be there."""
    return Shop(Api(live.client, a_key(services)), services, monkeypatch)


def a_file(*rows: str) -> Path:
    path = Path("codes.csv")
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


class TestRewards:
    def test_are_listed_page_by_page(self, shop: Shop, terminal: Terminal) -> None:
        names = [unique("offer-") for _ in range(2)]
        for name in names:
            shop.reward(name=name, status="paused")

        first = terminal.run("rewards", "--limit", 1, "--status", "paused")
        cursor = first.stderr.split()[-1]
        second = terminal.run("rewards", "--limit", 1, "--status", "paused", "--cursor", cursor)

        assert names[1] in first.stdout
        assert "10 %" in first.stdout
        assert names[0] in second.stdout

    def test_are_the_apis_answer_as_json(self, shop: Shop, terminal: Terminal) -> None:
        shop.reward()

        assert terminal.json("rewards", "--limit", 1) == shop.find("/v1/rewards?limit=1")


class TestCoupon:
    def test_is_shown_however_it_is_typed(self, shop: Shop, terminal: Terminal) -> None:
        code = shop.coupon()

        assert terminal.json("coupons", "show", code.lower()) == shop.find_coupon(code)

    def test_that_is_unknown_is_refused(self, shop: Shop, terminal: Terminal) -> None:
        result = terminal.run("coupons", "show", unique("NOBODY-"))

        assert result.exit_code == 1
        assert "coupon_not_found" in result.stderr

    def test_is_redeemed_and_taken_back(self, shop: Shop, terminal: Terminal) -> None:
        code = shop.coupon(customer=shop.customer())

        used = terminal.json("coupons", "redeem", code, "--amount-minor", 1999, "--order", "4711")
        again = terminal.run("coupons", "redeem", code, "--order", "4712")
        back = terminal.json("coupons", "unredeem", code, "--redemption", used["id"])

        assert (used["channel"], used["order_id"], used["amount_minor"]) == ("cli", "4711", 1999)
        assert again.exit_code == 1
        assert "coupon_already_redeemed" in again.stderr
        assert back["redemption"]["id"] == used["id"]
        assert shop.find_coupon(code)["usages"] == 0

    def test_whose_answer_got_lost_is_redeemed_once(
        self, live: LiveServer, shop: Shop, terminal: Terminal
    ) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        live.lost = 2

        used = terminal.json("coupons", "redeem", code, "--amount-minor", 500)

        keys = [key for method, _, key in live.requests if method == "POST"]
        assert len(keys) == 3
        assert len(set(keys)) == 1
        assert shop.find(f"/v1/coupons/{code}/redemptions")["items"][0]["id"] == used["id"]
        assert shop.find_customer(customer)["lifetime_value_minor"] == 500

    def test_is_taken_out_of_use(self, shop: Shop, terminal: Terminal) -> None:
        code = shop.coupon()

        terminal.run("coupons", "invalidate", code, "--reason", "misprint")

        coupon = shop.find_coupon(code)
        assert (coupon["status"], coupon["invalidation"]["reason"]) == ("invalid", "misprint")

    @pytest.mark.parametrize("by", ["--customer", "--email"])
    def test_is_passed_on(self, shop: Shop, terminal: Terminal, by: str) -> None:
        email = f"{unique('ada')}@example.com"
        giver, receiver = shop.customer(), shop.customer(email=email)
        code = shop.coupon(customer=giver)

        who = receiver["id"] if by == "--customer" else email
        result = terminal.run("coupons", "transfer", code, by, who)

        assert result.exit_code == 0, result.output
        assert shop.find_coupon(code)["customer_id"] == receiver["id"]


class TestGenerate:
    def test_makes_codes_of_a_pattern(self, shop: Shop, terminal: Terminal) -> None:
        reward = shop.reward()

        made = terminal.json("coupons", "generate", reward["id"], 30, "--prefix", "CLI-")

        assert (made["status"], made["made"]) == ("completed", 30)
        items = shop.find(f"/v1/rewards/{reward['id']}/coupons?limit=100")["items"]
        assert sum(each["code"].startswith("CLI-") for each in items) == 30

    def test_says_why_a_pattern_is_too_weak(self, shop: Shop, terminal: Terminal) -> None:
        reward = shop.reward()["id"]
        weak = ("coupons", "generate", reward, 5, "--pattern", "AB##")

        refused, forced = terminal.run(*weak), terminal.run(*weak, "--force")

        assert refused.exit_code == 1
        assert "Fix:" in refused.stderr
        assert forced.exit_code == 0


class TestImport:
    def test_adds_the_codes_of_a_file(self, shop: Shop, terminal: Terminal) -> None:
        reward, code = shop.reward(), unique("FILE-")

        done = terminal.json("coupons", "import", reward["id"], a_file(code, code, "!"))

        assert done["status"] == "completed_with_errors"
        assert (done["created"], done["duplicate"], done["invalid"]) == (1, 1, 1)
        assert shop.find_coupon(code)["reward_id"] == reward["id"]

    def test_sends_the_key_to_nobody_else(
        self, live: LiveServer, shop: Shop, terminal: Terminal
    ) -> None:
        terminal.run("coupons", "import", shop.reward()["id"], a_file(unique("FILE-")))

        assert live.authorised == [None]

    def test_fetches_the_refused_rows(self, shop: Shop, terminal: Terminal) -> None:
        path = a_file(unique("FILE-"), "!")

        result = terminal.run(
            "coupons", "import", shop.reward()["id"], path, "--refused", "refused.csv"
        )

        assert result.exit_code == 0, result.output
        refused = Path("refused.csv").read_text()
        assert refused.splitlines() == ["line,value,reason", "2,!,bad_code"]
        assert terminal.run("imports", "watch", "x", "--refused", "refused.csv").exit_code == 2

    def test_reads_the_columns_that_it_is_told(self, shop: Shop, terminal: Terminal) -> None:
        code = unique("FILE-")
        path = a_file("Nr;Gutschein;Ende;Quelle", f"1;{code};2035-01-01;fair")
        columns = ["--code-column", "gutschein", "--expiry-column", 3]
        columns += ["--metadata-column", "Quelle", "--delimiter", "semicolon", "--header"]

        result = terminal.run("coupons", "import", shop.reward()["id"], path, *columns)

        assert result.exit_code == 0, result.output
        coupon = shop.find_coupon(code)
        assert coupon["expires_at"] == "2035-01-02T00:00:00Z"
        assert coupon["metadata"] == {"Quelle": "fair"}

    def test_shows_first_how_a_file_is_read(self, shop: Shop, terminal: Terminal) -> None:
        reward, code = shop.reward(), unique("FILE-")
        path = a_file("Code;Ablauf", f"{code};2035-01-01", "!;")

        result = terminal.run("coupons", "import", reward["id"], path, "--preview")

        assert result.exit_code == 0, result.output
        assert code in result.stdout
        assert "bad_code" in result.stdout
        assert shop.api.get(f"/v1/coupons/{code}").status == 404
        assert shop.find("/v1/imports?limit=1")["items"][0]["status"] == "cancelled"

    @pytest.mark.parametrize("step", ["/imports", "/files", "/start"])
    def test_whose_answers_got_lost_is_one_import(
        self, live: LiveServer, shop: Shop, terminal: Terminal, step: str
    ) -> None:
        path = a_file(unique("FILE-"))
        live.lost, live.losing = 2, step

        done = terminal.json("coupons", "import", shop.reward()["id"], path)

        assert (live.lost, done["created"]) == (0, 1)
        writes = [path for method, path, key in set(live.requests) if method == "POST" and key]
        assert sorted(writes) == ["/v1/imports", f"/v1/imports/{done['id']}/start"]

    @pytest.mark.parametrize("step", ["/imports", "/files"])
    def test_that_was_broken_off_goes_on_when_it_is_repeated_with_its_key(
        self, live: LiveServer, shop: Shop, terminal: Terminal, step: str
    ) -> None:
        command = ("coupons", "import", shop.reward()["id"], a_file(unique("FILE-")))
        live.lost, live.losing = 4, step

        broken = terminal.run(*command)
        key = broken.stderr.split()[-1]
        done = terminal.json(*command, "--idempotency-key", key)

        assert broken.exit_code == 3
        assert "--idempotency-key" in broken.stderr
        assert done["created"] == 1
        assert len({key for _, path, key in live.requests if path == "/v1/imports" and key}) == 1

    def test_of_which_nobody_knows_whether_it_started_says_where_to_look(
        self, live: LiveServer, shop: Shop, terminal: Terminal
    ) -> None:
        live.lost, live.losing = 4, "/start"

        broken = terminal.run("coupons", "import", shop.reward()["id"], a_file(unique("FILE-")))

        assert broken.exit_code == 3
        import_id = shop.find("/v1/imports?limit=1")["items"][0]["id"]
        assert f"couponry imports watch {import_id}" in broken.stderr
        assert terminal.json("imports", "watch", import_id)["created"] == 1

    @pytest.mark.parametrize("content", ["", "x"])
    def test_of_an_empty_or_large_file_sends_nothing(
        self,
        live: LiveServer,
        shop: Shop,
        terminal: Terminal,
        monkeypatch: pytest.MonkeyPatch,
        content: str,
    ) -> None:
        monkeypatch.setattr("chalicelib.core.coupons.imports.UPLOAD_BYTES_MAX", 0)
        path = Path("codes.csv")
        path.write_text(content)

        result = terminal.run("coupons", "import", shop.reward()["id"], path)

        assert result.exit_code == 1
        assert live.authorised == []

    def test_can_be_left_alone_and_watched(self, shop: Shop, terminal: Terminal) -> None:
        path = a_file(unique("FILE-"))

        terminal.json("coupons", "import", shop.reward()["id"], path, "--wait", 0)
        import_id = shop.find("/v1/imports?limit=1")["items"][0]["id"]
        done: Any = terminal.json("imports", "watch", import_id)

        assert (done["id"], done["status"], done["created"]) == (import_id, "completed", 1)

    def test_that_was_cancelled_ends_with_1(self, shop: Shop, terminal: Terminal) -> None:
        body = {"reward_id": shop.reward()["id"]}
        import_id = shop.api.made("/v1/imports", body)["import"]["id"]
        shop.api.made(f"/v1/imports/{import_id}/cancel", None)

        result = terminal.run("imports", "watch", import_id)

        assert result.exit_code == 1
        assert "cancelled" in result.stderr


class TestExport:
    def test_writes_the_coupons_into_a_file(self, shop: Shop, terminal: Terminal) -> None:
        reward = shop.reward()
        code = shop.coupon(reward)

        result = terminal.run("coupons", "export", reward["id"])

        assert result.exit_code == 0, result.output
        assert code in Path(f"coupons-{reward['id']}.csv").read_text()
        assert "1 rows" in result.stderr

    def test_of_some_statuses_only(self, shop: Shop, terminal: Terminal) -> None:
        reward = shop.reward()
        free, given = shop.coupon(reward), shop.coupon(reward, customer=shop.customer())

        done = terminal.json(
            "coupons", "export", reward["id"], "--status", "claimed", "--output", "out.csv"
        )

        assert (done["status"], done["rows"]) == ("completed", 1)
        content = Path("out.csv").read_text()
        assert given in content
        assert free not in content

    def test_replaces_no_file_unless_told(self, shop: Shop, terminal: Terminal) -> None:
        path = Path("mine.csv")
        path.write_text("mine")
        command = ("coupons", "export", shop.reward()["id"], "--output", path)

        refused = terminal.run(*command)

        assert refused.exit_code == 2
        assert path.read_text() == "mine"
        assert terminal.run(*command, "--force").exit_code == 0
        assert path.read_text() != "mine"

    def test_leaves_no_half_a_file(
        self, live: LiveServer, shop: Shop, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live.files, "link", lambda *_, **__: f"{live.url}/files/gone")

        result = terminal.run("coupons", "export", shop.reward()["id"])

        assert result.exit_code == 1
        assert list(Path().iterdir()) == []


class TestOutbox:
    @pytest.fixture
    def queues(self, services: Services) -> NotedQueues:
        assert isinstance(services.queues, NotedQueues)
        return services.queues

    def test_shows_what_was_given_up(
        self, shop: Shop, terminal: Terminal, queues: NotedQueues
    ) -> None:
        queues.waiting, queues.dead_letters = 4, 321

        result = terminal.run("outbox", "show")

        assert result.stdout.split()[-4:] == ["webhooks", "4", "0", "321"]
        assert terminal.json("outbox", "show") == shop.find("/v1/outbox")

    def test_replays_all_of_it(self, shop: Shop, terminal: Terminal, queues: NotedQueues) -> None:
        queues.dead_letters = 1234

        done = terminal.json("outbox", "replay", "webhooks")

        assert done == {"subscriber": "webhooks", "replayed": 1234, "left": 0}
        assert (queues.waiting, queues.dead_letters) == (1234, 0)

    def test_knows_who_there_is(self, shop: Shop, terminal: Terminal) -> None:
        result = terminal.run("outbox", "replay", "nobody")

        assert result.exit_code == 1
        assert "validation_failed" in result.stderr
