"""Refused attempts to redeem a coupon, kept with their reason: staff see what a till was told."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from chalicelib.core import errors
from chalicelib.core.activity import Channel, Origin
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.coupons.redemptions import RedeemCoupon

KEPT_FOR = timedelta(days=400)
"""Long enough for a complaint about last year's season."""


class Attempt(msgspec.Struct, frozen=True):
    """One attempt that a rule refused; written once, never changed.

    ``attempt_id`` is a ULID of the moment of the refusal. ``code`` is folded, as codes are
    compared. ``customer_named`` is whom the request named, ``customer_holding`` who had the coupon.
    ``refusal`` is the error's code, with the ``facts`` that decided it. ``key_hash`` is that of the
    keyed request, which leaves one attempt however often it is sent.
    """

    attempt_id: str
    code: str
    reward_id: str
    refusal: str
    attempted_at: datetime
    actor: str
    channel: Channel
    facts: Mapping[str, errors.Fact] = msgspec.field(default_factory=dict)
    customer_named: str | None = None
    customer_holding: str | None = None
    location_id: str | None = None
    key_hash: str | None = None
    version: int = 0

    @property
    def customer_id(self) -> str | None:
        """Whose attempt it was: the customer named; the holder where nobody was named."""
        return self.customer_named or self.customer_holding

    @property
    def lapses_at(self) -> datetime:
        """The moment from which the table may remove it."""
        return self.attempted_at + KEPT_FOR


def attempt_of(
    command: RedeemCoupon,
    *,
    coupon: Coupon,
    refusal: errors.DomainError,
    attempt_id: str,
    origin: Origin,
) -> Attempt:
    """Return what is kept of a redemption of ``coupon`` that was refused."""
    return Attempt(
        attempt_id=attempt_id,
        code=coupons.key_of(coupon.code),
        reward_id=coupon.reward_id,
        refusal=refusal.code,
        attempted_at=origin.recorded_at,
        actor=origin.actor,
        channel=origin.channel,
        facts=refusal.facts,
        customer_named=command.customer_id,
        customer_holding=coupon.customer_id,
        location_id=command.location_id,
        key_hash=None if command.request is None else command.request.key_hash,
    )
