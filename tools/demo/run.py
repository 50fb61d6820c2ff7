"""The demo, step by step; each step does what the API says is missing."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console

from tools.client import Api
from tools.demo import access, expected, expiry, load, replay, report, survey
from tools.demo.campaigns import Attempt, History
from tools.demo.progress import bar
from tools.demo.report import Report, Speed
from tools.demo.survey import Standing
from tools.stack import up as stack_up
from tools.stack.settings import Settings
from tools.stack.up import Stack

# The last coupons run out at this very moment.
EXPIRY_AS_OF = datetime(2018, 3, 1, tzinfo=UTC)
# As many as there are warm function processes. MiniStack is one process and takes 7 ms of its core
# for an attempt: more clients only wait for it.
CLIENTS = 4


def run(
    history: History,
    settings: Settings,
    stack: Stack,
    *,
    console: Console,
    say: Callable[[str], None],
) -> Report:
    """Bring the deployed stack to where the history ends, and return what it shows then.

    Raises:
        ApiError: the API cannot be reached, or does not do what it should.
    """
    with access.owner_api(settings, clients=CLIENTS) as api:
        load.put_settings(api)
        say("Asking the API what stands ...")
        standing = survey.survey(api, history, clients=CLIENTS)
        say(_there(standing))
        added = _load(api, history, standing, console=console, say=say)
        refused, speed = _replay(api, history, standing, console=console)
        if speed is not None:
            say(f"Sent {speed.attempts:,} attempts to redeem")
        say(f"Running the expiry as of {EXPIRY_AS_OF:%Y-%m-%d} ...")
        recorded = expiry.expire(
            stack_up.client("lambda", settings),
            stack.outputs["ExpireCouponsName"],
            as_of=EXPIRY_AS_OF,
            say=say,
        )
        redeemed = 0 if speed is None else speed.attempts - refused.total()
        if added or redeemed or recorded:
            say("Asking the API what stands now ...")
            standing = survey.survey(api, history, clients=CLIENTS)
    kept = report.remembered(settings.home / "demo.json", speed)
    return Report(
        history=history,
        expected=expected.of(history),
        standing=standing,
        refused=refused,
        speed=kept,
        measured_now=kept == speed,
    )


def _load(
    api: Api,
    history: History,
    standing: Standing,
    *,
    console: Console,
    say: Callable[[str], None],
) -> int:
    """Return how many things were added."""
    added = load.add_rewards(api, history, standing)
    missing = len(history.households) - len(standing.customers)
    with bar("Customers", missing, console=console) as advance:
        load.add_customers(api, history, standing, clients=CLIENTS, advance=advance)
    missing_coupons = len(history.coupons) - len(standing.coupons)
    with bar("Coupons", missing_coupons, console=console) as advance:
        load.add_coupons(api, history, standing, clients=CLIENTS, advance=advance)
    load.activate_rewards(api, standing)
    if added or missing or missing_coupons:
        say(f"Added {added:,} rewards, {missing:,} customers, {missing_coupons:,} coupons")
    return added + missing + missing_coupons


def _replay(
    api: Api, history: History, standing: Standing, *, console: Console
) -> tuple[Counter[str], Speed | None]:
    """Return how many attempts were refused, by reason, and how fast they went if any was sent."""
    refusals: list[str] = []
    attempts = replay.remaining(history, standing)
    begun = time.monotonic()
    with bar("Redemptions", len(attempts), console=console) as advance:

        def perform(attempt: Attempt) -> None:
            customer = standing.customers[attempt.household_id]
            refusal = replay.redeem(api, attempt, customer_id=customer.customer_id)
            if refusal is not None:
                refusals.append(refusal)
            advance(1)

        replay.in_order(attempts, perform, clients=CLIENTS)
    seconds = time.monotonic() - begun
    if not attempts:
        return Counter(), None
    return Counter(refusals), Speed(attempts=len(attempts), seconds=seconds, clients=CLIENTS)


def _there(standing: Standing) -> str:
    if not standing.rewards:
        return "The table is empty"
    redeemed = sum(coupon.status == "redeemed" for coupon in standing.coupons.values())
    return (
        f"Found {len(standing.rewards):,} rewards, {len(standing.customers):,} customers, "
        f"{len(standing.coupons):,} coupons, {redeemed:,} of them redeemed"
    )
