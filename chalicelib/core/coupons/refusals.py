"""Refusals of a coupon: which are a rule's, and what a stranger is told of them."""

from chalicelib.core import errors
from chalicelib.core.idempotency import IdempotencyKeyReused


class CouponNotUsable(errors.Refused):
    """The coupon cannot be used for this. All that a publishable key is told. HTTP 409."""

    code = "coupon_not_usable"


class NotForStrangers(errors.Invalid):
    """The request says what a publishable key may not say; no code was looked up yet."""


def by_a_rule(refusal: errors.DomainError) -> bool:
    """Whether ``refusal``, met with a coupon in hand, was a rule's.

    Rather than about the Idempotency-Key, a lost race or a busy table.
    """
    if isinstance(refusal, IdempotencyKeyReused):
        return False
    return isinstance(refusal, (errors.NotFound, errors.Refused, errors.Invalid))


def to_a_stranger(refusal: errors.DomainError) -> errors.DomainError:
    """Return what a caller who has shown no right to the coupon is told.

    Unknown, used up, expired, somebody else's, too small a purchase: always the same, so that
    reasons are no help in guessing codes. A lost race stays what it is: only a coupon that can be
    used is raced for, and who races for it sees it used anyway.
    """
    if not by_a_rule(refusal) or isinstance(refusal, NotForStrangers):
        return refusal
    return CouponNotUsable(
        "the coupon cannot be used for this purchase",
        fix="check the code for typing slips, or ask the shop",
    )


def is_a_try(refusal: errors.DomainError) -> bool:
    """Whether a stranger who was refused has tried a code that led nowhere.

    Also under a key that was used before: it is told of every code alike, but not after the same
    time.
    """
    kinds = (NotForStrangers, errors.ConflictRetry, errors.Unavailable)
    return not isinstance(refusal, kinds)
