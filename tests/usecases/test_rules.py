from datetime import timedelta

import pytest

from chalicelib.core.changes import Changes
from chalicelib.core.rewards.rewards import RewardNotFound, RewardStatus
from chalicelib.core.settings import Settings
from chalicelib.usecases.rules import KEPT_FOR, REWARDS_KEPT_MAX, Rules
from chalicelib.wiring import Services
from tests.builders import NOON, a_reward
from tests.conftest import services_on
from tests.usecases.world import an_offer, find, put, set_rules

_INSTANT = timedelta(milliseconds=1)


class TestRules:
    def test_are_kept_for_ten_seconds(self) -> None:
        """The contract says sixty; ten leave room for a request under way."""
        assert timedelta(seconds=10) == KEPT_FOR

    def test_of_a_reward_are_read_again_after_ten_seconds(self, services: Services) -> None:
        reward = an_offer(services)
        rules = Rules(services.store)
        rules.reward(reward.reward_id, now=NOON)
        stored = find(services, type(reward), reward.reward_id)
        put(services, stored, status=RewardStatus.PAUSED)

        def status_after(age: timedelta) -> RewardStatus:
            return rules.reward(reward.reward_id, now=NOON + age).status

        assert status_after(KEPT_FOR) is RewardStatus.ACTIVE
        assert status_after(KEPT_FOR + _INSTANT) is RewardStatus.PAUSED

    def test_cost_one_read_while_they_are_kept(self, services: Services) -> None:
        reward = an_offer(services)
        services.capacity.reset()

        for seconds in range(10):
            services.context.rules.reward(reward.reward_id, now=NOON + timedelta(seconds=seconds))

        assert services.capacity.round_trips == 1

    def test_of_the_business_are_the_defaults_until_somebody_sets_them(
        self, fresh_table_name: str
    ) -> None:
        fresh = services_on(fresh_table_name)

        assert Rules(fresh.store).settings(now=NOON) == Settings()
        set_rules(fresh, currency="EUR")
        assert Rules(fresh.store).settings(now=NOON).currency == "EUR"

    def test_are_read_anew_where_they_were_changed(self, services: Services) -> None:
        services.context.rules.settings(now=NOON)

        set_rules(services, time_zone="Asia/Tokyo")

        assert services.context.rules.settings(now=NOON).time_zone == "Asia/Tokyo"

    def test_are_read_anew_when_the_clock_goes_back(self, services: Services) -> None:
        rules = Rules(services.store)
        rules.settings(now=NOON)
        services.capacity.reset()

        rules.settings(now=NOON - _INSTANT)

        assert services.capacity.round_trips == 1

    def test_of_an_unknown_reward_are_not_found_and_not_kept(self, services: Services) -> None:
        reward_id = services.new_id("rwd", NOON)
        with pytest.raises(RewardNotFound):
            services.context.rules.reward(reward_id, now=NOON)
        reward = a_reward(reward_id=reward_id, version=0)
        services.store.commit(Changes(create=(reward,)))

        assert services.context.rules.reward(reward_id, now=NOON).reward_id == reward_id

    def test_fill_no_memory(self, services: Services) -> None:
        rules = Rules(services.store)
        reward = an_offer(services)
        kept = rules._rewards  # noqa: SLF001 # memory shows nowhere else
        for number in range(REWARDS_KEPT_MAX):
            kept[f"rwd_{number}"] = NOON, reward

        rules.reward(reward.reward_id, now=NOON)

        assert len(kept) == REWARDS_KEPT_MAX
