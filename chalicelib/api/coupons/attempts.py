"""Refused attempts: what tills and shops were told, by coupon and by customer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from chalicelib.api.web import lists
from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.core.activity import Channel
from chalicelib.core.coupons import coupons
from chalicelib.core.coupons.attempts import Attempt
from chalicelib.core.cursors import InvalidCursor
from chalicelib.core.customers import accounts
from chalicelib.core.errors import Fact
from chalicelib.usecases.coupons import attempts as usecases

blueprint = JsonBlueprint()


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """A redemption that a rule refused.

    ``code`` is folded: without dashes, in capitals. ``customer_id`` is whom the request named,
    ``held_by`` who had the coupon. ``refusal`` is the code of the error, with its ``facts``.
    """

    id: str
    attempted_at: datetime
    code: str
    reward_id: str
    customer_id: str | None
    held_by: str | None
    refusal: str
    facts: Mapping[str, Fact]
    actor: str
    channel: Channel
    location_id: str | None


class AttemptPage(msgspec.Struct, frozen=True):
    items: list[AttemptView]
    next_cursor: str | None


class AttemptQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: lists.Limit = 25
    cursor: lists.Cursor | None = None
    sort: Literal["attempted_at", "-attempted_at"] = "-attempted_at"


@blueprint.operation(
    "GET",
    "/v1/coupons/{code}/attempts",
    query=AttemptQuery,
    answer=AttemptPage,
    refusals=(coupons.CouponNotFound, InvalidCursor),
)
def list_attempts_of_coupon(call: Call[None, AttemptQuery], code: str) -> Answer:
    """List the refused attempts to redeem a coupon, with their reasons.

    Kept for 400 days. Sent again with the same Idempotency-Key, a refused redemption is one
    attempt. Dry runs and codes that no coupon has leave none.
    """
    path = f"/v1/coupons/{coupons.key_of(code)}/attempts"
    request = lists.page_request(call, path=path, sort=call.query.sort)
    page = usecases.list_of_coupon(call.services.context, code, request)
    items, cursor = lists.page_of(call, page, _view, path=path)
    return Answer(AttemptPage(items, cursor))


@blueprint.operation(
    "GET",
    "/v1/customers/{customer_id}/attempts",
    query=AttemptQuery,
    answer=AttemptPage,
    refusals=(accounts.CustomerNotFound, InvalidCursor),
)
def list_attempts_of_customer(call: Call[None, AttemptQuery], customer_id: str) -> Answer:
    """List the refused attempts of a customer, with their reasons.

    Those that named the customer, and those on the customer's coupons that named nobody.
    """
    path = f"/v1/customers/{customer_id}/attempts"
    request = lists.page_request(call, path=path, sort=call.query.sort)
    page = usecases.list_of_customer(call.services.context, customer_id, request)
    items, cursor = lists.page_of(call, page, _view, path=path)
    return Answer(AttemptPage(items, cursor))


def _view(attempt: Attempt) -> AttemptView:
    return AttemptView(
        id=attempt.attempt_id,
        attempted_at=attempt.attempted_at,
        code=attempt.code,
        reward_id=attempt.reward_id,
        customer_id=attempt.customer_named,
        held_by=attempt.customer_holding,
        refusal=attempt.refusal,
        facts=attempt.facts,
        actor=attempt.actor,
        channel=attempt.channel,
        location_id=attempt.location_id,
    )
