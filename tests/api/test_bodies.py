"""Strict reading: what is refused, where, and why."""

import json
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.web import bodies, faults, problems
from chalicelib.api.web.bodies import (
    BodyReader,
    Code,
    Currency,
    Identifier,
    MinorAmount,
    Moment,
    text,
)
from chalicelib.core.errors import Fault, Invalid


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    product: Annotated[str, text(10)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=99)] = 1
    sold_at: Moment | None = None


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, text(5)]
    nick: Annotated[str, text(5)] | msgspec.UnsetType | None = msgspec.UNSET
    amount_minor: MinorAmount = 0
    currency: Currency | None = None
    customer_id: Identifier | None = None
    code: Code | None = None
    at: Moment | None = None
    born_on: date | None = None
    colour: Colour = Colour.RED
    size: Literal["s", "m", 5] = "s"
    flag: bool = False
    share: float = 0.5
    tags: Annotated[list[Annotated[str, text(3)]], msgspec.Meta(max_length=2)] = []
    fields: dict[Annotated[str, text(3)], str | int] = {}
    lines: tuple[Line, ...] = ()
    main: Line | None = None


class Optional(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str = "none"


READER = BodyReader(Body)


def faults_of(body: Any) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        READER.read(json.dumps(body).encode())
    return {(fault.pointer, fault.code) for fault in refused.value.faults}


class TestRead:
    def test_tells_absent_from_null(self) -> None:
        assert READER.read(b'{"name":"a"}').nick is msgspec.UNSET
        assert READER.read(b'{"name":"a","nick":null}').nick is None

    def test_takes_an_empty_body_for_an_empty_object(self) -> None:
        assert BodyReader(Optional).read(b"") == Optional()

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ("2026-11-24T12:00:00Z", datetime(2026, 11, 24, 12, tzinfo=UTC)),
            ("2026-11-24T12:00:00.123999+02:00", datetime(2026, 11, 24, 10, 0, 0, 123000, UTC)),
            ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ],
    )
    def test_keeps_moments_in_utc_and_whole_milliseconds(self, sent: str, kept: datetime) -> None:
        body = READER.read(
            json.dumps(
                {"name": "a", "at": sent, "lines": [{"product": "x", "sold_at": sent}]}
            ).encode()
        )

        assert body.at == kept
        assert body.lines[0].sold_at == kept
        assert body.at.tzinfo is UTC


class TestFaults:
    def test_are_all_named_at_once(self) -> None:
        assert faults_of(
            {"nick": 5, "amount_minor": -1, "a/b~": 1, "lines": [{"product": "x"}, {"quantity": 0}]}
        ) == {
            ("/name", "required"),
            ("/nick", "wrong_type"),
            ("/amount_minor", "out_of_range"),
            ("/a~1b~0", "unknown_field"),
            ("/lines/1/product", "required"),
            ("/lines/1/quantity", "out_of_range"),
        }

    @pytest.mark.parametrize(
        ("field", "value", "code"),
        [
            pytest.param("name", "toolong", "too_long", id="over-long string"),
            pytest.param("name", "", "too_short", id="empty string"),
            pytest.param("name", None, "wrong_type", id="null where nothing clears"),
            pytest.param("name", "a\x00b", "bad_format", id="NUL"),
            pytest.param("name", "a\x7f", "bad_format", id="DEL"),
            pytest.param("amount_minor", 20.5, "wrong_type", id="float for money"),
            pytest.param("amount_minor", 20.0, "wrong_type", id="whole float for money"),
            pytest.param("amount_minor", "20", "wrong_type", id="text for money"),
            pytest.param("amount_minor", True, "wrong_type", id="true for one"),
            pytest.param("amount_minor", 10**12 + 1, "out_of_range", id="too much money"),
            pytest.param("amount_minor", 10**30, "out_of_range", id="more than 64 bits"),
            pytest.param("currency", "eur", "bad_format", id="small letters"),
            pytest.param("currency", "EU\n", "bad_format", id="line feed at the end"),
            pytest.param("customer_id", "cus_1\n", "bad_format", id="line feed after an id"),
            pytest.param("customer_id", "../x", "bad_format", id="no id"),
            pytest.param("code", "AB", "too_short", id="short code"),
            pytest.param("code", "ÄÖÜÄ", "bad_format", id="foreign letters"),
            pytest.param("at", "2026-11-24T12:00:00", "bad_format", id="no zone"),
            pytest.param("at", "2026-11-24", "bad_format", id="a date is no moment"),
            pytest.param("at", "yesterday", "bad_format", id="words"),
            pytest.param("at", 1764000000, "wrong_type", id="a number is no moment"),
            pytest.param(
                "at", "0001-01-01T00:00:00+14:00", "out_of_range", id="before the calendar"
            ),
            pytest.param(
                "at", "9999-12-31T23:59:59-12:00", "out_of_range", id="after the calendar"
            ),
            pytest.param("at", "1969-12-31T23:59:59Z", "out_of_range", id="before 1970"),
            pytest.param("born_on", "2026-02-30", "bad_format", id="no such day"),
            pytest.param("born_on", "2026-02-03T00:00:00Z", "bad_format", id="a moment is no date"),
            pytest.param("colour", "green", "not_allowed", id="unknown word"),
            pytest.param("size", 6, "not_allowed", id="unknown literal"),
            pytest.param("flag", 1, "wrong_type", id="one for true"),
            pytest.param("share", "1", "wrong_type", id="text for a number"),
            pytest.param("tags", ["a", "b", "c"], "too_long", id="too many"),
            pytest.param("tags", {}, "wrong_type", id="an object is no list"),
            pytest.param("main", [], "wrong_type", id="a list is no object"),
        ],
    )
    def test_of_a_field(self, field: str, value: Any, code: str) -> None:
        assert faults_of({"name": "a", field: value}) == {(f"/{field}", code)}

    def test_below_lists_and_objects(self) -> None:
        assert faults_of({"name": "a", "tags": ["abcd"], "fields": {"abcd": [], "b": "x"}}) == {
            ("/tags/0", "too_long"),
            ("/fields/abcd", "too_long"),
            ("/fields/abcd", "wrong_type"),
        }

    def test_are_bounded(self) -> None:
        with pytest.raises(Invalid) as refused:
            READER.read(json.dumps({f"x{n}": 1 for n in range(1000)}).encode())

        assert len(refused.value.faults) == faults.FAULTS_MAX

    def test_do_not_repeat_a_name_of_any_length(self) -> None:
        with pytest.raises(Invalid) as refused:
            READER.read(json.dumps({"name": "a", "x" * 10_000: 1}).encode())

        assert [len(fault.pointer) for fault in refused.value.faults] == [65]

    def test_of_a_rule_between_fields_keep_its_words(self) -> None:
        class Ruled(msgspec.Struct):
            a: int = 0

            def __post_init__(self) -> None:
                if self.a == 1:
                    raise ValueError("one is not enough")

        class Outer(msgspec.Struct):
            inner: list[Ruled] = []

        with pytest.raises(Invalid) as refused:
            BodyReader(Outer).read(b'{"inner":[{"a":1}]}')

        assert refused.value.faults == (Fault("/inner/0", "not_allowed", "one is not enough"),)


class TestMalformed:
    def test_is_nested_too_deeply_even_where_anything_goes(self) -> None:
        class Free(msgspec.Struct):
            anything: Any

        raw = b'{"anything":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

        with pytest.raises(problems.MalformedBody, match="too deeply"):
            BodyReader(Free).read(raw)

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(b"{", id="truncated"),
            pytest.param(b"{} x", id="trailing"),
            pytest.param(b"[]", id="a list"),
            pytest.param(b"null", id="null"),
            pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
            pytest.param(b'{"name":"\xff"}', id="not UTF-8"),
            pytest.param(b'{"\xff":1}', id="not UTF-8 in a name"),
            pytest.param(b'{"name":"\\ud800"}', id="lone surrogate"),
            pytest.param(b'{"name":"\\ud800\\u0041"}', id="half a pair"),
            pytest.param(b'{"name":NaN}', id="not a number"),
            pytest.param(b'{"name":1e999}', id="beyond doubles"),
            pytest.param(b'{"name":' + b"9" * 5000 + b"}", id="endless number"),
            pytest.param(b"[" * 200_000, id="deep list"),
            pytest.param(b'{"name":' + b"[" * 200_000, id="deep field"),
            pytest.param(b'{"x":' * 100_000, id="deep object"),
            pytest.param(b"\x00", id="NUL"),
        ],
    )
    def test_is_refused_as_a_whole(self, raw: bytes) -> None:
        with pytest.raises(problems.MalformedBody):
            READER.read(raw)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**13), 10**13)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        [
            "",
            "a",
            "abcd",
            "abcdef",
            "EUR",
            "red",
            "s",
            "a\x01",
            "2026-11-24",
            "2026-11-24T09:00:00Z",
            "2026-11-24T09:00:00",
            "0001-01-01T00:00:00Z",
            "EU\n",
            "cus_1",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["product", "quantity", "sold_at", "x", "abcd"]), inner)
    ),
    max_leaves=5,
)


class TestTheTwoPasses:
    @given(st.dictionaries(st.sampled_from([*Body.__struct_fields__, "other"]), JSON, max_size=6))
    def test_agree(self, value: dict[str, Any]) -> None:
        """The first pass refuses exactly where the second one finds a fault."""
        found = faults.collect(value, msgspec.inspect.type_info(Body))

        assert bool(found) == self._is_refused(value)

    @staticmethod
    def _is_refused(value: dict[str, Any]) -> bool:
        try:
            bodies.in_utc(msgspec.json.decode(json.dumps(value), type=Body))
        except (msgspec.ValidationError, OverflowError):
            return True
        return False
