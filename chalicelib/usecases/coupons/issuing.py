"""Add codes to a reward: up to a thousand in one call, with an outcome for each."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from chalicelib.core import errors, idempotency
from chalicelib.core.activity import Origin
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import codes, coupons
from chalicelib.core.coupons.coupons import Coupon, CouponDecision
from chalicelib.core.errors import DomainError
from chalicelib.core.idempotency import IdempotencyRecord, KeyedRequest
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.limits import UnitTaken
from chalicelib.core.rewards.rewards import CouponSource, Reward
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.coupons import adding
from chalicelib.usecases.rewards.limits import units_of_claim
from chalicelib.usecases.rules import get_reward

# A claimed coupon writes three items (coupon, event, account), each change its batch, the first one
# of a reward the reward too, and a transaction holds 100.
COUPONS_A_CHANGE = 32


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
    shared = reward.coupon_source is CouponSource.SHARED
    if shared and (len(wanted) > 1 or wanted[0].customer_id is not None):
        raise adding.one_code_only()
    replayed = _begin(context, reward, origin=origin, request=request)
    results: dict[int, Coupon | DomainError] = {}
    fresh: dict[int, CouponDecision] = {}
    seen: set[str | None] = set()
    for position, new in enumerate(wanted):
        key = codes.key_of(new.code)
        if not codes.may_be_issued(new.code):
            results[position] = _bad_code(position)
        elif key in seen:
            results[position] = adding.duplicate(position)
        else:
            fresh[position] = _issue(
                context, reward, new, position=position, origin=origin, request=request
            )
        seen.add(key)
    stocked = reward.stocked and not shared

    def units(coupon: Coupon, lost: Contention | None) -> tuple[UnitTaken, ...]:
        customer_id = coupon.customer_id or ""
        return units_of_claim(context, reward, customer_id, lost, name=coupon.code, origin=origin)

    for chunk in _chunks(fresh, reward):
        added = adding.add(
            context,
            chunk,
            stocks=None if stocked else reward_id,
            at=origin.recorded_at,
            units=units,
        )
        stocked = stocked or any(isinstance(result, Coupon) for result in added.values())
        results |= added
    outcomes = tuple(Outcome(new.code, results[at]) for at, new in enumerate(wanted))
    return Issued(outcomes, replayed)


def _chunks(
    fresh: dict[int, CouponDecision], reward: Reward
) -> Iterator[dict[int, CouponDecision]]:
    """Yield what is added together; where claims are limited, each claim by itself.

    One transaction cannot take two units from the same counter.
    """
    size = 1 if rewards.limits_claims(reward) else COUPONS_A_CHANGE
    claimed = {at: each for at, each in fresh.items() if each.coupon.customer_id is not None}
    pooled = {at: each for at, each in fresh.items() if at not in claimed}
    for part, length in ((pooled, COUPONS_A_CHANGE), (claimed, size)):
        positions = list(part)
        for start in range(0, len(positions), length):
            yield {at: part[at] for at in positions[start : start + length]}


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


def _bad_code(position: int) -> errors.Invalid:
    return errors.Invalid(
        "the code has a form that codes do not have",
        fix=f"use {codes.LENGTH_MIN} to {codes.LENGTH_MAX} of A-Z, 0-9, - and _",
        pointer=f"/coupons/{position}/code",
    )
