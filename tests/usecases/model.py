"""A plain model of coupons and their redemptions, written from ``domain`` sections 2.1 and 2.2.

It keeps facts (who holds what, what was used when, what was taken back) and works everything else
out from them each time: status, lifetime value, visits. No counters, no versions, no transactions.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

_REFUSALS = {
    "unassigned": "coupon_unassigned",
    "claimed": "coupon_already_claimed",
    "redeemed": "coupon_already_redeemed",
    "expired": "coupon_expired",
    "invalid": "coupon_invalid",
}


class No(Exception):
    """The model refuses, with the public code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Member:
    """A customer."""

    joined_at: datetime
    standing: str = "active"
    events: list[str] = field(default_factory=lambda: ["customer.created"])


@dataclass
class Offer:
    """A reward."""

    usage_limit: int
    claim_on_redeem: bool
    amount_required: bool
    minimum: int | None
    active_from: datetime | None
    active_until: datetime | None
    days_after_claim: int | None
    status: str = "active"


@dataclass
class Use:
    """A redemption."""

    name: str
    member: str
    at: datetime
    amount: int | None
    order: str | None
    taken_back: bool = False


@dataclass
class Card:
    """A coupon. ``ended`` is what the job or a reversal recorded: it stays so."""

    offer: str
    holder: str | None
    expires_at: datetime | None
    uses: list[Use] = field(default_factory=list)
    ended: bool = False
    invalid: bool = False

    @property
    def standing(self) -> list[Use]:
        return [use for use in self.uses if not use.taken_back]


class Model:
    """The whole business."""

    def __init__(self, late_limit: timedelta) -> None:
        self.late_limit = late_limit
        self.members: dict[str, Member] = {}
        self.offers: dict[str, Offer] = {}
        self.cards: dict[str, Card] = {}
        self.given: dict[str, int | None] = {}

    # What follows from the facts

    def status(self, code: str, now: datetime) -> str:
        card = self.cards[code]
        if card.invalid:
            return "invalid"
        if len(card.standing) >= self.offers[card.offer].usage_limit:
            return "redeemed"
        if card.ended or self._passed(card, now):
            return "expired"
        return "claimed" if card.holder else "unassigned"

    def purchases(self, member: str) -> dict[str, list[Use]]:
        """Return the uses that stand, by purchase: those of one order are one."""
        grouped: dict[str, list[Use]] = {}
        for card in self.cards.values():
            for use in card.standing:
                if use.member == member:
                    grouped.setdefault(use.order or use.name, []).append(use)
        return grouped

    def order_uses(self, order: str) -> list[Use]:
        return [use for card in self.cards.values() for use in card.standing if use.order == order]

    def order_amount(self, order: str) -> int | None:
        """Return the first amount that was given, as long as a use of the order stands."""
        return self.given.get(order) if self.order_uses(order) else None

    def counted(self, member: str) -> list[list[Use]]:
        """Return the purchases from joining on."""
        joined = self.members[member].joined_at
        return [
            uses
            for uses in self.purchases(member).values()
            if any(use.at >= joined for use in uses)
        ]

    def lifetime_value(self, member: str) -> int:
        return sum(
            (self.order_amount(uses[0].order) if uses[0].order else uses[0].amount) or 0
            for uses in self.counted(member)
        )

    def last_visit(self, member: str) -> datetime | None:
        joined = self.members[member].joined_at
        times = [use.at for uses in self.purchases(member).values() for use in uses]
        return max((at for at in times if at >= joined), default=None)

    # Actions

    def issue(self, code: str, offer: str, holder: str | None, expires_at: datetime | None) -> None:
        self.cards[code] = Card(offer, None, expires_at)
        if holder:
            self._active(holder)
            self._give(code, holder, None)

    def claim(self, code: str, member: str, now: datetime, end_of_days: datetime | None) -> None:
        status = self.status(code, now)
        if status != "unassigned":
            raise No(_REFUSALS[status])
        self._active(member)
        self._give(code, member, end_of_days)

    def redeem(  # noqa: C901, PLR0912, PLR0913
        self,
        code: str,
        name: str,
        *,
        member: str | None,
        amount: int | None,
        order: str | None,
        late: datetime | None,
        now: datetime,
        end_of_days: datetime | None,
    ) -> None:
        card, at = self.cards[code], late or now
        offer = self.offers[card.offer]
        if late and not now - self.late_limit <= late <= now:
            raise No("redeemed_at_out_of_range")
        if card.invalid:
            raise No("coupon_invalid")
        if len(card.standing) >= offer.usage_limit:
            raise No("coupon_already_redeemed")
        if self._passed(card, at):
            raise No("coupon_expired")
        if card.holder is None and (member is None or not offer.claim_on_redeem):
            raise No("coupon_unassigned")
        if card.holder is not None and member not in (None, card.holder):
            raise No("wrong_customer")
        holder = card.holder or member
        assert holder
        self._active(holder)
        if offer.status != "active":
            raise No("reward_not_active")
        if offer.active_from and at < offer.active_from:
            raise No("reward_not_active")
        if offer.active_until and at >= offer.active_until:
            raise No("reward_not_active")
        known = None
        if order and (uses := self.order_uses(order)):
            if uses[0].member != holder:
                raise No("order_of_another_customer")
            known = self.order_amount(order)
            if None not in (known, amount) and known != amount:
                raise No("order_amount_mismatch")
        purchase = amount if amount is not None else known
        if offer.amount_required and amount is None:
            raise No("purchase_amount_required")
        if offer.minimum is not None and purchase is None:
            raise No("purchase_amount_required")
        if offer.minimum is not None and purchase is not None and purchase < offer.minimum:
            raise No("minimum_purchase_not_met")
        if card.holder is None:
            self._give(code, holder, end_of_days)
        if order:
            self.given[order] = known if known is not None else amount
        card.uses.append(Use(name, holder, at, amount, order))
        self.members[holder].events.append("coupon.redeemed")

    def unredeem(self, code: str, name: str | None, now: datetime) -> None:
        card, status = self.cards[code], self.status(code, now)
        if status in ("expired", "unassigned", "invalid"):
            raise No(_REFUSALS[status])
        if not card.standing:
            raise No("coupon_not_redeemed")
        use = card.standing[-1]
        if name is not None:
            use = next(use for use in card.uses if use.name == name)
            if use.taken_back:
                raise No("coupon_not_redeemed")
        use.taken_back = True
        card.ended = self._passed(card, now)
        self.members[use.member].events.append("coupon.unredeemed")

    def change_expiry(self, code: str, expires_at: datetime | None, now: datetime) -> None:
        card, status = self.cards[code], self.status(code, now)
        if status not in ("unassigned", "claimed"):
            raise No(_REFUSALS[status])
        if card.expires_at != expires_at and card.holder:
            self.members[card.holder].events.append("coupon.expiry_changed")
        card.expires_at = expires_at

    def invalidate(self, code: str, now: datetime) -> None:
        card, status = self.cards[code], self.status(code, now)
        if status not in ("unassigned", "claimed"):
            raise No(_REFUSALS[status])
        card.invalid = True
        if card.holder:
            self.members[card.holder].events.append("coupon.invalidated")

    def transfer(self, code: str, member: str, now: datetime) -> None:
        card, status = self.cards[code], self.status(code, now)
        if status != "claimed":
            raise No(_REFUSALS[status])
        if member == card.holder:
            raise No("coupon_already_claimed")
        assert card.holder
        self._active(card.holder)
        self._active(member)
        self.members[card.holder].events.append("coupon.transferred")
        self.members[member].events.append("coupon.received")
        card.holder = member

    def run_expiry_job(self, now: datetime) -> int:
        count = 0
        for code, card in self.cards.items():
            if not card.ended and self.status(code, now) == "expired":
                card.ended = True
                count += 1
                if card.holder:
                    self.members[card.holder].events.append("coupon.expired")
        return count

    def _give(self, code: str, holder: str, end_of_days: datetime | None) -> None:
        card = self.cards[code]
        card.holder = holder
        card.expires_at = card.expires_at or end_of_days
        self.members[holder].events.append("coupon.claimed")

    def _active(self, member: str) -> None:
        standing = self.members[member].standing
        if standing != "active":
            raise No(f"customer_{standing}")

    @staticmethod
    def _passed(card: Card, moment: datetime) -> bool:
        return card.expires_at is not None and card.expires_at <= moment
