"""How the command line calls: what it prints, with what code it ends, what it repeats."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.tools.servers import DROPPED, Server
from tests.tools.terminal import Terminal
from tools.paths import ROOT

KEY = "cpk_a-very-secret-key"
REFUSAL = {
    "status": 409,
    "detail": "the coupon was redeemed on order 1234",
    "code": "coupon_already_redeemed",
    "fix": "nothing is left to redeem",
    "order_id": "1234",
}
UNAVAILABLE = {"code": "temporarily_unavailable", "detail": "the table is out of reach"}

WRITES = [
    pytest.param(("coupons", "redeem", "A-1"), id="redeem"),
    pytest.param(("coupons", "unredeem", "A-1"), id="unredeem"),
    pytest.param(("coupons", "invalidate", "A-1"), id="invalidate"),
    pytest.param(("coupons", "transfer", "A-1", "--email", "a@x.org"), id="transfer"),
    pytest.param(("coupons", "generate", "rwd_1", "5", "--wait", "0"), id="generate"),
    pytest.param(("coupons", "export", "rwd_1", "--wait", "0"), id="export"),
]


@pytest.fixture(autouse=True)
def _logged_in(server: Server, terminal: Terminal) -> None:
    terminal.call_as(server.url, KEY)


def a_job(status: str = "running") -> dict[str, Any]:
    return {"id": "job_1", "status": status, "count": 5, "made": 2, "rows": 0, "url": None}


class TestAnswer:
    def test_is_a_line_for_each_fact_by_default(self, server: Server, terminal: Terminal) -> None:
        body = {"code": "A-1", "expires_at": None, "shared": False, "discount": {"value": 1000}}
        server.script = [(200, body)]

        result = terminal.run("coupons", "show", "A-1")

        assert result.exit_code == 0
        lines = [line.split() for line in result.stdout.splitlines()]
        assert lines == [["code", "A-1"], ["shared", "no"], ["discount.value", "1000"]]

    def test_is_printed_as_it_came_for_scripts(self, server: Server, terminal: Terminal) -> None:
        body = {"code": "A-1", "expires_at": None, "metadata": {"note": "Café"}}
        server.script = [(200, body)]

        assert terminal.json("coupons", "show", "A-1") == body

    def test_does_nothing_to_the_terminal(self, server: Server, terminal: Terminal) -> None:
        server.script = [(200, {"name": "\x1b[31m[bold]red[/bold]"})]

        result = terminal.run("coupons", "show", "A-1")

        assert "\ufffd[31m[bold]red[/bold]" in result.stdout

    def test_is_asked_for_by_the_code_as_typed(self, server: Server, terminal: Terminal) -> None:
        server.script = [(200, {})]

        terminal.run("coupons", "show", "a/b ?")

        assert server.paths == ["/v1/coupons/a%2Fb%20%3F"]


class TestRefusal:
    def test_says_why_and_what_would_help_and_ends_with_1(
        self, server: Server, terminal: Terminal
    ) -> None:
        server.script = [(409, REFUSAL)]

        result = terminal.run("coupons", "redeem", "A-1")

        assert (result.exit_code, result.stdout) == (1, "")
        for part in (REFUSAL["detail"], REFUSAL["code"], REFUSAL["fix"]):
            assert str(part) in result.stderr

    def test_names_the_fields_to_blame(self, server: Server, terminal: Terminal) -> None:
        faults = [{"pointer": "/amount_minor", "code": "too_small", "detail": "below 0"}]
        problem = {"code": "validation_failed", "detail": "not valid", "errors": faults}
        server.script = [(422, problem)]

        result = terminal.run("coupons", "redeem", "A-1", "--amount-minor", -1)

        assert result.exit_code == 1
        assert "/amount_minor: below 0" in result.stderr

    def test_is_json_too_for_scripts(self, server: Server, terminal: Terminal) -> None:
        server.script = [(409, REFUSAL)]

        result = terminal.run("coupons", "redeem", "A-1", "--json")

        assert result.exit_code == 1
        assert json.loads(result.stdout) == REFUSAL

    def test_of_the_gateways_own_is_shown(self, server: Server, terminal: Terminal) -> None:
        server.script = [(403, {"message": "Forbidden"})]

        result = terminal.run("rewards")

        assert result.exit_code == 1
        assert "Forbidden" in result.stderr

    def test_to_wait_for_minutes_is_shown_at_once(self, server: Server, terminal: Terminal) -> None:
        problem = {"code": "rate_limited", "detail": "too many tries"}
        server.script = [(429, problem, {"Retry-After": "600"})]

        result = terminal.run("coupons", "show", "A-1")

        assert (result.exit_code, terminal.pauses) == (1, [])
        assert "rate_limited" in result.stderr


class TestUsage:
    @pytest.mark.parametrize(
        "arguments",
        [
            pytest.param(("coupons", "show"), id="no code"),
            pytest.param(("coupons", "frobnicate"), id="no such command"),
            pytest.param(("coupons", "transfer", "A-1"), id="nobody who receives it"),
            pytest.param(("coupons", "generate", "rwd_1", "many"), id="no number"),
            pytest.param(("coupons", "import", "rwd_1", "missing.csv"), id="no such file"),
            pytest.param(("rewards", "--limit", "101"), id="too long a page"),
            pytest.param(("coupons", "redeem", "A", "--idempotency-key", "a\nb"), id="a bad key"),
        ],
    )
    def test_that_is_wrong_ends_with_2_and_asks_nobody(
        self, server: Server, terminal: Terminal, arguments: tuple[str, ...]
    ) -> None:
        result = terminal.run(*arguments)

        assert result.exit_code == 2
        assert server.paths == []


class TestOutOfReach:
    def test_ends_with_3_after_some_tries(self, server: Server, terminal: Terminal) -> None:
        server.script = [(503, UNAVAILABLE)] * 9

        result = terminal.run("coupons", "show", "A-1")

        assert (result.exit_code, len(server.paths), len(terminal.pauses)) == (3, 4, 3)
        assert "temporarily_unavailable" in result.stderr

    def test_ends_with_3_when_nobody_listens(self, server: Server, terminal: Terminal) -> None:
        server.server_close()

        assert terminal.run("coupons", "show", "A-1").exit_code == 3

    @pytest.mark.parametrize("answer", [(302, b""), (200, b"<html>Welcome</html>")])
    def test_is_an_address_of_something_else(
        self, server: Server, terminal: Terminal, answer: tuple[int, bytes]
    ) -> None:
        server.script = [answer]

        result = terminal.run("rewards")

        assert result.exit_code == 3
        assert "not the API" in result.stderr


class TestWrite:
    @pytest.mark.parametrize("arguments", WRITES)
    @pytest.mark.parametrize(
        "failure",
        [
            pytest.param((DROPPED, None), id="an answer that got lost"),
            pytest.param((503, UNAVAILABLE, {"Retry-After": "1"}), id="unavailable"),
            pytest.param((429, {"code": "rate_limited"}, {"Retry-After": "1"}), id="too often"),
            pytest.param((409, {"code": "conflict_retry"}), id="a lost race"),
        ],
    )
    def test_is_repeated_with_the_same_key(
        self,
        server: Server,
        terminal: Terminal,
        arguments: tuple[str, ...],
        failure: tuple[Any, ...],
    ) -> None:
        server.script = [failure, failure, (201, a_job())]

        result = terminal.run(*arguments)

        assert result.exit_code == 0, result.output
        assert len(server.keys) == 3
        assert len(set(server.keys)) == len(set(server.bodies)) == len(set(server.paths)) == 1
        assert server.keys[0]

    def test_has_a_key_of_its_own(self, server: Server, terminal: Terminal) -> None:
        server.script = [(201, {}), (201, {})]

        for _ in range(2):
            terminal.run("coupons", "redeem", "A-1")

        assert len(set(server.keys)) == 2

    def test_that_may_have_been_done_says_how_to_repeat_it(
        self, server: Server, terminal: Terminal
    ) -> None:
        server.script = [(DROPPED, None)] * 4

        lost = terminal.run("coupons", "redeem", "A-1")

        assert lost.exit_code == 3
        assert f"--idempotency-key {server.keys[0]}" in lost.stderr
        server.script = [(201, {})]
        key = server.keys[0]
        assert terminal.run("coupons", "redeem", "A-1", "--idempotency-key", key).exit_code == 0
        assert set(server.keys) == {key}


class TestJob:
    def test_is_asked_about_until_it_ends(self, server: Server, terminal: Terminal) -> None:
        server.script = [(201, a_job()), (200, a_job()), (200, a_job("completed"))]

        result = terminal.run("coupons", "generate", "rwd_1", 5)

        assert (result.exit_code, len(terminal.pauses)) == (0, 2)
        assert server.paths[1:] == ["/v1/generations/job_1"] * 2

    def test_that_goes_on_for_too_long_ends_with_3(
        self, server: Server, terminal: Terminal
    ) -> None:
        server.script = [(200, a_job())] * 99

        result = terminal.run("coupons", "generate", "rwd_1", 5, "--wait", 10)

        assert result.exit_code == 3
        assert "job_1 still runs after 10 s" in result.stderr
        assert 10 <= sum(terminal.pauses) < 15

    @pytest.mark.parametrize("status", ["exhausted", "stopped"])
    def test_that_ends_badly_ends_with_1(
        self, server: Server, terminal: Terminal, status: str
    ) -> None:
        server.script = [(201, a_job(status))]

        result = terminal.run("coupons", "generate", "rwd_1", 5)

        assert result.exit_code == 1
        assert status in result.stderr


class TestBar:
    def test_is_shown_on_a_terminal(
        self, server: Server, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        server.script = [(201, a_job()), (200, a_job("completed") | {"made": 5})]

        result = terminal.run("coupons", "generate", "rwd_1", 5, "--json")

        assert "Generate" in result.stderr
        assert "100%" in result.stderr
        assert json.loads(result.stdout)["made"] == 5

    def test_is_not_where_there_is_no_terminal(self, server: Server, terminal: Terminal) -> None:
        server.script = [(201, a_job("completed"))]

        result = terminal.run("coupons", "generate", "rwd_1", 5)

        assert result.stderr == ""


class TestScript:
    def test_can_be_linked_to_and_called_from_anywhere(self, tmp_path: Path) -> None:
        link = tmp_path / "couponry"
        link.symlink_to(ROOT / "couponry")
        (tmp_path / "tools").mkdir()
        (tmp_path / "tools" / "__init__.py").write_text("raise SystemExit('the wrong tools')")

        done = subprocess.run(
            [link, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

        assert done.returncode == 0, done.stderr
        assert "coupons" in done.stdout


class TestKey:
    @pytest.mark.parametrize(
        "script",
        [
            pytest.param([(200, {"items": [], "next_cursor": None})], id="done"),
            pytest.param([(401, {"code": "unauthenticated", "detail": "who?"})], id="refused"),
            pytest.param([(DROPPED, None)] * 4, id="out of reach"),
            pytest.param([(200, b"<html>")], id="something else"),
        ],
    )
    def test_is_never_printed(self, server: Server, terminal: Terminal, script: list[Any]) -> None:
        server.script = script

        result = terminal.run("rewards")

        assert KEY not in result.output
        assert KEY not in repr(result.exception)
