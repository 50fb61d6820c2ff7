"""Put stamps on a card, and give the reward of a full one."""

from chalicelib.core.activity import Origin
from chalicelib.core.cards import stamps
from chalicelib.core.cards.cards import Card
from chalicelib.core.cards.templates import CardTemplate
from chalicelib.core.changes import Changes, Contention
from chalicelib.core.coupons.coupons import CouponDecision
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.usecases.cards.cards import get_card
from chalicelib.usecases.context import Context
from chalicelib.usecases.coupons import pools
from chalicelib.usecases.coupons.coupons import check_accounts_in_the_way
from chalicelib.usecases.keyed import Done, once


def add(
    context: Context, serial: str, count: int, *, origin: Origin, request: KeyedRequest | None
) -> Done[Card]:
    """Put ``count`` stamps on the card; when it is full the customer gets a coupon of its reward.

    Raises:
        CardNotFound, CustomerExcluded, CustomerDeleted, RewardNotActive, PoolEmpty,
        RewardLimitReached, CustomerLimitReached, ConflictRetry, and what
        :func:`chalicelib.core.cards.stamps.decide_stamps` refuses.
    """
    now = origin.recorded_at
    claim_id, stamp_id = sorted(context.new_id("evt", now) for _ in range(2))

    def decide(lost: Contention | None) -> tuple[Card, tuple[str, ...], Changes]:
        check_accounts_in_the_way(lost)
        card = get_card(context, serial)
        template = context.rules.card_template(card.shown_template_id, now=now)
        stamps.check_collects(card, template, count, origin=origin)
        reward = None
        if stamps.filled_by(card, count, template).full:
            reward = _draw(context, template, card, lost, event_id=claim_id, origin=origin)
        decision = stamps.decide_stamps(
            card, count, template, reward=reward, event_id=stamp_id, origin=origin
        )
        return decision.card, (serial,), decision.changes

    return once(context, request, now=now, decide=decide, again=lambda _: get_card(context, serial))


def _draw(  # noqa: PLR0913
    context: Context,
    template: CardTemplate,
    card: Card,
    lost: Contention | None,
    *,
    event_id: str,
    origin: Origin,
) -> CouponDecision:
    assert template.reward_id is not None, "a stamp template has a reward"
    return pools.draw(
        context,
        template.reward_id,
        card.customer_id,
        lost,
        by_staff=True,
        event_id=event_id,
        origin=origin,
    )
