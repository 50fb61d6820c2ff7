"""What a pass of Apple Wallet says: the contents of its ``pass.json``.

Keys and formats: developer.apple.com/documentation/walletpasses/pass. Everything but the serial
and the token may change from one version of a pass to the next, its style too.
"""

from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from chalicelib.core.cards.templates import CardType, Location
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

LOCATIONS_MAX: Final = 10
"""Places that a pass can name; Wallet takes no more."""

_QR: Final = "PKBarcodeFormatQR"
# The one that every scanner of Wallet's barcodes expects.
_LATIN: Final = "iso-8859-1"

Field = dict[str, Any]


class Issuer(msgspec.Struct, frozen=True):
    """Whose passes these are, as the certificate says that signs them."""

    pass_type_id: str
    team_id: str


def contents(showing: Showing, *, issuer: Issuer, service_url: str) -> dict[str, Any]:
    """Return ``pass.json``, before it is encoded.

    ``service_url`` is where the phone asks for changes, without a slash at its end: foreign
    wallets would ask for ``//v1``.
    """
    assert not service_url.endswith("/"), "a phone adds its own slash"
    card, template, settings = showing.card, showing.template, showing.settings
    design = template.design
    style = "coupon" if card.card_type is CardType.COUPON else "storeCard"
    code = code_of(card)
    found: dict[str, Any] = {
        "formatVersion": 1,
        "passTypeIdentifier": issuer.pass_type_id,
        "teamIdentifier": issuer.team_id,
        "serialNumber": card.serial,
        "authenticationToken": card.secret,
        "webServiceURL": service_url,
        "organizationName": settings.business_name,
        "description": title_of(template),
        "logoText": design.logo_text or settings.business_name,
        "backgroundColor": _rgb(design.background),
        "foregroundColor": _rgb(design.foreground),
        "labelColor": _rgb(design.label),
        "barcodes": [
            {
                "format": _QR,
                "message": code,
                "messageEncoding": _LATIN if _is_latin(code) else "utf-8",
                "altText": code,
            }
        ],
        style: {
            "headerFields": _header(showing),
            "primaryFields": [_field("offer", title_of(template), change="%@")],
            "secondaryFields": _secondary(showing),
            "auxiliaryFields": [],
            "backFields": _back(showing),
        },
    }
    ends_at = expires_at(card, showing.coupon)
    if ends_at is not None:
        found["expirationDate"] = _w3c(ends_at)
    if state_of(showing) is not State.WORKS:
        found["voided"] = True
    places = [_place(each) for each in template.locations[:LOCATIONS_MAX]]
    if places:
        found["locations"] = places
    return found


def _header(showing: Showing) -> list[Field]:
    needed = showing.template.stamps_needed
    if showing.card.card_type is not CardType.STAMP or needed is None:
        return []
    stamps = f"{showing.card.stamps}/{needed}"
    return [_field("stamps", stamps, label="Stamps", change="Stamps: %@")]


def _secondary(showing: Showing) -> list[Field]:
    card, coupon = showing.card, showing.coupon
    fields = []
    ends_at = expires_at(card, coupon)
    if ends_at is not None:
        local = ends_at.astimezone(ZoneInfo(showing.settings.time_zone)).replace(microsecond=0)
        until = _field("expires", local.isoformat(), label="Valid until", change="Valid until %@")
        # As the business's clock has it, wherever the phone is.
        fields.append(
            until
            | {
                "dateStyle": "PKDateStyleMedium",
                "timeStyle": "PKDateStyleShort",
                "ignoresTimeZone": True,
            }
        )
    status = _status_of(showing)
    if status is not None:
        fields.append(_field("status", status, label="Status", change="%@"))
    if card.card_type is CardType.STAMP:
        rewards = str(card.rewards_given)
        fields.append(_field("rewards", rewards, label="Rewards", change="Rewards: %@"))
    name = holder_of(card)
    if name:
        fields.append(_field("holder", name, label="Name"))
    return fields


def _status_of(showing: Showing) -> str | None:
    """Return the one word that says why the card buys nothing, or None."""
    state = state_of(showing)
    return None if state is State.WORKS else state.capitalize()


def _back(showing: Showing) -> list[Field]:
    template = showing.template
    fields = [
        _field(f"promotion.{each.promotion_id}", each.text, label=each.title, change="%@")
        for each in promotions_of(showing)
    ]
    if template.description:
        fields.append(_field("description", template.description, label="About"))
    if template.terms:
        fields.append(_field("terms", template.terms, label="Terms"))
    fields.append(_field("code", code_of(showing.card), label="Code"))
    return fields


def _field(key: str, value: str, *, label: str | None = None, change: str | None = None) -> Field:
    """Return a field; Wallet announces its change with ``change``, in which ``%@`` is the value."""
    found: Field = {"key": key, "value": value}
    if label is not None:
        found["label"] = label
    if change is not None:
        found["changeMessage"] = change
    return found


def _place(location: Location) -> dict[str, Any]:
    place: dict[str, Any] = {"latitude": location.latitude, "longitude": location.longitude}
    return place if location.text is None else place | {"relevantText": location.text}


def _rgb(colour: str) -> str:
    """Return ``#rrggbb`` as Wallet writes it."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return f"rgb({red}, {green}, {blue})"


def _w3c(moment: datetime) -> str:
    """Return ``moment`` without fractions: with them a phone takes the pass for damaged."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_latin(text: str) -> bool:
    try:
        text.encode(_LATIN)
    except UnicodeEncodeError:
        return False
    return True
