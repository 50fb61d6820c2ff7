"""Coupons: add codes to a reward, look up, claim, change the expiry, list."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from chalicelib.api.coupons.coupon_views import AnyCode, ClaimBody, CouponView, view_of
from chalicelib.api.web import lists, problems
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.bodies import Identifier, Moment
from chalicelib.api.web.origins import origin_of
from chalicelib.core import errors
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.coupons import Coupon, CouponOrder, CouponStatus
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.customers import accounts
from chalicelib.core.rewards import limits, rewards
from chalicelib.usecases.coupons import coupons as usecases
from chalicelib.usecases.coupons import issuing
from chalicelib.usecases.coupons.issuing import NewCoupon, Outcome

blueprint = JsonBlueprint()

CODES_MAX = 1000

_RANGES = tuple(
    f"{order.removesuffix('_at')}_{end}" for order in CouponOrder for end in ("from", "until")
)


class NewCouponBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One code; with a customer it starts claimed."""

    code: AnyCode
    customer_id: Identifier | None = None
    expires_at: Moment | None = None


class NewCouponsBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    coupons: Annotated[list[NewCouponBody], msgspec.Meta(min_length=1, max_length=CODES_MAX)]


class CouponPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new expiry; null for none."""

    expires_at: Moment | msgspec.UnsetType | None = msgspec.UNSET


class CouponOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one code: ``coupon`` when it was created, ``error`` when it was refused."""

    code: str
    outcome: Literal["created", "refused"]
    coupon: CouponView | None = None
    error: dict[str, Any] | None = None


class CouponOutcomes(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes in the order of the request."""

    items: list[CouponOutcome]
    created: int
    refused: int


class CouponPage(msgspec.Struct, frozen=True):
    items: list[CouponView]
    next_cursor: str | None


class CouponsOfReward(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: tuple[CouponStatus, ...] = ()
    code: AnyCode | None = None
    claimed_from: Moment | None = None
    claimed_until: Moment | None = None
    redeemed_from: Moment | None = None
    redeemed_until: Moment | None = None
    expires_from: Moment | None = None
    expires_until: Moment | None = None
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal[
        "claimed_at", "-claimed_at", "redeemed_at", "-redeemed_at", "expires_at", "-expires_at"
    ] = "-claimed_at"


class CouponsOfCustomer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: tuple[CouponStatus, ...] = ()
    claimed_from: Moment | None = None
    claimed_until: Moment | None = None
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["claimed_at", "-claimed_at"] = "-claimed_at"


@blueprint.operation(
    "POST",
    "/v1/rewards/{reward_id}/coupons",
    body=NewCouponsBody,
    answer=CouponOutcomes,
    # A taken code is no answer of its own: it is the error in that code's outcome.
    refusals=(rewards.RewardNotFound, rewards.RewardNotActive, coupons.DuplicateCode),
)
def add_coupons(call: Call[NewCouponsBody, None], reward_id: str) -> Answer:
    """Add up to 1,000 codes to a reward, with an outcome for each.

    A code that cannot be added does not stop the rest: its outcome has the problem, such as
    `duplicate_code`. Sent again with the same Idempotency-Key it goes on where it stopped, and
    answers for all of them.
    """
    issued = issuing.add_coupons(
        call.services.context,
        reward_id,
        [NewCoupon(new.code, new.customer_id, new.expires_at) for new in call.body.coupons],
        origin=origin_of(call),
        request=call.request,
    )
    items = [_outcome(call, outcome) for outcome in issued.outcomes]
    created = sum(item.coupon is not None for item in items)
    return Answer(
        CouponOutcomes(items=items, created=created, refused=len(items) - created),
        replayed=issued.replayed,
    )


@blueprint.operation(
    "GET",
    "/v1/rewards/{reward_id}/coupons",
    query=CouponsOfReward,
    answer=CouponPage,
    refusals=(rewards.RewardNotFound, InvalidCursor),
)
def list_coupons_of_reward(call: Call[None, CouponsOfReward], reward_id: str) -> Answer:
    """List the coupons of a reward, or find the one with a code.

    What has no time of the kind that the list is sorted by comes last, and then the pool, in no
    order in particular. A range is one of the attribute that the list is sorted by. A page can
    hold fewer than asked for and still have a next one. By use and by expiry a coupon has its place
    moments after it changed.
    """
    path, query, context = f"/v1/rewards/{reward_id}/coupons", call.query, call.services.context
    order = CouponOrder(query.sort.removeprefix("-"))
    request = lists.page_request(call, path=path, sort=query.sort, between=_range(query, order))
    statuses = lists.chosen(query.status, CouponStatus)
    if query.code is None:
        page = usecases.list_of_reward(
            context, reward_id, request, statuses=statuses, order=order, now=call.now
        )
    else:
        page = usecases.find_in_reward(
            context, reward_id, query.code, statuses=statuses, now=call.now
        )
    items, cursor = lists.page_of(call, page, lambda coupon: view_of(coupon, call.now), path=path)
    return Answer(CouponPage(items, cursor))


@blueprint.operation(
    "GET",
    "/v1/customers/{customer_id}/coupons",
    query=CouponsOfCustomer,
    answer=CouponPage,
    refusals=(accounts.CustomerNotFound, InvalidCursor),
)
def list_coupons_of_customer(call: Call[None, CouponsOfCustomer], customer_id: str) -> Answer:
    """List the coupons of a customer, by the time of their claim."""
    path, query = f"/v1/customers/{customer_id}/coupons", call.query
    page = usecases.list_of_customer(
        call.services.context,
        customer_id,
        lists.page_request(
            call, path=path, sort=query.sort, between=(query.claimed_from, query.claimed_until)
        ),
        statuses=lists.chosen(query.status, CouponStatus),
        now=call.now,
    )
    items, cursor = lists.page_of(call, page, lambda coupon: view_of(coupon, call.now), path=path)
    return Answer(CouponPage(items, cursor))


@blueprint.operation(
    "GET", "/v1/coupons/{code}", answer=CouponView, refusals=(coupons.CouponNotFound,)
)
def get_coupon(call: Call[None, None], code: str) -> Answer:
    """Return a coupon, however its code is typed."""
    return Answer(view_of(usecases.get_counted_coupon(call.services.context, code), call.now))


@blueprint.operation(
    "PATCH",
    "/v1/coupons/{code}",
    body=CouponPatch,
    answer=CouponView,
    refusals=(
        coupons.CouponNotFound,
        coupons.CouponAlreadyRedeemed,
        coupons.CouponExpired,
        coupons.CouponInvalid,
    ),
)
def update_coupon(call: Call[CouponPatch, None], code: str) -> Answer:
    """Change when a coupon runs out.

    An expiry that has passed ends the coupon at once.
    """
    context, expires_at = call.services.context, call.body.expires_at

    def check(coupon: Coupon) -> None:
        call.check_match(view_of(coupon, call.now))

    if isinstance(expires_at, msgspec.UnsetType):
        coupon = usecases.get_coupon(context, code)
        check(coupon)
        return Answer(view_of(coupon, call.now))
    done = usecases.change_expiry(
        context, code, expires_at, check=check, origin=origin_of(call), request=call.request
    )
    return Answer(view_of(done.result, call.now), replayed=done.replayed)


@blueprint.operation(
    "POST",
    "/v1/coupons/{code}/claim",
    body=ClaimBody,
    answer=CouponView,
    refusals=(
        coupons.CouponNotFound,
        accounts.CustomerNotFound,
        coupons.CouponAlreadyClaimed,
        coupons.CouponAlreadyRedeemed,
        coupons.CouponExpired,
        coupons.CouponInvalid,
        limits.RewardLimitReached,
        limits.CustomerLimitReached,
        accounts.CustomerExcluded,
        accounts.CustomerDeleted,
        rewards.RewardNotActive,
    ),
)
def claim_coupon(call: Call[ClaimBody, None], code: str) -> Answer:
    """Give an unassigned coupon to a customer."""
    done = usecases.claim(
        call.services.context,
        code,
        call.body.customer_id,
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(view_of(done.result, call.now), replayed=done.replayed)


def _range(query: CouponsOfReward, order: CouponOrder) -> tuple[datetime | None, datetime | None]:
    """Return the range of the attribute that the list is sorted by.

    Raises:
        Invalid: there is one of another attribute, or one beside an exact code.
    """
    given = {name: moment for name in _RANGES if (moment := getattr(query, name)) is not None}
    kind = order.removesuffix("_at")
    own = () if query.code is not None else (f"{kind}_from", f"{kind}_until")
    others = [name for name in given if name not in own]
    if others:
        raise errors.Invalid(
            "a range goes with a list that is sorted by it",
            fix="send one range, and sort by its attribute; a code needs none",
            faults=tuple(
                errors.Fault(f"/query/{name}", "not_allowed", f"the list is sorted by {order}")
                for name in others
            ),
        )
    return given.get(f"{kind}_from"), given.get(f"{kind}_until")


def _outcome(call: Call[Any, Any], outcome: Outcome) -> CouponOutcome:
    if isinstance(outcome.result, Coupon):
        return CouponOutcome(
            code=outcome.code, outcome="created", coupon=view_of(outcome.result, call.now)
        )
    error = problems.to_problem(outcome.result, call.request_id)
    return CouponOutcome(code=outcome.code, outcome="refused", error=error)
