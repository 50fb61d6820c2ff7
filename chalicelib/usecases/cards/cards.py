"""Issue, change, delete and list cards."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from chalicelib.core import errors
from chalicelib.core.activity import Origin
from chalicelib.core.cards import cards
from chalicelib.core.cards.cards import Card, CardPatch, Holder, NewCard
from chalicelib.core.cards.templates import CardTemplate, CardType
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon, CouponDecision, CouponStatus
from chalicelib.core.customers import accounts
from chalicelib.core.customers.customers import Customer
from chalicelib.core.idempotency import KeyedRequest
from chalicelib.core.pages import Page, PageRequest
from chalicelib.usecases.context import Context
from chalicelib.usecases.coupons import pools
from chalicelib.usecases.coupons.coupons import check_accounts_in_the_way, get_coupon
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.rewards.limits import units_of_claim


class Shown(msgspec.Struct, frozen=True):
    """A card with the coupon of its code, which it shows while it is a coupon card."""

    card: Card
    coupon: Coupon | None


def issue(  # noqa: PLR0913
    context: Context,
    template_id: str,
    new: NewCard,
    *,
    code: str | None,
    by_staff: bool,
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Card]:
    """Give the customer a card of the template, and with a coupon card its coupon.

    The coupon is any of the reward's pool, or that of ``code``: nobody's, or the customer's own.

    Raises:
        TemplateNotFound, CustomerNotFound, CustomerExcluded, CustomerDeleted, CouponNotFound,
        ConflictRetry, what :func:`chalicelib.core.cards.cards.decide_issue` refuses, and for a
        coupon card what :func:`chalicelib.usecases.coupons.pools.claim_any` refuses.
    """
    now = origin.recorded_at
    claim_id, issue_id = sorted(context.new_id("evt", now) for _ in range(2))

    def decide(lost: Contention | None) -> tuple[Card, tuple[str, ...], Changes]:
        check_accounts_in_the_way(lost)
        template = context.rules.card_template(template_id, now=now)
        holder = _holder(context, new.customer_id)
        claim = _claim(
            context,
            template,
            new.customer_id,
            code,
            lost,
            by_staff=by_staff,
            event_id=claim_id,
            origin=origin,
        )
        decision = cards.decide_issue(
            replace(new, holder=holder),
            template,
            claim=claim,
            settings=context.rules.settings(now=now),
            event_id=issue_id,
            origin=origin,
        )
        return decision.card, (decision.card.serial,), decision.changes

    return once(
        context, request, now=now, decide=decide, again=lambda made: get_card(context, made[0])
    )


def update(  # noqa: PLR0913
    context: Context,
    serial: str,
    patch: CardPatch,
    *,
    check: Callable[[Shown], None],
    origin: Origin,
    request: KeyedRequest | None,
) -> Done[Card]:
    """Change what ``patch`` says of the card; ``check`` sees it as it is before.

    Raises:
        CardNotFound, what ``check`` raises, and what
        :func:`chalicelib.core.cards.cards.decide_update` refuses.
    """
    event_id = context.new_id("evt", origin.recorded_at)

    def decide(_: Contention | None) -> tuple[Card, tuple[str, ...], Changes]:
        shown = get_shown(context, serial)
        check(shown)
        decision = cards.decide_update(
            shown.card,
            patch,
            context.rules.card_template(shown.card.template_id, now=origin.recorded_at),
            coupon=shown.coupon,
            event_id=event_id,
            origin=origin,
        )
        return decision.card, (serial,), decision.changes

    return once(
        context,
        request,
        now=origin.recorded_at,
        decide=decide,
        again=lambda _: get_card(context, serial),
    )


def delete(
    context: Context, serial: str, *, origin: Origin, request: KeyedRequest | None
) -> Done[Card]:
    """Delete the card for good.

    Raises:
        CardNotFound, CardDeleted, ConflictRetry.
    """
    at = origin.recorded_at
    coupon_id, card_id = sorted(context.new_id("evt", at) for _ in range(2))

    def decide(_: Contention | None) -> tuple[Card, tuple[str, ...], Changes]:
        shown = get_shown(context, serial)
        decision = cards.decide_deletion(
            shown.card, shown.coupon, event_ids=(coupon_id, card_id), origin=origin
        )
        return decision.card, (serial,), decision.changes

    return once(context, request, now=at, decide=decide, again=lambda _: get_card(context, serial))


def get_card(context: Context, serial: str) -> Card:
    """Return the card.

    Raises:
        CardNotFound: no card has this serial.
    """
    name = ref(Card, serial)
    card = context.store.read(name).find(name)
    if card is None:
        raise cards.not_found()
    return card


def get_shown(context: Context, serial: str) -> Shown:
    """Return the card with its coupon.

    Raises:
        CardNotFound: no card has this serial.
    """
    return with_coupons(context, [get_card(context, serial)])[0]


def cards_of_customer(context: Context, customer_id: str, request: PageRequest) -> Page[Shown]:
    """Return a page of the customer's cards, by the time they were issued.

    Raises:
        CustomerNotFound: no customer has this id.
    """
    page = context.store.cards_of_customer(customer_id, request)
    if not page.items and request.after is None:
        _holder(context, customer_id)
    return Page(tuple(with_coupons(context, page.items)), page.end)


def with_coupons(context: Context, found: Sequence[Card]) -> list[Shown]:
    """Return the cards with the coupons of their codes."""
    refs = {card.serial: ref(Coupon, coupons.key_of(card.code)) for card in found if card.code}
    read = context.store.read(*dict.fromkeys(refs.values()))
    return [
        Shown(card, read.find(refs[card.serial]) if card.serial in refs else None) for card in found
    ]


def _holder(context: Context, customer_id: str) -> Holder:
    name = ref(Customer, customer_id)
    customer = context.store.read(name).find(name)
    if customer is None:
        raise accounts.not_found("/customer_id")
    return Holder(customer.first_name, customer.last_name)


def _claim(  # noqa: PLR0913
    context: Context,
    template: CardTemplate,
    customer_id: str,
    code: str | None,
    lost: Contention | None,
    *,
    by_staff: bool,
    event_id: str,
    origin: Origin,
) -> CouponDecision | None:
    """Return what gives a coupon card its coupon; None for a card of another type."""
    if template.card_type is not CardType.COUPON:
        if code is not None:
            raise errors.Invalid(
                "only a coupon card has a coupon", fix="leave code out", pointer="/code"
            )
        return None
    assert template.reward_id is not None, "a coupon template has a reward"
    if code is None:
        return pools.draw(
            context,
            template.reward_id,
            customer_id,
            lost,
            by_staff=by_staff,
            event_id=event_id,
            origin=origin,
        )
    coupon = get_coupon(context, code)
    if coupon.reward_id != template.reward_id:
        raise errors.Invalid(
            "the coupon is of another reward than the template's",
            fix="use a code of the template's reward",
            pointer="/code",
        )
    if (
        coupons.status_at(coupon, origin.recorded_at) is CouponStatus.CLAIMED
        and coupon.customer_id == customer_id
        and coupon.card is None
    ):
        return CouponDecision(coupon, Changes(update=((coupon, coupon),)))
    reward = context.rules.reward(coupon.reward_id, now=origin.recorded_at)
    return coupons.decide_claim(
        coupon,
        customer_id,
        reward=reward,
        settings=context.rules.settings(now=origin.recorded_at),
        event_id=event_id,
        origin=origin,
        units=units_of_claim(context, reward, customer_id, lost, name=event_id, origin=origin),
    )
