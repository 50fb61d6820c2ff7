"""Redemptions: redeem a coupon, try it without doing it, take it back, list."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from chalicelib.api import bodies, lists, problems
from chalicelib.api.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.bodies import Currency, Identifier, MinorAmount, Moment
from chalicelib.api.coupons import CouponView, view_of
from chalicelib.api.origins import origin_of
from chalicelib.core import accounts, coupons, errors, orders, redemptions, reversals, rewards
from chalicelib.core import settings as settings_
from chalicelib.core.activity import Channel
from chalicelib.core.coupons import CouponStatus
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.redemptions import Line, RedeemCoupon, Redemption
from chalicelib.core.reversals import UnredeemCoupon
from chalicelib.core.rewards import RewardType
from chalicelib.usecases import redemptions as usecases
from chalicelib.usecases import reversals as reversal_usecases

blueprint = JsonBlueprint(__name__)

OrderId = Annotated[str, bodies.text(64, description="of the purchase, in your till or shop")]
Comment = Annotated[str, bodies.text(500, description="for staff only")]
RedemptionChannel = Literal["console", "scanner", "checkout", "event", "wallet", "cli"]


class LineBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the purchase; the amount is for the whole quantity."""

    product: Annotated[str, bodies.text(64)]
    category: Annotated[str, bodies.text(64)] | None = None
    quantity: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    amount_minor: MinorAmount | None = None


class RedemptionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A use of the coupon. ``amount_minor`` is the purchase before our coupons are taken off.

    ``redeemed_at`` is for tills that were offline; others leave it out.
    """

    customer_id: Identifier | None = None
    amount_minor: MinorAmount | None = None
    currency: Currency | None = None
    order_id: OrderId | None = None
    comment: Comment | None = None
    location_id: Identifier | None = None
    channel: RedemptionChannel | None = None
    redeemed_at: Moment | None = None
    lines: Annotated[tuple[LineBody, ...], msgspec.Meta(max_length=100)] = ()


class UnredeemBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which redemption to take back, by default the latest, and why."""

    redemption_id: Identifier | None = None
    reason: Annotated[str, bodies.text(500)] | None = None


class DiscountView(msgspec.Struct, frozen=True, kw_only=True):
    """What the coupon takes off. ``value`` is in basis points for a percentage, else minor units.

    ``amount_off_minor`` is null where the purchase is not known or the reward is not money.
    """

    type: RewardType
    value: int | None
    amount_off_minor: int | None


class ReversalView(msgspec.Struct, frozen=True, kw_only=True):
    reversed_at: datetime
    reversed_by: str
    reason: str | None


class RedemptionView(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a coupon; ``reversal`` says that it no longer stands."""

    id: str
    code: str
    reward_id: str
    customer_id: str
    redeemed_at: datetime
    recorded_at: datetime
    amount_minor: int | None
    currency: str
    order_id: str | None
    comment: str | None
    location_id: str | None
    channel: Channel
    actor: str
    lines: tuple[Line, ...]
    discount: DiscountView
    reversal: ReversalView | None


class CouponAfter(msgspec.Struct, frozen=True, kw_only=True):
    """What the redemption made of the coupon."""

    status: CouponStatus
    usages: int
    claimed: bool


class CustomerChange(msgspec.Struct, frozen=True, kw_only=True):
    """What was added to the customer's counters; ``last_visit_at`` unless a newer visit stands."""

    lifetime_value_minor: int
    visits: int
    coupons_used: int
    last_visit_at: datetime | None = None


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    coupon: CouponAfter
    customer: CustomerChange


class RedeemedView(RedemptionView, frozen=True, kw_only=True):
    """The redemption, and every value that it changed."""

    changed: Changed


class ReversedView(msgspec.Struct, frozen=True, kw_only=True):
    """The coupon and the redemption after the reversal, and what it took from the customer."""

    coupon: CouponView
    redemption: RedemptionView
    customer: CustomerChange


class ValidationView(msgspec.Struct, frozen=True, kw_only=True):
    """What redeeming would do now: the discount, or the very refusal it would get."""

    applicable: bool
    redemption: RedeemedView | None = None
    refusal: dict[str, Any] | None = None


class RedemptionPage(msgspec.Struct, frozen=True):
    items: list[RedemptionView]
    next_cursor: str | None


class RedemptionQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["redeemed_at", "-redeemed_at"] = "-redeemed_at"


REFUSALS: tuple[type[errors.DomainError], ...] = (
    coupons.CouponNotFound,
    accounts.CustomerNotFound,
    coupons.CouponAlreadyRedeemed,
    coupons.CouponExpired,
    coupons.CouponInvalid,
    coupons.CouponUnassigned,
    redemptions.WrongCustomer,
    accounts.CustomerExcluded,
    accounts.CustomerDeleted,
    rewards.RewardNotActive,
    orders.OrderOfAnotherCustomer,
    orders.OrderAmountMismatch,
    redemptions.RedeemedAtOutOfRange,
    redemptions.PurchaseAmountRequired,
    redemptions.MinimumPurchaseNotMet,
    settings_.CurrencyMismatch,
)


@blueprint.operation(
    "POST",
    "/v1/coupons/{code}/redemptions",
    body=RedemptionBody,
    answer=RedeemedView,
    status=201,
    refusals=REFUSALS,
)
def redeem_coupon(call: Call[RedemptionBody, None], code: str) -> Answer:
    """Redeem a coupon.

    Once and only once for each use, however many tills ask at the same moment. Send an
    Idempotency-Key, and the same request again when the answer was lost: it gets the first answer.
    """
    done = usecases.redeem(
        call.services.context, _command(call, code), origin=origin_of(call, _channel(call))
    )
    redemption = done.redemption
    return Answer(
        _redeemed(redemption),
        location=f"/v1/coupons/{redemption.code}/redemptions/{redemption.redemption_id}",
        replayed=done.replayed,
    )


@blueprint.operation(
    "POST",
    "/v1/coupons/{code}/validate",
    body=RedemptionBody,
    answer=ValidationView,
    writes=False,
)
def validate_coupon(call: Call[RedemptionBody, None], code: str) -> Answer:
    """Say what redeeming the coupon would do now, and change nothing.

    The refusal is the problem that the redemption would be answered with; an unknown code or
    customer is one too.
    """
    try:
        decision = usecases.preview(
            call.services.context, _command(call, code), origin=origin_of(call, _channel(call))
        )
    except (errors.NotFound, errors.Refused, errors.Invalid) as refusal:
        problem = problems.to_problem(refusal, call.request_id)
        return Answer(ValidationView(applicable=False, refusal=problem))
    return Answer(ValidationView(applicable=True, redemption=_redeemed(decision.redemption)))


@blueprint.operation(
    "POST",
    "/v1/coupons/{code}/unredeem",
    body=UnredeemBody,
    answer=ReversedView,
    refusals=(
        coupons.CouponNotFound,
        redemptions.RedemptionNotFound,
        reversals.CouponNotRedeemed,
        coupons.CouponUnassigned,
        coupons.CouponExpired,
        coupons.CouponInvalid,
    ),
)
def unredeem_coupon(call: Call[UnredeemBody, None], code: str) -> Answer:
    """Take back a redemption: status, usages and the customer's counters.

    The record stays, marked with who, when and why. A coupon whose expiry has passed meanwhile
    becomes expired.
    """
    command = UnredeemCoupon(
        code=code,
        event_id=call.services.new_id("evt", call.now),
        redemption_id=call.body.redemption_id,
        reason=call.body.reason,
        request=call.request,
    )
    done = reversal_usecases.unredeem(call.services.context, command, origin=origin_of(call))
    return Answer(
        ReversedView(
            coupon=view_of(done.coupon, call.now),
            redemption=_view(done.redemption),
            customer=CustomerChange(
                lifetime_value_minor=done.lifetime_value_minor,
                visits=done.visits,
                coupons_used=-1,
            ),
        ),
        replayed=done.replayed,
    )


@blueprint.operation(
    "GET",
    "/v1/coupons/{code}/redemptions",
    query=RedemptionQuery,
    answer=RedemptionPage,
    refusals=(coupons.CouponNotFound, InvalidCursor),
)
def list_redemptions(call: Call[None, RedemptionQuery], code: str) -> Answer:
    """List the redemptions of a coupon by time of use, reversed ones too."""
    path = f"/v1/coupons/{coupons.key_of(code)}/redemptions"
    request = lists.page_request(call, path=path, sort=call.query.sort)
    page = usecases.list_redemptions(call.services.context, code, request)
    items, cursor = lists.page_of(call, page, _view, path=path)
    return Answer(RedemptionPage(items, cursor))


@blueprint.operation(
    "GET",
    "/v1/coupons/{code}/redemptions/{redemption_id}",
    answer=RedemptionView,
    refusals=(coupons.CouponNotFound, redemptions.RedemptionNotFound),
)
def get_redemption(call: Call[None, None], code: str, redemption_id: str) -> Answer:
    """Return one redemption of a coupon."""
    return Answer(_view(usecases.find_redemption(call.services.context, code, redemption_id)))


def _command(call: Call[RedemptionBody, None], code: str) -> RedeemCoupon:
    body, new_id = call.body, call.services.new_id
    claimed_id, redeemed_id = sorted(new_id("evt", call.now) for _ in range(2))
    return RedeemCoupon(
        code=code,
        redemption_id=new_id("rdm", body.redeemed_at or call.now),
        event_ids=(claimed_id, redeemed_id),
        customer_id=body.customer_id,
        amount_minor=body.amount_minor,
        currency=body.currency,
        order_id=body.order_id,
        comment=body.comment,
        location_id=body.location_id,
        redeemed_at=body.redeemed_at,
        lines=tuple(
            Line(line.product, line.category, line.quantity, line.amount_minor)
            for line in body.lines
        ),
        request=call.request,
    )


def _channel(call: Call[RedemptionBody, None]) -> Channel:
    return Channel(call.body.channel) if call.body.channel else Channel.API


def _fields(redemption: Redemption) -> dict[str, Any]:
    discount = redemption.discount
    return {
        "id": redemption.redemption_id,
        "code": redemption.code,
        "reward_id": redemption.reward_id,
        "customer_id": redemption.customer_id,
        "redeemed_at": redemption.redeemed_at,
        "recorded_at": redemption.recorded_at,
        "amount_minor": redemption.amount_minor,
        "currency": redemption.currency,
        "order_id": redemption.order_id,
        "comment": redemption.comment,
        "location_id": redemption.location_id,
        "channel": redemption.channel,
        "actor": redemption.actor,
        "lines": redemption.lines,
        "discount": DiscountView(
            type=discount.reward_type,
            value=discount.value,
            amount_off_minor=discount.amount_off_minor,
        ),
    }


def _view(redemption: Redemption) -> RedemptionView:
    reversal = redemption.reversal
    return RedemptionView(
        **_fields(redemption),
        reversal=None
        if reversal is None
        else ReversalView(
            reversed_at=reversal.reversed_at,
            reversed_by=reversal.reversed_by,
            reason=reversal.reason,
        ),
    )


def _redeemed(redemption: Redemption) -> RedeemedView:
    """Return the first answer to a redemption, from its record alone."""
    return RedeemedView(
        **_fields(redemption),
        reversal=None,
        changed=Changed(
            coupon=CouponAfter(
                status=redemption.coupon_status,
                usages=redemption.coupon_usages,
                claimed=redemption.coupon_claimed,
            ),
            customer=CustomerChange(
                lifetime_value_minor=redemption.counted_minor,
                visits=redemption.counted_visits,
                coupons_used=1,
                last_visit_at=redemption.redeemed_at if redemption.newest_visit else None,
            ),
        ),
    )
