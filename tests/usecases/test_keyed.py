from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.core.changes import Changes, Contention
from chalicelib.core.idempotency import KEPT_FOR, KeyedRequest
from chalicelib.core.rewards.rewards import RewardStatus
from chalicelib.usecases import settings
from chalicelib.usecases.coupons import coupons
from chalicelib.usecases.keyed import Done, once
from chalicelib.usecases.rewards import rewards
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin
from tests.usecases.unsteady import unsteady
from tests.usecases.world import (
    a_members_coupon,
    a_request,
    an_offer,
    coupon_of,
)

_TOMORROW = NOON + timedelta(days=1)


def _idle(services: Services, request: KeyedRequest, *, hours: int = 0) -> Done[str]:
    """Carry out a request that finds nothing to do."""

    def decide(_: Contention | None) -> tuple[str, tuple[str, ...], Changes]:
        return "done", ("rwd_1",), Changes()

    return once(
        services.context,
        request,
        now=NOON + timedelta(hours=hours),
        decide=decide,
        again=lambda made: f"again {made[0]}",
    )


class TestOnce:
    def test_keeps_the_key_of_a_request_that_found_nothing_to_do(self, services: Services) -> None:
        request = a_request()

        assert _idle(services, request) == Done("done", replayed=False)
        assert _idle(services, request) == Done("again rwd_1", replayed=True)

    def test_forgets_the_key_after_seven_days(self, services: Services) -> None:
        request = a_request()
        _idle(services, request)
        lapsed = int(KEPT_FOR.total_seconds() // 3600)

        assert not _idle(services, request, hours=lapsed).replayed

    def test_writes_nothing_without_a_key_and_a_change(self, services: Services) -> None:
        reward_id = an_offer(services).reward_id
        services.capacity.reset()

        rewards.move_reward(
            services.context, reward_id, RewardStatus.ACTIVE, now=NOON, request=None
        )

        assert services.capacity.writes == 0

    def test_of_two_sent_at_once_carries_out_one(self, services: Services) -> None:
        request, twin = a_request(), list[Done[str]]()
        slow, line = unsteady(services)
        line.before.append(lambda: twin.append(_idle(services, request)))

        done = _idle(slow, request)

        assert (twin[0].replayed, done.replayed) == (False, True)


class TestRepeats:
    """A repeat of a keyed request answers with the thing as it is, and changes it no more."""

    def test_of_an_expiry_that_was_the_same_already(self, services: Services) -> None:
        code, _ = a_members_coupon(services, expires_at=_TOMORROW)
        request = a_request()

        def change(days: int, key: KeyedRequest | None) -> bool:
            return coupons.change_expiry(
                services.context,
                code,
                NOON + timedelta(days=days),
                check=lambda _: None,
                origin=an_origin(),
                request=key,
            ).replayed

        assert not change(1, request)
        change(5, None)
        assert change(1, request)
        assert coupon_of(services, code).expires_at == NOON + timedelta(days=5)

    def test_of_settings(self, services: Services) -> None:
        request = a_request()

        def name(text: str, key: KeyedRequest | None) -> bool:
            return settings.put_settings(
                services.context,
                lambda before: replace(before, business_name=text),
                now=NOON,
                request=key,
            ).replayed

        assert not name("Café", request)
        name("Bar", None)
        assert name("Café", request)
        assert settings.get_settings(services.context).business_name == "Bar"

    @pytest.mark.parametrize("first", [RewardStatus.ACTIVE, RewardStatus.PAUSED])
    def test_of_a_move_of_a_reward(self, services: Services, first: RewardStatus) -> None:
        reward_id, request = an_offer(services).reward_id, a_request()

        def move(status: RewardStatus, key: KeyedRequest | None) -> bool:
            return rewards.move_reward(
                services.context, reward_id, status, now=NOON, request=key
            ).replayed

        assert not move(first, request)
        move(RewardStatus.ARCHIVED, None)
        assert move(first, request)
