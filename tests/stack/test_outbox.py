"""The way of a change to a shop's server, while those who carry it are killed."""

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.builders import unique
from tests.stack import books, killer
from tests.stack.deployment import Deployment
from tests.stack.line import Line
from tests.stack.receiver import Receiver
from tests.stack.sizes import OUTBOX_CHANGES, OUTBOX_KILLS
from tools.proof import figures

pytestmark = pytest.mark.xdist_group("stack")

_CUSTOMERS = 8
_BROKEN_CHANGES = 12
# A message of a batch that died shows again after its time, a delivery after its lease.
_PATIENCE_SECONDS = 600
# So long does the server take, that kills meet senders in the middle.
_ANSWER_SECONDS = 0.02


@pytest.fixture
def line(deployment: Deployment) -> Iterator[Line]:
    with deployment.line() as opened:
        yield opened


@pytest.fixture
def impatient(deployment: Deployment) -> Iterator[Callable[[int], None]]:
    """Return a function that gives messages up after so many tries, seconds after each other."""
    sqs = deployment.client("sqs")
    url = deployment.outputs["WebhooksQueue"]
    names = ["VisibilityTimeout", "RedrivePolicy"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]

    def change(tries_max: int) -> None:
        policy = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": tries_max}
        sqs.set_queue_attributes(
            QueueUrl=url,
            Attributes={"VisibilityTimeout": "3", "RedrivePolicy": json.dumps(policy)},
        )

    yield change
    sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


@pytest.fixture
def heard(line: Line) -> Iterator[tuple[Receiver, str]]:
    """A server that is told of everything, and the path of its webhook."""
    with Receiver(seconds=_ANSWER_SECONDS) as receiver:
        webhook = line.made("/v1/webhooks", {"url": receiver.url})
        path = f"/v1/webhooks/{webhook['id']}"
        yield receiver, path
        line.call("DELETE", path)


@dataclass
class Deaths:
    """Kills processes of the functions, one after the other, and counts them."""

    deployment: Deployment
    functions: tuple[str, ...]
    count: int
    killed: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def keep_up(self, count: int) -> None:
        """Wait until ``count`` have been killed."""
        _until(lambda: self.killed.total() >= count)

    def _work(self) -> None:
        chance = random.Random(5)
        while self.killed.total() < self.count and not self._over.is_set():
            function = chance.choice(self.functions)
            living = killer.processes_of(self.deployment.settings, function)
            # In the middle of the start, of the work, or of the rest after it.
            self._over.wait(chance.uniform(0, 0.3))
            if living:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(living), signal.SIGKILL)
                    self.killed[function] += 1


class TestKilledCarriers:
    def test_lose_nothing_and_repeat_only_what_a_dead_one_had_not_recorded(
        self,
        deployment: Deployment,
        line: Line,
        heard: tuple[Receiver, str],
        impatient: Callable[[int], None],
    ) -> None:
        receiver, webhook = heard
        impatient(1000)
        publisher, sender = (
            deployment.outputs[f"{name}Name"] for name in ("PublishEvents", "DeliverWebhooks")
        )
        customers = [line.made("/v1/customers", {})["id"] for _ in range(_CUSTOMERS)]
        deaths = Deaths(deployment, (publisher, sender), OUTBOX_KILLS)
        begun = time.monotonic()
        with deaths.at_work():
            for number in range(OUTBOX_CHANGES - _CUSTOMERS):
                body = {"first_name": f"Ada {number}"}
                path = f"/v1/customers/{customers[number % _CUSTOMERS]}"
                assert line.call("PATCH", path, body).status == 200
                deaths.keep_up(number * OUTBOX_KILLS // OUTBOX_CHANGES)
            deaths.keep_up(OUTBOX_KILLS)

        expected = {
            event["id"]
            for customer in customers
            for event in books.items(line, f"/v1/customers/{customer}/activity")
        }
        assert len(expected) == OUTBOX_CHANGES
        _until(lambda: expected <= _ids(receiver) and _is_settled(line, webhook, expected))

        received = Counter(message["id"] for message in receiver.told)
        log = {each["event_id"]: each for each in books.items(line, f"{webhook}/deliveries")}
        recorded = {
            event: [attempt["answer_status"] for attempt in log[event]["attempts"]]
            for event in expected
        }
        assert set(recorded) == expected
        assert all(statuses == [204] for statuses in recorded.values())
        # Each time more than once was sent by one who died before recording it.
        again = sum(received[event] - 1 for event in expected)
        assert again <= deaths.killed[sender]
        figures.record(
            "outbox",
            {
                "changes": OUTBOX_CHANGES,
                "publishers killed": deaths.killed[publisher],
                "senders killed": deaths.killed[sender],
                "arrived": len(expected & set(received)),
                "arrived a second time": again,
                "seconds": round(time.monotonic() - begun, 1),
            },
        )

    def test_are_not_needed_for_each_change_to_arrive_once(
        self, line: Line, heard: tuple[Receiver, str]
    ) -> None:
        receiver, webhook = heard
        customers = [line.made("/v1/customers", {})["id"] for _ in range(30)]

        def told() -> list[str]:
            found = [each for each in receiver.told if each["customer_id"] in customers]
            return [each["customer_id"] for each in found]

        _until(lambda: set(told()) == set(customers))
        ids = {message["id"] for message in receiver.told}
        _until(lambda: _is_settled(line, webhook, ids))
        assert sorted(told()) == sorted(customers)


class TestSubscriberThatFailsForGood:
    def test_leaves_its_messages_to_be_replayed(
        self,
        deployment: Deployment,
        line: Line,
        heard: tuple[Receiver, str],
        impatient: Callable[[int], None],
    ) -> None:
        receiver, _ = heard
        impatient(2)
        with _broken(deployment, deployment.outputs["DeliverWebhooksName"]):
            customers = {
                line.made("/v1/customers", {"external_id": unique("O")})["id"]
                for _ in range(_BROKEN_CHANGES)
            }
            _until(lambda: _depth(line)["dead_letters"] >= _BROKEN_CHANGES)
        assert receiver.told == []
        # The function starts anew, which takes longer than such impatience has.
        impatient(1000)

        replayed = line.call("POST", "/v1/outbox/replay", {"subscriber": "webhooks"}).json

        assert replayed == {"subscriber": "webhooks", "replayed": _BROKEN_CHANGES, "left": 0}
        _until(lambda: {each["customer_id"] for each in receiver.told} >= customers)
        _until(lambda: _depth(line) | {"subscriber": 0} == dict.fromkeys(_depth(line), 0))
        assert Counter(each["customer_id"] for each in receiver.told) == Counter(customers)


@contextlib.contextmanager
def _broken(deployment: Deployment, function: str) -> Iterator[None]:
    """Let the function know no table for the length of a ``with`` block."""
    functions = deployment.client("lambda")
    found = functions.get_function_configuration(FunctionName=function)
    variables = found["Environment"]["Variables"]

    def configure(values: dict[str, Any]) -> None:
        functions.update_function_configuration(
            FunctionName=function, Environment={"Variables": values}
        )
        for pid in killer.processes_of(deployment.settings, function):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    configure(variables | {"TABLE_NAME": "nowhere"})
    yield
    configure(variables)


def _ids(receiver: Receiver) -> set[str]:
    return {message["id"] for message in list(receiver.told)}


def _is_settled(line: Line, webhook: str, events: set[str]) -> bool:
    """Whether nothing is on its way any more."""
    depth = _depth(line)
    if depth["waiting"] or depth["in_flight"]:
        return False
    log = books.items(line, f"{webhook}/deliveries")
    done = {each["event_id"] for each in log if each["status"] == "delivered"}
    return events <= done


def _depth(line: Line) -> Any:
    return line.get("/v1/outbox")["subscribers"][0]


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "it is not so after all this time"
        time.sleep(0.1)
