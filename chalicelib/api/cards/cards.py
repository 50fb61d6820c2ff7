"""Cards: issue, look up, change, delete, put stamps on, list."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.api.coupons.coupon_views import AnyCode
from chalicelib.api.web import bodies, lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.bodies import Identifier, Moment
from chalicelib.api.web.origins import origin_of
from chalicelib.core.callers.callers import Role
from chalicelib.core.cards import cards, stamps, templates
from chalicelib.core.cards.cards import CardPatch, CardStatus, NewCard
from chalicelib.core.cards.templates import CardType
from chalicelib.core.coupons import coupons
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.customers import accounts
from chalicelib.core.rewards import limits, rewards
from chalicelib.usecases.cards import cards as usecases
from chalicelib.usecases.cards import stamps as stamp_usecases
from chalicelib.usecases.cards.cards import Shown

blueprint = JsonBlueprint()

Values = Annotated[dict[Identifier, Annotated[str, bodies.text(500)]], msgspec.Meta(max_length=20)]


class UtmBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the customer came from, as links say it."""

    utm_source: Annotated[str, bodies.text(100)] | None = None
    utm_medium: Annotated[str, bodies.text(100)] | None = None
    utm_campaign: Annotated[str, bodies.text(100)] | None = None
    utm_term: Annotated[str, bodies.text(100)] | None = None
    utm_content: Annotated[str, bodies.text(100)] | None = None


class CardBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new card. `code` names the coupon of a coupon card; by default any of the pool."""

    template_id: Identifier
    customer_id: Identifier
    code: AnyCode | None = None
    custom_values: Values = {}
    utm: UtmBody = UtmBody()


class CardChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What changes: an absent field stays; null for `expires_at` means never."""

    expires_at: Moment | UnsetType | None = UNSET
    custom_values: Values | UnsetType = UNSET
    promotions: Annotated[tuple[Identifier, ...], msgspec.Meta(max_length=20)] | UnsetType = UNSET


class StampsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many stamps the visit gives."""

    count: Annotated[int, msgspec.Meta(ge=1, le=stamps.AT_ONCE_MAX)] = 1


class HolderView(msgspec.Struct, frozen=True, kw_only=True):
    """The customer's name when the card was issued."""

    first_name: str | None
    last_name: str | None


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    """A card. `template_id` is what it was issued from, `shown_template_id` what it shows.

    `void` says that nothing can be had for it any more; `expires_at` of a coupon card is its
    coupon's.
    """

    serial: str
    template_id: str
    shown_template_id: str
    type: CardType
    status: CardStatus
    void: bool
    customer_id: str
    holder: HolderView
    code: str | None
    stamps: int
    rewards_given: int
    issued_at: datetime
    expires_at: datetime | None
    custom_values: dict[str, str]
    utm: dict[str, str]
    promotions: list[str]


class CardPage(msgspec.Struct, frozen=True):
    items: list[CardView]
    next_cursor: str | None


class CardQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["issued_at", "-issued_at"] = "-issued_at"


@blueprint.operation(
    "POST",
    "/v1/cards",
    body=CardBody,
    answer=CardView,
    status=201,
    codes_in_body=True,
    refusals=(
        templates.TemplateNotFound,
        templates.TemplateArchived,
        accounts.CustomerNotFound,
        accounts.CustomerExcluded,
        accounts.CustomerDeleted,
        coupons.CouponNotFound,
        coupons.CouponAlreadyClaimed,
        coupons.CouponAlreadyRedeemed,
        coupons.CouponExpired,
        coupons.CouponInvalid,
        rewards.RewardNotActive,
        rewards.PoolEmpty,
        limits.RewardLimitReached,
        limits.CustomerLimitReached,
    ),
)
def issue_card(call: Call[CardBody, None]) -> Answer:
    """Issue a card to a customer; a coupon card claims a coupon with it.

    The card keeps the customer's name as it is now. `code` names an unassigned coupon of the
    template's reward, or one that this customer has and that no card shows.
    """
    body, services = call.body, call.services
    new = NewCard(
        serial=services.new_id("crd", call.now),
        secret=services.new_secret(),
        customer_id=body.customer_id,
        custom_values=body.custom_values,
        utm={
            name: value
            for name, value in msgspec.structs.asdict(body.utm).items()
            if value is not None
        },
    )
    done = usecases.issue(
        services.context,
        body.template_id,
        new,
        code=body.code,
        by_staff=call.caller.role is not Role.INTEGRATION,
        origin=origin_of(call),
        request=call.request,
    )
    card = done.result
    return Answer(
        _now(call, card.serial), location=f"/v1/cards/{card.serial}", replayed=done.replayed
    )


@blueprint.operation("GET", "/v1/cards/{serial}", answer=CardView, refusals=(cards.CardNotFound,))
def get_card(call: Call[None, None], serial: str) -> Answer:
    """Return a card."""
    return Answer(_now(call, serial))


@blueprint.operation(
    "PATCH",
    "/v1/cards/{serial}",
    body=CardChange,
    answer=CardView,
    refusals=(
        cards.CardNotFound,
        cards.CardDeleted,
        coupons.CouponAlreadyRedeemed,
        coupons.CouponExpired,
        coupons.CouponInvalid,
    ),
)
def update_card(call: Call[CardChange, None], serial: str) -> Answer:
    """Change a card's end, custom values or chosen promotions.

    The end of a coupon card is that of its coupon.
    """
    body = call.body
    done = usecases.update(
        call.services.context,
        serial,
        CardPatch(body.expires_at, body.custom_values, body.promotions),
        check=lambda shown: call.check_match(_view(shown, call.now)),
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(_now(call, serial), replayed=done.replayed)


@blueprint.operation(
    "DELETE",
    "/v1/cards/{serial}",
    answer=CardView,
    refusals=(cards.CardNotFound, cards.CardDeleted),
)
def delete_card(call: Call[None, None], serial: str) -> Answer:
    """Delete a card, for good.

    It stays on the phone until it is removed there, shown as void. A claimed coupon of it is taken
    out of use.
    """
    done = usecases.delete(
        call.services.context, serial, origin=origin_of(call), request=call.request
    )
    return Answer(_now(call, serial), replayed=done.replayed)


@blueprint.operation(
    "POST",
    "/v1/cards/{serial}/stamps",
    body=StampsBody,
    answer=CardView,
    refusals=(
        cards.CardNotFound,
        cards.CardDeleted,
        stamps.NoStampCard,
        stamps.CardExpired,
        accounts.CustomerExcluded,
        accounts.CustomerDeleted,
        rewards.RewardNotActive,
        rewards.PoolEmpty,
        limits.RewardLimitReached,
        limits.CustomerLimitReached,
    ),
)
def add_stamps(call: Call[StampsBody, None], serial: str) -> Answer:
    """Put stamps on a card for a visit.

    A full card gives the customer a coupon of its reward and starts again with what is left over.
    Send an Idempotency-Key, so that a lost answer does not cost a second stamp.
    """
    done = stamp_usecases.add(
        call.services.context,
        serial,
        call.body.count,
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(_now(call, serial), replayed=done.replayed)


@blueprint.operation(
    "GET",
    "/v1/customers/{customer_id}/cards",
    query=CardQuery,
    answer=CardPage,
    refusals=(accounts.CustomerNotFound, InvalidCursor),
)
def list_cards_of_customer(call: Call[None, CardQuery], customer_id: str) -> Answer:
    """List the cards of a customer."""
    path = f"/v1/customers/{customer_id}/cards"
    request = lists.page_request(call, path=path, sort=call.query.sort)
    page = usecases.cards_of_customer(call.services.context, customer_id, request)
    items, cursor = lists.page_of(call, page, lambda shown: _view(shown, call.now), path=path)
    return Answer(CardPage(items, cursor))


def _now(call: Call[Any, Any], serial: str) -> CardView:
    return _view(usecases.get_shown(call.services.context, serial), call.now)


def _view(shown: Shown, now: datetime) -> CardView:
    card, coupon = shown.card, shown.coupon
    is_coupon = card.card_type is CardType.COUPON
    return CardView(
        serial=card.serial,
        template_id=card.template_id,
        shown_template_id=card.shown_template_id,
        type=card.card_type,
        status=card.status,
        void=cards.is_void(card, coupon, now=now),
        customer_id=card.customer_id,
        holder=HolderView(first_name=card.holder.first_name, last_name=card.holder.last_name),
        code=card.code,
        stamps=card.stamps,
        rewards_given=card.rewards_given,
        issued_at=card.issued_at,
        expires_at=coupon.expires_at if coupon and is_coupon else card.expires_at,
        custom_values=dict(card.custom_values),
        utm=dict(card.utm),
        promotions=list(card.promotions),
    )
