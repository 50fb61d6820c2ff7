import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.coupons.exports import Export, ExportKind, ExportStatus
from chalicelib.core.errors import Unavailable
from chalicelib.core.files.leases import LEASE
from chalicelib.core.rewards.rewards import CouponSource, Reward
from chalicelib.usecases.coupons import exporting, exports
from chalicelib.usecases.workers import Worker
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin, unique
from tests.twins import LocalFiles, NotedFunctions
from tests.usecases.unsteady import fails, unsteady
from tests.usecases.world import (
    a_member,
    an_offer,
    coupon_of,
    find,
    put,
    redeem,
    some_coupons,
    unredeem,
)


class Desk:
    """Creates exports and lets workers work on them."""

    def __init__(self, services: Services, folder: Path) -> None:
        self.services = services
        self.files = LocalFiles(folder)
        self.functions = NotedFunctions()
        self.now = NOON

    def created(self, reward: Reward, kind: str = "coupons", *statuses: CouponStatus) -> Export:
        job = Export(
            self.services.new_id("exp", NOON),
            ExportKind(kind),
            reward.reward_id,
            NOON,
            "key_1",
            statuses=statuses,
            lease_until=NOON,
        )
        exports.create(self.services.context, self.functions, job, origin=an_origin(), request=None)
        return job

    def work(
        self,
        job: Export,
        *,
        has_time: Callable[[], bool] = lambda: True,
        services: Services | None = None,
    ) -> Export | None:
        worker = Worker(
            context=(services or self.services).context,
            files=self.files,
            name=unique("run_"),
            clock=lambda: self.now,
            has_time=has_time,
        )
        return exporting.work(worker, job.export_id)

    def rows(self, job: Export | None) -> list[dict[str, str]]:
        assert job is not None
        assert job.status is ExportStatus.COMPLETED
        text = self.files.path(job.key).read_bytes().decode()
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert len(rows) == job.rows
        return rows


@pytest.fixture
def desk(services: Services, tmp_path: Path) -> Desk:
    return Desk(services, tmp_path)


class TestAnExportOfCoupons:
    def test_holds_each_of_the_reward_as_it_is(self, desk: Desk) -> None:
        services, reward = desk.services, an_offer(desk.services, claim_on_redeem=True)
        ada = a_member(services)
        codes = some_coupons(services, reward, [None, None, ada, ada])
        some_coupons(services, an_offer(services), [None])
        redeem(services, codes[2])
        put(services, coupon_of(services, codes[1]), status=CouponStatus.INVALID)

        rows = desk.rows(desk.work(desk.created(reward)))

        assert {row["code"]: (row["status"], row["customer_id"]) for row in rows} == {
            codes[0]: ("unassigned", ""),
            codes[1]: ("invalid", ""),
            codes[2]: ("redeemed", ada),
            codes[3]: ("claimed", ada),
        }

    def test_can_be_of_some_statuses_and_counts_what_has_run_out(self, desk: Desk) -> None:
        services, reward = desk.services, an_offer(desk.services)
        (due,) = some_coupons(services, reward, [None], expires_at=NOON)
        some_coupons(services, reward, [None])

        rows = desk.rows(desk.work(desk.created(reward, "coupons", CouponStatus.EXPIRED)))

        assert [(row["code"], row["status"]) for row in rows] == [(due, "expired")]

    def test_makes_cells_harmless(self, desk: Desk) -> None:
        services, reward = desk.services, an_offer(desk.services)
        (code,) = some_coupons(services, reward, [None])
        put(services, coupon_of(services, code), metadata={"=1+1": "x"})

        rows = desk.rows(desk.work(desk.created(reward)))

        assert rows[0]["metadata"] == "'=1+1=x"

    @pytest.mark.parametrize("steps", [1, 2, 3])
    def test_goes_on_where_the_worker_before_had_no_time_left(
        self, desk: Desk, steps: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exporting, "_PAGE", 7)
        services, reward = desk.services, an_offer(desk.services)
        codes = some_coupons(services, reward, [None] * 30)
        job = desk.created(reward)
        left = iter([True] * (steps - 1) + [False])

        first = desk.work(job, has_time=lambda: next(left))

        assert first is not None
        assert (first.status, first.lease_until) == (ExportStatus.RUNNING, NOON)
        assert sorted(row["code"] for row in desk.rows(desk.work(job))) == sorted(codes)

    @pytest.mark.parametrize("commit", [2, 3, 4])
    @pytest.mark.parametrize("when", ["before", "after"])
    def test_holds_each_once_although_its_worker_died(
        self, desk: Desk, commit: int, when: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exporting, "_PAGE", 7)
        monkeypatch.setattr(exporting, "PART_BYTES", 500)
        services, reward = desk.services, an_offer(desk.services)
        codes = some_coupons(services, reward, [None] * 30)
        job = desk.created(reward)
        dying, line = unsteady(services)
        getattr(line, when).extend([lambda: None] * (commit - 1) + [fails(Unavailable("dead"))])

        with pytest.raises(Unavailable):
            desk.work(job, services=dying)
        assert desk.work(job) is None
        desk.now = NOON + LEASE

        assert sorted(row["code"] for row in desk.rows(desk.work(job))) == sorted(codes)

    def test_is_written_once_when_two_workers_are_at_it(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exporting, "_PAGE", 7)
        monkeypatch.setattr(exporting, "PART_BYTES", 500)
        services, reward = desk.services, an_offer(desk.services)
        codes = some_coupons(services, reward, [None] * 30)
        job = desk.created(reward)
        slow, line = unsteady(services)
        done: list[Any] = []

        def overtake() -> None:
            desk.now += LEASE
            done.append(desk.work(job))

        line.before += [lambda: None, lambda: None, overtake]

        assert desk.work(job, services=slow) is None
        assert sorted(row["code"] for row in desk.rows(done[0])) == sorted(codes)

    def test_of_a_reward_without_coupons_is_a_header(self, desk: Desk) -> None:
        assert desk.rows(desk.work(desk.created(an_offer(desk.services)))) == []


class TestAnExportOfRedemptions:
    def test_holds_each_also_those_that_were_taken_back(self, desk: Desk) -> None:
        services, reward = desk.services, an_offer(desk.services)
        ada = a_member(services)
        codes = some_coupons(services, reward, [ada, ada, ada])
        redeem(services, codes[0], amount_minor=1999, comment="-2+3")
        redeem(services, codes[1], order_id=unique("O"))
        unredeem(services, codes[1])

        rows = desk.rows(desk.work(desk.created(reward, "redemptions")))

        found = {row["code"]: row for row in rows}
        assert set(found) == set(codes[:2])
        assert (found[codes[0]]["amount_minor"], found[codes[0]]["comment"]) == ("1999", "'-2+3")
        assert found[codes[0]]["reversed_at"] == ""
        assert found[codes[1]]["reversed_at"] != ""

    def test_holds_those_of_a_shared_code_and_of_guests(self, desk: Desk) -> None:
        services = desk.services
        reward = an_offer(services, coupon_source=CouponSource.SHARED, guests_allowed=True)
        (code,) = some_coupons(services, reward, [None])
        ada = a_member(services)
        redeem(services, code, customer_id=ada)
        redeem(services, code)

        rows = desk.rows(desk.work(desk.created(reward, "redemptions")))

        assert sorted(row["customer_id"] for row in rows) == ["", ada]


class TestStalled:
    def test_exports_get_a_new_worker(self, desk: Desk) -> None:
        job = desk.created(an_offer(desk.services))
        desk.functions.exports.clear()

        exports.restart_stalled(desk.services.context, desk.functions, origin=an_origin())

        assert job.export_id in desk.functions.exports
        assert find(desk.services, Export, job.export_id) is not None
