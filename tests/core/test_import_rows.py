from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.coupons import import_rows
from chalicelib.core.coupons.import_rows import (
    ColumnNotFound,
    Columns,
    Layout,
    Options,
    Reason,
    RefusedRow,
    Row,
)
from chalicelib.core.files.csvs import Encoding, Fault, Record
from chalicelib.core.files.detection import Sample

_LAYOUT = Layout(
    encoding=Encoding.UTF_8,
    delimiter=",",
    has_header=True,
    start=0,
    code=0,
    columns=("Code", "Until", "Who", "Fair"),
    expires_at=1,
    assignee=2,
    metadata=(3,),
)


def layout(text: str, **options: Any) -> Layout:
    return import_rows.layout_of(Sample(text.encode(), whole=True), Options(**options))


def where(found: Layout) -> tuple[int, int | None, int | None, tuple[int, ...]]:
    return found.code, found.expires_at, found.assignee, found.metadata


class TestLayout:
    @pytest.mark.parametrize(
        ("text", "has_header", "columns"),
        [
            pytest.param("A-1001\nA-1002\n", False, (0, None, None, ()), id="one code a line"),
            pytest.param("Code\nA-1001\n", True, (0, None, None, ()), id="with a header"),
            pytest.param(
                "E-Mail;Valid until;Voucher code;Note\na@x.org;2027-01-01;A-1001;x\n",
                True,
                (2, 1, 0, (3,)),
                id="by the names of the columns",
            ),
            pytest.param(
                "A-1001,2027-01-01,ada@example.com\nA-1002,,\n",
                False,
                (0, 1, 2, ()),
                id="by what the columns hold",
            ),
            pytest.param(
                "A-1001,cus_1,2027-01-01T10:00:00Z\n", False, (0, 2, 1, ()), id="in any order"
            ),
            pytest.param("", False, (0, None, None, ()), id="of nothing"),
        ],
    )
    def test_is_detected(self, text: str, has_header: bool, columns: Any) -> None:  # noqa: FBT001
        found = layout(text)

        assert (found.has_header, where(found)) == (has_header, columns)

    def test_is_what_the_options_say(self) -> None:
        mapping = Columns(code=2, expires_at="when", metadata=("Fair", 1))

        found = layout("who|Codes|when|Fair\nx|A-1001||y\n", mapping=mapping, delimiter="|")

        assert (found.has_header, where(found)) == (True, (1, 2, None, (3, 0)))

    def test_of_a_file_without_a_header_has_numbers_only(self) -> None:
        with pytest.raises(ColumnNotFound) as caught:
            layout("A-1,x\n", has_header=False, mapping=Columns(code="A-1"))

        assert caught.value.faults[0].pointer == "/mapping/code"

    @pytest.mark.parametrize("column", [0, 3, "nobody"])
    def test_names_the_column_that_is_not_there(self, column: Any) -> None:
        mapping = Columns(code=1, metadata=(2, column))

        with pytest.raises(ColumnNotFound) as caught:
            layout("code,note\nA-1001,x\n", mapping=mapping)

        assert caught.value.faults[0].pointer == "/mapping/metadata/1"


def read(*cells: str, zone: str = "Europe/Berlin", **changes: Any) -> Row | RefusedRow:
    record = replace(Record(7, 8, 99, cells), **changes)
    return import_rows.read(record, _LAYOUT, time_zone=zone)


class TestRead:
    def test_takes_all_that_there_is(self) -> None:
        assert read(" a-1001 ", "2026-12-31", "Ada@Example.COM", "spring") == Row(
            7,
            "a-1001",
            datetime.fromisoformat("2026-12-31T23:00:00Z"),
            email="ada@example.com",
            metadata={"Fair": "spring"},
        )

    @pytest.mark.parametrize("cells", [("A-1001",), ("A-1001", "", "", ""), ("A-1001", " ")])
    def test_needs_a_code_only(self, cells: tuple[str, ...]) -> None:
        assert read(*cells) == Row(7, "A-1001")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-03-28", "2026-03-28T23:00:00Z"),
            ("2026-03-29", "2026-03-29T22:00:00Z"),
            ("20260329", "2026-03-29T22:00:00Z"),
            ("2026-07-01T10:00", "2026-07-01T08:00:00Z"),
            ("2026-07-01 10:00:00", "2026-07-01T08:00:00Z"),
            ("2026-07-01T10:00:00.123456+05:00", "2026-07-01T05:00:00.123Z"),
            ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ],
    )
    def test_takes_a_day_to_its_end_and_a_time_by_the_clock(self, text: str, expected: str) -> None:
        row = read("A-1001", text)

        assert isinstance(row, Row)
        assert row.expires_at == datetime.fromisoformat(expected)

    @pytest.mark.parametrize(
        ("cells", "value", "reason"),
        [
            (("", "2026-01-01"), "", Reason.CODE_MISSING),
            (("A!1",), "A!1", Reason.BAD_CODE),
            (("ABC",), "ABC", Reason.BAD_CODE),
            (("é" * 300,), "é" * 200, Reason.BAD_CODE),
            (("A-1001", "tomorrow"), "tomorrow", Reason.BAD_EXPIRY),
            (("A-1001", "31.12.2026"), "31.12.2026", Reason.BAD_EXPIRY),
            (("A-1001", "9999-12-31"), "9999-12-31", Reason.BAD_EXPIRY),
            (("A-1001", "", "a@"), "a@", Reason.BAD_ASSIGNEE),
            (("A-1001", "", "cus 1!"), "cus 1!", Reason.BAD_ASSIGNEE),
            (("A-1001", "", "", "x" * 500), "A-1001", Reason.METADATA_TOO_LONG),
        ],
    )
    def test_says_what_is_wrong(self, cells: Any, value: str, reason: Reason) -> None:
        assert read(*cells) == RefusedRow(7, value, reason)

    def test_passes_on_what_the_file_has_wrong(self) -> None:
        assert read('"x', fault=Fault.QUOTE_NOT_CLOSED) == RefusedRow(
            7, '"x', Reason.QUOTE_NOT_CLOSED
        )

    def test_reads_back_what_was_made_harmless(self) -> None:
        row = read("'-A1001")

        assert isinstance(row, Row)
        assert row.code == "-A1001"
