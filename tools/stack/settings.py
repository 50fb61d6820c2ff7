"""Where a local stack listens and keeps its things; two with different settings do not meet."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from tools.paths import LOCAL

REGION = "us-east-1"
_DEFAULT_PORT = 9100


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """One local stack; ``home`` holds its state, logs and builds."""

    port: int = _DEFAULT_PORT
    home: Path = LOCAL
    stack_name: str = "couponry"
    full: bool = False
    """Bundle the dependencies as for AWS; otherwise functions use those of ``.venv`` (quicker)."""
    warm_workers: int = 4
    """How many function processes are started before the first real request."""
    extra_environment: dict[str, str] = field(default_factory=dict)
    """For MiniStack and all functions, such as ``AWS_ENDPOINT_URL_DYNAMODB``."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The API's address; unlike API Gateway's own it survives a change of routes."""
        return f"{self.endpoint}/api"

    @property
    def env_file(self) -> Path:
        return self.home / "env"

    @property
    def log_file(self) -> Path:
        return self.home / "ministack.log"

    @property
    def pid_file(self) -> Path:
        return self.home / "ministack.pid"

    @property
    def apple_root(self) -> Path:
        """What checks the passes of this stack; no phone trusts it."""
        return self.home / "apple-root.pem"

    @property
    def state(self) -> Path:
        return self.home / "state"

    @property
    def build(self) -> Path:
        return self.home / "build"


def from_environment() -> Settings:
    """Return the settings that ``make up`` uses: ``COUPONRY_PORT``, ``COUPONRY_HOME``, ``FULL``."""
    environment = os.environ
    return Settings(
        port=int(environment.get("COUPONRY_PORT") or _DEFAULT_PORT),
        home=Path(environment.get("COUPONRY_HOME") or LOCAL).resolve(),
        full=environment.get("FULL") == "1",
        warm_workers=int(environment.get("COUPONRY_WARM") or 4),
        # AUTH=true refuses functions what their roles do not allow.
        extra_environment={"AUTH": environment.get("AUTH") or "false"},
    )
