"""Cursors: where a list goes on, opaque and signed, with the filter they belong to."""

import msgspec

from chalicelib.core import errors


class InvalidCursor(errors.DomainError):
    """The cursor is not one of ours, or belongs to another list or filter."""

    code = "invalid_cursor"


class CursorSecret(msgspec.Struct, frozen=True):
    """What cursors of this deployment are signed with: 256 random bits in hex."""

    secret: str
    version: int = 0
