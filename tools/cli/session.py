"""One run of the command line: whom it calls, how it repeats, what it makes of the answers."""

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import click

from tools.cli import credentials, output
from tools.cli.credentials import Credentials
from tools.cli.failures import OutOfReach, Refused
from tools.client import Api, ApiError, Reply

# Somebody waits at the terminal.
_ATTEMPTS = 4

# Some letters short of what the API takes: an import has a key for each of its steps.
_KEY = re.compile(r"[!-~]{1,240}", re.ASCII)

Command = TypeVar("Command", bound=Callable[..., Any])


class Session:
    """Calls the API as whoever is logged in; to be closed."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self.as_json = False
        self.sleep = sleep
        self._client: Api | None = None

    def use(self, whose: Credentials) -> None:
        """Call with these from now on."""
        self._client = self._called_as(whose)

    def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            self._client.__exit__()

    def get(self, path: str) -> dict[str, Any]:
        """Return what is there.

        Raises:
            Refused: the API says no.
            OutOfReach: it does not answer.
        """
        try:
            return self._read(self._api().send("GET", path))
        except ApiError as error:
            raise self._failure(error, f"{error}") from error

    def write(
        self, path: str, body: dict[str, Any], *, key: str, hint: str | None = None
    ) -> dict[str, Any]:
        """Return what came of a POST, repeated with the same key while that may help.

        ``hint`` says what to do where it does not, by default the same with the same key.

        Raises:
            Refused: the API says no; nothing was done.
            OutOfReach: it does not answer; nobody knows whether it was done.
        """
        try:
            return self._read(self._api().send("POST", path, body, key=key))
        except ApiError as error:
            if hint is None:
                hint = (
                    "Whether it was done is not known. To repeat it, so that nothing is done "
                    f"twice, add: --idempotency-key {key}"
                )
            message = f"{error}\n{hint}"
            raise self._failure(error, message) from error

    def show(self, body: dict[str, Any]) -> None:
        """Print an answer."""
        if self.as_json:
            output.print_json(body)
        else:
            output.print_facts(body)

    def _api(self) -> Api:
        if self._client is None:
            self._client = self._called_as(credentials.find())
        return self._client

    def _called_as(self, whose: Credentials) -> Api:
        return Api(whose.url, whose.key, clients=1, attempts=_ATTEMPTS, sleep=self.sleep)

    def _read(self, reply: Reply) -> dict[str, Any]:
        if reply.code is not None:
            raise self._refused(reply)
        # A redirect or a page of somebody else's.
        if reply.status >= 300 or reply.body.keys() == {"text"}:  # noqa: PLR2004
            raise OutOfReach(f"What answers there is not the API: {reply.status} {reply.body}")
        return reply.body

    def _failure(self, error: ApiError, message: str) -> click.ClickException:
        reply = error.reply
        if reply is not None and reply.status < 500:  # noqa: PLR2004
            return self._refused(reply)
        return OutOfReach(message)

    def _refused(self, reply: Reply) -> Refused:
        if self.as_json:
            output.print_json(reply.body)
        return Refused(reply)


pass_session = click.make_pass_decorator(Session)


def path_of(*parts: str) -> str:
    """Return the path of what somebody typed the name of."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def sent(**fields: Any) -> dict[str, Any]:
    """Return the fields that were given, as a body."""
    return {name: value for name, value in fields.items() if value is not None}


def answered(command: Command) -> Command:
    """Let a command take ``--json``."""

    def choose(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
        session = context.find_object(Session)
        if session is not None:  # None while the shell asks for completions.
            session.as_json = value

    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=choose,
        help="Print the answer of the API.",
    )(command)


def keyed(command: Command) -> Command:
    """Let a command write: under a key of its own, or one given to repeat what got lost."""

    def check(_: click.Context, __: click.Parameter, value: str) -> str:
        if not _KEY.fullmatch(value):
            raise click.BadParameter("It has 1 to 240 letters, digits or signs, and no spaces.")
        return value

    return click.option(
        "--idempotency-key",
        "key",
        default=lambda: f"cli-{uuid4().hex}",
        show_default="a new one",
        callback=check,
        help="Repeat a command whose answer got lost, with its key.",
    )(command)
