"""Leases: one worker at a time gets on with a job, and another one when it falls silent.

Two at once do no harm: each step of a job is written at the version that was read. The lease only
keeps them from doing the same work in vain.
"""

from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

LEASE: Final = timedelta(minutes=2)
"""How long a silent worker keeps others away: longer than any of its steps takes."""

TAKEOVERS_MAX: Final = 5
"""How often in a row a worker may die without having got on before the job is given up."""

FILES_KEPT_FOR: Final = timedelta(days=30)
"""How long files are kept; the bucket's lifecycle rule says the same."""


class Leased(msgspec.Struct, frozen=True, kw_only=True):
    """A job that workers take. ``lease_until`` is None when there is nothing left to do.

    ``takeovers`` counts the workers since the last one that got on.
    """

    worker: str | None = None
    lease_until: datetime | None = None
    takeovers: int = 0
    version: int = 0


J = TypeVar("J", bound=Leased)


def is_free(job: Leased, *, at: datetime) -> bool:
    """Whether there is something to do and nobody at it."""
    return job.lease_until is not None and job.lease_until <= at


def is_hopeless(job: Leased) -> bool:
    """Whether one worker after the other has died at the same place."""
    return job.takeovers >= TAKEOVERS_MAX


def taken(job: J, worker: str, *, at: datetime) -> J:
    """Return the job in the hands of ``worker``."""
    return replace(job, worker=worker, lease_until=at + LEASE, takeovers=job.takeovers + 1)


def got_on(job: J, *, at: datetime) -> J:
    """Return the job after a step of its worker, who keeps it for a while more."""
    assert job.lease_until is not None, "only a worker gets on"
    # Renewed late: each time it moves in an index.
    is_short = job.lease_until - at < LEASE / 2
    return replace(job, lease_until=at + LEASE if is_short else job.lease_until, takeovers=0)


def released(job: J, *, at: datetime) -> J:
    """Return the job for another worker to take at once."""
    return replace(job, worker=None, lease_until=at)


def done(job: J) -> J:
    """Return the job with nothing left to do."""
    return replace(job, worker=None, lease_until=None)
