"""E-mail addresses and telephone numbers in their one normal form."""

from chalicelib.core import errors


def email_of(text: str, *, pointer: str) -> str:
    """Return the address in lower case, with its domain as Unicode.

    Two spellings that differ in case only are one customer: no provider in use tells them apart.

    Raises:
        Invalid: it is no address (RFC 5321, RFC 6531).
    """
    # 40 ms that a redemption has no use for.
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415

    try:
        # Whether it can be delivered to is not ours to ask: domains for tests are welcome.
        address = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise errors.Invalid(
            "this is no e-mail address",
            fix="send an address such as ada@example.com",
            pointer=pointer,
        ) from error
    return address.normalized.lower()


def phone_of(text: str, *, pointer: str) -> str:
    """Return the number in E.164, such as ``+15551234567``.

    Raises:
        Invalid: it is no number with its country code.
    """
    # 57 ms that a redemption has no use for.
    import phonenumbers  # noqa: PLC0415

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise errors.Invalid(
            "this is no telephone number with its country code",
            fix="send it as +, country code and number, such as +49 30 1234567",
            pointer=pointer,
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
