"""The same action on up to 500 coupons in one call.

Not below ``/v1/coupons``: there is a code where these have a word, and ``BULK`` is one.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from chalicelib.api.coupons.actions import InvalidateBody
from chalicelib.api.coupons.coupon_views import AnyCode, ClaimBody, CouponView, view_of
from chalicelib.api.coupons.purchases import (
    RedemptionBody,
    UnredeemBody,
    channel_of,
    command_of,
    reversal_command,
)
from chalicelib.api.coupons.redemption_views import (
    RedeemedView,
    ReversedView,
    redeemed_view,
    reversed_view,
)
from chalicelib.api.web import problems
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.origins import origin_of
from chalicelib.core.coupons.coupons import Coupon
from chalicelib.core.errors import DomainError
from chalicelib.usecases.coupons import bulk as usecases
from chalicelib.usecases.coupons.bulk import Bulk, Outcomes

blueprint = JsonBlueprint()

CODES_MAX = 500

# The gateway gives up after 29 s. One code takes milliseconds, and 12 s where the table answers at
# its third attempt.
_TIME_FOR_CODES = timedelta(seconds=15)

T = TypeVar("T")
_CODES = msgspec.Meta(min_length=1, max_length=CODES_MAX)


class ClaimOfCode(ClaimBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A claim, with the code that it is of."""

    code: AnyCode


class RedemptionOfCode(RedemptionBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A redemption, with the code that it is of."""

    code: AnyCode


class UnredeemOfCode(UnredeemBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reversal, with the code that it is of."""

    code: AnyCode


class InvalidateOfCode(InvalidateBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invalidation, with the code that it is of."""

    code: AnyCode


class BulkClaimBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    coupons: Annotated[list[ClaimOfCode], _CODES]


class BulkRedeemBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    coupons: Annotated[list[RedemptionOfCode], _CODES]


class BulkUnredeemBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    coupons: Annotated[list[UnredeemOfCode], _CODES]


class BulkInvalidateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    coupons: Annotated[list[InvalidateOfCode], _CODES]


class BulkOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one code; ``error`` is the problem that it would get alone."""

    code: str
    outcome: Literal["done", "refused"]
    error: dict[str, Any] | None = None


class CouponDone(BulkOutcome, frozen=True, kw_only=True, omit_defaults=True):
    coupon: CouponView | None = None


class RedemptionDone(BulkOutcome, frozen=True, kw_only=True, omit_defaults=True):
    redemption: RedeemedView | None = None


class ReversalDone(BulkOutcome, frozen=True, kw_only=True, omit_defaults=True):
    reversal: ReversedView | None = None


class CouponsDone(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes in the order of the request."""

    items: list[CouponDone]
    done: int
    refused: int


class RedemptionsDone(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes in the order of the request."""

    items: list[RedemptionDone]
    done: int
    refused: int


class ReversalsDone(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes in the order of the request."""

    items: list[ReversalDone]
    done: int
    refused: int


@blueprint.operation(
    "POST",
    "/v1/bulk/coupons/claim",
    body=BulkClaimBody,
    answer=CouponsDone,
    key_required=True,
    codes_in_body=True,
)
def claim_coupons(call: Call[BulkClaimBody, None]) -> Answer:
    """Give up to 500 unassigned coupons to customers.

    Each code is a change of its own, with an outcome of its own: one that is refused does not stop
    the rest. A call that ran out of time answers `temporarily_unavailable`; the same request with
    the same Idempotency-Key goes on where it stopped, and answers for all of them.
    """
    wanted = [(each.code, each.customer_id) for each in call.body.coupons]
    outcomes = usecases.claim(_bulk(call), wanted, origin=origin_of(call))
    return _coupons_done(call, outcomes)


@blueprint.operation(
    "POST",
    "/v1/bulk/coupons/redeem",
    body=BulkRedeemBody,
    answer=RedemptionsDone,
    key_required=True,
    codes_in_body=True,
)
def redeem_coupons(call: Call[BulkRedeemBody, None]) -> Answer:
    """Redeem up to 500 coupons.

    Each code is a change of its own, with an outcome of its own, as in the claim of many.
    """
    wanted = [
        (command_of(call, each, each.code), origin_of(call, channel_of(each)))
        for each in call.body.coupons
    ]
    outcomes = usecases.redeem(_bulk(call), wanted)
    return _answer(
        call,
        outcomes,
        answer=RedemptionsDone,
        item=RedemptionDone,
        done=lambda redemption: {"redemption": redeemed_view(redemption)},
    )


@blueprint.operation(
    "POST",
    "/v1/bulk/coupons/unredeem",
    body=BulkUnredeemBody,
    answer=ReversalsDone,
    key_required=True,
    codes_in_body=True,
)
def unredeem_coupons(call: Call[BulkUnredeemBody, None]) -> Answer:
    """Take back a redemption of up to 500 coupons.

    Each code is a change of its own, with an outcome of its own, as in the claim of many.
    """
    wanted = [reversal_command(call, each, each.code) for each in call.body.coupons]
    outcomes = usecases.unredeem(_bulk(call), wanted, origin=origin_of(call))
    return _answer(
        call,
        outcomes,
        answer=ReversalsDone,
        item=ReversalDone,
        done=lambda reversal: {"reversal": reversed_view(reversal, call.now)},
    )


@blueprint.operation(
    "POST",
    "/v1/bulk/coupons/invalidate",
    body=BulkInvalidateBody,
    answer=CouponsDone,
    key_required=True,
    codes_in_body=True,
)
def invalidate_coupons(call: Call[BulkInvalidateBody, None]) -> Answer:
    """Take up to 500 claimed coupons out of use, for good.

    Coupons that nobody has are left alone. Each code is a change of its own, with an outcome of
    its own, as in the claim of many.
    """
    wanted = [(each.code, each.reason) for each in call.body.coupons]
    outcomes = usecases.invalidate(_bulk(call), wanted, origin=origin_of(call))
    return _coupons_done(call, outcomes)


def _bulk(call: Call[Any, Any]) -> Bulk:
    assert call.request is not None, "the operation requires a key"
    return Bulk(
        call.services.context,
        call.request,
        now=call.now,
        has_time=lambda: call.services.now() - call.now < _TIME_FOR_CODES,
    )


def _coupons_done(call: Call[Any, Any], outcomes: Outcomes[Coupon]) -> Answer:
    return _answer(
        call,
        outcomes,
        answer=CouponsDone,
        item=CouponDone,
        done=lambda coupon: {"coupon": view_of(coupon, call.now)},
    )


def _answer(
    call: Call[Any, Any],
    outcomes: Outcomes[T],
    *,
    answer: Callable[..., Any],
    item: Callable[..., BulkOutcome],
    done: Callable[[T], dict[str, Any]],
) -> Answer:
    """Return an ``item`` for each code, with what ``done`` says of it or with its problem."""
    items = []
    for each, result in zip(call.body.coupons, outcomes.results, strict=True):
        if isinstance(result, DomainError):
            error = problems.to_problem(call.lookup.told(result), call.request_id)
            items.append(item(code=each.code, outcome="refused", error=error))
        else:
            items.append(item(code=each.code, outcome="done", **done(result)))
    refused = sum(each.error is not None for each in items)
    body = answer(items=items, done=len(items) - refused, refused=refused)
    return Answer(body, replayed=outcomes.replayed)
