"""Which API is called with which key, and where both are kept."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click

from tools.paths import LOCAL
from tools.stack import envfile

URL = "COUPONRY_URL"
KEY = "COUPONRY_API_KEY"

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """An address and the key for it. They stay together: a key goes to no other address."""

    url: str
    key: str = field(repr=False)


def kept_in() -> Path:
    """Return the file of this user that remembers a login."""
    return Path(click.get_app_dir("couponry")) / "credentials"


def find() -> Credentials:
    """Return those of the environment, else those of the last login.

    Raises:
        click.UsageError: there are none, or half of them.
    """
    found = of_environment()
    if found is None:
        found = _of(envfile.read(kept_in()), where=str(kept_in()))
    if found is None:
        raise click.UsageError(f"Who calls? Log in with: couponry login; or set {URL} and {KEY}.")
    return found


def of_environment() -> Credentials | None:
    """Return those of the environment; None if it has none.

    Raises:
        click.UsageError: it has half of them.
    """
    return _of(os.environ, where="the environment")


def of_local_stack() -> Credentials:
    """Return those of the local stack.

    Raises:
        click.UsageError: it has none.
    """
    path = LOCAL / "env"
    found = _of(envfile.read(path), where=str(path))
    if found is None:
        raise click.UsageError(f"{path} has no API key: make demo makes one.")
    return found


def keep(credentials: Credentials) -> Path:
    """Remember the login, for this user's eyes only; return the file."""
    path = kept_in()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    envfile.merge(path, {URL: credentials.url, KEY: credentials.key})
    return path


def checked(url: str, key: str) -> Credentials:
    """Return what was given, in its usual form.

    Raises:
        click.UsageError: it cannot be right, or would send the key for everybody to read.
    """
    url, key = url.strip().rstrip("/"), key.strip()
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in {"http", "https"} or parts.username:
        raise click.UsageError("The URL is one like https://shop.example/api, with nothing after.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise click.UsageError("The URL must begin with https://, or anybody could read the key.")
    if parts.query or parts.fragment:
        raise click.UsageError("The URL is that of the API, without ? and #.")
    # Not shown: half a key is a secret, too.
    if not key.isascii() or not key.isprintable() or not key or " " in key:
        raise click.UsageError("The API key is one word, such as cpk_….")
    return Credentials(url, key)


def _of(source: Mapping[str, str], *, where: str) -> Credentials | None:
    url, key = source.get(URL), source.get(KEY)
    if not url and not key:
        return None
    if not url or not key:
        # The other half must not come from elsewhere: a key would go where it does not belong.
        raise click.UsageError(f"{where} has {URL if url else KEY} without {KEY if url else URL}.")
    return checked(url, key)
