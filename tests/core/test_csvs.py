import csv
import io
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.files import csvs
from chalicelib.core.files.csvs import RECORD_BYTES_MAX, Encoding, Fault, Record


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def read(
    data: bytes | Iterable[bytes], encoding: Encoding = Encoding.UTF_8, **options: int
) -> list[Record]:
    chunks = (data,) if isinstance(data, bytes) else data
    return list(csvs.records(chunks, encoding=encoding, delimiter=",", **options))


_cells = st.text(
    st.characters(codec="utf-16", exclude_characters="\0\ufeff"), max_size=6
) | st.sampled_from(['"', "a\r\nb", "\n", "\r", ",", "", "é", "\U0001f381", "਍", "਀"])
_tables = st.lists(st.lists(_cells, min_size=1, max_size=4), max_size=8)


class TestRecords:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("encoding", [e for e in Encoding if e is not Encoding.WINDOWS_1252])
    @given(table=_tables, size=st.integers(1, 9))
    def test_are_what_the_library_reads_wherever_the_bytes_are_cut(
        self, encoding: Encoding, end: str, table: list[list[str]], size: int
    ) -> None:
        out = io.StringIO(newline="")
        csv.writer(out, lineterminator=end).writerows(table)
        text = out.getvalue()
        expected = [
            row
            for row in csv.reader(io.StringIO(text, newline=""))
            if any(cell and not cell.isspace() for cell in row)
        ]

        found = read(cut(text.encode(encoding), size), encoding)

        assert [list(record.cells) for record in found] == expected
        assert all(record.fault is None for record in found)

    @pytest.mark.parametrize("encoding", [Encoding.UTF_8, Encoding.UTF_16_LE, Encoding.UTF_16_BE])
    @given(table=_tables, data=st.data())
    def test_go_on_after_any_of_them_as_if_nothing_had_been_read(
        self, encoding: Encoding, table: list[list[str]], data: st.DataObject
    ) -> None:
        out = io.StringIO(newline="")
        csv.writer(out).writerows(table)
        raw = out.getvalue().encode(encoding)
        whole = read(raw, encoding)
        if not whole:
            return
        at = data.draw(st.integers(0, len(whole) - 1))
        last = whole[at]

        rest = read(raw[last.end :], encoding, offset=last.end, line=last.next_line)

        assert rest == whole[at + 1 :]

    def test_say_on_which_line_they_begin(self) -> None:
        found = read(b'one\n\n"two\nlines"\r\nthree\rfour')

        assert [(record.line, list(record.cells)) for record in found] == [
            (1, ["one"]),
            (3, ["two\nlines"]),
            (5, ["three"]),
            (6, ["four"]),
        ]
        assert found[-1].end == len(b'one\n\n"two\nlines"\r\nthree\rfour')

    def test_of_an_open_quote_are_lost_for_one_line_only(self) -> None:
        found = read(b'A-1\n"A-2\nA-3\nA-4\n')

        assert [(each.cells[0], each.fault) for each in found] == [
            ("A-1", None),
            ('"A-2', Fault.QUOTE_NOT_CLOSED),
            ("A-3", None),
            ("A-4", None),
        ]

    def test_of_an_open_quote_in_a_long_file_cost_little(self) -> None:
        data = b'"open\n' + b"A-1234567\n" * 100_000

        found = read(cut(data, 4096))

        assert (found[0].fault, len(found)) == (Fault.QUOTE_NOT_CLOSED, 100_001)

    @pytest.mark.parametrize("size", [1000, 10**7])
    @pytest.mark.parametrize("encoding", Encoding)
    def test_too_long_are_one_fault(self, encoding: Encoding, size: int) -> None:
        text = "A-1\n" + "x" * (RECORD_BYTES_MAX * 3 + 1) + "\nA-2\n" + "y" * RECORD_BYTES_MAX * 2
        data = text.encode(encoding)

        found = read(cut(data, size), encoding)

        assert [(each.line, each.fault) for each in found] == [
            (1, None),
            (2, Fault.LINE_TOO_LONG),
            (3, None),
            (4, Fault.LINE_TOO_LONG),
        ]
        assert len(found[1].cells[0]) <= 200
        assert found[-1].end == len(data)

    def test_of_an_older_file_among_utf_8_are_read_as_windows_1252(self) -> None:
        found = read("Café,ü\n".encode() + "Café,€\n".encode("cp1252"))

        assert [list(each.cells) for each in found] == [["Café", "ü"], ["Café", "€"]]


class TestHarmless:
    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("=1+1", "'=1+1"),
            ("+491701234567", "'+491701234567"),
            ("-A-CODE", "'-A-CODE"),
            ("-1+cmd|'/c calc'!A0", "'-1+cmd|'/c calc'!A0"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("＝1", "'＝1"),  # noqa: RUF001
            ("-5", "-5"),
            ("-12.50", "-12.50"),
            ("5-3", "5-3"),
            ("", ""),
        ],
    )
    def test_is_what_no_spreadsheet_runs(self, cell: str, expected: str) -> None:
        assert csvs.harmless(cell) == expected
        assert csvs.as_it_was(expected) == cell

    @given(st.text())
    def test_reads_back_as_it_was(self, cell: str) -> None:
        if not cell.startswith("'"):
            assert csvs.as_it_was(csvs.harmless(cell)) == cell

    def test_text_is_quoted_by_rfc_4180_and_numbers_stay_numbers(self) -> None:
        written = csvs.written([["a", 'b"c', -3, None], ["=x", "two\nlines", "a,b", 0]])

        assert written == b'a,"b""c",-3,\r\n\'=x,"two\nlines","a,b",0\r\n'
