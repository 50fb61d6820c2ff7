"""Webhooks through HTTP: added, changed, tried, looked after."""

import json
from datetime import timedelta
from typing import Any

import pytest
import standardwebhooks
from msgspec.structs import replace

from chalicelib.core.activity import ActivityEvent
from chalicelib.core.changes import ref
from chalicelib.core.outbox import messages
from chalicelib.core.webhooks.webhooks import RETRY_AFTER
from chalicelib.usecases.ports import Posted
from tests.api.shop import Shop, with_key
from tests.builders import unique
from tests.twins import NotedPosts, NotedQueues

_URL = "https://shop.example/hook"


@pytest.fixture
def shop(own_shop: Shop) -> Shop:
    """On a table of its own: there may be but twenty webhooks."""
    return own_shop


@pytest.fixture
def servers(shop: Shop) -> NotedPosts:
    assert isinstance(shop.services.posts, NotedPosts)
    return shop.services.posts


def a_webhook(shop: Shop, **fields: Any) -> Any:
    return shop.api.made("/v1/webhooks", {"url": _URL, **fields})


def path_of(webhook: Any) -> str:
    return f"/v1/webhooks/{webhook['id']}"


class TestWebhook:
    def test_shows_its_secret_once(self, shop: Shop) -> None:
        headers = with_key(unique("key-"))
        first = shop.api.post("/v1/webhooks", {"url": _URL}, headers=headers)
        again = shop.api.post("/v1/webhooks", {"url": _URL}, headers=headers)

        secret = first.json["secret"]
        assert secret.startswith("whsec_")
        assert again.json == first.json | {"secret": None}
        found = shop.find(path_of(first.json))
        assert found == {name: value for name, value in first.json.items() if name != "secret"}
        assert shop.find("/v1/webhooks")["items"] == [found]

    def test_is_changed_as_far_as_it_is_said(self, shop: Shop) -> None:
        webhook = a_webhook(shop, description="The shop", event_types=["coupon.redeemed"])
        path = path_of(webhook)

        changed = shop.api.patch(path, {"description": None, "url": "https://other.example/"}).json

        assert changed["description"] is None
        assert changed["url"] == "https://other.example/"
        assert changed["event_types"] == ["coupon.redeemed"]

    def test_is_changed_only_as_it_was_read(self, shop: Shop) -> None:
        path = path_of(a_webhook(shop))
        headers = {"If-Match": shop.api.get(path).headers["etag"]}

        first = shop.api.patch(path, {"description": "one"}, headers=headers)
        second = shop.api.patch(path, {"description": "two"}, headers=headers)

        assert (first.status, second.status) == (200, 412)

    def test_is_gone_when_it_is_deleted(self, shop: Shop) -> None:
        path = path_of(a_webhook(shop))

        assert shop.api.delete(path).status == 204

        assert shop.api.get(path).status == 404
        assert shop.find("/v1/webhooks")["items"] == []

    def test_is_disabled_and_enabled(self, shop: Shop) -> None:
        path = path_of(a_webhook(shop))

        disabled = shop.api.patch(path, {"status": "disabled"}).json
        enabled = shop.api.patch(path, {"status": "active"}).json

        assert (disabled["status"], disabled["disabled_at"] is None) == ("disabled", False)
        assert (enabled["status"], enabled["disabled_at"]) == ("active", None)

    def test_may_point_to_this_machine_on_the_local_stack_alone(self, shop: Shop) -> None:
        body = {"url": "http://127.0.0.1:8080/"}
        assert shop.api.post("/v1/webhooks", body).status == 422
        path = path_of(a_webhook(shop))
        assert shop.api.patch(path, body).status == 422

        shop.use(replace(shop.services, private_addresses=True))

        assert shop.api.post("/v1/webhooks", body).status == 201


class TestTest:
    def test_sends_now_and_says_what_came_of_it(self, shop: Shop, servers: NotedPosts) -> None:
        webhook = a_webhook(shop)

        delivery = shop.api.made(f"{path_of(webhook)}/test", None)

        assert (delivery["status"], delivery["event_type"]) == ("delivered", "webhook.test")
        assert [each["answer_status"] for each in delivery["attempts"]] == [204]
        (letter,) = servers.sent
        told = standardwebhooks.Webhook(webhook["secret"]).verify(letter.body, dict(letter.headers))
        assert told["type"] == "webhook.test"
        assert letter.headers["webhook-id"] == told["id"] == delivery["event_id"]

    def test_sent_again_with_its_key_is_not_sent_again(
        self, shop: Shop, servers: NotedPosts
    ) -> None:
        path = f"{path_of(a_webhook(shop))}/test"
        headers = with_key(unique("key-"))

        first = shop.api.post(path, headers=headers)
        again = shop.api.post(path, headers=headers)

        assert again.json == first.json
        assert again.headers["idempotent-replayed"] == "true"
        assert len(servers.sent) == 1

    def test_is_signed_by_both_secrets_after_a_rotation(
        self, shop: Shop, servers: NotedPosts
    ) -> None:
        webhook = a_webhook(shop)
        rotated = shop.api.made(f"{path_of(webhook)}/rotate", None)
        assert rotated["secret"] != webhook["secret"]
        assert rotated["previous_secret_until"]

        shop.api.made(f"{path_of(webhook)}/test", None)

        (letter,) = servers.sent
        for each in (webhook, rotated):
            standardwebhooks.Webhook(each["secret"]).verify(letter.body, dict(letter.headers))


class TestLog:
    def test_lists_deliveries_newest_first_page_by_page(
        self, shop: Shop, servers: NotedPosts
    ) -> None:
        path = path_of(a_webhook(shop))
        sent = [shop.api.made(f"{path}/test", None)["id"] for _ in range(5)]

        found: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = shop.find(f"{path}/deliveries?limit=2{cursor and f'&cursor={cursor}'}")
            found += [each["id"] for each in page["items"]]
            cursor = page["next_cursor"]

        assert found == sent[::-1]

    def test_lists_those_of_a_status(self, shop: Shop, servers: NotedPosts) -> None:
        path = path_of(a_webhook(shop))
        shop.api.made(f"{path}/test", None)
        servers.answer = lambda _: Posted(None, "timed_out", 8000)
        failed = shop.api.made(f"{path}/test", None)

        (listed,) = shop.find(f"{path}/deliveries?status=waiting,failed")["items"]

        assert listed == failed
        (attempt,) = listed["attempts"]
        assert (attempt["answer_status"], attempt["error"]) == (None, "timed_out")
        assert attempt["duration_ms"] == 8000

    def test_is_of_one_webhook(self, shop: Shop, servers: NotedPosts) -> None:
        one, other = a_webhook(shop), a_webhook(shop)
        shop.api.made(f"{path_of(one)}/test", None)

        assert shop.find(f"{path_of(other)}/deliveries")["items"] == []


class TestReplay:
    def test_sends_the_same_message_again(self, shop: Shop, servers: NotedPosts) -> None:
        path = path_of(a_webhook(shop))
        servers.answer = lambda _: Posted(503, None, 5)
        failed = shop.api.made(f"{path}/test", None)
        assert failed["status"] == "waiting"
        servers.answer = lambda _: Posted(200, None, 5)

        replayed = shop.api.made(f"{path}/deliveries/{failed['id']}/replay", None)

        assert (replayed["status"], replayed["next_attempt_at"]) == ("delivered", None)
        assert [each["answer_status"] for each in replayed["attempts"]] == [503, 200]
        first, second = servers.sent
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"]

    def test_that_fails_is_tried_from_the_start(self, shop: Shop, servers: NotedPosts) -> None:
        clock = shop.stop_clock(shop.services.now())
        path = path_of(a_webhook(shop))
        delivered = shop.api.made(f"{path}/test", None)
        servers.answer = lambda _: Posted(503, None, 5)
        clock.moment += timedelta(days=2)

        replayed = shop.api.made(f"{path}/deliveries/{delivered['id']}/replay", None)

        assert replayed["status"] == "waiting"
        due = clock.moment + RETRY_AFTER[0]
        assert replayed["next_attempt_at"] == due.isoformat().replace("+00:00", "Z")


class TestOutbox:
    @pytest.fixture
    def queues(self, shop: Shop) -> NotedQueues:
        assert isinstance(shop.services.queues, NotedQueues)
        return shop.services.queues

    def test_says_what_waits_and_what_was_given_up(self, shop: Shop, queues: NotedQueues) -> None:
        queues.waiting, queues.dead_letters = 7, 3

        assert shop.find("/v1/outbox") == {
            "subscribers": [
                {"subscriber": "webhooks", "waiting": 7, "in_flight": 0, "dead_letters": 3}
            ]
        }

    def test_replays_five_hundred_at_once(self, shop: Shop, queues: NotedQueues) -> None:
        queues.dead_letters = 512
        body = {"subscriber": "webhooks"}
        headers = with_key(unique("key-"))

        first = shop.api.post("/v1/outbox/replay", body, headers=headers)
        same = shop.api.post("/v1/outbox/replay", body, headers=headers)
        second = shop.api.post("/v1/outbox/replay", body)

        assert first.json == {"subscriber": "webhooks", "replayed": 500, "left": 12}
        assert (same.json, same.headers["idempotent-replayed"]) == (first.json, "true")
        assert second.json == {"subscriber": "webhooks", "replayed": 12, "left": 0}
        assert (queues.waiting, queues.dead_letters) == (512, 0)


class TestMessage:
    def test_has_the_members_of_a_line_of_the_activity(self, shop: Shop) -> None:
        customer = shop.customer()
        (line,) = shop.history(customer)
        name = ref(ActivityEvent, customer["id"], line["id"])
        event = shop.services.store.read(name).find(name)
        assert event is not None

        told = json.loads(messages.encoded(messages.message_of(event)))

        assert told == line
