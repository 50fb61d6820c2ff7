"""Rows of an uploaded file: which column means what, and what each row asks for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from chalicelib.core import errors, moments
from chalicelib.core.coupons import codes
from chalicelib.core.customers import contact
from chalicelib.core.files import csvs, detection
from chalicelib.core.files.csvs import Encoding, Record
from chalicelib.core.files.detection import Sample

METADATA_COLUMNS_MAX: Final = 10
METADATA_LENGTH_MAX: Final = 500
"""Characters of all names and values together: an item of the table stays below one unit."""

_SHOWN_MAX = 200
_YEARS = range(1970, 9000)

# As they are compared: see detection.folded. Of the five source systems, and what people write.
_NAMES: Final = {
    "code": (
        *("code", "coupon", "couponcode", "coupons", "voucher", "vouchercode", "promocode"),
        *("uniquecode", "discountcode"),
    ),
    "expires_at": (
        *("expiresat", "expiry", "expirydate", "expires", "expiration", "expirationdate"),
        *("validuntil", "validto", "enddate"),
    ),
    "assignee": (
        *("assignee", "customer", "customerid", "customeremail", "email", "emailaddress"),
        *("member", "memberid", "user", "userid"),
    ),
    "metadata": ("metadata", "note", "notes", "comment", "description", "tag"),
}
_ALL_NAMES = frozenset(name for names in _NAMES.values() for name in names)


class Reason(StrEnum):
    """Why a row was refused. Values are public; from DUPLICATE_CODE on they are codes of errors."""

    QUOTE_NOT_CLOSED = csvs.Fault.QUOTE_NOT_CLOSED
    LINE_TOO_LONG = csvs.Fault.LINE_TOO_LONG
    CODE_MISSING = "code_missing"
    BAD_CODE = "bad_code"
    BAD_EXPIRY = "bad_expiry"
    BAD_ASSIGNEE = "bad_assignee"
    METADATA_TOO_LONG = "metadata_too_long"
    DUPLICATE_CODE = "duplicate_code"
    CUSTOMER_NOT_FOUND = "customer_not_found"
    CUSTOMER_EXCLUDED = "customer_excluded"
    CUSTOMER_DELETED = "customer_deleted"
    REWARD_LIMIT_REACHED = "reward_limit_reached"
    CUSTOMER_LIMIT_REACHED = "customer_limit_reached"


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which column holds what: by its name in the header, or by its number from 1 on."""

    code: str | int = 1
    expires_at: str | int | None = None
    assignee: str | int | None = None
    metadata: tuple[str | int, ...] = ()


class Options(msgspec.Struct, frozen=True):
    """How to read the file; what is None is detected. A ``mapping`` stands whole."""

    delimiter: str | None = None
    encoding: Encoding | None = None
    has_header: bool | None = None
    mapping: Columns | None = None


class Layout(msgspec.Struct, frozen=True):
    """How the file is read. Columns are counted from 0; ``start`` is the size of its mark."""

    encoding: Encoding
    delimiter: str
    has_header: bool
    start: int
    code: int
    columns: tuple[str, ...]
    expires_at: int | None = None
    assignee: int | None = None
    metadata: tuple[int, ...] = ()


class ColumnNotFound(errors.Invalid):
    """The mapping names a column that the file does not have."""

    code = "column_not_found"


class RefusedRow(msgspec.Struct, frozen=True):
    """A row that makes no coupon: its line, its value (shortened), and why."""

    line: int
    value: str
    reason: Reason


class Row(msgspec.Struct, frozen=True):
    """What a row asks for. At most one of ``customer_id`` and ``email`` names the assignee."""

    line: int
    code: str
    expires_at: datetime | None = None
    customer_id: str | None = None
    email: str | None = None
    metadata: Mapping[str, str] | None = None

    def refused(self, reason: Reason) -> RefusedRow:
        """Return the row as one that is refused."""
        who = self.email or self.customer_id
        value = self.code if reason is Reason.DUPLICATE_CODE or who is None else who
        return RefusedRow(self.line, value, reason)


def layout_of(sample: Sample, options: Options) -> Layout:
    """Return how to read the file: as the options say, and where they are silent as it looks.

    Raises:
        ColumnNotFound: the mapping names a column that is not there.
    """
    encoding = options.encoding or detection.encoding_of(sample)
    delimiter = options.delimiter or detection.delimiter_of(sample, encoding=encoding)
    records = detection.records_of(sample, encoding=encoding, delimiter=delimiter)
    first = [cell.strip() for cell in records[0].cells] if records else []
    mapping = options.mapping
    has_header = options.has_header
    if has_header is None:
        named = {detection.folded(each) for each in _named(mapping)} if mapping else _ALL_NAMES
        has_header = detection.is_header(first, named)
    width = max((len(record.cells) for record in records), default=1)
    names = first if has_header else []
    columns = tuple(names) + tuple(str(n + 1) for n in range(len(names), width))
    marked = detection.bom_of(sample.data)
    layout = Layout(
        encoding, delimiter, has_header, len(marked[0]) if marked else 0, code=0, columns=columns
    )
    if mapping is not None:
        return _mapped(layout, mapping)
    return _by_name(layout) if has_header else _by_content(layout, records)


def _named(mapping: Columns) -> list[str]:
    wanted = (mapping.code, mapping.expires_at, mapping.assignee, *mapping.metadata)
    return [each for each in wanted if isinstance(each, str)]


def _mapped(layout: Layout, mapping: Columns) -> Layout:
    folded = [detection.folded(name) for name in layout.columns]

    def column(wanted: str | int, pointer: str) -> int:
        if isinstance(wanted, int):
            if 1 <= wanted <= max(len(folded), 1):
                return wanted - 1
        elif layout.has_header and detection.folded(wanted) in folded:
            return folded.index(detection.folded(wanted))
        raise ColumnNotFound(
            "the file has no such column",
            fix="name a column of the header, or its number from 1 on",
            pointer=pointer,
            facts={"columns": ", ".join(layout.columns)[:_SHOWN_MAX]},
        )

    def maybe(wanted: str | int | None, pointer: str) -> int | None:
        return None if wanted is None else column(wanted, pointer)

    return msgspec.structs.replace(
        layout,
        code=column(mapping.code, "/mapping/code"),
        expires_at=maybe(mapping.expires_at, "/mapping/expires_at"),
        assignee=maybe(mapping.assignee, "/mapping/assignee"),
        metadata=tuple(
            column(each, f"/mapping/metadata/{at}") for at, each in enumerate(mapping.metadata)
        ),
    )


def _by_name(layout: Layout) -> Layout:
    folded = [detection.folded(name) for name in layout.columns]

    def find(field: str) -> int | None:
        return next((folded.index(name) for name in _NAMES[field] if name in folded), None)

    code = find("code") or 0
    return msgspec.structs.replace(
        layout,
        code=code,
        expires_at=find("expires_at"),
        assignee=find("assignee"),
        metadata=tuple(
            at for at, name in enumerate(folded) if name in _NAMES["metadata"] and at != code
        )[:METADATA_COLUMNS_MAX],
    )


def _by_content(layout: Layout, records: Sequence[Record]) -> Layout:
    """Find expiry and assignee where a column holds nothing else; the first column is the code."""
    expires_at = assignee = None
    for at in range(1, len(layout.columns)):
        values = [r.cells[at].strip() for r in records if len(r.cells) > at and r.fault is None]
        values = [value for value in values if value]
        if not values:
            continue
        if expires_at is None and all(_moment(value, "UTC") for value in values):
            expires_at = at
        elif assignee is None and all("@" in value or value.startswith("cus_") for value in values):
            assignee = at
    return msgspec.structs.replace(layout, expires_at=expires_at, assignee=assignee)


class _Refusal(Exception):
    def __init__(self, reason: Reason, value: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value


def read(record: Record, layout: Layout, *, time_zone: str) -> Row | RefusedRow:
    """Return what the record asks for, or why it cannot be understood; the first fault wins."""
    try:
        return _row(record, layout, time_zone=time_zone)
    except _Refusal as refusal:
        return RefusedRow(record.line, refusal.value[:_SHOWN_MAX], refusal.reason)


def _row(record: Record, layout: Layout, *, time_zone: str) -> Row:
    cells = record.cells
    if record.fault is not None:
        raise _Refusal(Reason(record.fault), cells[0])

    def cell(at: int | None) -> str:
        if at is None or at >= len(cells):
            return ""
        return csvs.as_it_was(cells[at].strip())

    code = cell(layout.code)
    if not codes.may_be_issued(code):
        raise _Refusal(Reason.BAD_CODE if code else Reason.CODE_MISSING, code)
    if len(cells) == 1:
        return Row(record.line, code)
    customer_id, email = _assignee(cell(layout.assignee))
    metadata = {layout.columns[at]: value for at in layout.metadata if (value := cell(at))}
    if sum(len(name) + len(value) for name, value in metadata.items()) > METADATA_LENGTH_MAX:
        raise _Refusal(Reason.METADATA_TOO_LONG, code)
    expires_at = _expiry(cell(layout.expires_at), time_zone)
    return Row(record.line, code, expires_at, customer_id, email, metadata or None)


def _assignee(text: str) -> tuple[str | None, str | None]:
    """Return the customer id or the e-mail address that the text is."""
    if not text:
        return None, None
    if "@" not in text:
        if len(text) > codes.LENGTH_MAX or codes.key_of(text) is None:
            raise _Refusal(Reason.BAD_ASSIGNEE, text)
        return text, None
    try:
        return None, contact.email_of(text, pointer="")
    except errors.Invalid:
        raise _Refusal(Reason.BAD_ASSIGNEE, text) from None


def _expiry(text: str, time_zone: str) -> datetime | None:
    if not text:
        return None
    found = _moment(text, time_zone)
    if found is None:
        raise _Refusal(Reason.BAD_EXPIRY, text)
    return found


def _moment(text: str, time_zone: str) -> datetime | None:
    """Return the moment that ISO 8601 text names, None if it is none.

    A day means its end, and a time without an offset is one of the business's clocks.
    """
    try:
        found = datetime.fromisoformat(text)
        if found.year not in _YEARS:
            return None
        if "T" not in text.upper() and ":" not in text:
            noon = found.replace(hour=12, tzinfo=ZoneInfo(time_zone))
            return moments.end_of_day(noon, days_later=0, time_zone=time_zone)
        if found.tzinfo is None:
            found = found.replace(tzinfo=ZoneInfo(time_zone))
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found.replace(microsecond=found.microsecond // 1000 * 1000)
