"""Settings, rewards and card templates, kept in the container for some seconds.

A change is in force everywhere within :data:`KEPT_FOR`; the contract says 60 seconds. Whoever is
about to refuse because of a kept rule looks again first, so that what was just allowed is allowed
at once.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.core.changes import ref
from chalicelib.core.rewards.rewards import Reward, RewardNotFound
from chalicelib.core.settings import Settings
from chalicelib.usecases.ports import Store

if TYPE_CHECKING:  # Most coupons have no card.
    from chalicelib.core.cards.templates import CardTemplate

KEPT_FOR = timedelta(seconds=10)
REWARDS_KEPT_MAX = 1_000
TEMPLATES_KEPT_MAX = 1_000


class Rules:
    """A small cache in front of the store. Safe between threads: entries are never changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._settings: tuple[datetime, Settings] | None = None
        self._rewards: OrderedDict[str, tuple[datetime, Reward]] = OrderedDict()
        self._templates: OrderedDict[str, tuple[datetime, CardTemplate]] = OrderedDict()

    def settings(self, *, now: datetime) -> Settings:
        """Return the settings; the defaults until somebody sets them."""
        kept = self._settings
        if kept is None or not now - KEPT_FOR <= kept[0] <= now:
            name = ref(Settings)
            kept = now, self._store.read(name).find(name) or Settings()
            self._settings = kept
        return kept[1]

    def reward(self, reward_id: str, *, now: datetime) -> Reward:
        """Return the reward.

        Raises:
            RewardNotFound: no reward has this id.
        """
        kept = self._rewards.get(reward_id)
        if kept is None or not now - KEPT_FOR <= kept[0] <= now:
            kept = now, get_reward(self._store, reward_id)
            self._rewards[reward_id] = kept
            while len(self._rewards) > REWARDS_KEPT_MAX:
                self._rewards.popitem(last=False)
        return kept[1]

    def card_template(self, template_id: str, *, now: datetime) -> CardTemplate:
        """Return the card template.

        Raises:
            TemplateNotFound: no template has this id.
        """
        kept = self._templates.get(template_id)
        if kept is None or not now - KEPT_FOR <= kept[0] <= now:
            kept = now, get_card_template(self._store, template_id)
            self._templates[template_id] = kept
            while len(self._templates) > TEMPLATES_KEPT_MAX:
                self._templates.popitem(last=False)
        return kept[1]

    def forget_card_template(self, template_id: str) -> None:
        """Read the template anew the next time."""
        self._templates.pop(template_id, None)

    def forget(self, reward_id: str | None = None) -> None:
        """Read the settings, and the reward if one is named, anew the next time."""
        self._settings = None
        if reward_id is not None:
            self._rewards.pop(reward_id, None)


def get_reward(store: Store, reward_id: str) -> Reward:
    """Return the reward as it is now.

    Raises:
        RewardNotFound: no reward has this id.
    """
    name = ref(Reward, reward_id)
    reward = store.read(name).find(name)
    if reward is None:
        raise RewardNotFound("no reward has this id", fix="list the rewards to find its id")
    return reward


def get_card_template(store: Store, template_id: str) -> CardTemplate:
    """Return the card template as it is now.

    Raises:
        TemplateNotFound: no template has this id.
    """
    from chalicelib.core.cards import templates  # noqa: PLC0415 # most coupons have no card

    name = ref(templates.CardTemplate, template_id)
    template = store.read(name).find(name)
    if template is None:
        raise templates.not_found()
    return template
