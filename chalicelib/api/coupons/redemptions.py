"""Redemptions: redeem a coupon, try it without doing it, take it back, list."""

from typing import Any, Literal

import msgspec

from chalicelib.api.coupons.purchases import (
    RedemptionBody,
    UnredeemBody,
    channel_of,
    command_of,
    reversal_command,
)
from chalicelib.api.coupons.redemption_views import (
    PageRedemptionView,
    RedeemedView,
    RedemptionView,
    ReversedView,
    page_view,
    redeemed_view,
    redemption_view,
    reversed_view,
)
from chalicelib.api.web import lists, problems
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.origins import origin_of
from chalicelib.core import errors
from chalicelib.core import settings as settings_
from chalicelib.core.activity import Channel
from chalicelib.core.coupons import coupons, holds, redemptions, refusals, reversals
from chalicelib.core.coupons.baskets import NotEligible
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.customers import accounts, orders
from chalicelib.core.rewards import limits, rewards
from chalicelib.usecases.coupons import redemptions as usecases
from chalicelib.usecases.coupons import reversals as reversal_usecases

blueprint = JsonBlueprint()


class ValidationView(msgspec.Struct, frozen=True, kw_only=True):
    """What redeeming would do now: the discount, or the very refusal it would get."""

    applicable: bool
    redemption: RedeemedView | None = None
    refusal: dict[str, Any] | None = None


class PageValidationView(msgspec.Struct, frozen=True, kw_only=True):
    """What redeeming would do now, as a publishable key is told."""

    applicable: bool
    redemption: PageRedemptionView | None = None
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
    coupons.WrongCustomer,
    accounts.CustomerExcluded,
    accounts.CustomerDeleted,
    rewards.RewardNotActive,
    orders.OrderOfAnotherCustomer,
    orders.OrderAmountMismatch,
    redemptions.RedeemedAtOutOfRange,
    redemptions.PurchaseAmountRequired,
    redemptions.MinimumPurchaseNotMet,
    settings_.CurrencyMismatch,
    orders.NotCombinable,
    NotEligible,
    holds.HoldNotFound,
    holds.HoldLapsed,
    holds.CouponHeld,
    limits.RewardLimitReached,
    limits.CustomerLimitReached,
)


@blueprint.operation(
    "POST",
    "/v1/coupons/{code}/redemptions",
    body=RedemptionBody,
    answer=RedeemedView,
    page_answer=PageRedemptionView,
    status=201,
    refusals=REFUSALS,
)
def redeem_coupon(call: Call[RedemptionBody, None], code: str) -> Answer:
    """Redeem a coupon.

    Once and only once for each use, however many tills ask at the same moment. Send an
    Idempotency-Key, and the same request again when the answer was lost: it gets the first answer.
    The serial of a card stands for the code of its coupon.

    A publishable key sends no `comment`, `location_id` or `redeemed_at`, and no `channel` but
    `checkout`; it is told what a page shows.
    """
    _check_page(call)
    done = usecases.redeem(
        call.services.context,
        command_of(call, call.body, code),
        origin=origin_of(call, _channel(call)),
    )
    redemption = done.redemption
    return Answer(
        page_view(redemption) if call.caller.is_stranger else redeemed_view(redemption),
        location=f"/v1/coupons/{redemption.code}/redemptions/{redemption.redemption_id}",
        replayed=done.replayed,
    )


@blueprint.operation(
    "POST",
    "/v1/coupons/{code}/validate",
    body=RedemptionBody,
    answer=ValidationView,
    page_answer=PageValidationView,
    writes=False,
)
def validate_coupon(call: Call[RedemptionBody, None], code: str) -> Answer:
    """Say what redeeming the coupon would do now, and change nothing.

    The refusal is the problem that the redemption would be answered with; an unknown code or
    customer is one too.
    """
    _check_page(call)
    try:
        call.lookup.check_no_slip(code)
        decision = usecases.preview(
            call.services.context,
            command_of(call, call.body, code),
            origin=origin_of(call, _channel(call)),
        )
    except (errors.NotFound, errors.Refused, errors.Invalid) as refusal:
        problem = problems.to_problem(call.lookup.told(refusal), call.request_id)
        return Answer(ValidationView(applicable=False, refusal=problem))
    if call.caller.is_stranger:
        shown = page_view(decision.redemption)
        return Answer(PageValidationView(applicable=True, redemption=shown))
    return Answer(ValidationView(applicable=True, redemption=redeemed_view(decision.redemption)))


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
        reversals.LinkedCardInUse,
    ),
)
def unredeem_coupon(call: Call[UnredeemBody, None], code: str) -> Answer:
    """Take back a redemption: status, usages and the customer's counters.

    The record stays, marked with who, when and why. A coupon whose expiry has passed meanwhile
    becomes expired.
    """
    done = reversal_usecases.unredeem(
        call.services.context,
        reversal_command(call, call.body, code),
        origin=origin_of(call),
    )
    return Answer(reversed_view(done, call.now), replayed=done.replayed)


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
    items, cursor = lists.page_of(call, page, redemption_view, path=path)
    return Answer(RedemptionPage(items, cursor))


@blueprint.operation(
    "GET",
    "/v1/coupons/{code}/redemptions/{redemption_id}",
    answer=RedemptionView,
    refusals=(coupons.CouponNotFound, redemptions.RedemptionNotFound),
)
def get_redemption(call: Call[None, None], code: str, redemption_id: str) -> Answer:
    """Return one redemption of a coupon."""
    return Answer(
        redemption_view(usecases.find_redemption(call.services.context, code, redemption_id))
    )


def _channel(call: Call[RedemptionBody, None]) -> Channel:
    return Channel.CHECKOUT if call.caller.is_stranger else channel_of(call.body)


def _check_page(call: Call[RedemptionBody, None]) -> None:
    """Check that a stranger claims nothing that only a till can know: a place, another time.

    Raises:
        NotForStrangers: naming each field.
    """
    if not call.caller.is_stranger:
        return
    body = call.body
    named = {
        "comment": body.comment,
        "location_id": body.location_id,
        "redeemed_at": body.redeemed_at,
        "channel": None if body.channel == "checkout" else body.channel,
    }
    faults = tuple(
        errors.Fault(f"/{name}", "not_allowed", "is not for publishable keys")
        for name, value in named.items()
        if value is not None
    )
    if faults:
        raise refusals.NotForStrangers(
            "a publishable key may not say this", fix="leave these fields out", faults=faults
        )
