"""What staff do with one coupon: take it out of use, pass it on."""

from typing import Annotated

import msgspec

from chalicelib.api.coupons.coupon_views import CouponView, view_of
from chalicelib.api.customers.customer_views import Email
from chalicelib.api.web import bodies
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.api.web.bodies import Identifier
from chalicelib.api.web.origins import origin_of
from chalicelib.core import errors
from chalicelib.core.coupons import coupons, holds
from chalicelib.core.coupons.transfers import Receiver
from chalicelib.core.customers import accounts, contact
from chalicelib.usecases.coupons import invalidations, transfers

blueprint = JsonBlueprint()

Reason = Annotated[str, bodies.text(500, description="for staff only")]


class InvalidateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the coupon is taken out of use."""

    reason: Reason | None = None


class TransferBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who receives the coupon: by id, by e-mail, or by both of the same customer."""

    customer_id: Identifier | None = None
    email: Email | None = None


@blueprint.operation(
    "POST",
    "/v1/coupons/{code}/invalidate",
    body=InvalidateBody,
    answer=CouponView,
    refusals=(
        coupons.CouponNotFound,
        coupons.CouponAlreadyRedeemed,
        coupons.CouponExpired,
        coupons.CouponInvalid,
    ),
)
def invalidate_coupon(call: Call[InvalidateBody, None], code: str) -> Answer:
    """Take a coupon out of use, for good.

    Uses that were made of it stand.
    """
    done = invalidations.invalidate(
        call.services.context,
        code,
        reason=call.body.reason,
        in_bulk=False,
        origin=origin_of(call),
        request=call.request,
    )
    return Answer(view_of(done.result, call.now), replayed=done.replayed)


@blueprint.operation(
    "POST",
    "/v1/coupons/{code}/transfer",
    body=TransferBody,
    answer=CouponView,
    refusals=(
        coupons.CouponNotFound,
        accounts.CustomerNotFound,
        coupons.CouponAlreadyClaimed,
        coupons.CouponAlreadyRedeemed,
        coupons.CouponExpired,
        coupons.CouponInvalid,
        coupons.CouponUnassigned,
        holds.CouponHeld,
        accounts.CustomerExcluded,
        accounts.CustomerDeleted,
        errors.Invalid,
    ),
)
def transfer_coupon(call: Call[TransferBody, None], code: str) -> Answer:
    """Pass a coupon on from the customer who has it to another.

    With what is left of its uses, its expiry, and the time of its claim. Redemptions stay with who
    made them. An excluded customer neither gives nor receives.
    """
    email = call.body.email
    receiver = Receiver(
        customer_id=call.body.customer_id,
        email=None if email is None else contact.email_of(email, pointer="/email"),
    )
    done = transfers.transfer(
        call.services.context, code, receiver, origin=origin_of(call), request=call.request
    )
    return Answer(view_of(done.result, call.now), replayed=done.replayed)
