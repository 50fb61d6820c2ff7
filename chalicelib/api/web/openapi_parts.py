"""The parts of the OpenAPI document that do not come from a type: shared words and headers."""

from typing import Final

from chalicelib.api.web.requests import KEY_LENGTH_MAX, PATH_VALUE_LENGTH_MAX

SCHEMAS: Final = "#/components/schemas/"

ABOUT: Final = """\
Rewards, coupons and their redemption for one business.

Names are in `snake_case`. Money is an integer of minor units (`amount_minor`) and a `currency`.
Times are UTC, ISO 8601 with `Z`. Unknown fields are refused; in a `PATCH`, absent leaves a field
alone and `null` clears it. Lists answer `items` and `next_cursor`, `null` on the last page.

A write takes an `Idempotency-Key`: the same request with the same key within seven days is done
once and gives the first answer again, with `Idempotent-Replayed: true`. Reads carry an `ETag`; a
`PATCH` or `PUT` may carry it in `If-Match`.

Pages of a shop call with a publishable key (`pk_…`, role `storefront`), which may validate and
redeem, from the origins it was made for. It is in every visitor's hands, so it is told no reasons:
whatever a coupon is refused for is `coupon_not_usable`. Codes that lead nowhere are counted by
caller, for a publishable key by address; after too many in ten minutes comes `rate_limited`.

Errors are `application/problem+json` (RFC 9457); switch on their `code`, which never changes."""


TAGS: Final = {
    "coupons": "One coupon: claimed, validated, redeemed, taken back.",
    "bulk": "One action on many coupons, with an outcome for each.",
    "rewards": "What customers can get, and the coupons of each.",
    "customers": "The members of the programme.",
    "settings": "The business itself.",
    "webhooks": "Servers of yours that are told what happens.",
    "outbox": "What is on its way to those who are told.",
    "api-keys": "Who may call.",
    "wallets": "What phones call, with the token of a card instead of a key.",
    "service": "The service itself; needs no key.",
}


KEYS: Final = "An API key, `cpk_…`; on the pages of a shop a publishable one, `pk_…`."

_TEXT: Final = {"type": "string"}
PATH_VALUE: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": PATH_VALUE_LENGTH_MAX,
    "pattern": r"^[^\x00-\x1f\x7f]*$",
}
HEADERS: Final = {
    name: {"description": about, "schema": _TEXT}
    for name, about in {
        "X-Request-Id": "Names this request in our logs.",
        "ETag": "What `If-Match` takes.",
        "Location": "Where the created thing is.",
        "Idempotent-Replayed": "`true` when the same request had been carried out before.",
        "WWW-Authenticate": "How to authenticate.",
        "Retry-After": "Seconds to wait.",
    }.items()
}
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEY_LENGTH_MAX,
        "pattern": "^[!-~]+$",
    },
    "description": "A random text of yours; with it, repeating this request is safe for 7 days.",
}
PARAMETERS: Final = {
    "IdempotencyKey": _KEY | {"required": False},
    "RequiredIdempotencyKey": _KEY | {"required": True},
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "schema": _TEXT,
        "description": "An `ETag`: change it only if it is still what was read.",
    },
}
PROBLEM_SCHEMAS: Final = {
    "Problem": {
        "title": "Problem",
        "type": "object",
        "description": "RFC 9457. The facts that decided it are further members.",
        "required": ["type", "title", "status", "detail", "code", "instance"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "code": _TEXT,
            "instance": {"type": "string", "description": "The request id."},
            "fix": {"type": "string", "description": "What would help."},
            "errors": {"type": "array", "items": {"$ref": SCHEMAS + "Fault"}},
        },
    },
    "Fault": {
        "title": "Fault",
        "type": "object",
        "description": "One thing wrong with one field.",
        "required": ["pointer", "code", "detail"],
        "properties": {
            "pointer": {
                "type": "string",
                "description": "A JSON Pointer into the body; or `/query/…`, `/path/…` and so on.",
            },
            "code": _TEXT,
            "detail": _TEXT,
        },
    },
}
