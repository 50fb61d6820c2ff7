"""On how many phones and in how many browsers a card is: whoever has it first installs it."""

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from chalicelib.core import activity
from chalicelib.core.activity import EventType, Origin
from chalicelib.core.cards.cards import Card, CardStatus
from chalicelib.core.changes import Changes
from chalicelib.core.customers.accounts import AccountChange


class Wallet(StrEnum):
    """What has a card. Values are public."""

    APPLE = "apple"
    GOOGLE = "google"


class Installation(msgspec.Struct, frozen=True):
    """The card after it was put somewhere or taken away, and what that writes."""

    card: Card
    changes: Changes


def decide(
    card: Card, difference: int, *, wallet: Wallet, event_id: str, origin: Origin
) -> Installation:
    """Decide that so many more places have the card; fewer where ``difference`` is negative.

    The first installs it and the last one gone removes it, which are events; a deleted card stays
    deleted. The customer may be excluded or deleted: the phone has the card all the same.
    """
    assert card.installations + difference >= 0, "what is taken away was there"
    after = replace(card, installations=card.installations + difference)
    if card.status is CardStatus.DELETED:
        return Installation(after, Changes(update=((card, after),)))
    installed = after.installations > 0
    after = replace(after, status=CardStatus.INSTALLED if installed else CardStatus.NOT_INSTALLED)
    changes = Changes(update=((card, after),))
    if after.status is not card.status:
        changes += Changes(
            create=(
                activity.event(
                    EventType.CARD_INSTALLED if installed else EventType.CARD_REMOVED,
                    event_id=event_id,
                    customer_id=card.customer_id,
                    origin=origin,
                    code=card.code,
                    detail={
                        "serial": card.serial,
                        # It counts for what the customer installed, whatever it shows by now.
                        "template_id": card.template_id,
                        "card_type": card.card_type,
                        "wallet": wallet,
                    },
                ),
            ),
            count=(AccountChange(card.customer_id, activity_count=1, while_active=False),),
        )
    return Installation(after, changes)
