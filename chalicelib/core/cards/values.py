"""What customers fill in: the values of a card's custom fields."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from chalicelib.core import errors
from chalicelib.core.cards.templates import CustomField, FieldType

_PHONE_DIGITS: Final = range(5, 16)


def check(values: Mapping[str, str], fields: tuple[CustomField, ...]) -> None:
    """Raise unless the values are what the fields of the template ask for.

    Required ones may be missing: the customer is asked for them when the card is installed.

    Raises:
        Invalid: naming every fault.
    """
    by_key = {field.key: field for field in fields}
    faults = [
        errors.Fault(f"/custom_values/{key}", "not_allowed", detail)
        for key, value in values.items()
        if (detail := _fault_of(value, by_key.get(key))) is not None
    ]
    if faults:
        raise errors.Invalid(
            "the custom values are not what the template asks for",
            fix="correct the fields listed in errors",
            faults=tuple(faults),
        )


def _fault_of(value: str, field: CustomField | None) -> str | None:
    if field is None:
        return "the template has no such field"
    if field.field_type is FieldType.CHOICE:
        return None if value in field.choices else f"must be one of {', '.join(field.choices)}"
    is_right, wanted = _FORMS[field.field_type]
    return None if is_right(value) else f"must be {wanted}"


def _is_number(value: str) -> bool:
    return value.removeprefix("-").replace(".", "", 1).isdecimal()


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_phone(value: str) -> bool:
    signs = value.removeprefix("+")
    digits = [sign for sign in signs if sign not in " -()/."]
    return all(sign.isdecimal() for sign in digits) and len(digits) in _PHONE_DIGITS


def _is_email(value: str) -> bool:
    name, _, host = value.partition("@")
    return bool(name) and "." in host.strip(".") and "@" not in host and not value.split()[1:]


_FORMS: Final[dict[FieldType, tuple[Callable[[str], bool], str]]] = {
    FieldType.TEXT: (bool, "some text"),
    FieldType.NUMBER: (_is_number, "a number such as 12 or 1.5"),
    FieldType.DATE: (_is_date, "a date such as 2026-11-24"),
    FieldType.PHONE: (_is_phone, "a phone number of 5 to 15 digits"),
    FieldType.EMAIL: (_is_email, "an e-mail address"),
}
