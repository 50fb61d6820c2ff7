"""Writes that need no more of an Idempotency-Key than to happen once."""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from chalicelib.core import errors, idempotency
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.idempotency import IdempotencyRecord, KeyedRequest
from chalicelib.usecases.context import Context, transact

T = TypeVar("T")

REFUSALS = (errors.NotFound, errors.Refused, errors.Stale, errors.Invalid)
"""What a keyed request must not be told for its own doing.

Sent twice at once, it may be carried out between two reads of its twin, which then sees a coupon
that is already claimed, or a state that is gone. So before a refusal stands, the key is looked up
once more: its record is written together with whatever could have caused the refusal.
"""


class Done(msgspec.Struct, Generic[T], frozen=True):
    """The thing as stored now, and whether an earlier request had done the work already."""

    result: T
    replayed: bool


def made_before(
    context: Context, request: KeyedRequest | None, *, now: datetime
) -> tuple[str, ...] | None:
    """Return what the keyed request made when it was carried out before, or None.

    Raises:
        IdempotencyKeyReused: the key stands for another request.
    """
    if request is None:
        return None
    name = ref(IdempotencyRecord, request.key_hash)
    return idempotency.answered(request, context.store.read(name).find(name), now=now)


def once(
    context: Context,
    request: KeyedRequest | None,
    *,
    now: datetime,
    decide: Callable[[Contention | None], tuple[T, tuple[str, ...], Changes]],
    again: Callable[[tuple[str, ...]], T],
) -> Done[T]:
    """Commit what ``decide`` returns (result, ids of what it made, changes), once per key.

    ``again`` returns the result from the ids when an earlier request had done the work.
    """

    def attempt(lost: Contention | None) -> Done[T]:
        made = made_before(context, request, now=now)
        if made is not None:
            return Done(again(made), replayed=True)
        try:
            result, ids, changes = decide(lost)
        except REFUSALS:
            made = made_before(context, request, now=now)
            if made is None:
                raise
            return Done(again(made), replayed=True)
        # Kept also where nothing is left to do: sent again late, the request would undo what
        # others did meanwhile. If its twin has just done it, this is where it shows.
        record = idempotency.record_of(request, made=ids, now=now)
        context.store.commit(changes + Changes(create=record))
        return Done(result, replayed=False)

    return transact(context, attempt)
