"""Get on with an import: read its file slice by slice, and add its rows chunk by chunk.

A chunk is one transaction: its coupons, the rows that it refuses, and how far the import has come.
So whatever happens, and whoever goes on, no row is lost, added twice or counted twice; and two
workers at once are in each other's way, not in the way of the truth.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from chalicelib.core.activity import Channel, Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import codes, coupons, import_rows, imports
from chalicelib.core.coupons.coupons import Coupon, CouponDecision
from chalicelib.core.coupons.import_rows import Reason, RefusedRow, Row
from chalicelib.core.coupons.imports import Failure, Import, ImportStatus, RefusedRows, Step
from chalicelib.core.customers import accounts
from chalicelib.core.customers.accounts import Account
from chalicelib.core.customers.customers import Handle
from chalicelib.core.errors import DomainError, Refused, Unavailable
from chalicelib.core.files import csvs, leases
from chalicelib.core.files.csvs import Record
from chalicelib.core.pages import PageRequest
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.limits import UnitTaken
from chalicelib.core.rewards.rewards import Reward
from chalicelib.usecases.context import transact
from chalicelib.usecases.coupons import adding
from chalicelib.usecases.ports import FileChanged, FileGone
from chalicelib.usecases.rewards.limits import units_of_claim
from chalicelib.usecases.rules import get_reward
from chalicelib.usecases.workers import Superseded, Worker, save

SLICE_BYTES: Final = 1024 * 1024

# A transaction holds 100: beside the rows' items the import, the batch, what is refused, and once
# the reward. A row with an assignee makes three items: coupon, event and account.
ITEMS_A_CHUNK: Final = 96
_ITEMS_OF_CLAIMED = 3
# One transaction cannot take two units from the same counter: no two such rows share a chunk.
_ITEMS_OF_LIMITED = ITEMS_A_CHUNK // 2 + 1
# What is refused makes one item for all of a chunk, which must stay below what an item can hold.
_REFUSED_A_CHUNK = 500
_ATTEMPTS_MAX = 10
_HEADER = ("line", "value", "reason")


class _Chunk(msgspec.Struct, frozen=True):
    """Rows that are dealt with at once, and where the next one begins."""

    rows: tuple[Row | RefusedRow, ...]
    end: int
    next_line: int


def work(worker: Worker, import_id: str) -> Import | None:
    """Take the import and get on with it while there is time; return it as it is left.

    None when there is nothing to take, or somebody else has taken it meanwhile.
    """
    job = _take(worker, import_id)
    if job is None:
        return None
    try:
        finished = True
        if job.status is ImportStatus.RUNNING:
            job, finished = _add_rows(worker, job)
        if not finished:
            return save(worker, job, leases.released(job, at=worker.clock()))
        return _close(worker, job)
    except Superseded:
        return None


def _take(worker: Worker, import_id: str) -> Import | None:
    name = ref(Import, import_id)

    def attempt(_: Contention | None) -> Import | None:
        job = worker.context.store.read(name).find(name)
        if job is None:
            raise imports.not_found()
        taken = imports.taken(job, worker.name, at=worker.clock())
        if taken is None:
            return None
        worker.context.store.commit(Changes(update=((job, taken),)))
        return replace(taken, version=job.version + 1)

    return transact(worker.context, attempt)


def _add_rows(worker: Worker, job: Import) -> tuple[Import, bool]:
    """Add rows while there is time; return the import, and whether it is at its end."""
    adder = _Adder(worker, job)
    try:
        for chunk in _chunks(worker, job):
            if not worker.has_time():
                return job, False
            job = adder.add(job, chunk)
    except FileGone:
        job = save(worker, job, _failed(worker, job, Failure.FILE_GONE))
    except FileChanged:
        job = save(worker, job, _failed(worker, job, Failure.FILE_CHANGED))
    return job, True


def _failed(worker: Worker, job: Import, failure: Failure) -> Import:
    now = worker.clock()
    return leases.taken(imports.failed(job, failure, at=now), worker.name, at=now)


def _chunks(worker: Worker, job: Import) -> Iterator[_Chunk]:
    """Yield what is left of the file, in chunks that fit one transaction each."""
    layout = job.layout
    assert layout is not None, "a started import knows how to read its file"
    records = csvs.records(
        _slices(worker, job),
        encoding=layout.encoding,
        delimiter=layout.delimiter,
        offset=job.offset,
        line=job.line,
    )
    if layout.has_header and job.offset == layout.start:
        next(records, None)
    time_zone = worker.settings().time_zone
    rows: list[Row | RefusedRow] = []
    items = 0
    last: Record | None = None
    for record in records:
        row = import_rows.read(record, layout, time_zone=time_zone)
        more = _items_of(worker, job, row)
        if last is not None and (items + more > ITEMS_A_CHUNK or len(rows) == _REFUSED_A_CHUNK):
            yield _Chunk(tuple(rows), last.end, last.next_line)
            rows, items = [], 0
        rows.append(row)
        items += more
        last = record
    if last is not None:
        yield _Chunk(tuple(rows), last.end, last.next_line)


def _items_of(worker: Worker, job: Import, row: Row | RefusedRow) -> int:
    if isinstance(row, RefusedRow):
        return 0
    if row.email is None and row.customer_id is None:
        return 1
    reward = worker.context.rules.reward(job.reward_id, now=worker.clock())
    return _ITEMS_OF_LIMITED if rewards.limits_claims(reward) else _ITEMS_OF_CLAIMED


def _slices(worker: Worker, job: Import) -> Iterator[bytes]:
    assert job.size_bytes is not None, "a started import has a file"
    for start in range(job.offset, job.size_bytes, SLICE_BYTES):
        size = min(SLICE_BYTES, job.size_bytes - start)
        yield worker.files.read(job.upload_key, start=start, size=size, etag=job.etag)


class _Adder:
    """Adds chunks of one import."""

    def __init__(self, worker: Worker, job: Import) -> None:
        self._worker = worker
        self._stocked = get_reward(worker.context.store, job.reward_id).stocked

    def add(self, job: Import, chunk: _Chunk) -> Import:
        """Add the chunk, and return the import after it.

        Raises:
            Superseded: the import has been cancelled, or is in other hands.
            Unavailable: the table is out of reach for longer than is worth to wait.
        """
        for number in range(_ATTEMPTS_MAX):
            try:
                return self._add(job, chunk)
            except Superseded as superseded:
                stored = superseded.stored
                # Our own commit, whose answer was lost on the way from the table.
                if (
                    isinstance(stored, Import)
                    and stored.worker == self._worker.name
                    and stored.offset == chunk.end
                    and stored.status is ImportStatus.RUNNING
                ):
                    return stored
                raise
            except Unavailable:
                if number == _ATTEMPTS_MAX - 1:
                    raise
                self._worker.context.pause(number)
        raise AssertionError("the loop returns or raises")

    def _add(self, job: Import, chunk: _Chunk) -> Import:
        worker = self._worker
        now = worker.clock()
        assert job.started_by is not None, "a started import knows by whom"
        origin = Origin(actor=job.started_by, channel=Channel.JOB, recorded_at=now)
        reward = worker.context.rules.reward(job.reward_id, now=now)
        refused, fresh = self._decide(chunk, reward, origin)
        after = job

        def beside(results: Mapping[int, Coupon | DomainError], lost: Contention | None) -> Changes:
            nonlocal after
            for clash in lost.clashes if lost else ():
                if isinstance(clash.wanted, Import):
                    raise Superseded(clash.stored)
            again = {
                at: _refused(chunk.rows[at], Reason(result.code))
                for at, result in results.items()
                if isinstance(result, DomainError)
            }
            rows = tuple(row for _, row in sorted((refused | again).items()))
            step = Step(chunk.end, chunk.next_line, len(results) - len(again), rows)
            after = imports.advanced(job, step, at=now)
            create = (RefusedRows(job.import_id, now, rows),) if rows else ()
            return Changes(create=create, update=((job, after),))

        def units(coupon: Coupon, lost: Contention | None) -> tuple[UnitTaken, ...]:
            assert coupon.customer_id is not None, "only claims are limited"
            return units_of_claim(
                worker.context, reward, coupon.customer_id, lost, name=coupon.code, origin=origin
            )

        stocks = None if self._stocked else job.reward_id
        results = adding.add(
            worker.context, fresh, stocks=stocks, at=now, beside=beside, units=units
        )
        self._stocked |= any(isinstance(result, Coupon) for result in results.values())
        return replace(after, version=job.version + 1)

    def _decide(
        self, chunk: _Chunk, reward: Reward, origin: Origin
    ) -> tuple[dict[int, RefusedRow], dict[int, CouponDecision]]:
        """Return which rows are refused already, and the coupons of the others."""
        assignees = _assignees(self._worker, chunk.rows)
        refused: dict[int, RefusedRow] = {}
        fresh: dict[int, CouponDecision] = {}
        seen: set[str | None] = set()
        for at, row in enumerate(chunk.rows):
            if isinstance(row, RefusedRow):
                refused[at] = row
                continue
            key = codes.key_of(row.code)
            who = assignees.get(row.email or row.customer_id)
            if key in seen:
                refused[at] = row.refused(Reason.DUPLICATE_CODE)
            elif isinstance(who, Reason):
                refused[at] = row.refused(who)
            else:
                seen.add(key)
                fresh[at] = self._issue(row, who, reward, origin)
        return refused, fresh

    def _issue(
        self, row: Row, customer_id: str | None, reward: Reward, origin: Origin
    ) -> CouponDecision:
        return coupons.issue(
            row.code,
            reward=reward,
            settings=self._worker.settings(),
            customer_id=customer_id,
            expires_at=row.expires_at,
            made_by=None,
            event_id=self._worker.context.new_id("evt", origin.recorded_at),
            origin=origin,
            metadata=row.metadata,
        )


def _assignees(
    worker: Worker, rows: Iterable[Row | RefusedRow]
) -> dict[str | None, str | Reason | None]:
    """Return the customer that each e-mail address or id of the rows means, or why it is none."""
    wanted = [row for row in rows if isinstance(row, Row)]
    ids = {row.customer_id: row.customer_id for row in wanted if row.customer_id is not None}
    emails = {row.email for row in wanted if row.email is not None}
    found: dict[str | None, str | Reason | None] = {None: None}
    if emails:
        names = {email: ref(Handle, "email", email) for email in emails}
        handles = worker.context.store.read(*names.values())
        for email, name in names.items():
            handle = handles.find(name)
            found[email] = Reason.CUSTOMER_NOT_FOUND
            if handle is not None:
                ids[email] = handle.customer_id
    if ids:
        accounts_named = {who: ref(Account, customer_id) for who, customer_id in ids.items()}
        read = worker.context.store.read(*accounts_named.values())
        found |= {who: _standing(read.find(name), ids[who]) for who, name in accounts_named.items()}
    return found


def _standing(account: Account | None, customer_id: str) -> str | Reason:
    if account is None:
        return Reason.CUSTOMER_NOT_FOUND
    try:
        accounts.check_active(account)
    except Refused as refusal:
        return Reason(refusal.code)
    return customer_id


def _refused(row: Row | RefusedRow, reason: Reason) -> RefusedRow:
    assert isinstance(row, Row), "what is refused already is not added"
    return row.refused(reason)


def _close(worker: Worker, job: Import) -> Import:
    """Join what was refused into one file, and note that it is there."""

    def chunks() -> Iterator[bytes]:
        nonlocal job
        yield csvs.written([_HEADER])
        after: str | None = None
        for _ in itertools.count():  # Ends: `after` moves through what no longer grows.
            request = PageRequest(limit=100, after=after, descending=False)
            page = worker.context.store.refused_rows(job.import_id, request)
            for refused in page.items:
                yield csvs.written([(row.line, row.value, row.reason) for row in refused.rows])
            after = page.end
            if after is None:
                return
            kept = leases.got_on(job, at=worker.clock())
            if kept.lease_until != job.lease_until:
                job = save(worker, job, kept)

    worker.files.write(job.refused_key, chunks())
    now = worker.clock()
    is_running = job.status is ImportStatus.RUNNING
    done = imports.completed(job, at=now) if is_running else imports.closed(job)
    return save(worker, job, done)
