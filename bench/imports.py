"""What a cold start pays before the first request: importing the application, against its floor.

The floor is importing botocore and making its DynamoDB client. Each is timed in processes of its
own, in turn, with the ``.pyc`` files that the packaged function carries too.
"""

import statistics
import subprocess
import sys
from dataclasses import dataclass

_FLOOR = """
import botocore.session
botocore.session.get_session().create_client("dynamodb", region_name="us-east-1")
"""
_APP = "import app"
_TIMED = "import time; begun = time.process_time()\n{}\nprint(time.process_time() - begun)"
# Heavy, and not needed to redeem a coupon.
LAZY = (
    "boto3",
    "cryptography",
    "h2",
    "email_validator",
    "phonenumbers",
    "chalicelib.api.web.openapi",
    "chalicelib.api.web.docs",
    "chalicelib.api.coupons.imports",
    "chalicelib.api.rewards.rewards",
    "chalicelib.core.cards.cards",
    "chalicelib.gateways.apple.passes",
    "chalicelib.store.coupons.lists",
    "chalicelib.store.rewards.totals",
    "chalicelib.usecases.coupons.expiry",
)


@dataclass(frozen=True, slots=True)
class Imports:
    """CPU milliseconds, medians; ``needless`` names what is imported and should not be."""

    floor_ms: float
    app_ms: float
    needless: tuple[str, ...]

    @property
    def ratio(self) -> float:
        return self.app_ms / self.floor_ms


def compare(*, rounds: int) -> Imports:
    """Import each ``rounds`` times, in turn."""
    _cpu_ms(_APP)  # Writes the .pyc files.
    floors, apps = [], []
    for _ in range(rounds):
        floors.append(_cpu_ms(_FLOOR))
        apps.append(_cpu_ms(_APP))
    return Imports(statistics.median(floors), statistics.median(apps), _needless())


def _cpu_ms(code: str) -> float:
    return 1000 * float(_run(_TIMED.format(code.strip())))


def _needless() -> tuple[str, ...]:
    found = _run(f"import app, sys; print(*(name for name in {LAZY!r} if name in sys.modules))")
    return tuple(found.split())


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout
