"""Pages of a shop, and a stranger who took the key from one, against the deployed stack."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.core.callers import tries
from chalicelib.core.callers.callers import Role
from tests.builders import unique
from tests.http import Reply
from tests.stack.deployment import Deployment
from tests.stack.line import Line
from tests.stack.shop import opened
from tests.stack.sizes import TRIES
from tools.proof import figures

pytestmark = pytest.mark.xdist_group("stack")

ORIGIN = "https://shop.example"
PAST = "2020-01-01T00:00:00Z"
LIMIT = tries.TRIES_MAX[Role.STOREFRONT]
CLIENTS = 8
# Well over what a request takes.
NEAR = timedelta(seconds=10)

Try = tuple[str, dict[str, Any]]
"""A code and the body that it is tried with."""


def a_key(line: Line, **fields: Any) -> str:
    return str(line.made("/v1/api-keys", {"name": "test"} | fields)["key"])


@dataclass
class Page:
    """A line that calls as a page of a shop does."""

    line: Line
    origin: str = ORIGIN

    def redeem(self, code: str, body: dict[str, Any] | None = None) -> Reply:
        path = f"/v1/coupons/{code}/redemptions"
        return self.line.call("POST", path, body or {}, headers={"Origin": self.origin})


@pytest.fixture
def line(deployment: Deployment) -> Iterator[Line]:
    with deployment.line() as owner:
        yield owner


@pytest.fixture
def publishable(line: Line) -> str:
    return a_key(line, role="storefront", origins=[ORIGIN])


class TestAPage:
    def test_is_asked_by_the_browser_and_let_through(
        self, deployment: Deployment, line: Line, publishable: str
    ) -> None:
        (code,) = opened(line, codes=1, customers=1).codes
        asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        with Line(deployment.settings.url, None) as browser:
            before = browser.call("OPTIONS", f"/v1/coupons/{code}/redemptions", headers=asked)
        with Line(deployment.settings.url, publishable) as page:
            elsewhere = Page(page, "https://evil.example").redeem(code)
            done = Page(page).redeem(code)

        assert before.status == 204
        assert before.headers["access-control-allow-origin"] == ORIGIN
        assert before.headers["access-control-allow-methods"] == "POST"
        assert "Idempotency-Key" in before.headers["access-control-allow-headers"]
        assert (elsewhere.status, elsewhere.code) == (403, "forbidden")
        assert "access-control-allow-origin" not in elsewhere.headers
        assert done.status == 201, done.raw
        assert done.headers["access-control-allow-origin"] == ORIGIN
        assert "customer_id" not in done.json


def said(reply: Reply) -> str:
    """Return what an answer says but for the request it answers and the time that is left."""
    body = {name: v for name, v in reply.json.items() if name not in {"instance", "retry_after"}}
    headers = sorted(reply.headers.keys() - {"connection", "date"})
    return f"{reply.status} {sorted(body.items())} {headers}"


def codes_in_every_state(line: Line) -> list[Try]:
    """Return codes that cannot be used, each for another reason, with a body to try it with."""
    used, invalid, somebodys = opened(line, codes=3, customers=1).codes
    (unassigned,) = opened(line, codes=1, customers=1, assigned=False).codes
    paused = opened(line, codes=1, customers=1)
    (too_dear,) = opened(line, codes=1, customers=1, minimum_purchase_minor=5000).codes
    other, expired = opened(line, codes=1, customers=1), unique("EXPIRED")
    coupon = {"code": expired, "customer_id": other.customers[0], "expires_at": PAST}
    line.made(f"/v1/rewards/{other.reward_id}/coupons", {"coupons": [coupon]})
    line.made(f"/v1/coupons/{used}/redemptions", {})
    line.made(f"/v1/coupons/{invalid}/invalidate", {})
    line.made(f"/v1/rewards/{paused.reward_id}/pause", None)
    return [
        (used, {}),
        (invalid, {}),
        (unassigned, {}),
        (paused.codes[0], {}),
        (expired, {}),
        (too_dear, {"amount_minor": 1}),
        (somebodys, {"customer_id": other.customers[0]}),
    ]


def window_now(ahead: timedelta = timedelta(0)) -> int:
    return tries.window_at(datetime.now(UTC) + ahead)


class Stranger:
    """Tries codes from one address: two in three that nobody has, the others real ones.

    A good code is no guess: who has it may use it. So good ones are tried only where he must have
    been stopped, in the window in which he was, and not near its end.
    """

    def __init__(self, bad: Sequence[Try], good: Sequence[Try]) -> None:
        self.answers: Counter[str] = Counter()
        self._bad = bad
        self.good = good
        self._lock = threading.Lock()
        self._stopped_in = -1

    def tries(self, page: Page, numbers: Iterable[int]) -> None:
        for number in numbers:
            reply = page.redeem(*self._code(number))
            with self._lock:
                self.answers[said(reply)] += 1
                if reply.status == 429:
                    self._stopped_in = window_now()

    def _code(self, number: int) -> Try:
        if number % 3:
            return unique("NOBODYS"), {}
        real = number // 3
        if real % 2 and self._stopped_in == window_now() == window_now(NEAR):
            return self.good[real % len(self.good)]
        return self._bad[real % len(self._bad)]


class Till:
    """Redeems one coupon after another."""

    def __init__(self, line: Line, codes: Sequence[str]) -> None:
        self._line = line
        self._codes = iter(codes)

    def redeems(self) -> float:
        """Redeem the next coupon, and return the seconds that it took."""
        begun = time.monotonic()
        reply = self._line.call("POST", f"/v1/coupons/{next(self._codes)}/redemptions", {})
        assert reply.status == 201, reply.raw
        return time.monotonic() - begun


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a stranger was told in so many windows, and how long the till beside him waited."""

    answers: Counter[str]
    good: Sequence[str]
    windows: int
    till_alone: list[float]
    till_beside: list[float]


@pytest.fixture(scope="module")
def told(deployment: Deployment) -> Told:
    with deployment.line() as owner:
        stranger = Stranger(
            bad=codes_in_every_state(owner),
            good=[(code, {}) for code in opened(owner, codes=20, customers=5).codes],
        )
        codes = opened(owner, codes=420, customers=20).codes
        cashier = a_key(owner, role="cashier")
        publishable = a_key(owner, role="storefront", origins=[ORIGIN])

    def tries_a_share(client: int) -> None:
        with Line(deployment.settings.url, publishable) as line:
            stranger.tries(Page(line), range(client, TRIES, CLIENTS))

    with Line(deployment.settings.url, cashier) as line:
        till = Till(line, codes)
        alone = [till.redeems() for _ in range(20)]
        beside: list[float] = []
        begun, window = time.monotonic(), window_now()
        with ThreadPoolExecutor(CLIENTS) as clients:
            shares = [clients.submit(tries_a_share, client) for client in range(CLIENTS)]
            while not all(share.done() for share in shares) and len(beside) < 400:
                beside.append(till.redeems())
                wait(shares, timeout=0.25)
        for share in shares:
            share.result()
    told = Told(
        answers=stranger.answers,
        good=[code for code, _ in stranger.good],
        windows=window_now() - window + 1,
        till_alone=alone,
        till_beside=beside,
    )
    statuses = by_status(told)
    figures.record(
        "stranger",
        {
            "codes tried": TRIES,
            "from one address, by connections": CLIENTS,
            "seconds": round(time.monotonic() - begun, 1),
            "windows of ten minutes": told.windows,
            "kinds of answers": len(told.answers),
            "answered `coupon_not_usable` (409)": statuses["409"],
            "answered `rate_limited` (429)": statuses["429"],
            "redemptions by the till beside him": len(beside),
            "median of these, ms": round(statistics.median(beside) * 1000),
            "median of the till alone, ms": round(statistics.median(alone) * 1000),
        },
    )
    return told


class TestAStranger:
    def test_is_told_the_same_of_every_code(self, told: Told) -> None:
        assert sum(told.answers.values()) == TRIES
        assert {answer[:3] for answer in told.answers} == {"409", "429"}
        assert len(told.answers) == 2, sorted(told.answers)

    def test_is_stopped_after_ten(self, told: Told) -> None:
        assert LIMIT <= by_status(told)["409"] <= LIMIT * told.windows

    def test_has_used_none_of_the_good_ones(self, told: Told, line: Line) -> None:
        assert {line.get(f"/v1/coupons/{code}")["status"] for code in told.good} == {"claimed"}

    def test_does_not_stop_the_till_beside_him(self, told: Told) -> None:
        """Each of its redemptions succeeded, or the till would have failed."""
        assert told.till_beside


def by_status(told: Told) -> Counter[str]:
    found: Counter[str] = Counter()
    for answer, times in told.answers.items():
        found[answer[:3]] += times
    return found
