"""Several coupons in one order, and what a customer's coupons would do for a cart."""

from typing import Annotated, Any, Literal

import msgspec

from chalicelib.api.coupons.coupon_views import AnyCode, CouponView, view_of
from chalicelib.api.coupons.purchases import (
    Comment,
    Lines,
    OrderId,
    RedemptionBody,
    RedemptionChannel,
    channel_of,
    command_of,
)
from chalicelib.api.coupons.redemption_views import DiscountView, RedeemedView, redeemed_view
from chalicelib.api.coupons.redemptions import REFUSALS
from chalicelib.api.web import problems
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.bodies import Currency, Identifier, MinorAmount, Moment
from chalicelib.api.web.origins import origin_of
from chalicelib.core.coupons.redeeming import TooManyCoupons
from chalicelib.core.coupons.redemptions import RedeemCoupon, Redemption
from chalicelib.core.customers import accounts
from chalicelib.core.errors import DomainError
from chalicelib.usecases.coupons import orders as usecases
from chalicelib.usecases.coupons.orders import Offer, RedeemedOrder

blueprint = JsonBlueprint()

# More is too_many_coupons; far more is not a request.
_CODES_MAX = 100


class CouponOfOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: AnyCode
    hold_id: Identifier | None = None


class Cart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A purchase under way. ``amount_minor`` is before our coupons are taken off."""

    amount_minor: MinorAmount | None = None
    currency: Currency | None = None
    order_id: OrderId | None = None
    location_id: Identifier | None = None
    lines: Lines = ()


class OrderBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The coupons of one order, up to 15, and the purchase.

    All of them are redeemed or none is; with ``partial``, those that can be.
    """

    coupons: Annotated[tuple[CouponOfOrder, ...], msgspec.Meta(min_length=1, max_length=_CODES_MAX)]
    partial: bool = False
    customer_id: Identifier | None = None
    amount_minor: MinorAmount | None = None
    currency: Currency | None = None
    comment: Comment | None = None
    location_id: Identifier | None = None
    channel: RedemptionChannel | None = None
    redeemed_at: Moment | None = None
    lines: Lines = ()


class OrderOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one coupon: its redemption, or the problem it was refused with."""

    code: str
    outcome: Literal["redeemed", "refused"]
    redemption: RedeemedView | None = None
    error: dict[str, Any] | None = None


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes in the order of the request. The discounts add up to ``total_off_minor``.

    ``left_minor`` is what is left to pay, null where the amount of the purchase is not known.
    """

    order_id: str
    items: list[OrderOutcome]
    redeemed: int
    refused: int
    total_off_minor: int
    left_minor: int | None


class OfferView(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon, and what it would take off the cart, or why it cannot be used."""

    coupon: CouponView
    applicable: bool
    discount: DiscountView | None = None
    refusal: dict[str, Any] | None = None


class OfferPage(msgspec.Struct, frozen=True):
    """Best deal first; those that cannot be used last."""

    items: list[OfferView]


@blueprint.operation(
    "POST",
    "/v1/orders/{order_id}/redemptions",
    body=OrderBody,
    answer=OrderView,
    refusals=(*REFUSALS, TooManyCoupons),
    codes_in_body=True,
)
def redeem_order(call: Call[OrderBody, None], order_id: str) -> Answer:
    """Redeem up to 15 coupons in one order, as one change.

    They are applied by the `application_order` of their rewards, equal ones as they were sent;
    percentages apply to what the earlier ones left. The errors point to the coupon that was
    refused.
    """
    done = usecases.redeem_order(
        call.services.context,
        _commands(call, order_id),
        partial=call.body.partial,
        origin=origin_of(call, channel_of(call.body)),
        request=call.request,
    )
    return Answer(_view(call, order_id, done), replayed=done.replayed)


@blueprint.operation(
    "POST",
    "/v1/orders/{order_id}/validate",
    body=OrderBody,
    answer=OrderView,
    writes=False,
    refusals=(TooManyCoupons, accounts.CustomerNotFound),
    codes_in_body=True,
)
def validate_order(call: Call[OrderBody, None], order_id: str) -> Answer:
    """Say what redeeming the coupons in one order would do now, and change nothing.

    Each has its redemption or the refusal it would get, as with `partial`.
    """
    done = usecases.preview_order(
        call.services.context,
        _commands(call, order_id),
        origin=origin_of(call, channel_of(call.body)),
    )
    return Answer(_view(call, order_id, done))


@blueprint.operation(
    "POST",
    "/v1/customers/{customer_id}/applicable",
    body=Cart,
    answer=OfferPage,
    writes=False,
    refusals=(
        accounts.CustomerNotFound,
        accounts.CustomerExcluded,
        accounts.CustomerDeleted,
    ),
)
def list_applicable(call: Call[Cart, None], customer_id: str) -> Answer:
    """Say what each coupon of a customer would do for a cart, best deal first.

    Of the 300 coupons claimed last, those that are claimed now.
    """
    body = RedemptionBody(
        customer_id=customer_id,
        amount_minor=call.body.amount_minor,
        currency=call.body.currency,
        order_id=call.body.order_id,
        location_id=call.body.location_id,
        lines=call.body.lines,
    )
    offers = usecases.applicable(
        call.services.context, command_of(call, body, ""), origin=origin_of(call)
    )
    return Answer(OfferPage([_offer(call, offer) for offer in offers]))


def _commands(call: Call[OrderBody, None], order_id: str) -> list[RedeemCoupon]:
    body = call.body
    return [
        msgspec.structs.replace(
            command_of(
                call,
                RedemptionBody(
                    customer_id=body.customer_id,
                    amount_minor=body.amount_minor,
                    currency=body.currency,
                    order_id=order_id,
                    comment=body.comment,
                    location_id=body.location_id,
                    redeemed_at=body.redeemed_at,
                    lines=body.lines,
                    hold_id=each.hold_id,
                ),
                each.code,
            ),
            request=None,
        )
        for each in body.coupons
    ]


def _view(call: Call[OrderBody, None], order_id: str, done: RedeemedOrder) -> OrderView:
    items = [
        _outcome(call, each.code, outcome)
        for each, outcome in zip(call.body.coupons, done.outcomes, strict=True)
    ]
    redeemed = sum(item.redemption is not None for item in items)
    return OrderView(
        order_id=order_id,
        items=items,
        redeemed=redeemed,
        refused=len(items) - redeemed,
        total_off_minor=done.total_off_minor,
        left_minor=done.left_minor,
    )


def _outcome(call: Call[Any, Any], code: str, outcome: Redemption | DomainError) -> OrderOutcome:
    if isinstance(outcome, DomainError):
        error = problems.to_problem(call.lookup.told(outcome), call.request_id)
        return OrderOutcome(code=code, outcome="refused", error=error)
    return OrderOutcome(code=code, outcome="redeemed", redemption=redeemed_view(outcome))


def _offer(call: Call[Any, Any], offer: Offer) -> OfferView:
    coupon = view_of(offer.coupon, call.now)
    if isinstance(offer.outcome, DomainError):
        refusal = problems.to_problem(offer.outcome, call.request_id)
        return OfferView(coupon=coupon, applicable=False, refusal=refusal)
    discount = offer.outcome.discount
    view = DiscountView(
        type=discount.reward_type,
        value=discount.value,
        amount_off_minor=discount.amount_off_minor,
    )
    return OfferView(coupon=coupon, applicable=True, discount=view)
