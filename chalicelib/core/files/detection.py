"""What a CSV file says about itself: encoding, delimiter, header. Small, and by rule."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from chalicelib.core.files import csvs
from chalicelib.core.files.csvs import Encoding, Record

SAMPLE_BYTES: Final = 64 * 1024
DELIMITERS: Final = (",", ";", "\t", "|")
_RECORDS_MAX = 100

_BOMS = (
    (b"\xef\xbb\xbf", Encoding.UTF_8),
    (b"\xff\xfe", Encoding.UTF_16_LE),
    (b"\xfe\xff", Encoding.UTF_16_BE),
)
# Of every second byte. Text of the Latin alphabet in UTF-16 has nearly all, other text none.
_NULS_MIN = 0.3


class Sample(msgspec.Struct, frozen=True):
    """The beginning of a file. ``whole``: there is no more of it."""

    data: bytes
    whole: bool


def bom_of(data: bytes) -> tuple[bytes, Encoding] | None:
    """Return the byte order mark that ``data`` begins with, and what it says; None without one."""
    return next((each for each in _BOMS if data.startswith(each[0])), None)


def encoding_of(sample: Sample) -> Encoding:
    """Return the encoding: by the mark, by the zeros of UTF-16, UTF-8 if it is valid, else 1252."""
    data = sample.data
    marked = bom_of(data)
    if marked is not None:
        return marked[1]
    for encoding, zeros in ((Encoding.UTF_16_LE, data[1::2]), (Encoding.UTF_16_BE, data[::2])):
        if zeros and zeros.count(0) > _NULS_MIN * len(zeros):
            return encoding
    try:
        data.decode()
    except UnicodeDecodeError as error:
        # The sample may end in the middle of a character.
        cut = error.reason == "unexpected end of data" and not sample.whole
        if not cut:
            return Encoding.WINDOWS_1252
    return Encoding.UTF_8


def records_of(sample: Sample, *, encoding: Encoding, delimiter: str) -> list[Record]:
    """Return the first records; the last one not, where the sample may end in the middle of it."""
    marked = bom_of(sample.data)
    bom = len(marked[0]) if marked else 0
    stream = csvs.records((sample.data[bom:],), encoding=encoding, delimiter=delimiter, offset=bom)
    found = [record for _, record in zip(range(_RECORDS_MAX + 1), stream, strict=False)]
    cut = not sample.whole and (len(found) <= _RECORDS_MAX) and len(found) > 1
    return found[:-1] if cut else found[:_RECORDS_MAX]


def delimiter_of(sample: Sample, *, encoding: Encoding) -> str:
    """Return the delimiter that gives most records the same number of cells; else a comma."""

    def score(delimiter: str) -> tuple[float, int]:
        found = records_of(sample, encoding=encoding, delimiter=delimiter)
        widths = Counter(len(record.cells) for record in found if record.fault is None)
        several = {width: count for width, count in widths.items() if width > 1}
        if not several:
            return 0.0, 0
        width = max(several, key=lambda each: (several[each], each))
        return several[width] / len(found), width

    scores = {delimiter: score(delimiter) for delimiter in DELIMITERS}
    # Of equals the first one: the order above is by how common they are.
    best = max(DELIMITERS, key=lambda each: scores[each])
    return best if scores[best][0] > 0 else DELIMITERS[0]


def folded(name: str) -> str:
    """Return the name of a column as it is compared: letters and digits in lower case."""
    return "".join(character for character in name.casefold() if character.isalnum())


def is_header(cells: Sequence[str], known: Iterable[str]) -> bool:
    """Whether the first record names columns: one of its cells is a known name (folded)."""
    names = set(known)
    return any(folded(cell) in names for cell in cells)
