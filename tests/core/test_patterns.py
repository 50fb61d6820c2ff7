from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.core import errors
from chalicelib.core.coupons import codes, patterns
from chalicelib.core.coupons.patterns import PatternExhausted, PatternTooWeak, PatternUse

_SPACE = patterns.space(patterns.DEFAULT)
_numbers = st.integers(0, _SPACE - 1)
_patterns = st.text("#?*A1O-_", min_size=4, max_size=14).filter(lambda each: set(each) & set("#?*"))


def _code(number: int) -> str:
    code = patterns.code_of(patterns.DEFAULT, number)
    assert code is not None
    return code


class TestTheDefault:
    @given(_numbers)
    def test_has_12_characters_without_look_alikes_and_a_check_that_fits(self, number: int) -> None:
        code = _code(number)

        assert len(code) == 12
        assert set(code) <= set("23456789ABCDEFGHJKMNPQRSTUVWXYZ")
        assert not codes.is_slip(code)
        assert codes.may_be_issued(code)

    def test_has_more_codes_than_anybody_guesses(self) -> None:
        assert _SPACE == 31**11 > 2**54
        assert len(codes.ALPHABET) == 31

    @given(_numbers, st.integers(0, 11), st.sampled_from(codes.ALPHABET))
    def test_shows_every_wrong_character(self, number: int, position: int, typed: str) -> None:
        code = _code(number)
        assume(code[position] != typed)

        slip = code[:position] + typed + code[position + 1 :]

        assert codes.is_slip(slip) or slip.isdigit()

    @given(_numbers)
    def test_shows_every_two_characters_that_changed_places(self, number: int) -> None:
        code = _code(number)

        for one, other in combinations(range(12), 2):
            swapped = list(code)
            swapped[one], swapped[other] = code[other], code[one]
            slip = "".join(swapped)
            assert slip == code or codes.is_slip(slip) or slip.isdigit()

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param("23456789ABC", id="shorter"),
            pytest.param("23456789ABCDE", id="longer"),
            pytest.param("23456789ABC0", id="with a look-alike"),
            pytest.param("234567892346", id="a number, as other systems have them"),
        ],
    )
    def test_is_not_looked_for_in_codes_of_another_form(self, key: str) -> None:
        assert not codes.is_slip(key)


class TestCheck:
    @pytest.mark.parametrize(
        "pattern",
        ["SUMMER-####-????", "????", "####", "a-#-b", "*" * 64, patterns.DEFAULT, "****-****-***="],
    )
    def test_takes_what_says_what_codes_look_like(self, pattern: str) -> None:
        patterns.check(pattern)

    @pytest.mark.parametrize(
        "pattern",
        [
            pytest.param("", id="nothing"),
            pytest.param("SUMMER", id="nothing random"),
            pytest.param("----", id="nothing but dashes"),
            pytest.param("###", id="too short"),
            pytest.param("?" * 65, id="too long"),
            pytest.param("SUM MER ##", id="a space"),
            pytest.param("ÄRGER##", id="no ASCII"),
            pytest.param("****=", id="a check character somewhere else"),
            pytest.param("=" + "*" * 11, id="a check character in front"),
            pytest.param("*" * 11 + "==", id="two check characters"),
        ],
    )
    def test_refuses_anything_else(self, pattern: str) -> None:
        with pytest.raises(errors.Invalid) as refusal:
            patterns.check(pattern)

        assert refusal.value.faults[0].pointer == "/pattern"


class TestCodeOf:
    @pytest.mark.parametrize(
        ("number", "code"),
        [(0, "SUMMER-0000-AAAA"), (1, "SUMMER-1000-AAAA"), (10**4 * 23**4 - 1, "SUMMER-9999-ZZZZ")],
    )
    def test_puts_digits_and_letters_where_the_pattern_has_them(
        self, number: int, code: str
    ) -> None:
        assert patterns.code_of("SUMMER-####-????", number) == code

    @given(_patterns, st.data())
    def test_gives_another_code_for_another_number(self, pattern: str, data: st.DataObject) -> None:
        numbers = st.integers(0, patterns.space(pattern) - 1)
        one, other = data.draw(numbers), data.draw(numbers)
        assume(one != other)
        first, second = patterns.code_of(pattern, one), patterns.code_of(pattern, other)
        assume(first is not None and second is not None)

        assert codes.key_of(first or "") != codes.key_of(second or "")

    @given(_patterns, st.data())
    def test_gives_no_code_that_a_look_up_would_take_for_a_slip(
        self, pattern: str, data: st.DataObject
    ) -> None:
        number = data.draw(st.integers(0, patterns.space(pattern) - 1))

        code = patterns.code_of(pattern, number)

        assert code is None or not codes.is_slip(codes.key_of(code) or "")

    def test_gives_as_many_codes_as_the_pattern_promises(self) -> None:
        pattern = "AAAAAAAAAA?#"
        given_codes = {patterns.code_of(pattern, n) for n in range(patterns.space(pattern))} - {
            None
        }

        assert len(given_codes) >= patterns.size(pattern)


class TestOfParts:
    @pytest.mark.parametrize(
        ("prefix", "length", "pattern"),
        [
            ("", 12, patterns.DEFAULT),
            ("", 8, "********"),
            ("SUMMER-", 6, "SUMMER-******"),
            ("X", 12, "X************"),
        ],
    )
    def test_is_the_pattern_of_a_prefix_and_a_length(
        self, prefix: str, length: int, pattern: str
    ) -> None:
        assert patterns.of_parts(prefix, length) == pattern


class TestOrdered:
    PATTERN = "SUMMER-####-????"  # 10,000 * 23 ** 4 codes: one in a million are 2,798.

    def _order(self, before: int, count: int, *, force: bool = False) -> PatternUse:
        use = PatternUse(patterns.key_of(self.PATTERN), before, version=1)
        return patterns.ordered(use, pattern=self.PATTERN, count=count, force=force)

    def test_counts_what_was_ordered_before(self) -> None:
        assert self._order(1000, 1798).ordered == 2798
        with pytest.raises(PatternTooWeak) as refusal:
            self._order(1000, 1799)
        assert refusal.value.facts == {
            "codes": 2798410000,
            "ordered_before": 1000,
            "count_max": 1798,
        }

    def test_gives_more_when_somebody_insists(self) -> None:
        assert self._order(1000, 1799, force=True).ordered == 2799

    def test_never_gives_more_than_there_are(self) -> None:
        assert self._order(0, 2798410000, force=True).ordered == 2798410000
        with pytest.raises(PatternExhausted):
            self._order(1, 2798410000, force=True)

    def test_counts_patterns_that_give_the_same_codes_as_one(self) -> None:
        assert patterns.key_of("summer_####????") == patterns.key_of(self.PATTERN)
