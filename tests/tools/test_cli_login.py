"""Who calls, and how that is remembered."""

import stat
from pathlib import Path
from typing import Any

import pytest

from tests.tools.servers import Server
from tests.tools.terminal import Terminal
from tools.cli import credentials
from tools.stack import envfile

KEY = "cpk_a-very-secret-key"
NOTHING: tuple[int, Any] = (200, {"items": [], "next_cursor": None})


class TestLogin:
    def test_asks_and_remembers(self, server: Server, terminal: Terminal) -> None:
        server.script = [NOTHING, NOTHING]

        result = terminal.run("login", answers=f"{server.url}/\n{KEY}\n")

        assert result.exit_code == 0, result.output
        assert KEY not in result.output
        assert envfile.read(terminal.kept) == {"COUPONRY_URL": server.url, "COUPONRY_API_KEY": KEY}
        assert terminal.run("rewards").exit_code == 0
        assert server.paths == ["/v1/rewards?limit=1", "/v1/rewards?limit=25"]

    def test_keeps_the_key_from_others(self, server: Server, terminal: Terminal) -> None:
        server.script = [NOTHING]
        terminal.kept.parent.mkdir(parents=True)
        terminal.kept.write_text("COUPONRY_API_KEY=old\n")
        terminal.kept.chmod(0o644)

        terminal.run("login", "--url", server.url, answers=f"{KEY}\n")

        assert stat.S_IMODE(terminal.kept.stat().st_mode) == 0o600

    def test_makes_a_folder_for_the_user_only(self, server: Server, terminal: Terminal) -> None:
        server.script = [NOTHING]

        terminal.run("login", "--url", server.url, answers=f"{KEY}\n")

        assert stat.S_IMODE(terminal.kept.parent.stat().st_mode) == 0o700

    def test_takes_the_environments(self, server: Server, terminal: Terminal) -> None:
        server.script = [NOTHING]
        terminal.call_as(server.url, KEY)

        result = terminal.run("login")

        assert result.exit_code == 0
        assert KEY not in result.output
        assert envfile.read(terminal.kept)["COUPONRY_API_KEY"] == KEY

    def test_takes_those_of_the_local_stack(
        self,
        server: Server,
        terminal: Terminal,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        server.script = [NOTHING]
        monkeypatch.setattr(credentials, "LOCAL", tmp_path)
        envfile.merge(
            tmp_path / "env",
            {"COUPONRY_URL": server.url, "COUPONRY_API_KEY": KEY, "TABLE_NAME": "t"},
        )

        assert terminal.run("login", "--local").exit_code == 0
        assert envfile.read(terminal.kept) == {"COUPONRY_URL": server.url, "COUPONRY_API_KEY": KEY}

    def test_remembers_no_key_that_is_refused(self, server: Server, terminal: Terminal) -> None:
        server.script = [(401, {"code": "unauthenticated", "detail": "unknown", "fix": "another"})]

        result = terminal.run("login", "--url", server.url, answers=f"{KEY}\n")

        assert result.exit_code == 1
        assert "unauthenticated" in result.stderr
        assert KEY not in result.output
        assert not terminal.kept.exists()

    def test_remembers_nothing_that_is_not_the_api(
        self, server: Server, terminal: Terminal
    ) -> None:
        server.script = [(200, {"hello": "world"})]

        result = terminal.run("login", "--url", server.url, answers=f"{KEY}\n")

        assert result.exit_code == 3
        assert not terminal.kept.exists()

    @pytest.mark.parametrize(
        ("url", "key"),
        [
            pytest.param("http://shop.example", KEY, id="for everybody to read"),
            pytest.param("shop.example", KEY, id="no address"),
            pytest.param("https://", KEY, id="no host"),
            pytest.param("https://me:secret@shop.example", KEY, id="with a password"),
            pytest.param("https://shop.example?x=1", KEY, id="with a query"),
            pytest.param("https://shop.example", "two words", id="no key"),
        ],
    )
    def test_takes_no_address_or_key_that_cannot_be_right(
        self, terminal: Terminal, url: str, key: str
    ) -> None:
        result = terminal.run("login", "--url", url, answers=f"{key}\n")

        assert result.exit_code == 2
        assert key not in result.output
        assert not terminal.kept.exists()


class TestFind:
    def test_of_nobody_says_how_to_log_in(self, terminal: Terminal) -> None:
        result = terminal.run("rewards")

        assert result.exit_code == 2
        assert "couponry login" in result.stderr

    def test_prefers_the_environment(self, server: Server, terminal: Terminal) -> None:
        credentials.keep(credentials.Credentials("https://kept.example", "cpk_kept"))
        terminal.call_as(server.url, KEY)

        assert credentials.find() == credentials.Credentials(server.url, KEY)

    @pytest.mark.parametrize("missing", ["COUPONRY_URL", "COUPONRY_API_KEY"])
    def test_never_sends_a_kept_key_to_another_address(
        self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, missing: str
    ) -> None:
        credentials.keep(credentials.Credentials("https://kept.example", "cpk_kept"))
        terminal.call_as("https://other.example", KEY)
        monkeypatch.delenv(missing)

        result = terminal.run("rewards")

        assert result.exit_code == 2
        assert missing in result.stderr

    def test_shows_no_key_of_them(self) -> None:
        assert KEY not in repr(credentials.Credentials("https://shop.example", KEY))


class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_prints_what_the_shell_needs(self, terminal: Terminal, shell: str) -> None:
        result = terminal.run("completion", shell)

        assert result.exit_code == 0
        assert f"_COUPONRY_COMPLETE={shell}_complete" in result.stdout
