"""Get on with an export: walk the reward's coupons page by page, and write what they are.

What has been written lies in parts, each with a name of its own; the export says which of them
count, and how far the walk has come with them. So whoever goes on writes no row twice.
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import coupons, exports
from chalicelib.core.coupons.coupons import Coupon, CouponStatus
from chalicelib.core.coupons.exports import Cells, Export, ExportKind, ExportStatus
from chalicelib.core.files import csvs, leases
from chalicelib.core.pages import PageRequest
from chalicelib.usecases.context import transact
from chalicelib.usecases.ports import FileGone
from chalicelib.usecases.workers import Superseded, Worker, save

PART_BYTES: Final = 4 * 1024 * 1024
_PAGE = 200
_SLICE_BYTES = 1024 * 1024


def work(worker: Worker, export_id: str) -> Export | None:
    """Take the export and get on with it while there is time; return it as it is left.

    None when there is nothing to take, or somebody else has taken it meanwhile.
    """
    job = _take(worker, export_id)
    if job is None or job.status is not ExportStatus.RUNNING:
        return job
    try:
        job = _write_parts(worker, job)
        if job.position < len(job.walk):
            return save(worker, job, leases.released(job, at=worker.clock()))
        return _join(worker, job)
    except Superseded:
        return None


def _take(worker: Worker, export_id: str) -> Export | None:
    name = ref(Export, export_id)

    def attempt(_: Contention | None) -> Export | None:
        job = worker.context.store.read(name).find(name)
        if job is None:
            raise exports.not_found()
        taken = exports.taken(job, worker.name, at=worker.clock())
        if taken is None:
            return None
        worker.context.store.commit(Changes(update=((job, taken),)))
        return replace(taken, version=job.version + 1)

    return transact(worker.context, attempt)


def _write_parts(worker: Worker, job: Export) -> Export:
    """Write parts while there is time, each with a note of how far the walk has come with it."""
    buffer = bytearray()
    rows = 0
    at = job
    while at.position < len(at.walk):  # Ends: the cursor moves, and then the position.
        found, at = _page(worker, at)
        rows += len(found)
        buffer += csvs.written(found)
        last = at.position == len(at.walk) or not worker.has_time()
        if last or len(buffer) >= PART_BYTES:
            job = _write_part(worker, job, at, bytes(buffer), rows)
            buffer.clear()
            rows, at = 0, job
        elif at.lease_until is not None and leases.got_on(at, at=worker.clock()) != at:
            # A walk that finds little must not look like one that has died.
            job = save(worker, job, leases.got_on(job, at=worker.clock()))
            at = replace(at, lease_until=job.lease_until, takeovers=0, version=job.version)
        if last:
            break
    return job


def _write_part(worker: Worker, job: Export, at: Export, data: bytes, rows: int) -> Export:
    parts = job.parts
    if data:
        parts = (*parts, job.part_key(len(parts)))
        worker.files.write(parts[-1], (data,))
    after = replace(job, position=at.position, after=at.after, parts=parts, rows=job.rows + rows)
    return save(worker, job, leases.got_on(after, at=worker.clock()))


def _page(worker: Worker, job: Export) -> tuple[list[Cells], Export]:
    """Return the next rows, and the export with its walk behind them."""
    status = job.walk[job.position]
    request = PageRequest(limit=_PAGE, after=job.after, descending=False)
    page = worker.context.store.coupons_of_reward(job.reward_id, [status], request)
    # What has moved on meanwhile is met again where it is now, further along the walk.
    there = [coupon for coupon in page.items if coupon.status is status]
    rows = [cells for coupon in there for cells in _rows(worker, job, coupon)]
    if page.end is not None:
        return rows, replace(job, after=page.end)
    return rows, replace(job, position=job.position + 1, after=None)


def _rows(worker: Worker, job: Export, coupon: Coupon) -> Iterator[Cells]:
    now = worker.clock()
    if job.kind_of_rows is ExportKind.COUPONS:
        wanted = frozenset(job.statuses) or frozenset(CouponStatus)
        if coupons.status_at(coupon, now) in wanted:
            yield exports.cells_of_coupon(coupon, now=now)
        return
    after: str | None = None
    while True:  # Ends: `after` moves through the redemptions.
        request = PageRequest(limit=100, after=after, descending=False)
        page = worker.context.store.redemptions_of_coupon(coupon, request)
        for redemption in page.items:
            yield exports.cells_of_redemption(redemption)
        after = page.end
        if after is None:
            return


def _join(worker: Worker, job: Export) -> Export:
    """Join the parts into one file, and note that it is there."""

    def chunks() -> Iterator[bytes]:
        nonlocal job
        yield csvs.written([exports.header(job.kind_of_rows)])
        for part in job.parts:
            found = worker.files.find(part)
            if found is None:
                raise FileGone(part)
            for start in range(0, found.size_bytes, _SLICE_BYTES):
                yield worker.files.read(part, start=start, size=_SLICE_BYTES)
            kept = leases.got_on(job, at=worker.clock())
            if kept.lease_until != job.lease_until:
                job = save(worker, job, kept)

    worker.files.write(job.key, chunks())
    return save(worker, job, exports.completed(job, at=worker.clock()))
