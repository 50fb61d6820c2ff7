"""Work at a set rate, so that it leaves the table to others."""

from collections.abc import Callable

BURST_SECONDS = 1.0
"""How much of its rate work may have saved up after it waited for something else."""


class Pace:
    """A token bucket of write units, paid for afterwards: only then is it known what work cost.

    ``units_per_second`` None is no limit. ``timer`` returns seconds on a clock that only goes
    forward, ``sleep`` waits for so many.
    """

    def __init__(
        self,
        units_per_second: float | None,
        *,
        timer: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        assert units_per_second is None or units_per_second > 0
        self.units_per_second = units_per_second
        self._timer = timer
        self._sleep = sleep
        self._level = 0.0
        self._filled_at = timer()

    def spend(self, units: float) -> None:
        """Pay for ``units`` of work that was done; wait until they are there."""
        rate = self.units_per_second
        if rate is None:
            return
        self._fill(rate)
        self._level -= units
        if self._level < 0:
            self._sleep(-self._level / rate)

    def _fill(self, rate: float) -> None:
        now = self._timer()
        earned = (now - self._filled_at) * rate
        self._level = min(self._level + earned, BURST_SECONDS * rate)
        self._filled_at = now
