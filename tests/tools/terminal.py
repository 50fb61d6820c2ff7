"""A terminal in which ``couponry`` is called."""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tools.cli.commands import main
from tools.cli.session import Session


class Terminal:
    """Calls the command line as one user, and does not really wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.pauses: list[float] = []

    def run(self, *arguments: object, answers: str = "") -> Result:
        """Call ``couponry`` with these arguments; ``answers`` are typed in."""
        words = [str(each) for each in arguments]
        session = Session(sleep=self.pauses.append)
        result = CliRunner().invoke(main, words, obj=session, input=answers)
        # Anything but an end with a code is a traceback on somebody's screen.
        assert result.exception is None or isinstance(result.exception, SystemExit), result
        return result

    def json(self, *arguments: object) -> Any:
        """Return the answer that a command prints, which must succeed."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def call_as(self, url: str, key: str) -> None:
        """Let the environment say who calls."""
        self._monkeypatch.setenv("COUPONRY_URL", url)
        self._monkeypatch.setenv("COUPONRY_API_KEY", key)

    @property
    def kept(self) -> Path:
        """Where a login is remembered."""
        return Path(click.get_app_dir("couponry")) / "credentials"
