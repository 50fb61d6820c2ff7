"""Pushes to a service like Apple's, which demands the pass certificate."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.gateways.apple import http2
from chalicelib.gateways.apple.http2 import Connection, Lost
from chalicelib.gateways.apple.pushes import ApplePushes
from chalicelib.usecases.ports import Push, PushOutcome
from tests.gateways.apns import Apns, service_authority
from tests.gateways.chains import TODAY, HeldSecrets, a_chain, a_secret, a_signer
from tools import apple_chain

SENT = Push(PushOutcome.SENT)


@pytest.fixture
def apns(tmp_path: Path) -> Iterator[Apns]:
    with Apns(tmp_path) as apns:
        yield apns


class Timer:
    """A clock that goes forward by itself, and by leaps when a test says so."""

    def __init__(self) -> None:
        self.leaps = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.leaps


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def pushes(apns: Apns, timer: Timer) -> Iterator[ApplePushes]:
    made = pushes_to(apns, timer)
    yield made
    made._close()  # noqa: SLF001 # a container never does


def pushes_to(apns: Apns, timer: Timer, secret: str | None = None) -> ApplePushes:
    return ApplePushes(
        HeldSecrets(apple=secret or a_secret()),
        "apple",
        host="127.0.0.1",
        port=apns.port,
        timer=timer,
        roots=service_authority().pem,
    )


class TestPush:
    def test_is_what_apple_asks_for(self, apns: Apns, pushes: ApplePushes) -> None:
        assert pushes.send(["c0ffee"], now=TODAY) == {"c0ffee": SENT}

        (pushed,) = apns.pushes
        assert pushed.body == b"{}"
        assert pushed.headers[":method"] == "POST"
        assert pushed.headers[":path"] == "/3/device/c0ffee"
        assert pushed.headers["apns-topic"] == apple_chain.PASS_TYPE_ID
        assert pushed.headers["apns-push-type"] == "background"
        assert pushed.headers["apns-priority"] == "5"
        assert int(pushed.headers["apns-expiration"]) > TODAY.timestamp()

    def test_to_many_goes_over_one_connection(self, apns: Apns, pushes: ApplePushes) -> None:
        tokens = [f"{n:04x}" for n in range(250)]

        assert pushes.send(tokens, now=TODAY) == dict.fromkeys(tokens, SENT)
        assert pushes.send(["c0ffee"], now=TODAY) == {"c0ffee": SENT}
        assert apns.connections == 1
        assert set(apns.counts.values()) == {1}

    def test_keeps_to_what_the_service_takes_at_once(self, apns: Apns, pushes: ApplePushes) -> None:
        apns.at_once = 3
        tokens = [f"{n:04x}" for n in range(20)]

        assert pushes.send(tokens, now=TODAY) == dict.fromkeys(tokens, SENT)
        assert apns.most_at_once <= 3

    def test_goes_once_to_each_token(self, apns: Apns, pushes: ApplePushes) -> None:
        pushes.send(["a1", "a1", "b2"], now=TODAY)

        assert apns.counts == {"a1": 1, "b2": 1}

    def test_to_nobody_connects_to_nobody(self, apns: Apns, pushes: ApplePushes) -> None:
        assert pushes.send([], now=TODAY) == {}
        assert apns.connections == 0


class TestOutcome:
    @pytest.mark.parametrize(
        ("answer", "wanted"),
        [
            ((200, None), SENT),
            (
                (410, {"reason": "Unregistered", "timestamp": 1_700_000_000_123}),
                Push(
                    PushOutcome.GONE,
                    datetime(2023, 11, 14, 22, 13, 20, 123000, UTC),
                    "Unregistered",
                ),
            ),
            ((410, None), Push(PushOutcome.GONE)),
            ((410, b"{"), Push(PushOutcome.GONE)),
            ((410, {"timestamp": 10**30}), Push(PushOutcome.GONE)),
            (
                (400, {"reason": "BadDeviceToken"}),
                Push(PushOutcome.GONE, None, "BadDeviceToken"),
            ),
            (
                (400, {"reason": "DeviceTokenNotForTopic"}),
                Push(PushOutcome.GONE, None, "DeviceTokenNotForTopic"),
            ),
            ((400, {"reason": "BadTopic"}), Push(PushOutcome.REFUSED, None, "BadTopic")),
            (
                (403, {"reason": "BadCertificate"}),
                Push(PushOutcome.REFUSED, None, "BadCertificate"),
            ),
            (
                (429, {"reason": "TooManyRequests"}),
                Push(PushOutcome.LATER, None, "TooManyRequests"),
            ),
            ((500, None), Push(PushOutcome.LATER)),
            ((503, {"reason": "Shutdown"}), Push(PushOutcome.LATER, None, "Shutdown")),
        ],
        ids=str,
    )
    def test_is_what_the_answer_means(
        self, apns: Apns, pushes: ApplePushes, answer: tuple[int, Any], wanted: Push
    ) -> None:
        apns.answers["c0ffee"] = answer

        assert pushes.send(["c0ffee", "a1"], now=TODAY) == {"c0ffee": wanted, "a1": SENT}


class TestConnection:
    def test_that_breaks_is_made_anew_once(self, apns: Apns, pushes: ApplePushes) -> None:
        apns.breaks = 1

        assert pushes.send(["a1"], now=TODAY) == {"a1": SENT}
        assert apns.connections == 2

    def test_that_says_goodbye_is_made_anew(self, apns: Apns, pushes: ApplePushes) -> None:
        apns.goodbyes = 1

        assert pushes.send(["a1", "b2"], now=TODAY) == {"a1": SENT, "b2": SENT}
        assert apns.connections == 2

    def test_that_keeps_breaking_is_for_later(self, apns: Apns, pushes: ApplePushes) -> None:
        apns.breaks = 2

        assert pushes.send(["a1"], now=TODAY) == {"a1": Push(PushOutcome.LATER)}
        assert apns.connections == 2
        assert pushes.send(["a1"], now=TODAY) == {"a1": SENT}

    def test_that_broke_between_two_pushes_is_made_anew(
        self, apns: Apns, pushes: ApplePushes
    ) -> None:
        pushes.send(["a1"], now=TODAY)
        apns.drop()

        assert pushes.send(["b2"], now=TODAY) == {"b2": SENT}

    def test_that_was_left_alone_is_not_trusted(
        self, apns: Apns, pushes: ApplePushes, timer: Timer
    ) -> None:
        pushes.send(["a1"], now=TODAY)
        timer.leaps = 61

        assert pushes.send(["b2"], now=TODAY) == {"b2": SENT}
        assert apns.connections == 2

    def test_that_nobody_answers_is_given_up(self, apns: Apns) -> None:
        apns.silent = True
        connection = Connection("127.0.0.1", apns.port, trusted(), timer=time.monotonic)
        connection.open(seconds=10)
        request = http2.Request("a1", "/3/device/a1", (), b"{}")

        with pytest.raises(Lost):
            connection.post([request], {}, seconds=0.05)
        connection.close()

    def test_of_another_protocol_is_not_used(self, tmp_path: Path, timer: Timer) -> None:
        with Apns(tmp_path, alpn=("http/1.1",)) as apns:
            assert outcome(pushes_to(apns, timer)) is PushOutcome.LATER

    def test_to_somebody_else_is_not_made(self, apns: Apns, timer: Timer) -> None:
        stranger = ApplePushes(
            HeldSecrets(apple=a_secret()),
            "apple",
            host="127.0.0.1",
            port=apns.port,
            timer=timer,
            roots=a_chain().root.pem,
        )

        assert outcome(stranger) is PushOutcome.LATER
        assert apns.pushes == []

    def test_needs_the_certificate(self, apns: Apns, timer: Timer) -> None:
        other = apple_chain.new_chain(now=TODAY)
        secret = msgspec.json.encode(replace(other.material)).decode()

        assert outcome(pushes_to(apns, timer, secret)) is PushOutcome.LATER
        assert apns.pushes == []

    def test_is_not_made_without_one(self, apns: Apns, timer: Timer) -> None:
        without = ApplePushes(HeldSecrets(), "apple", host="127.0.0.1", port=1, timer=timer)

        assert outcome(without) is PushOutcome.REFUSED

    def test_that_is_refused_is_for_later(self, timer: Timer) -> None:
        nobody = ApplePushes(
            HeldSecrets(apple=a_secret()), "apple", host="127.0.0.1", port=1, timer=timer
        )

        assert outcome(nobody) is PushOutcome.LATER


class TestWiring:
    def test_pushes_nothing_where_no_service_is_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("APPLE_PUSH_HOST", raising=False)

        assert wiring.apple_pushes().send(["a1"], now=TODAY) == {"a1": SENT}

    def test_pushes_to_the_service_that_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("APPLE_PUSH_HOST", "push.example")

        assert isinstance(wiring.apple_pushes(), ApplePushes)


def trusted() -> Any:
    return http2.context_of(a_signer(), roots=service_authority().pem)


def outcome(pushes: ApplePushes) -> PushOutcome:
    return pushes.send(["a1"], now=TODAY)["a1"].outcome
