"""Cards at Google Wallet: its classes and objects, in the words of its REST API.

See developers.google.com/wallet/reference/rest. To Google coupons are offers, and everything else
is loyalty: a card that was converted is two objects, of which one is over.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import msgspec

from chalicelib.core import errors
from chalicelib.core.cards.cards import Card, CardStatus
from chalicelib.core.cards.templates import CardTemplate, CardType
from chalicelib.core.settings import Settings
from chalicelib.core.wallets.showing import (
    Showing,
    State,
    code_of,
    expires_at,
    holder_of,
    promotions_of,
    state_of,
    title_of,
)


class NoGoogleWallet(errors.NotFound):
    """The business has no account at Google Wallet."""

    code = "no_google_wallet"


class ObjectKind(StrEnum):
    """What a card is to Google, which has coupons apart from everything else."""

    OFFER = "offer"
    LOYALTY = "loyalty"


class Issuer(msgspec.Struct, frozen=True):
    """Whose objects these are. ``logo_url`` is where Google gets the logo, over HTTPS."""

    issuer_id: str
    logo_url: str


class Resource(msgspec.Struct, frozen=True):
    """A class or an object: its id and all that is set of it. None takes away what was set."""

    resource_id: str
    body: dict[str, Any]


class Notice(msgspec.Struct, frozen=True):
    """What is said on a card and, while Google allows it, by a notification."""

    notice_id: str
    header: str
    body: str


Body = dict[str, Any]

_SEPARATOR: Final = "."
_STATES: Final = {
    State.WORKS: "ACTIVE",
    State.REDEEMED: "COMPLETED",
    State.EXPIRED: "EXPIRED",
    State.WITHDRAWN: "INACTIVE",
}


def not_set_up() -> NoGoogleWallet:
    """Return the error for a business without an account."""
    return NoGoogleWallet(
        "this business has no Google Wallet", fix="put the account into the secret GoogleWallet"
    )


def kind_of(card: Card) -> ObjectKind:
    """Return what the card is to Google, as what it is now."""
    return ObjectKind.OFFER if card.card_type is CardType.COUPON else ObjectKind.LOYALTY


def object_name(serial: str, kind: ObjectKind) -> str:
    """Return the id of a card's object without the issuer's part."""
    return f"{serial}{_SEPARATOR}{kind}"


def card_of(name: str) -> tuple[str, ObjectKind] | None:
    """Return the serial and the kind that make up an object's name; None if it is none of ours."""
    serial, _, kind = name.rpartition(_SEPARATOR)
    if not serial or kind not in set(ObjectKind):
        return None
    return serial, ObjectKind(kind)


def class_of(
    template: CardTemplate, settings: Settings, *, issuer: Issuer, callback_url: str
) -> Resource:
    """Return the class of a template's cards; ``callback_url`` is told of saves and removals.

    Locations are left out: an issuer that Google has not allowed them is refused the whole class.
    """
    body: Body = {
        "id": _class_id(template.template_id, issuer),
        "issuerName": settings.business_name,
        # What was approved is reviewed again with each change, which Google does at once.
        "reviewStatus": "UNDER_REVIEW",
        "hexBackgroundColor": template.design.background,
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
        "callbackOptions": {"url": callback_url},
    }
    if template.card_type is CardType.COUPON:
        body |= {
            "title": title_of(template),
            "provider": settings.business_name,
            "redemptionChannel": "BOTH",
            "details": template.description or None,
            "finePrint": template.terms or None,
        }
    else:
        texts = [("description", "About", template.description), ("terms", "Terms", template.terms)]
        body |= {
            "programName": title_of(template),
            "programLogo": {"sourceUri": {"uri": issuer.logo_url}},
            "textModulesData": [_text(*each) for each in texts if each[-1]],
        }
    return Resource(body["id"], body)


def object_of(showing: Showing, *, issuer: Issuer) -> Resource:
    """Return the object that shows the card as it is now."""
    card = showing.card
    ends_at, code = expires_at(card, showing.coupon), code_of(card)
    body: Body = {
        "id": _object_id(card, kind_of(card), issuer),
        "classId": _class_id(card.shown_template_id, issuer),
        "state": _STATES[state_of(showing)],
        "barcode": {"type": "QR_CODE", "value": code, "alternateText": code},
        "validTimeInterval": None if ends_at is None else {"end": {"date": _date(ends_at)}},
        "textModulesData": [
            _text(f"promotion_{each.promotion_id}", each.title, each.text)
            for each in promotions_of(showing)
        ],
    }
    if kind_of(card) is ObjectKind.LOYALTY:
        body |= {"accountId": card.serial, "accountName": holder_of(card) or None}
    if card.card_type is CardType.STAMP:
        body |= {
            "loyaltyPoints": {
                "label": "Stamps",
                "balance": {"string": f"{card.stamps}/{showing.template.stamps_needed}"},
            },
            "secondaryLoyaltyPoints": {"label": "Rewards", "balance": {"int": card.rewards_given}},
        }
    return Resource(body["id"], body)


def ended_object_of(showing: Showing, *, issuer: Issuer) -> Resource | None:
    """Return what ends the object of what the card was before; nothing where there was none.

    The offer of a converted card is completed, and brings the card that it became, which must be
    there by then, into the wallets that have it: for good, what is linked stays so. A card that is
    a coupon card again ends the other one, if it was made.
    """
    card, now = showing.card, kind_of(showing.card)
    converts = now is ObjectKind.LOYALTY or showing.template.linked_template_id is not None
    if card.code is None or not converts:
        return None
    before = ObjectKind.LOYALTY if now is ObjectKind.OFFER else ObjectKind.OFFER
    body: Body = {"id": _object_id(card, before, issuer)}
    if before is ObjectKind.LOYALTY or card.status is CardStatus.DELETED:
        body["state"] = "INACTIVE"
    else:
        body |= {"state": "COMPLETED", "linkedObjectIds": [_object_id(card, now, issuer)]}
    return Resource(body["id"], body)


def _class_id(template_id: str, issuer: Issuer) -> str:
    return f"{issuer.issuer_id}.{template_id}"


def _object_id(card: Card, kind: ObjectKind, issuer: Issuer) -> str:
    return f"{issuer.issuer_id}.{object_name(card.serial, kind)}"


def _text(name: str, header: str, text: str) -> Body:
    return {"id": name, "header": header, "body": text}


def _date(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
