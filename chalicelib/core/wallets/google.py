"""Cards at Google Wallet: what its objects are called."""

from enum import StrEnum
from typing import Final

from chalicelib.core import errors


class NoGoogleWallet(errors.NotFound):
    """The business has no account at Google Wallet."""

    code = "no_google_wallet"


class ObjectKind(StrEnum):
    """What a card is to Google, which has coupons apart from everything else."""

    OFFER = "offer"
    LOYALTY = "loyalty"


_SEPARATOR: Final = "."


def not_set_up() -> NoGoogleWallet:
    """Return the error for a business without an account."""
    return NoGoogleWallet(
        "this business has no Google Wallet", fix="put the account into the secret GoogleWallet"
    )


def object_name(serial: str, kind: ObjectKind) -> str:
    """Return the id of a card's object without the issuer's part."""
    return f"{serial}{_SEPARATOR}{kind}"


def card_of(name: str) -> tuple[str, ObjectKind] | None:
    """Return the serial and the kind that make up an object's name; None if it is none of ours."""
    serial, _, kind = name.rpartition(_SEPARATOR)
    if not serial or kind not in set(ObjectKind):
        return None
    return serial, ObjectKind(kind)
