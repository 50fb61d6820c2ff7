"""CSV as streams of bytes: records with the exact place where each ends, and cells that are safe.

The standard library parses; this module hands it one physical line after the other and counts
their bytes, so that reading can stop after any record and go on from there, in another process.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

RECORD_BYTES_MAX: Final = 32 * 1024
"""A record that goes on for longer is a mistake: most often a quote that nobody closed."""

_SHOWN_BYTES_MAX = 200


class Encoding(StrEnum):
    """How text is written as bytes. Values are public."""

    UTF_8 = "utf-8"
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"
    WINDOWS_1252 = "windows-1252"


class Fault(StrEnum):
    """Why the bytes of a record cannot be told apart into cells. Values are public."""

    QUOTE_NOT_CLOSED = "quote_not_closed"
    LINE_TOO_LONG = "line_too_long"


class Record(msgspec.Struct, frozen=True):
    """One record: its cells, and where it lies.

    ``line`` is the physical line that it begins on, ``next_line`` the first one after it, counted
    from 1; ``end`` is the offset of the byte after it. With a ``fault`` the only cell is the
    beginning of its line.
    """

    line: int
    next_line: int
    end: int
    cells: Sequence[str]
    fault: Fault | None = None


class _Line(msgspec.Struct, frozen=True):
    """A physical line; of one that is too long only the beginning."""

    raw: bytes
    size: int


class _Unparsable(Exception):
    """The record that was begun does not end as records do."""


def records(
    chunks: Iterable[bytes], *, encoding: Encoding, delimiter: str, offset: int = 0, line: int = 1
) -> Iterator[Record]:
    """Yield the records of a file, from ``offset`` on, where line ``line`` begins; blank ones not.

    ``chunks`` are its bytes from there on, cut anywhere. No more than one chunk and one record is
    held at a time. Ends of lines are LF, CR LF and CR; quoted ones belong to their cell.
    """
    feed = _Feed(_lines(chunks, encoding), encoding)
    reader = csv.reader(feed, delimiter=delimiter)
    while True:
        feed.begin()
        fault = None
        try:
            cells = next(reader, None)
        except (_Unparsable, csv.Error):
            fault, cells = feed.give_up()
        if cells is None:
            return
        begins = line
        offset += feed.size
        line += len(feed.pulled)
        if fault or any(cell and not cell.isspace() for cell in cells):
            yield Record(begins, line, offset, cells, fault)


class _Feed:
    """Hands physical lines to the parser, and remembers those of the record that it is at."""

    def __init__(self, lines: Iterator[_Line], encoding: Encoding) -> None:
        self._lines = lines
        self._waiting: deque[_Line] = deque()
        self._encoding = encoding
        self.begin()

    def begin(self) -> None:
        self.pulled: list[_Line] = []
        self.size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        got = self._waiting.popleft() if self._waiting else next(self._lines, None)
        if got is None:
            if self.pulled:
                raise _Unparsable
            raise StopIteration
        self.pulled.append(got)
        self.size += got.size
        if self.size > RECORD_BYTES_MAX:
            raise _Unparsable
        return _text(got.raw, self._encoding)

    def give_up(self) -> tuple[Fault, list[str]]:
        """Give up the first line only: what follows may be in order."""
        first, *others = self.pulled
        self._waiting.extendleft(reversed(others))
        self.pulled, self.size = [first], first.size
        shown = _text(first.raw[:_SHOWN_BYTES_MAX], self._encoding).rstrip("\r\n")
        too_long = first.size > RECORD_BYTES_MAX
        return Fault.LINE_TOO_LONG if too_long else Fault.QUOTE_NOT_CLOSED, [shown]


def _text(raw: bytes, encoding: Encoding) -> str:
    if encoding is Encoding.UTF_8:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            # Files are put together from other files: the odd line may come from an older one.
            encoding = Encoding.WINDOWS_1252
    return raw.decode(encoding, errors="replace")


def _lines(chunks: Iterable[bytes], encoding: Encoding) -> Iterator[_Line]:
    """Yield the physical lines with their ends."""
    rest = b""
    head, skipped = b"", 0
    for chunk in chunks:
        *whole, rest = _split(rest + chunk, encoding)
        for raw in whole:
            yield _line(head or raw, skipped + len(raw))
            head, skipped = b"", 0
        if len(rest) > RECORD_BYTES_MAX:
            # The last bytes stay: they may be half of a line end, or of a character.
            kept = len(rest) % 2 + 4
            head = head or rest[:_SHOWN_BYTES_MAX]
            skipped += len(rest) - kept
            rest = rest[-kept:]
    for raw in _split_end(rest, encoding):
        yield _line(head or raw, skipped + len(raw))
        head, skipped = b"", 0


def _line(raw: bytes, size: int) -> _Line:
    return _Line(raw if size <= RECORD_BYTES_MAX else raw[:_SHOWN_BYTES_MAX], size)


_UTF_16_ENDS = {
    Encoding.UTF_16_LE: re.compile(rb"\r\x00\n\x00|[\r\n]\x00"),
    Encoding.UTF_16_BE: re.compile(rb"\x00\r\x00\n|\x00[\r\n]"),
}


def _split(data: bytes, encoding: Encoding) -> list[bytes]:
    """Return the lines of ``data``, and last what is not known to be whole (which may be empty)."""
    lines = _split_end(data, encoding)
    # After a CR there may come the LF that belongs to it.
    if not lines or _ends_with_feed(lines[-1], encoding):
        lines.append(b"")
    return lines


def _split_end(data: bytes, encoding: Encoding) -> list[bytes]:
    """Return the lines of ``data``, with nothing after it."""
    if encoding not in _UTF_16_ENDS:
        # Of bytes, unlike of text, it splits at LF, CR and CR LF only.
        return data.splitlines(keepends=True)
    lines, begin, position = [], 0, 0
    ends = _UTF_16_ENDS[encoding]
    while (found := ends.search(data, position)) is not None:
        if found.start() % 2:  # Halves of two characters, which together look like an end.
            position = found.start() + 1
            continue
        lines.append(data[begin : found.end()])
        begin = position = found.end()
    return [*lines, data[begin:]] if begin < len(data) else lines


def _ends_with_feed(line: bytes, encoding: Encoding) -> bool:
    if encoding not in _UTF_16_ENDS:
        return line.endswith(b"\n")
    return len(line) % 2 == 0 and line.endswith("\n".encode(encoding))


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_NUMBER = re.compile(r"-?\d{1,15}([.]\d{1,6})?", re.ASCII)


def harmless(cell: str) -> str:
    """Return ``cell`` so that no spreadsheet runs it as a formula.

    A plain number stays what it is, also a negative one: it computes nothing.
    """
    if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def as_it_was(cell: str) -> str:
    """Return what :func:`harmless` was given; so that an exported file can be imported."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def written(rows: Iterable[Sequence[str | int | None]]) -> bytes:
    """Return ``rows`` as CSV by RFC 4180, in UTF-8; text is made harmless."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([harmless(c) if isinstance(c, str) else c for c in row] for row in rows)
    return out.getvalue().encode()
