from datetime import datetime, timedelta

from chalicelib.core.changes import Changes
from chalicelib.core.rewards import reconciliations
from chalicelib.core.rewards.reconciliations import LASTING, Reconciliation
from chalicelib.core.rewards.totals import Totals, TotalsChange
from tests.builders import NOON

_KEPT = Totals("rwd_1", "all", unassigned=10, claimed=5)
_RIGHT = {"unassigned": 10, "claimed": 5}
_WRONG = {"unassigned": 9, "claimed": 7}
_DIFFERENCE = {"unassigned": -1, "claimed": 2}
_NOTED = Reconciliation("rwd_1", NOON, _DIFFERENCE, version=3)


def _decided(
    earlier: Reconciliation | None, counted: dict[str, int], now: datetime = NOON
) -> Changes:
    return reconciliations.decide(earlier, reward_id="rwd_1", counted=counted, kept=_KEPT, now=now)


class TestDecide:
    def test_what_is_right_writes_nothing(self) -> None:
        assert _decided(None, _RIGHT) == Changes()
        assert _decided(Reconciliation("rwd_1", NOON, {}, version=3), _RIGHT) == Changes()

    def test_a_difference_is_noted_and_not_corrected_yet(self) -> None:
        assert _decided(None, _WRONG) == Changes(
            create=(Reconciliation("rwd_1", NOON, _DIFFERENCE),)
        )

    def test_found_again_too_soon_it_may_still_be_on_its_way(self) -> None:
        assert _decided(_NOTED, _WRONG, NOON + LASTING - timedelta(seconds=1)) == Changes()

    def test_found_again_the_next_night_it_is_made_good(self) -> None:
        after = Reconciliation("rwd_1", NOON + LASTING, {}, version=3)

        assert _decided(_NOTED, _WRONG, NOON + LASTING) == Changes(
            update=((_NOTED, after),),
            add=(TotalsChange("rwd_1", "0", None, (("claimed", 2), ("unassigned", -1))),),
        )

    def test_another_difference_is_noted_anew(self) -> None:
        after = Reconciliation("rwd_1", NOON + LASTING, {"claimed": 1}, version=3)

        assert _decided(_NOTED, _RIGHT | {"claimed": 6}, NOON + LASTING) == Changes(
            update=((_NOTED, after),)
        )

    def test_a_difference_that_is_gone_is_forgotten(self) -> None:
        changes = _decided(_NOTED, _RIGHT, NOON + LASTING)

        assert changes.add == ()
        assert changes.update[0][1] == Reconciliation("rwd_1", NOON + LASTING, {}, version=3)
