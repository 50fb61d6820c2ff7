"""Add coupons to a reward in one change, leaving out those that cannot be added."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from chalicelib.core import errors
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import batches, codes, coupons
from chalicelib.core.coupons.coupons import Coupon, CouponDecision
from chalicelib.core.customers import accounts
from chalicelib.core.customers.accounts import AccountChange
from chalicelib.core.errors import DomainError
from chalicelib.core.rewards import rewards
from chalicelib.core.rewards.limits import UnitTaken
from chalicelib.core.rewards.rewards import CouponSource
from chalicelib.usecases import settings
from chalicelib.usecases.context import Context, transact
from chalicelib.usecases.rules import get_reward

Units = Callable[[Coupon, Contention | None], tuple[UnitTaken, ...]]
Beside = Callable[[Mapping[int, Coupon | DomainError], Contention | None], Changes]


def add(  # noqa: PLR0913
    context: Context,
    chunk: Mapping[int, CouponDecision],
    *,
    stocks: str | None,
    at: datetime,
    beside: Beside | None = None,
    units: Units | None = None,
    look: bool = True,
) -> dict[int, Coupon | DomainError]:
    """Add the coupons of ``chunk`` in one change, without those that cannot be added.

    ``stocks`` is the id of the reward whose first codes these are. ``beside`` is told what became
    of each position, and what stood in the way of the attempt before; what it returns is written
    in the same change, also when no coupon is left. ``units`` says what a claim takes from the
    limits of the reward, and refuses it when nothing is left; where there are limits, a chunk has
    one claimed coupon at most. ``look`` False does not look first which of them exist: where hardly
    any can, finding out by the write is cheaper.
    """
    _note_foreign_codes(context, chunk, at=at)
    results: dict[int, Coupon | DomainError] = {}
    pending = dict(chunk)
    batch_id = context.new_id("bat", at)

    def attempt(lost: Contention | None) -> None:
        for clash in lost.clashes if lost else ():
            for position, refusal in _refused(pending, clash.wanted, clash.stored):
                results[position] = refusal
                pending.pop(position)
        if lost is None and look:
            known = _known(context, pending)
            for position, stored in known.items():
                results[position] = _met(position, pending.pop(position).coupon, stored)
        taken: tuple[UnitTaken, ...] = ()
        for position, decision in tuple(pending.items()) if units else ():
            if units is not None and decision.coupon.customer_id is not None:
                try:
                    taken += units(decision.coupon, lost)
                except errors.Refused as refusal:
                    results[position] = refusal
                    pending.pop(position)
        added = {position: decision.coupon for position, decision in pending.items()}
        changes = Changes() if beside is None else beside(results | added, lost)
        if pending:
            stocking = Changes() if stocks is None else _stocking(context, stocks)
            batch = batches.of([*added.values()], batch_id=batch_id, at=at)
            changes += _together(pending.values()) + Changes(create=(batch,), add=taken) + stocking
        context.store.commit(changes)

    transact(context, attempt)
    return results | {position: decision.coupon for position, decision in pending.items()}


def _note_foreign_codes(
    context: Context, chunk: Mapping[int, CouponDecision], *, at: datetime
) -> None:
    """Note codes that look like ours with a slip before they are stored: a look-up trusts it."""
    if any(codes.is_slip(coupons.key_of(decision.coupon.code)) for decision in chunk.values()):
        settings.note_foreign_codes(context, now=at)


def _known(context: Context, pending: Mapping[int, CouponDecision]) -> dict[int, Coupon]:
    """Return the coupons that exist already, so that few transactions are made in vain."""
    refs = {
        position: ref(Coupon, coupons.key_of(decision.coupon.code))
        for position, decision in pending.items()
    }
    found = context.store.read(*refs.values())
    coupons_found = {position: found.find(name) for position, name in refs.items()}
    return {position: coupon for position, coupon in coupons_found.items() if coupon is not None}


def _refused(
    pending: Mapping[int, CouponDecision], wanted: object, stored: object
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
    return stored if ours else duplicate(position)


def _together(decisions: Iterable[CouponDecision]) -> Changes:
    changes = Changes()
    for decision in decisions:
        changes += decision.changes
    return Changes(create=changes.create, count=accounts.merged(changes.count))


def _stocking(context: Context, reward_id: str) -> Changes:
    """Return the note on the reward that it has had codes, unless it is there."""
    reward = get_reward(context.store, reward_id)
    if reward.stocked:
        if reward.coupon_source is CouponSource.SHARED:
            raise one_code_only()
        return Changes()
    return Changes(update=((reward, rewards.stocked(reward)),))


def one_code_only() -> errors.Invalid:
    """Return the refusal of a second code, or an assignee, for a reward with one shared code."""
    return errors.Invalid(
        "a shared reward has one code, for everybody",
        fix="send one code, without a customer, once",
        pointer="/coupons",
    )


def duplicate(position: int) -> coupons.DuplicateCode:
    """Return the refusal of a code that is taken."""
    return coupons.DuplicateCode(
        "a coupon with this code exists",
        fix="use another code; case, spaces, - and _ make no difference",
        pointer=f"/coupons/{position}/code",
    )
