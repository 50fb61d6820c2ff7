"""Looking up codes: too many tries that lead nowhere are stopped, and strangers learn nothing."""

import math
from datetime import datetime
from typing import Final

from chalicelib import wiring
from chalicelib.core import errors
from chalicelib.core.callers import tries
from chalicelib.core.callers.tries import Guesser
from chalicelib.core.coupons import codes, coupons, refusals
from chalicelib.core.coupons.coupons import CouponNotFound

BEAT_SECONDS: Final = 0.25
"""A stranger is refused on the beat: an unknown code is found out sooner than a used one."""


class Lookup:
    """The codes that one request looks up: what came of them, and what the caller is told."""

    __slots__ = ("_guesser", "_misses", "_now", "_refused", "_services", "_slip", "_started")

    def __init__(
        self, services: wiring.Services, guesser: Guesser | None, *, now: datetime, started: float
    ) -> None:
        """``guesser`` None looks up nothing; ``started`` is when the request came, by the timer."""
        self._services = services
        self._guesser = guesser
        self._now = now
        self._started = started
        self._misses = 0
        self._refused = False
        self._slip = False

    def check_no_slip(self, code: str | None) -> None:
        """Check that ``code`` is not one of ours with a typing slip: its check character tells.

        So a slip at a till costs nothing, and is no try. A stranger's is a try like any other: no
        faster refused, and counted.

        Raises:
            CouponNotFound: it is one.
        """
        if self._guesser is None or self._guesser.is_stranger:
            return
        key = None if code is None else codes.key_of(code)
        if key is None or not codes.is_slip(key):
            return
        if self._services.context.rules.settings(now=self._now).foreign_codes:
            return
        self._slip = True
        raise self.told(coupons.not_found())

    def begin(self) -> None:
        """Check that the caller may look codes up.

        Raises:
            RateLimited: too many of them led nowhere.
            Unavailable: the table cannot say.
        """
        if self._guesser is not None:
            self._services.watch.begin(self._guesser, now=self._now)

    def told(self, refusal: errors.DomainError) -> errors.DomainError:
        """Return what the caller is told of ``refusal``; it counts as a try where it is one."""
        if self._guesser is None:
            return refusal
        if not self._guesser.is_stranger:
            self._misses += isinstance(refusal, CouponNotFound) and not self._slip
            return refusal
        self._refused = self._refused or refusals.is_a_try(refusal)
        return refusals.to_a_stranger(refusal)

    def end(self, *, done: bool) -> None:
        """Count what came of it. ``done``: something was done, so the answer stands.

        Raises:
            RateLimited: these were too many, and nothing was done.
        """
        if self._guesser is None:
            return
        watch = self._services.watch
        if self._guesser.is_stranger:
            if self._refused:
                self._rest()
            else:
                watch.give_back(self._guesser, now=self._now)
        elif self._misses:
            too_many = watch.missed(self._guesser, self._misses, now=self._now)
            if too_many and not done:
                raise tries.too_many(self._now)

    def _rest(self) -> None:
        elapsed = wiring.timer() - self._started
        self._services.rest(math.ceil(elapsed / BEAT_SECONDS) * BEAT_SECONDS - elapsed)
