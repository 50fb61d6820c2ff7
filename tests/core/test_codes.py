import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.coupons import codes

_CHARACTERS = string.ascii_letters + string.digits + "-_"
_issued = st.text(_CHARACTERS, min_size=4, max_size=64).filter(codes.may_be_issued)


class TestMayBeIssued:
    @pytest.mark.parametrize(
        "code", ["ABCD", "a-_9", "A" * 64, "---1", "summer-10_x", "0000"], ids=str
    )
    def test_takes_four_to_sixty_four_of_the_alphabet(self, code: str) -> None:
        assert codes.may_be_issued(code)

    @pytest.mark.parametrize(
        "code",
        [
            pytest.param("", id="empty"),
            pytest.param("ABC", id="too short"),
            pytest.param("A" * 65, id="too long"),
            pytest.param("AB CD", id="a space"),
            pytest.param("ABC\n", id="a line feed at the end"),
            pytest.param("ABCÉ", id="a letter with an accent"),
            pytest.param("ABC\u0663", id="a digit of another script"),
            pytest.param("ABC\u017f", id="a letter that upper-cases to S"),
            pytest.param("----", id="nothing that is compared"),
            pytest.param("_-_-", id="nothing but separators"),
            pytest.param("AB/CD", id="a slash"),
            pytest.param("AB#CD", id="a number sign"),
        ],
    )
    def test_refuses_the_rest(self, code: str) -> None:
        assert not codes.may_be_issued(code)


class TestKeyOf:
    @pytest.mark.parametrize(
        "typed",
        ["SUMMER-10", "summer10", " summer 10 ", "Sum-mer_1 0", "SUMMER_10", "s\tummer\u00a010"],
        ids=repr,
    )
    def test_disregards_case_spaces_dashes_and_underscores(self, typed: str) -> None:
        assert codes.key_of(typed) == "SUMMER10"

    @pytest.mark.parametrize(
        "typed",
        [
            pytest.param("", id="empty"),
            pytest.param("-- __", id="separators"),
            pytest.param("A" * 65, id="too long"),
            pytest.param("CAFÉ", id="not ASCII"),
            pytest.param("\u017fUMMER", id="a long s is no S"),
            pytest.param("\u0131NFO", id="a dotless i is no I"),
            pytest.param("\uff21BCD", id="a wide A is no A"),
            pytest.param("A#B", id="a separator of keys"),
            pytest.param("A/B", id="a slash"),
            pytest.param("A\x00B", id="a control character"),
        ],
    )
    def test_is_none_for_what_no_code_looks_like(self, typed: str) -> None:
        assert codes.key_of(typed) is None

    @given(_issued)
    def test_of_an_issued_code_exists(self, code: str) -> None:
        assert codes.key_of(code) == re.sub("[-_]", "", code).upper()

    @given(_issued, st.data())
    def test_is_the_same_however_the_code_is_typed(self, code: str, data: st.DataObject) -> None:
        typed = "".join(
            data.draw(st.sampled_from([each, each.lower(), each.upper(), f" {each}", f"{each}-"]))
            for each in code
        )

        assert codes.key_of(typed) == codes.key_of(code)

    @given(st.text(max_size=80))
    def test_of_anything_is_a_key_or_none(self, typed: str) -> None:
        key = codes.key_of(typed)

        assert key is None or re.fullmatch("[A-Z0-9]{1,64}", key)
        assert key is None or codes.key_of(key) == key
