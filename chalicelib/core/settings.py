"""Settings of the business: one currency, one time zone, and its rules."""

from zoneinfo import available_timezones

import msgspec

from chalicelib.core import errors

LATE_UPLOAD_LIMIT_HOURS_MAX = 50 * 366 * 24


class CurrencyMismatch(errors.Invalid):
    """The amount is in another currency than the business's."""

    code = "currency_mismatch"


class Settings(msgspec.Struct, frozen=True):
    """What the business has set. ``time_zone`` is an IANA name, ``currency`` an ISO 4217 code.

    Nobody sets ``foreign_codes``: it notes that some codes of another system look like ours with a
    typing slip, so that slips can no longer be told from the code alone.
    """

    business_name: str = "My business"
    currency: str = "USD"
    time_zone: str = "UTC"
    language: str = "en"
    late_upload_limit_hours: int = 72
    foreign_codes: bool = False
    version: int = 0


def check_time_zone(time_zone: str) -> None:
    """Raise ``validation_failed`` unless ``time_zone`` is a name of the IANA database."""
    if time_zone not in available_timezones():
        raise errors.Invalid(
            "unknown time zone",
            fix="use an IANA name such as Europe/Berlin",
            pointer="/time_zone",
        )


def check_currency(currency: str | None, *, settings: Settings) -> None:
    """Raise unless ``currency`` is absent or the business's.

    Raises:
        CurrencyMismatch: it is another one.
    """
    if currency is not None and currency != settings.currency:
        raise CurrencyMismatch(
            f"the business works in {settings.currency}",
            fix=f"send the amount in {settings.currency}",
            pointer="/currency",
            facts={"currency": settings.currency},
        )


def money(amount_minor: int, *, currency: str) -> str:
    """Return an amount for a person, such as ``8.00``; by the exponent of ISO 4217."""
    exponent = _EXPONENTS.get(currency, 2)
    if exponent == 0:
        return str(amount_minor)
    whole, rest = divmod(amount_minor, 10**exponent)
    return f"{whole}.{rest:0{exponent}d}"


# ISO 4217, table A.1: the currencies whose minor unit is not the hundredth.
_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}
