import pytest
from msgspec.structs import replace

from chalicelib.core.changes import Contention
from chalicelib.core.errors import ConflictRetry, Unavailable
from chalicelib.usecases.context import ATTEMPTS_MAX, transact
from chalicelib.wiring import Services


class TestTransact:
    def test_returns_what_the_attempt_returns(self, services: Services) -> None:
        assert transact(services.context, lambda _: "done") == "done"

    def test_decides_again_after_a_lost_race_knowing_what_was_in_the_way(
        self, services: Services
    ) -> None:
        pauses: list[int] = []
        context = replace(services.context, pause=pauses.append)
        lost = [Contention(), Contention()]
        seen: list[Contention | None] = []

        def attempt(before: Contention | None) -> str:
            seen.append(before)
            if len(seen) <= len(lost):
                raise lost[len(seen) - 1]
            return "done"

        assert transact(context, attempt) == "done"
        assert seen == [None, *lost]
        assert pauses == [0, 1]

    def test_gives_up_after_its_attempts(self, services: Services) -> None:
        attempts: list[Contention | None] = []

        def attempt(lost: Contention | None) -> None:
            attempts.append(lost)
            raise Contention

        context = replace(services.context, pause=lambda _: None)
        with pytest.raises(ConflictRetry) as caught:
            transact(context, attempt)

        assert len(attempts) == ATTEMPTS_MAX
        assert caught.value.code == "conflict_retry"
        assert caught.value.facts["retry_after"] == 1
        assert caught.value.fix

    @pytest.mark.parametrize("error", [Unavailable("out of reach"), ValueError("a mistake")])
    def test_repeats_nothing_else(self, services: Services, error: Exception) -> None:
        attempts: list[object] = []

        def attempt(lost: Contention | None) -> None:
            attempts.append(lost)
            raise error

        with pytest.raises(type(error)):
            transact(services.context, attempt)

        assert attempts == [None]
