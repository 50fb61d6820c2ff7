"""Add codes to a reward: up to a thousand in one call, with an outcome for each."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from chalicelib.core import accounts, codes, coupons, errors, idempotency, rewards
from chalicelib.core.accounts import AccountChange
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import Coupon, CouponDecision
from chalicelib.core.errors import DomainError
from chalicelib.core.idempotency import IdempotencyRecord, KeyedRequest
from chalicelib.core.rewards import Reward
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.rules import get_reward

# A claimed coupon writes three items (coupon, event, account), the first ones of a reward one more,
# and a transaction holds 100.
COUPONS_A_CHANGE = 33


class NewCoupon(msgspec.Struct, frozen=True):
    """One code to add; with ``customer_id`` it starts claimed."""

    code: str
    customer_id: str | None = None
    expires_at: datetime | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What became of one code: the coupon, or why there is none."""

    code: str
    result: Coupon | DomainError


class Issued(msgspec.Struct, frozen=True):
    """The outcomes in the order of the request, and whether it was sent before."""

    outcomes: tuple[Outcome, ...]
    replayed: bool


def add_coupons(
    context: Context,
    reward_id: str,
    wanted: Sequence[NewCoupon],
    *,
    origin: Origin,
    request: KeyedRequest | None,
) -> Issued:
    """Add each code of ``wanted`` to the reward; one that cannot be added does not stop the rest.

    With a key the call can be repeated after a crash: what it had added is added no second time,
    and is answered as added.

    Raises:
        RewardNotFound, RewardNotActive, IdempotencyKeyReused: nothing was added.
    """
    reward = get_reward(context.store, reward_id)
    replayed = _begin(context, reward, origin=origin, request=request)
    results: dict[int, Coupon | DomainError] = {}
    fresh: dict[int, CouponDecision] = {}
    seen: set[str | None] = set()
    for position, new in enumerate(wanted):
        key = codes.key_of(new.code)
        if not codes.may_be_issued(new.code):
            results[position] = _bad_code(position)
        elif key in seen:
            results[position] = _duplicate(position)
        else:
            fresh[position] = _issue(
                context, reward, new, position=position, origin=origin, request=request
            )
        seen.add(key)
    positions, stocked = list(fresh), reward.stocked
    for start in range(0, len(positions), COUPONS_A_CHANGE):
        chunk = {at: fresh[at] for at in positions[start : start + COUPONS_A_CHANGE]}
        added = _add(context, chunk, stocks=None if stocked else reward_id)
        stocked = stocked or any(isinstance(result, Coupon) for result in added.values())
        results |= added
    outcomes = tuple(Outcome(new.code, results[at]) for at, new in enumerate(wanted))
    return Issued(outcomes, replayed)


def _begin(
    context: Context, reward: Reward, *, origin: Origin, request: KeyedRequest | None
) -> bool:
    """Record that the keyed call has begun; return whether it had begun before.

    What has begun goes on to its end, also when the reward has been archived meanwhile.

    Raises:
        RewardNotActive: the reward gets no more codes.
    """
    if request is None:
        coupons.check_may_be_issued(reward)
        return False
    record_ref = ref(IdempotencyRecord, request.key_hash)
    now = origin.recorded_at

    def attempt(_: Contention | None) -> bool:
        record = context.store.read(record_ref).find(record_ref)
        if idempotency.answered(request, record, now=now) is not None:
            return True
        coupons.check_may_be_issued(reward)
        made = idempotency.record_of(request, made=(reward.reward_id,), now=now)
        context.store.commit(Changes(create=made))
        return False

    return transact(context, attempt)


def _issue(  # noqa: PLR0913
    context: Context,
    reward: Reward,
    new: NewCoupon,
    *,
    position: int,
    origin: Origin,
    request: KeyedRequest | None,
) -> CouponDecision:
    made_by = None
    if request is not None:
        made_by = hashlib.sha256(f"{request.key_hash}#{position}".encode()).hexdigest()[:32]
    return coupons.issue(
        new.code,
        reward=reward,
        settings=context.rules.settings(now=origin.recorded_at),
        customer_id=new.customer_id,
        expires_at=new.expires_at,
        made_by=made_by,
        event_id=context.new_id("evt", origin.recorded_at),
        origin=origin,
    )


def _add(
    context: Context, chunk: dict[int, CouponDecision], *, stocks: str | None
) -> dict[int, Coupon | DomainError]:
    """Add the coupons of ``chunk`` in one change, without those that cannot be added.

    ``stocks`` is the id of the reward whose first codes these are.
    """
    results: dict[int, Coupon | DomainError] = {}
    pending = dict(chunk)

    def attempt(lost: Contention | None) -> None:
        for clash in lost.clashes if lost else ():
            for position, refusal in _refused(pending, clash.wanted, clash.stored):
                results[position] = refusal
                pending.pop(position)
        if lost is None:
            known = _known(context, pending)
            for position, stored in known.items():
                results[position] = _met(position, pending.pop(position).coupon, stored)
        if pending:
            stocking = Changes() if stocks is None else _stocking(context, stocks)
            context.store.commit(_together(pending.values()) + stocking)

    transact(context, attempt)
    return results | {position: decision.coupon for position, decision in pending.items()}


def _known(context: Context, pending: dict[int, CouponDecision]) -> dict[int, Coupon]:
    """Return the coupons that exist already, so that few transactions are made in vain."""
    refs = {
        position: ref(Coupon, coupons.key_of(decision.coupon.code))
        for position, decision in pending.items()
    }
    found = context.store.read(*refs.values())
    coupons_found = {position: found.find(name) for position, name in refs.items()}
    return {position: coupon for position, coupon in coupons_found.items() if coupon is not None}


def _refused(
    pending: dict[int, CouponDecision], wanted: object, stored: object
) -> list[tuple[int, Coupon | DomainError]]:
    """Return which positions a clash refuses, and with what."""
    if isinstance(wanted, AccountChange):
        return [
            (position, _customer_refusal(position, stored))
            for position, decision in pending.items()
            if decision.coupon.customer_id == wanted.customer_id
        ]
    return [
        (position, _met(position, decision.coupon, stored))
        for position, decision in pending.items()
        if decision.coupon == wanted and isinstance(stored, Coupon)
    ]


def _customer_refusal(position: int, stored: object) -> DomainError:
    if not isinstance(stored, accounts.Account):
        return accounts.not_found(f"/coupons/{position}/customer_id")
    try:
        accounts.check_active(stored)
    except errors.Refused as refusal:
        return refusal
    raise AssertionError("an active account takes any claim")


def _met(position: int, coupon: Coupon, stored: Coupon) -> Coupon | DomainError:
    """Return the outcome where the code exists: ours from an earlier try, or somebody else's."""
    ours = coupon.made_by is not None and coupon.made_by == stored.made_by
    return stored if ours else _duplicate(position)


def _together(decisions: Iterable[CouponDecision]) -> Changes:
    changes = Changes()
    for decision in decisions:
        changes += decision.changes
    return Changes(create=changes.create, count=accounts.merged(changes.count))


def _stocking(context: Context, reward_id: str) -> Changes:
    """Return the note on the reward that it has had codes, unless it is there."""
    reward = get_reward(context.store, reward_id)
    if reward.stocked:
        return Changes()
    return Changes(update=((reward, rewards.stocked(reward)),))


def _bad_code(position: int) -> errors.Invalid:
    return errors.Invalid(
        "the code has a form that codes do not have",
        fix=f"use {codes.LENGTH_MIN} to {codes.LENGTH_MAX} of A-Z, 0-9, - and _",
        pointer=f"/coupons/{position}/code",
    )


def _duplicate(position: int) -> coupons.DuplicateCode:
    return coupons.DuplicateCode(
        "a coupon with this code exists",
        fix="use another code; case, spaces, - and _ make no difference",
        pointer=f"/coupons/{position}/code",
    )
