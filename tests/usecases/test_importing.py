from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.core.activity import EventType
from chalicelib.core.coupons.coupons import CouponNotFound, CouponStatus
from chalicelib.core.coupons.import_rows import Options, Reason, RefusedRow
from chalicelib.core.coupons.imports import Failure, Import, ImportStatus, RefusedRows
from chalicelib.core.customers.accounts import Standing
from chalicelib.core.files.leases import LEASE, TAKEOVERS_MAX
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards.limits import Limits
from chalicelib.core.rewards.rewards import Reward
from chalicelib.usecases.coupons import importing, imports
from chalicelib.usecases.workers import Worker
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin, unique
from tests.twins import LocalFiles, NotedFunctions
from tests.usecases.unsteady import unsteady
from tests.usecases.world import (
    a_member,
    account_of,
    an_offer,
    codes_of,
    coupon_of,
    events_of,
    find,
    put,
    redeem,
)


@pytest.fixture
def files(tmp_path: Any) -> LocalFiles:
    return LocalFiles(tmp_path)


class Desk:
    """Uploads files, starts imports and lets workers work on them."""

    def __init__(self, services: Services, files: LocalFiles) -> None:
        self.services = services
        self.files = files
        self.functions = NotedFunctions()
        self.now = NOON

    def started(self, data: bytes, *, reward: Reward | None = None, **options: Any) -> Import:
        """Return an import of ``data`` that has been started."""
        context = self.services.context
        job = Import(
            self.services.new_id("imp", NOON),
            (reward or an_offer(self.services)).reward_id,
            NOON,
            "key_1",
            options=Options(**options),
        )
        imports.create(context, job, origin=an_origin(), request=None)
        self.files.put(job.upload_key, data)
        return imports.start(
            context, self.files, self.functions, job.import_id, origin=an_origin(), request=None
        ).result

    def work(
        self,
        job: Import,
        *,
        has_time: Callable[[], bool] = lambda: True,
        services: Services | None = None,
    ) -> Import | None:
        """Let one worker work."""
        worker = Worker(
            context=(services or self.services).context,
            files=self.files,
            name=unique("run_"),
            clock=lambda: self.now,
            has_time=has_time,
        )
        return importing.work(worker, job.import_id)

    def done(self, data: bytes, **options: Any) -> Import:
        """Return an import of ``data`` that one worker has finished."""
        done = self.work(self.started(data, **options))
        assert done is not None
        return done

    def refused(self, job: Import) -> list[RefusedRow]:
        page = self.services.store.refused_rows(
            job.import_id, PageRequest(limit=100, descending=False)
        )
        return [row for rows in page.items for row in rows.rows]

    def refused_file(self, job: Import) -> str:
        return self.files.path(job.refused_key).read_bytes().decode()

    def exists(self, code: str) -> bool:
        try:
            return bool(coupon_of(self.services, code).version)
        except CouponNotFound:
            return False


@pytest.fixture
def desk(services: Services, files: LocalFiles) -> Desk:
    return Desk(services, files)


def lines(codes: list[str]) -> bytes:
    return "".join(f"{code}\n" for code in codes).encode()


def counts(job: Import | None) -> tuple[str, int, int, int]:
    assert job is not None
    return job.status, job.created, job.duplicate, job.invalid


class TestAnImport:
    def test_makes_a_coupon_of_each_row_and_ends(self, desk: Desk) -> None:
        codes = codes_of(250)

        job = desk.done(lines(codes))

        assert counts(job) == ("completed", 250, 0, 0)
        assert job.offset == len(lines(codes))
        assert (job.lease_until, job.finished_at) == (None, NOON)
        assert {coupon_of(desk.services, code).status for code in codes} == {
            CouponStatus.UNASSIGNED
        }
        assert desk.refused_file(job) == "line,value,reason\r\n"

    def test_stocks_the_reward(self, desk: Desk) -> None:
        reward = an_offer(desk.services)

        desk.done(lines(codes_of(3)), reward=reward)

        stored = find(desk.services, Reward, reward.reward_id)
        assert stored is not None
        assert stored.stocked

    def test_refuses_what_is_taken_and_what_is_wrong_and_goes_on(self, desk: Desk) -> None:
        first, second, third, *_ = codes_of(3)
        desk.done(lines([first]))
        data = f'{first}\n{second}\n!!\n{second.lower()}\n"{third}\n{third}\n'.encode()

        job = desk.done(data)

        assert counts(job) == ("completed_with_errors", 2, 2, 2)
        assert desk.refused(job) == [
            RefusedRow(1, first, Reason.DUPLICATE_CODE),
            RefusedRow(3, "!!", Reason.BAD_CODE),
            RefusedRow(4, second.lower(), Reason.DUPLICATE_CODE),
            RefusedRow(5, f'"{third}', Reason.QUOTE_NOT_CLOSED),
        ]
        assert desk.refused_file(job).splitlines() == [
            "line,value,reason",
            f"1,{first},duplicate_code",
            "3,!!,bad_code",
            f"4,{second.lower()},duplicate_code",
            f'5,"""{third}",quote_not_closed',
        ]

    def test_never_resets_a_code_whatever_has_become_of_it(self, desk: Desk) -> None:
        services, customer = desk.services, a_member(desk.services)
        reward = an_offer(services, claim_on_redeem=True)
        codes = codes_of(5)
        desk.done(lines(codes), reward=reward)
        redeem(services, codes[1], customer_id=customer)
        put(services, coupon_of(services, codes[2]), status=CouponStatus.INVALID)
        before = [coupon_of(services, code) for code in codes]

        job = desk.done(lines(codes), reward=an_offer(services))

        assert counts(job) == ("completed_with_errors", 0, 5, 0)
        assert [coupon_of(services, code) for code in codes] == before

    def test_gives_rows_with_an_assignee_to_them(self, desk: Desk) -> None:
        services = desk.services
        email = f"{unique('a').lower()}@example.com"
        ada, eve = a_member(services, email=email), a_member(services)
        put(services, account_of(services, eve), standing=Standing.EXCLUDED)
        reward = an_offer(services, active_from=NOON + timedelta(days=1))
        codes = codes_of(6)
        rows = [
            "Coupon Code;E-mail;Expiry;Note",
            f"{codes[0]};{email.upper()};2026-12-31;été",
            f"{codes[1]};{ada};2020-01-01T00:00:00Z;",
            f"{codes[2]};nobody@example.com;;",
            f"{codes[3]};cus_nobody;;",
            f"{codes[4]};{eve};;",
            f"{codes[5]};;;",
            f"{codes[5]};{ada};someday;",
        ]

        job = desk.done("\n".join(rows).encode(), reward=reward)

        assert counts(job) == ("completed_with_errors", 3, 0, 4)
        assert [(row.line, row.value, row.reason) for row in desk.refused(job)] == [
            (4, "nobody@example.com", "customer_not_found"),
            (5, "cus_nobody", "customer_not_found"),
            (6, eve, "customer_excluded"),
            (8, "someday", "bad_expiry"),
        ]
        first, second = coupon_of(services, codes[0]), coupon_of(services, codes[1])
        assert (first.status, first.customer_id, first.metadata) == (
            CouponStatus.CLAIMED,
            ada,
            {"Note": "été"},
        )
        assert first.expires_at == datetime.fromisoformat("2027-01-01T00:00:00Z")
        assert (second.customer_id, second.status) == (ada, CouponStatus.CLAIMED)
        assert coupon_of(services, codes[5]).customer_id is None
        claimed = [e for e in events_of(services, ada) if e.event_type is EventType.COUPON_CLAIMED]
        assert sorted(str(event.code) for event in claimed) == sorted(codes[:2])
        assert {event.actor for event in claimed} == {"key_1"}
        assert account_of(services, ada).activity_count == len(events_of(services, ada))

    def test_refuses_an_assignee_who_leaves_in_the_middle(self, desk: Desk) -> None:
        services, line = unsteady(desk.services)
        ada, (code,) = a_member(desk.services), codes_of(1)
        job = desk.started(f"{code},{ada}\n".encode())
        account = account_of(desk.services, ada)
        # The first commit takes the import; the second one is the chunk's.
        line.before += [
            lambda: None,
            lambda: put(desk.services, account, standing=Standing.DELETED),
        ]

        done = desk.work(job, services=services)

        assert counts(done) == ("completed_with_errors", 0, 0, 1)
        assert [row.reason for row in desk.refused(job)] == [Reason.CUSTOMER_DELETED]
        assert not desk.exists(code)

    def test_gives_no_more_than_the_limits_of_the_reward(self, desk: Desk) -> None:
        services = desk.services
        ada, bob = a_member(services), a_member(services)
        reward = an_offer(services, limits=Limits(total=3), limits_per_customer=Limits(total=2))
        codes = codes_of(6)
        owners = [ada, ada, ada, None, bob, bob]
        rows = [f"{code},{owner or ''}" for code, owner in zip(codes, owners, strict=True)]

        job = desk.done("\n".join(rows).encode(), reward=reward)

        assert counts(job) == ("completed_with_errors", 4, 0, 2)
        assert [(row.line, row.value, row.reason) for row in desk.refused(job)] == [
            (3, ada, "customer_limit_reached"),
            (6, bob, "reward_limit_reached"),
        ]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "utf-16-be"])
    def test_reads_what_spreadsheets_write(self, desk: Desk, encoding: str) -> None:
        codes = codes_of(2)
        text = f"Code;Notiz\r\n{codes[0]};Grüße\r\n{codes[1]};été\r\n"

        job = desk.done(text.encode(encoding))

        assert counts(job) == ("completed", 2, 0, 0)

    def test_of_an_empty_file_is_completed(self, desk: Desk) -> None:
        assert counts(desk.done(b"")) == ("completed", 0, 0, 0)

    def test_of_a_header_alone_is_completed(self, desk: Desk) -> None:
        assert counts(desk.done(b"code,expires_at\n")) == ("completed", 0, 0, 0)


class TestAWorker:
    def test_without_time_leaves_the_rest_to_the_next_one(self, desk: Desk) -> None:
        codes = codes_of(400)
        job = desk.started(lines(codes))
        steps = iter([True, True, False])

        left = desk.work(job, has_time=lambda: next(steps))

        assert counts(left) == ("running", 192, 0, 0)
        assert left is not None
        assert left.lease_until == NOON
        assert counts(desk.work(job)) == ("completed", 400, 0, 0)

    def test_leaves_alone_what_another_one_is_at(self, desk: Desk) -> None:
        job = desk.started(lines(codes_of(3)))
        stored = find(desk.services, Import, job.import_id)
        put(desk.services, stored, worker="run_1", lease_until=NOON + LEASE)

        assert desk.work(job) is None

    def test_takes_over_when_the_other_one_has_fallen_silent(self, desk: Desk) -> None:
        job = desk.started(lines(codes_of(3)))
        stored = find(desk.services, Import, job.import_id)
        put(desk.services, stored, worker="run_1", lease_until=NOON + LEASE)
        desk.now = NOON + LEASE

        assert counts(desk.work(job)) == ("completed", 3, 0, 0)

    def test_that_has_been_overtaken_adds_nothing_more(self, desk: Desk) -> None:
        codes = codes_of(300)
        job = desk.started(lines(codes))
        services, line = unsteady(desk.services)

        def overtake() -> None:
            desk.now += LEASE
            assert counts(desk.work(job)) == ("completed", 300, 0, 0)

        line.before += [lambda: None, lambda: None, overtake]

        assert desk.work(job, services=services) is None
        stored = find(desk.services, Import, job.import_id)
        assert counts(stored) == ("completed", 300, 0, 0)
        assert desk.refused(job) == []

    @pytest.mark.parametrize("commit", [2, 3, 4, 5])
    def test_whose_answer_from_the_table_is_lost_goes_on_where_it_is(
        self, desk: Desk, commit: int
    ) -> None:
        from chalicelib.core.errors import Unavailable  # noqa: PLC0415

        def lose() -> None:
            raise Unavailable("lost")

        codes = codes_of(250)
        job = desk.started(lines([*codes, codes[0]]))
        services, line = unsteady(desk.services)
        line.after += [lambda: None] * (commit - 1) + [lose]

        try:
            done = desk.work(job, services=services)
        except Unavailable:
            # The last word was lost: the import is complete, or the next worker completes it.
            desk.now += LEASE
            desk.work(job)
            done = find(desk.services, Import, job.import_id)

        assert counts(done) == ("completed_with_errors", 250, 1, 0)
        assert [row.line for row in desk.refused(job)] == [251]

    def test_that_keeps_dying_at_the_same_place_makes_the_import_fail(self, desk: Desk) -> None:
        job = desk.started(lines(codes_of(3)))
        stored = find(desk.services, Import, job.import_id)
        put(desk.services, stored, takeovers=TAKEOVERS_MAX)

        done = desk.work(job)

        assert counts(done)[0] == "failed"
        assert done is not None
        assert (done.failure, done.refused_file, done.lease_until) == (Failure.GAVE_UP, True, None)

    def test_finds_that_the_file_is_another_one(self, desk: Desk) -> None:
        codes = codes_of(3)
        job = desk.started(lines(codes))
        desk.files.put(job.upload_key, lines(codes) + b"MORE-1\n")

        done = desk.work(job)

        assert done is not None
        assert (done.status, done.failure) == (ImportStatus.FAILED, Failure.FILE_CHANGED)
        assert not desk.exists("MORE-1")


class TestCancel:
    def test_in_the_middle_stops_at_once_and_keeps_what_was_added(self, desk: Desk) -> None:
        codes = codes_of(300)
        job = desk.started(b"!\n" + lines(codes))
        services, line = unsteady(desk.services)

        def cancel() -> None:
            imports.cancel(
                desk.services.context,
                desk.functions,
                job.import_id,
                origin=an_origin(),
                request=None,
            )

        line.before += [lambda: None, lambda: None, cancel]

        assert desk.work(job, services=services) is None
        stored = find(desk.services, Import, job.import_id)
        assert counts(stored) == ("cancelled", 96, 0, 1)
        assert sum(desk.exists(code) for code in codes) == 96
        assert desk.functions.imports == [job.import_id] * 2
        closed = desk.work(job)
        assert closed is not None
        assert (closed.status, closed.refused_file) == (ImportStatus.CANCELLED, True)
        assert desk.refused_file(closed).splitlines()[1:] == ["1,!,bad_code"]


class TestStalled:
    def test_imports_get_a_new_worker(self, desk: Desk) -> None:
        job = desk.started(lines(codes_of(3)))
        desk.functions.imports.clear()

        count = imports.restart_stalled(
            desk.services.context, desk.functions, origin=an_origin(NOON + LEASE)
        )

        assert job.import_id in desk.functions.imports
        assert count == len(desk.functions.imports)
        desk.work(job)
        desk.functions.imports.clear()
        imports.restart_stalled(
            desk.services.context, desk.functions, origin=an_origin(NOON + LEASE)
        )
        assert job.import_id not in desk.functions.imports


class TestRefusedRows:
    def test_of_two_workers_never_mix(self, desk: Desk) -> None:
        """Each step writes its own, together with what it added."""
        codes = codes_of(200)
        desk.done(lines(codes[::2]))
        job = desk.started(lines(codes))
        steps = iter([True, False])
        desk.work(job, has_time=lambda: next(steps))

        desk.work(job)

        assert [row.line for row in desk.refused(job)] == list(range(1, 200, 2))
        stored = find(desk.services, RefusedRows, job.import_id, "1")
        assert stored is not None
        assert stored.version == 1
