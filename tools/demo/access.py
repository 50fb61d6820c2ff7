"""The owner's API key of the local stack, kept beside its address for scripts to source."""

import os
import subprocess
import sys

from tools.client import Api, ApiError
from tools.paths import ROOT
from tools.stack import envfile
from tools.stack.settings import Settings

_NAME = "COUPONRY_API_KEY"
# They would lead a client of AWS away from the local stack.
_OUTSIDE = ("AWS_PROFILE", "AWS_SESSION_TOKEN")


def owner_api(settings: Settings, *, clients: int) -> Api:
    """Return the API called as its owner: with the kept key if it still works, else with a new one.

    Raises:
        ApiError: no key can be made.
    """
    key = envfile.read(settings.env_file).get(_NAME)
    if key is None or not _works(settings.url, key):
        key = _make_key(settings)
        envfile.merge(settings.env_file, {_NAME: key})
    return Api(settings.url, key, clients=clients)


def _works(url: str, key: str) -> bool:
    with Api(url, key, clients=1) as api:
        # Only an owner may list the keys.
        return api.send("GET", "/v1/api-keys?limit=1").code is None


def _make_key(settings: Settings) -> str:
    stack = envfile.read(settings.env_file)
    inherited = {name: value for name, value in os.environ.items() if name not in _OUTSIDE}
    command = [sys.executable, "-m", "tools.owner_key", "--name", "owner"]
    done = subprocess.run(
        [*command, "--table", stack["TABLE_NAME"]],
        env=inherited | stack,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode != 0:
        raise ApiError(f"The owner's key cannot be made: {done.stderr.strip()}")
    return done.stdout.strip()
