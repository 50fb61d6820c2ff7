"""The same action on many coupons: one change, and one outcome, for each of them.

Each code goes through the use case of the single action, under a key of its own (``key#position``).
So a call that broke off is sent again and carries out the rest; what was done is only looked up.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.core import idempotency
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.coupons.redemptions import RedeemCoupon, Redemption
from chalicelib.core.coupons.reversals import UnredeemCoupon
from chalicelib.core.errors import DomainError, Unavailable
from chalicelib.core.idempotency import IdempotencyRecord, KeyedRequest
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.coupons import coupons, invalidations, redemptions, reversals
from chalicelib.usecases.coupons.reversals import Reversed
from chalicelib.usecases.keyed import made_before

T = TypeVar("T")

Made = tuple[str, ...]


class Outcomes(msgspec.Struct, Generic[T], frozen=True):
    """What became of each code, in the order of the request, and whether it was sent before."""

    results: tuple[T | DomainError, ...]
    replayed: bool


class Bulk(msgspec.Struct, frozen=True):
    """A bulk call: its key, and how long it may go on."""

    context: Context
    request: KeyedRequest
    now: datetime
    has_time: Callable[[], bool]


def claim(bulk: Bulk, wanted: Sequence[tuple[str, str]], *, origin: Origin) -> Outcomes[Coupon]:
    """Give each code of ``wanted`` to the customer beside it.

    Raises:
        IdempotencyKeyReused, Unavailable: see :func:`_carry_out`.
    """

    def act(position: int, keyed: KeyedRequest) -> Coupon:
        code, customer_id = wanted[position]
        done = coupons.claim(bulk.context, code, customer_id, origin=origin, request=keyed)
        return done.result

    return _carry_out(bulk, len(wanted), act, lambda _, made: _coupon(bulk, made))


def invalidate(
    bulk: Bulk, wanted: Sequence[tuple[str, str | None]], *, origin: Origin
) -> Outcomes[Coupon]:
    """Take each code of ``wanted`` out of use, for the reason beside it.

    Raises:
        IdempotencyKeyReused, Unavailable: see :func:`_carry_out`.
    """

    def act(position: int, keyed: KeyedRequest) -> Coupon:
        code, reason = wanted[position]
        done = invalidations.invalidate(
            bulk.context, code, reason=reason, in_bulk=True, origin=origin, request=keyed
        )
        return done.result

    return _carry_out(bulk, len(wanted), act, lambda _, made: _coupon(bulk, made))


def redeem(bulk: Bulk, wanted: Sequence[tuple[RedeemCoupon, Origin]]) -> Outcomes[Redemption]:
    """Redeem each coupon of ``wanted``.

    Raises:
        IdempotencyKeyReused, Unavailable: see :func:`_carry_out`.
    """

    def act(position: int, keyed: KeyedRequest) -> Redemption:
        command, origin = wanted[position]
        command = replace(command, request=keyed)
        return redemptions.redeem(bulk.context, command, origin=origin).redemption

    def again(_: int, made: Made) -> Redemption:
        redemption_id, customer_id = made
        return redemptions.get_redemption(bulk.context, customer_id, redemption_id)

    return _carry_out(bulk, len(wanted), act, again)


def unredeem(bulk: Bulk, wanted: Sequence[UnredeemCoupon], *, origin: Origin) -> Outcomes[Reversed]:
    """Take back a redemption of each coupon of ``wanted``.

    Raises:
        IdempotencyKeyReused, Unavailable: see :func:`_carry_out`.
    """

    def act(position: int, keyed: KeyedRequest) -> Reversed:
        command = replace(wanted[position], request=keyed)
        return reversals.unredeem(bulk.context, command, origin=origin)

    def again(position: int, made: Made) -> Reversed:
        coupon = coupons.get_coupon(bulk.context, wanted[position].code)
        return reversals.reversed_before(bulk.context, coupon, made)

    return _carry_out(bulk, len(wanted), act, again)


def _carry_out(
    bulk: Bulk,
    count: int,
    act: Callable[[int, KeyedRequest], T],
    again: Callable[[int, Made], T],
) -> Outcomes[T]:
    """Return what ``act`` makes of each position, and ``again`` of what was done before.

    What is left is done first, so that each call gets further than the one before.

    Raises:
        IdempotencyKeyReused: the key stands for another request; nothing was done.
        Unavailable: the time is up, or the table is busy; the same request goes on from here.
    """
    replayed = _begin(bulk)
    done = _done_before(bulk, count) if replayed else {}
    results: dict[int, T | DomainError] = {}
    left = [position for position in range(count) if position not in done]
    for number, position in enumerate(left):
        if not bulk.has_time():
            raise Unavailable(
                "there are more codes than one request has time for",
                fix="send the same request again, with the same Idempotency-Key, to go on",
                facts={"retry_after": 1, "codes_left": len(left) - number},
            )
        try:
            results[position] = act(position, _keyed(bulk.request, position))
        except Unavailable:
            raise
        except DomainError as refusal:
            results[position] = refusal
    results |= {position: again(position, made) for position, made in done.items()}
    return Outcomes(tuple(results[position] for position in range(count)), replayed)


def _begin(bulk: Bulk) -> bool:
    """Record that the call has begun; return whether it had begun before.

    Without it the key would be free for another request as long as no code was done.
    """

    def attempt(_: Contention | None) -> bool:
        if made_before(bulk.context, bulk.request, now=bulk.now) is not None:
            return True
        record = idempotency.record_of(bulk.request, made=(), now=bulk.now)
        bulk.context.store.commit(Changes(create=record))
        return False

    return transact(bulk.context, attempt)


def _done_before(bulk: Bulk, count: int) -> dict[int, Made]:
    """Return what was made at the positions that were done, in a round trip for each hundred."""
    keyed = [_keyed(bulk.request, position) for position in range(count)]
    refs = [ref(IdempotencyRecord, each.key_hash) for each in keyed]
    found = bulk.context.store.read(*refs)
    made = {
        position: idempotency.answered(each, found.find(name), now=bulk.now)
        for position, (each, name) in enumerate(zip(keyed, refs, strict=True))
    }
    return {position: ids for position, ids in made.items() if ids is not None}


def _keyed(request: KeyedRequest, position: int) -> KeyedRequest:
    name = hashlib.sha256(f"{request.key_hash}#{position}".encode()).hexdigest()
    return KeyedRequest(key_hash=name, fingerprint=request.fingerprint)


def _coupon(bulk: Bulk, made: Made) -> Coupon:
    return coupons.get_coupon(bulk.context, made[0])
