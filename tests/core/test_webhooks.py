"""Webhooks: where they may point, how they are signed, when they are given up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.activity import EventType
from chalicelib.core.outbox import deliveries
from chalicelib.core.outbox.deliveries import (
    ATTEMPTS_KEPT,
    LEASE,
    Attempt,
    Delivery,
    DeliveryStatus,
    DeliveryUnderWay,
    Outcome,
)
from chalicelib.core.outbox.messages import Message, Subscriber
from chalicelib.core.webhooks import addresses, signatures, webhooks
from chalicelib.core.webhooks.webhooks import RETRY_AFTER, Webhook, WebhookStatus
from tests.builders import NOON

_BITS = "A" * 43


def a_webhook(**changes: Any) -> Webhook:
    secret = webhooks.secret_of(_BITS)
    return replace(Webhook("whk_1", "https://shop.example/", secret, NOON, "key_1"), **changes)


def a_delivery(**changes: Any) -> Delivery:
    """A delivery that a sender has taken."""
    message = Message(
        id="evt_1",
        type="coupon.redeemed",
        occurred_at=NOON,
        recorded_at=NOON,
        customer_id="cus_1",
        actor="key_1",
        channel="scanner",
    )
    new = deliveries.delivery_of(message, Subscriber.WEBHOOKS, "whk_1", at=NOON)
    return replace(new, **{"status": DeliveryStatus.SENDING, "due_at": NOON + LEASE, **changes})


def an_outcome(status: int | None, *, at: datetime = NOON, final: bool = False) -> Outcome:
    return Outcome(Attempt(at, status, None, 5), delivered=status == 200, final=final)


def after(delivery: Delivery, status: int | None, *, at: datetime = NOON) -> Delivery:
    return deliveries.recorded(delivery, an_outcome(status, at=at), at=at, retry_after=RETRY_AFTER)


class TestSignature:
    @given(body=st.text(), bits=st.binary(min_size=32, max_size=32))
    def test_is_one_that_shops_accept(self, body: str, bits: bytes) -> None:
        import base64  # noqa: PLC0415

        secret = webhooks.secret_of(base64.urlsafe_b64encode(bits).decode().rstrip("="))
        now = datetime.now(UTC)

        sent = signatures.headers_of("evt_1", body.encode(), [secret], at=now)

        standardwebhooks.Webhook(secret).verify(body.encode(), sent, json_parse=False)

    def test_changes_with_id_time_body_and_secret(self) -> None:
        def signed(message_id: str, body: bytes, secret: str, at: datetime) -> str:
            sent = signatures.headers_of(message_id, body, [secret], at=at)
            return sent["webhook-signature"]

        one, other = webhooks.secret_of(_BITS), webhooks.secret_of("B" * 43)
        later = NOON + timedelta(seconds=1)
        all_of_them = {
            signed("evt_1", b"{}", one, NOON),
            signed("evt_2", b"{}", one, NOON),
            signed("evt_1", b"{ }", one, NOON),
            signed("evt_1", b"{}", other, NOON),
            signed("evt_1", b"{}", one, later),
        }

        assert len(all_of_them) == 5

    def test_is_by_both_secrets_for_a_day_after_a_rotation(self) -> None:
        old = a_webhook()
        new = webhooks.rotated(old, webhooks.secret_of("B" * 43), at=NOON)
        last = NOON + timedelta(days=1) - timedelta(milliseconds=1)

        assert webhooks.secrets_of(new, at=last) == (new.secret, old.secret)
        assert webhooks.secrets_of(new, at=NOON + timedelta(days=1)) == (new.secret,)
        now = datetime.now(UTC)
        sent = signatures.headers_of("evt_1", b"{}", [new.secret, old.secret], at=now)
        for each in (old, new):
            assert standardwebhooks.Webhook(each.secret).verify(b"{}", sent) == {}


_PRIVATE = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 # an address that is refused
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "fd00:ec2::254",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:db8::1",
    "not an address",
)


class TestAddress:
    @pytest.mark.parametrize("address", _PRIVATE)
    def test_in_a_network_of_ours_is_not_public(self, address: str) -> None:
        assert not addresses.is_public(address)

    @pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1"])
    def test_on_the_internet_is(self, address: str) -> None:
        assert addresses.is_public(address)

    @pytest.mark.parametrize(
        "url",
        [
            "http://shop.example/",
            "ftp://shop.example/",
            "https:///path",
            "https://",
            "shop.example",
            "https://user:pw@shop.example/",
            "https://user@shop.example/",
            "https://shop.example/#part",
            "https://shop.example:0/",
            "https://shop.example:99999/",
            "https://shop.example/a b",
            "https://shop.example/\r\nx: y",
            "https://shöp.example/",
            "https://[::1/",
            "https://localhost/",
            "https://a.localhost/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://127.0.0.1/",
            "https://[::1]:8443/",
            "https://169.254.169.254/latest/meta-data",
        ],
    )
    def test_of_a_webhook_is_refused(self, url: str) -> None:
        with pytest.raises(errors.Invalid) as refused:
            addresses.check_url(url, private_allowed=False)

        assert refused.value.faults[0].pointer == "/url"

    @pytest.mark.parametrize(
        "url", ["https://shop.example", "https://shop.example:8443/a?b=c", "https://8.8.8.8/"]
    )
    def test_of_a_webhook_is_taken(self, url: str) -> None:
        addresses.check_url(url, private_allowed=False)

    def test_may_be_private_on_the_local_stack(self) -> None:
        addresses.check_url("http://127.0.0.1:8080/hook", private_allowed=True)


class TestDelivery:
    def test_is_tried_eight_times_within_a_day(self) -> None:
        delivery, at, times = a_delivery(), NOON, 0
        while delivery.status is not DeliveryStatus.FAILED:
            delivery = after(delivery, 503, at=at)
            times += 1
            if delivery.due_at is not None:
                at = delivery.due_at
        assert times == 8
        assert timedelta(hours=23) < at - NOON < timedelta(hours=24)
        assert (delivery.due_at, delivery.finished_at) == (None, at)

    def test_that_arrived_is_done(self) -> None:
        done = after(a_delivery(), 200)

        assert (done.status, done.due_at) == (DeliveryStatus.DELIVERED, None)
        assert deliveries.taken(done, at=NOON + timedelta(days=9)) is None

    def test_that_is_no_use_is_not_tried_again(self) -> None:
        outcome = an_outcome(410, final=True)

        done = deliveries.recorded(a_delivery(), outcome, at=NOON, retry_after=RETRY_AFTER)

        assert (done.status, done.due_at) == (DeliveryStatus.FAILED, None)

    def test_has_one_sender_until_the_sender_counts_as_dead(self) -> None:
        held = a_delivery()

        assert deliveries.taken(held, at=NOON + LEASE - timedelta(milliseconds=1)) is None
        assert deliveries.taken(held, at=NOON + LEASE) is not None

    def test_that_is_being_sent_is_not_replayed(self) -> None:
        with pytest.raises(DeliveryUnderWay):
            deliveries.replayed(a_delivery(), at=NOON)

    def test_replayed_has_all_its_tries_again(self) -> None:
        failed = after(a_delivery(tries=7), 503)
        assert failed.status is DeliveryStatus.FAILED

        again = deliveries.replayed(failed, at=NOON)

        assert (again.status, again.tries) == (DeliveryStatus.SENDING, 0)
        assert after(again, 503).due_at == NOON + RETRY_AFTER[0]

    def test_keeps_its_last_attempts(self) -> None:
        delivery = a_delivery()
        for number in range(ATTEMPTS_KEPT + 5):
            delivery = after(delivery, 500 + number)

        assert [each.answer_status for each in delivery.attempts] == list(range(505, 525))


class TestWebhook:
    def test_wants_all_events_unless_it_names_some(self) -> None:
        some = a_webhook(event_types=(EventType.COUPON_REDEEMED,))

        assert webhooks.wants(a_webhook(), "card.issued")
        assert webhooks.wants(some, "coupon.redeemed")
        assert not webhooks.wants(some, "card.issued")
        assert not webhooks.wants(webhooks.disabled(a_webhook(), at=NOON), "card.issued")

    def test_fails_from_the_first_failure_to_the_next_success(self) -> None:
        failing = webhooks.after_attempt(a_webhook(), after(a_delivery(), 500))
        later = after(a_delivery(), 500, at=NOON + timedelta(days=1))

        assert failing.failing_since == NOON
        assert webhooks.after_attempt(failing, later) == failing
        assert webhooks.after_attempt(failing, after(a_delivery(), 200)) == a_webhook()

    @pytest.mark.parametrize(
        ("failing_for", "tries", "status"),
        [
            pytest.param(timedelta(days=5), 7, WebhookStatus.DISABLED, id="given up"),
            pytest.param(timedelta(days=5), 6, WebhookStatus.ACTIVE, id="to be tried again"),
            pytest.param(timedelta(days=4), 7, WebhookStatus.ACTIVE, id="not for long enough"),
        ],
    )
    def test_is_disabled_when_nothing_arrived_for_five_days(
        self, failing_for: timedelta, tries: int, status: WebhookStatus
    ) -> None:
        webhook = a_webhook(failing_since=NOON - failing_for)

        assert webhooks.after_attempt(webhook, after(a_delivery(tries=tries), 500)).status == status

    def test_that_is_gone_is_disabled_at_once(self) -> None:
        found = webhooks.after_attempt(a_webhook(), after(a_delivery(), 410))

        assert (found.status, found.disabled_at) == (WebhookStatus.DISABLED, NOON)
        assert webhooks.enabled(found) == a_webhook()
