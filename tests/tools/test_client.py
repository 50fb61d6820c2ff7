from collections.abc import Iterator
from typing import Any

import pytest

from tests.tools.servers import DROPPED, Server
from tools.client import Api, ApiError


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def api(server: Server, pauses: list[float]) -> Iterator[Api]:
    with Api(server.url, "cpk_x", clients=2, sleep=pauses.append) as api:
        yield api


class TestSend:
    @pytest.mark.parametrize(
        "failure",
        [
            pytest.param((503, {"code": "temporarily_unavailable"}), id="unavailable"),
            pytest.param((502, "Bad Gateway"), id="a gateway's own answer"),
            pytest.param((500, b"<html>"), id="no JSON at all"),
            pytest.param((429, {"code": "rate_limited"}), id="too often"),
            pytest.param((409, {"code": "conflict_retry"}), id="a lost race"),
            pytest.param((DROPPED, None), id="an answer that got lost"),
        ],
    )
    def test_repeats_what_may_pass_with_the_same_key(
        self, server: Server, api: Api, pauses: list[float], failure: tuple[int, Any]
    ) -> None:
        server.script = [failure, failure, (201, {"id": "1"})]

        reply = api.send("POST", "/v1/things", {"a": 1}, key="key-1")

        assert (reply.status, reply.body, reply.code) == (201, {"id": "1"}, None)
        assert server.keys == ["key-1"] * 3
        assert len(pauses) == 2

    def test_returns_a_refusal_at_once(self, server: Server, api: Api) -> None:
        server.script = [(409, {"code": "coupon_already_redeemed"})]

        reply = api.send("POST", "/v1/things", {}, key="key-1")

        assert reply.code == "coupon_already_redeemed"

    def test_gives_up_when_it_keeps_failing(
        self, server: Server, api: Api, pauses: list[float]
    ) -> None:
        server.script = [(503, {"code": "temporarily_unavailable"})] * 99

        with pytest.raises(ApiError, match="failed 8 times: 503 temporarily_unavailable"):
            api.send("POST", "/v1/things", {}, key="key-1")

        assert len(server.keys) == 8
        assert sum(pauses) < 20

    def test_waits_for_as_long_as_it_is_told(
        self, server: Server, api: Api, pauses: list[float]
    ) -> None:
        busy = (503, {"code": "temporarily_unavailable"}, {"Retry-After": "7"})
        server.script = [busy, busy, (200, {})]

        api.send("POST", "/v1/things", {}, key="key-1")

        assert [7 <= pause < 8 for pause in pauses] == [True, True]

    def test_gives_up_at_once_when_that_is_long(
        self, server: Server, api: Api, pauses: list[float]
    ) -> None:
        server.script = [(429, {"code": "rate_limited"}, {"Retry-After": "600"})]

        with pytest.raises(ApiError, match="failed 1 times") as caught:
            api.send("GET", "/v1/things")

        assert caught.value.reply is not None
        assert caught.value.reply.code == "rate_limited"
        assert pauses == []

    def test_gives_up_when_nobody_listens(self, server: Server, api: Api) -> None:
        server.server_close()

        with pytest.raises(ApiError, match="failed 8 times"):
            api.send("GET", "/v1/things")

    def test_keeps_its_connection(self, server: Server, api: Api) -> None:
        server.script = [(200, {})] * 3

        for _ in range(3):
            api.send("GET", "/v1/things")

        assert server.connections == 1


class TestDone:
    def test_raises_on_a_refusal_and_says_which(self, server: Server, api: Api) -> None:
        server.script = [(422, {"code": "validation_failed"})]

        with pytest.raises(ApiError, match=r"/v1/things was refused: 422 .*validation_failed"):
            api.done("POST", "/v1/things", {})


class TestListed:
    def test_goes_through_all_pages(self, server: Server, api: Api) -> None:
        server.script = [
            (200, {"items": [1, 2], "next_cursor": "abc"}),
            (200, {"items": [3], "next_cursor": None}),
        ]

        assert api.listed("/v1/things", "&status=new") == [1, 2, 3]
        assert server.paths == [
            "/v1/things?limit=100&status=new",
            "/v1/things?limit=100&status=new&cursor=abc",
        ]
