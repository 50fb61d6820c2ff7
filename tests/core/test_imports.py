from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.core.coupons import exports, imports
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.coupons.exports import Export, ExportKind, ExportStatus
from chalicelib.core.coupons.import_rows import Layout, Options, Reason, RefusedRow
from chalicelib.core.coupons.imports import (
    FileNotUploaded,
    Import,
    ImportFinished,
    ImportStarted,
    ImportStatus,
    Step,
)
from chalicelib.core.files import leases
from chalicelib.core.files.csvs import Encoding
from chalicelib.core.files.leases import LEASE, TAKEOVERS_MAX
from chalicelib.core.rewards.rewards import CouponSource
from tests.builders import NOON, a_reward

_LAYOUT = Layout(Encoding.UTF_8, ",", False, 3, 0, ("1",))  # noqa: FBT003
_DRAFT = Import("imp_1", "rwd_1", NOON, "key_1")
_UPLOADED = imports.with_upload(_DRAFT, size_bytes=100, etag="e")
_RUNNING = imports.started(_UPLOADED, _LAYOUT, at=NOON, by="key_2")
_ENDED = [
    status
    for status in ImportStatus
    if status not in (ImportStatus.DRAFT, ImportStatus.UPLOADED, ImportStatus.RUNNING)
]


class TestLife:
    def test_begins_after_the_mark_and_waits_for_a_worker(self) -> None:
        assert (_RUNNING.offset, _RUNNING.lease_until, _RUNNING.started_by) == (3, NOON, "key_2")

    @pytest.mark.parametrize("status", [ImportStatus.RUNNING, *_ENDED])
    def test_changes_no_options_once_it_is_started(self, status: ImportStatus) -> None:
        with pytest.raises(ImportStarted):
            imports.with_options(replace(_DRAFT, status=status), Options())
        with pytest.raises(ImportStarted):
            imports.started(replace(_DRAFT, status=status), _LAYOUT, at=NOON, by="key_1")

    def test_starts_with_a_file_only(self) -> None:
        with pytest.raises(FileNotUploaded):
            imports.started(_DRAFT, _LAYOUT, at=NOON, by="key_1")

    @pytest.mark.parametrize("job", [_DRAFT, _UPLOADED, _RUNNING])
    def test_can_be_cancelled_until_it_ends(self, job: Import) -> None:
        cancelled = imports.cancelled(job, at=NOON)

        assert (cancelled.status, cancelled.finished_at) == (ImportStatus.CANCELLED, NOON)
        # Only what had begun needs a worker, who joins what it has refused.
        assert (cancelled.lease_until is not None) == (job is _RUNNING)
        with pytest.raises(ImportFinished):
            imports.cancelled(cancelled, at=NOON)

    @pytest.mark.parametrize(
        ("refused", "status"),
        [(0, ImportStatus.COMPLETED), (1, ImportStatus.COMPLETED_WITH_ERRORS)],
    )
    def test_ends_by_whether_rows_were_refused(self, refused: int, status: ImportStatus) -> None:
        done = imports.completed(replace(_RUNNING, invalid=refused), at=NOON)

        assert (done.status, done.refused_file, done.lease_until) == (status, True, None)

    def test_counts_duplicates_apart_from_what_is_wrong(self) -> None:
        taken = imports.taken(_RUNNING, "run_1", at=NOON)
        assert taken is not None
        refused = (
            RefusedRow(1, "A", Reason.DUPLICATE_CODE),
            RefusedRow(2, "B", Reason.CUSTOMER_NOT_FOUND),
            RefusedRow(3, "C", Reason.DUPLICATE_CODE),
        )

        after = imports.advanced(taken, Step(50, 9, 5, refused), at=NOON)

        assert (after.offset, after.line, after.created) == (50, 9, 5)
        assert (after.duplicate, after.invalid, after.rows) == (2, 1, 8)
        assert after.takeovers == 0


class TestLease:
    @pytest.mark.parametrize(
        ("later", "free"),
        [
            pytest.param(timedelta(0), False, id="while it lasts"),
            pytest.param(LEASE - timedelta(milliseconds=1), False, id="to its last moment"),
            pytest.param(LEASE, True, id="the end is excluded"),
        ],
    )
    def test_keeps_others_away(self, later: timedelta, free: bool) -> None:  # noqa: FBT001
        taken = imports.taken(_RUNNING, "run_1", at=NOON)
        assert taken is not None

        again = imports.taken(taken, "run_2", at=NOON + later)

        assert (again is not None) == free

    def test_is_renewed_when_half_of_it_is_gone(self) -> None:
        taken = leases.taken(_RUNNING, "run_1", at=NOON)

        early = leases.got_on(taken, at=NOON + LEASE / 2)
        late = leases.got_on(taken, at=NOON + LEASE / 2 + timedelta(milliseconds=1))

        assert early.lease_until == taken.lease_until
        assert late.lease_until == NOON + LEASE / 2 + timedelta(milliseconds=1) + LEASE

    def test_of_what_is_done_is_nobodys(self) -> None:
        assert imports.taken(imports.completed(_RUNNING, at=NOON), "run_1", at=NOON) is None

    def test_taken_in_vain_too_often_ends_the_import(self) -> None:
        worn = replace(_RUNNING, takeovers=TAKEOVERS_MAX)

        taken = imports.taken(worn, "run_1", at=NOON)

        assert taken is not None
        assert (taken.status, taken.failure) == (ImportStatus.FAILED, "gave_up")


class TestExport:
    @pytest.mark.parametrize(
        ("kind", "statuses", "walk"),
        [
            (ExportKind.COUPONS, (), tuple(CouponStatus)),
            (ExportKind.COUPONS, (CouponStatus.REDEEMED,), (CouponStatus.REDEEMED,)),
            (
                ExportKind.COUPONS,
                (CouponStatus.EXPIRED,),
                (CouponStatus.UNASSIGNED, CouponStatus.CLAIMED, CouponStatus.EXPIRED),
            ),
            (ExportKind.REDEMPTIONS, (CouponStatus.EXPIRED,), (CouponStatus.EXPIRED,)),
        ],
    )
    def test_walks_along_the_life_of_a_coupon(
        self, kind: ExportKind, statuses: tuple[CouponStatus, ...], walk: tuple[CouponStatus, ...]
    ) -> None:
        job = Export("exp_1", kind, "rwd_1", NOON, "key_1", statuses=statuses)

        assert job.walk == walk

    @pytest.mark.parametrize(
        ("source", "first"),
        [
            pytest.param(CouponSource.UPLOADED, CouponStatus.CLAIMED, id="what was had"),
            pytest.param(CouponSource.SHARED, CouponStatus.UNASSIGNED, id="a shared code too"),
        ],
    )
    def test_of_redemptions_looks_where_there_can_be_any(
        self, source: CouponSource, first: CouponStatus
    ) -> None:
        statuses = exports.statuses_with_uses(a_reward(coupon_source=source))

        assert statuses == tuple(CouponStatus)[list(CouponStatus).index(first) :]

    def test_whose_workers_keep_dying_fails(self) -> None:
        job = Export("exp_1", ExportKind.COUPONS, "rwd_1", NOON, "key_1", lease_until=NOON)

        taken = exports.taken(replace(job, takeovers=TAKEOVERS_MAX), "run_1", at=NOON)

        assert taken is not None
        assert (taken.status, taken.lease_until) == (ExportStatus.FAILED, None)
