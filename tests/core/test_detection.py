import pytest

from chalicelib.core.files import detection
from chalicelib.core.files.csvs import Encoding
from chalicelib.core.files.detection import Sample

_TEXT = "Gutschein;Käufer\nABCD-1;Jürgen\nABCD-2;Zoë €\n"


def sample(data: bytes, *, whole: bool = True) -> Sample:
    return Sample(data, whole)


class TestEncoding:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            pytest.param(_TEXT.encode(), Encoding.UTF_8, id="UTF-8"),
            pytest.param(_TEXT.encode("utf-8-sig"), Encoding.UTF_8, id="UTF-8 with a mark"),
            pytest.param(b"ABCD\n", Encoding.UTF_8, id="ASCII"),
            pytest.param(b"", Encoding.UTF_8, id="nothing"),
            pytest.param(_TEXT.encode("utf-16"), Encoding.UTF_16_LE, id="UTF-16 with a mark"),
            pytest.param(
                b"\xfe\xff" + _TEXT.encode("utf-16-be"), Encoding.UTF_16_BE, id="UTF-16 BE, mark"
            ),
            pytest.param(_TEXT.encode("utf-16-le"), Encoding.UTF_16_LE, id="UTF-16 LE by zeros"),
            pytest.param(_TEXT.encode("utf-16-be"), Encoding.UTF_16_BE, id="UTF-16 BE by zeros"),
            pytest.param(_TEXT.encode("cp1252"), Encoding.WINDOWS_1252, id="Windows-1252"),
            pytest.param(b"ABCD,\x81\n", Encoding.WINDOWS_1252, id="what no encoding has"),
        ],
    )
    def test_is_found_by_rule(self, data: bytes, expected: Encoding) -> None:
        assert detection.encoding_of(sample(data)) is expected

    @pytest.mark.parametrize("whole", [True, False])
    def test_is_utf_8_although_the_sample_ends_within_a_character(self, whole: bool) -> None:  # noqa: FBT001
        cut = "ABCD,é".encode()[:-1]

        found = detection.encoding_of(sample(cut, whole=whole))

        assert found is (Encoding.WINDOWS_1252 if whole else Encoding.UTF_8)


class TestDelimiter:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("code,expiry\nA-1,2027\nA-2,2028\n", ","),
            ("code;note\nA-1;a, b\nA-2;c\n", ";"),
            ("code\tnote\nA-1\ta;b\n", "\t"),
            ("code|note\nA-1|a,b,c\nA-2|d\n", "|"),
            ("A-1\nA-2\n", ","),
            ("", ","),
            ('"A;1";"b;c"\n"A;2";"d"\n', ";"),
            ("A-1;x\nA-2\nA-3;y\nA-4;z,w\n", ";"),
        ],
    )
    def test_gives_most_rows_the_same_number_of_cells(self, text: str, expected: str) -> None:
        found = detection.delimiter_of(sample(text.encode()), encoding=Encoding.UTF_8)

        assert found == expected

    def test_does_not_count_what_the_end_of_the_sample_cuts(self) -> None:
        data = b"A-1;x\nA-2;y\nA-3,,,"

        cut = sample(data, whole=False)

        assert detection.delimiter_of(cut, encoding=Encoding.UTF_8) == ";"
        records = detection.records_of(cut, encoding=Encoding.UTF_8, delimiter=";")
        assert [record.cells[0] for record in records] == ["A-1", "A-2"]
