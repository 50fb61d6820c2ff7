from datetime import timedelta

import pytest

from chalicelib.core import idempotency
from chalicelib.core.idempotency import (
    KEPT_FOR,
    IdempotencyKeyReused,
    IdempotencyRecord,
    KeyedRequest,
)
from tests.builders import NOON

_REQUEST = KeyedRequest(key_hash="k", fingerprint="this")
_RECORD = IdempotencyRecord("k", "this", ("rdm_1", "cus_ada"), NOON)


class TestAnswered:
    def test_is_what_the_first_one_made(self) -> None:
        assert idempotency.answered(_REQUEST, _RECORD, now=NOON) == ("rdm_1", "cus_ada")

    def test_is_none_for_a_new_key(self) -> None:
        assert idempotency.answered(_REQUEST, None, now=NOON) is None

    def test_is_none_without_a_key(self) -> None:
        assert idempotency.answered(None, None, now=NOON) is None

    def test_refuses_the_key_with_another_request(self) -> None:
        other = KeyedRequest(key_hash="k", fingerprint="that")

        with pytest.raises(IdempotencyKeyReused) as caught:
            idempotency.answered(other, _RECORD, now=NOON)

        assert caught.value.faults[0].pointer == "/header/Idempotency-Key"

    def test_lasts_seven_days_and_not_an_instant_longer(self) -> None:
        last = NOON + timedelta(days=7) - timedelta(milliseconds=1)

        assert idempotency.answered(_REQUEST, _RECORD, now=last) is not None
        assert idempotency.answered(_REQUEST, _RECORD, now=NOON + timedelta(days=7)) is None

    def test_of_a_lapsed_record_lets_the_key_mean_something_else(self) -> None:
        other = KeyedRequest(key_hash="k", fingerprint="that")

        assert idempotency.answered(other, _RECORD, now=NOON + KEPT_FOR) is None


class TestRecordOf:
    def test_is_what_the_request_made(self) -> None:
        assert idempotency.record_of(_REQUEST, made=_RECORD.made, now=NOON) == (_RECORD,)

    def test_is_nothing_without_a_key(self) -> None:
        assert idempotency.record_of(None, made=("rdm_1",), now=NOON) == ()
