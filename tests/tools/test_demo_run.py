"""The demo on a deployed stack, with a small history of its own for each test."""

import json
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from tests import engines
from tools import owner_key
from tools.client import Api, ApiError, Reply
from tools.demo import access, campaigns, expiry, load, replay
from tools.demo import run as demo
from tools.demo.campaigns import Attempt, Campaign, GivenCoupon, History
from tools.demo.report import Report, Speed, remembered
from tools.stack import envfile
from tools.stack import up as stack_up
from tools.stack.settings import Settings
from tools.stack.up import Stack

pytestmark = pytest.mark.xdist_group("stack")

_names = count(1)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Stack]]:
    with engines.local_stack(tmp_path_factory.mktemp("demo"), warm_workers=2) as running:
        yield running


@pytest.fixture
def history() -> History:
    """Two households with five coupons: a shared order, no order, one used twice, two left."""
    name = f"D{next(_names)}"
    days = {"1": date(2017, 4, 9), "2": date(2018, 2, 28)}

    def a_coupon(number: int, campaign: str, household: str) -> GivenCoupon:
        return GivenCoupon(
            code=f"{name}-{number:04}",
            campaign_id=f"{name}.{campaign}",
            household_id=f"{name}-{household}",
            expires_at=campaigns.end_of(days[campaign]),
        )

    coupons = (
        a_coupon(1, "1", "north"),
        a_coupon(2, "1", "north"),
        a_coupon(3, "1", "south"),
        a_coupon(4, "2", "north"),
        a_coupon(5, "2", "south"),
    )

    def an_attempt(number: int, at: int, order: str | None, amount: int | None) -> Attempt:
        coupon = coupons[at - 1]
        return Attempt(
            number=number,
            redeemed_at=datetime(2017, 4, number, 12, tzinfo=UTC),
            code=coupon.code,
            household_id=coupon.household_id,
            order_id=order and f"{name}-{order}",
            amount_minor=amount,
        )

    return History(
        campaigns=tuple(
            Campaign(
                campaign_id=f"{name}.{number}",
                campaign_type="Type A",
                starts_on=date(2017, 3, 3),
                ends_on=day,
            )
            for number, day in days.items()
        ),
        coupons=coupons,
        attempts=(
            an_attempt(1, 1, "order", 1999),
            an_attempt(2, 2, "order", 1999),
            an_attempt(3, 3, None, None),
            an_attempt(4, 1, "later", 500),
        ),
    )


def run(stack: tuple[Settings, Stack], history: History) -> Report:
    return demo.run(history, *stack, console=Console(quiet=True), say=lambda _: None)


def items(stack: tuple[Settings, Stack]) -> list[Any]:
    """Everything in the table that decides, but API keys.

    Not the attempts that were refused, of which each run makes some, nor what the stream keeps.
    """
    settings, running = stack
    pages = stack_up.client("dynamodb", settings).get_paginator("scan")
    found = pages.paginate(TableName=running.outputs["TableName"])
    everything = [item for page in found for item in page["Items"]]
    return sorted(
        (item for item in everything if _decides(item)),
        key=lambda item: (item["PK"]["S"], item["SK"]["S"]),
    )


def _decides(item: dict[str, Any]) -> bool:
    partition: str = item["PK"]["S"]
    beside = partition.startswith(("KEY#", "ATT#", "TRY#")) or "#totals#" in partition
    return not (beside or item["SK"]["S"] in {"SHADOW", "BATCH"})


class TestRun:
    def test_ends_where_the_files_say(
        self, stack: tuple[Settings, Stack], history: History
    ) -> None:
        report = run(stack, history)

        assert report.differences() == []
        assert report.count("redeemed") == 3
        assert report.refused == Counter({"coupon_already_redeemed": 1})
        assert report.count("expired") == 2
        assert report.lifetime_value_minor == 1999

    def test_again_changes_nothing(self, stack: tuple[Settings, Stack], history: History) -> None:
        first = run(stack, history)
        before = items(stack)

        second = run(stack, history)

        assert items(stack) == before
        assert (second.standing, second.refused) == (first.standing, first.refused)
        assert second.differences() == []

    @pytest.mark.parametrize("step", ["add_customers", "add_coupons", "activate_rewards"])
    def test_goes_on_after_an_interruption_while_loading(
        self,
        stack: tuple[Settings, Stack],
        history: History,
        monkeypatch: pytest.MonkeyPatch,
        step: str,
    ) -> None:
        # Half of the history is there when the step is reached.
        half = replace(history, campaigns=history.campaigns[:1], coupons=history.coupons[:2])
        with monkeypatch.context() as patch:
            original = getattr(load, step)

            def interrupted(api: Api, *parts: Any, **options: Any) -> None:
                if parts[0] is history:
                    parts = (half, *parts[1:])
                original(api, *parts, **options)
                raise ApiError("interrupted")

            patch.setattr(load, step, interrupted)
            with pytest.raises(ApiError, match="interrupted"):
                run(stack, history)

        assert run(stack, history).differences() == []

    @pytest.mark.parametrize("sent", [0, 1, 2, 3])
    def test_goes_on_after_an_interruption_while_replaying(
        self,
        stack: tuple[Settings, Stack],
        history: History,
        monkeypatch: pytest.MonkeyPatch,
        sent: int,
    ) -> None:
        original = replay.redeem

        def interrupted(api: Api, attempt: Attempt, *, customer_id: str) -> str | None:
            outcome = original(api, attempt, customer_id=customer_id)
            if attempt is history.attempts[sent]:
                raise ApiError("interrupted")
            return outcome

        with monkeypatch.context() as patch:
            patch.setattr(replay, "redeem", interrupted)
            with pytest.raises(ApiError, match="interrupted"):
                run(stack, history)

        assert run(stack, history).differences() == []

    def test_comes_out_the_same_when_the_job_expires_everything_before_the_replay(
        self, stack: tuple[Settings, Stack], history: History, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings, running = stack
        original = load.activate_rewards
        recorded: list[int] = []

        def and_expire(*parts: Any) -> None:
            original(*parts)
            recorded.append(
                expiry.expire(
                    stack_up.client("lambda", settings),
                    running.outputs["ExpireCouponsName"],
                    as_of=datetime(2026, 1, 1, tzinfo=UTC),
                    say=lambda _: None,
                )
            )

        monkeypatch.setattr(load, "activate_rewards", and_expire)

        assert run(stack, history).differences() == []
        assert recorded == [len(history.coupons)]

    def test_needs_no_memory_of_its_own(
        self, stack: tuple[Settings, Stack], history: History
    ) -> None:
        settings, _ = stack
        run(stack, history)
        before = items(stack)
        # With the key goes the right to a replay: to the API this is somebody else.
        (settings.home / "demo.json").unlink()
        envfile.merge(settings.env_file, {"COUPONRY_API_KEY": "cpk_lost_key"})

        assert run(stack, history).differences() == []
        assert items(stack) == before

    def test_takes_a_coupon_that_an_earlier_run_added_unseen(
        self, stack: tuple[Settings, Stack], history: History, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run(stack, history)
        envfile.merge(stack[0].env_file, {"COUPONRY_API_KEY": "cpk_lost_key"})
        original = load.add_coupons

        def unseen(api: Api, given: History, standing: Any, **options: Any) -> None:
            original(api, given, replace(standing, coupons={}), **options)

        monkeypatch.setattr(load, "add_coupons", unseen)

        assert run(stack, history).differences() == []

    def test_says_where_the_api_and_the_files_disagree(
        self, stack: tuple[Settings, Stack], history: History
    ) -> None:
        run(stack, history)
        with access.owner_api(stack[0], clients=1) as api:
            api.done("POST", f"/v1/coupons/{history.attempts[2].code}/unredeem", {})

        differences = "\n".join(run(stack, history).differences())

        assert "redeemed: 2, and the files imply 3" in differences
        assert f"household {history.attempts[2].household_id}: visits 0 instead of 1" in differences
        assert history.attempts[0].household_id not in differences

    def test_sets_what_it_needs_and_keeps_the_other_settings(
        self, stack: tuple[Settings, Stack], history: History
    ) -> None:
        with access.owner_api(stack[0], clients=1) as api:
            mine = {"language": "de", "late_upload_limit_hours": 1}
            api.done("PUT", "/v1/settings", api.get("/v1/settings") | mine)

            run(stack, history)

            settings = api.get("/v1/settings")
        assert settings == {
            "business_name": "Complete Journey Grocers",
            "currency": "USD",
            "time_zone": "UTC",
            "language": "de",
            "late_upload_limit_hours": 20 * 365.25 * 24,
        }

    def test_leaves_a_business_alone_that_has_what_it_needs(
        self, stack: tuple[Settings, Stack], history: History
    ) -> None:
        with access.owner_api(stack[0], clients=1) as api:
            load.put_settings(api)
            before = api.get("/v1/settings") | {"business_name": "Ann's"}
            api.done("PUT", "/v1/settings", before)

            run(stack, history)

            assert api.get("/v1/settings") == before

    def test_again_sends_only_what_was_refused(
        self, stack: tuple[Settings, Stack], history: History, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run(stack, history)
        original = Api.send
        written: list[str] = []

        def noted(api: Api, method: str, path: str, *parts: Any, **options: Any) -> Reply:
            if method != "GET":
                written.append(path)
            return original(api, method, path, *parts, **options)

        monkeypatch.setattr(Api, "send", noted)
        run(stack, history)

        assert written == [f"/v1/coupons/{history.attempts[3].code}/redemptions"]


class TestOwnersKey:
    def test_is_kept_while_it_works(self, stack: tuple[Settings, Stack]) -> None:
        settings, _ = stack
        access.owner_api(settings, clients=1)
        kept = envfile.read(settings.env_file)

        access.owner_api(settings, clients=1)

        assert envfile.read(settings.env_file) == kept
        assert stat.S_IMODE(settings.env_file.stat().st_mode) == 0o600

    def test_is_made_anew_when_it_does_not_work(self, stack: tuple[Settings, Stack]) -> None:
        settings, _ = stack
        envfile.merge(settings.env_file, {"COUPONRY_API_KEY": "cpk_lost_key"})

        with access.owner_api(settings, clients=1) as api:
            assert api.send("GET", "/v1/api-keys").status == 200

        assert envfile.read(settings.env_file)["COUPONRY_API_KEY"] != "cpk_lost_key"

    def test_is_made_anew_when_it_is_no_owners(self, stack: tuple[Settings, Stack]) -> None:
        settings, _ = stack
        with access.owner_api(settings, clients=1) as api:
            body = {"name": "ann", "role": "manager"}
            managers = api.done("POST", "/v1/api-keys", body).body["key"]
        envfile.merge(settings.env_file, {"COUPONRY_API_KEY": managers})

        with access.owner_api(settings, clients=1) as api:
            assert api.send("GET", "/v1/api-keys").status == 200

    def test_can_be_made_for_any_table_and_is_an_owner(
        self, table_name: str, services: Any
    ) -> None:
        token = owner_key.create(table_name, name="ann")

        caller = services.authenticate(token)

        assert caller is not None
        assert caller.role == "owner"

    def test_for_a_missing_table_is_a_plain_error(self, engine: str) -> None:
        done = CliRunner().invoke(owner_key.main, ["--table", "nowhere", "--name", "ann"])

        assert done.exit_code == 1
        assert "The key cannot be written to nowhere" in done.output


class TestSpeed:
    def test_of_the_run_that_sent_most_is_remembered(self, tmp_path: Path) -> None:
        path = tmp_path / "demo.json"
        first = Speed(attempts=2102, seconds=20.0, clients=4)

        assert remembered(path, None) is None
        assert remembered(path, first) == first
        assert remembered(path, Speed(attempts=27, seconds=0.1, clients=4)) == first
        assert remembered(path, None) == first
        assert json.loads(path.read_text())["attempts"] == 2102

    @pytest.mark.parametrize("content", ["", '{"attempts": 2102', "[]", '{"attempts": 1}'])
    def test_that_cannot_be_read_is_measured_anew(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "demo.json"
        path.write_text(content)
        speed = Speed(attempts=27, seconds=0.1, clients=4)

        assert remembered(path, None) is None
        assert remembered(path, speed) == speed
