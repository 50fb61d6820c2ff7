"""Cards: what they show, when they are void, and what they turn into."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.activity import EventType
from chalicelib.core.cards import cards, conversions, stamps, values
from chalicelib.core.cards.cards import Card, CardStatus
from chalicelib.core.cards.conversions import CardConverted, Link
from chalicelib.core.cards.templates import CardTemplate, CardType, CustomField, FieldType
from chalicelib.core.changes import Changes
from chalicelib.core.coupons.coupons import CardRef, CouponStatus
from chalicelib.core.coupons.reversals import LinkedCardInUse
from chalicelib.core.coupons.uses import Use, decide_use
from chalicelib.core.errors import Invalid
from tests.builders import (
    NOON,
    a_coupon,
    a_redeem_coupon,
    a_reward,
    an_origin,
    some_settings,
)

STAMPS = CardTemplate("tpl_s", "Stamps", CardType.STAMP, NOON, reward_id="rwd_1", stamps_needed=3)
HOUR = timedelta(hours=1)


def a_card(**changes: Any) -> Card:
    card = Card("crd_1", "tpl_c", "tpl_c", CardType.COUPON, "cus_ada", NOON, NOON, "secret")
    return replace(card, code="SPRING-10", version=1, **changes)


def a_use(**changes: Any) -> Use:
    return decide_use(
        a_redeem_coupon(),
        coupon=a_coupon(card=CardRef("crd_1", "tpl_c"), **changes),
        reward=a_reward(),
        settings=some_settings(),
        order=None,
        account=None,
        origin=an_origin(),
    )


class TestVoid:
    @pytest.mark.parametrize(
        ("coupon", "void"),
        [
            ({}, False),
            ({"status": CouponStatus.REDEEMED, "usages": 1}, True),
            ({"expires_at": NOON}, True),
            ({"expires_at": NOON + HOUR}, False),
            ({"status": CouponStatus.INVALID}, True),
            ({"card": None}, True),
            ({"card": CardRef("crd_2", "tpl_c")}, True),
            ({"customer_id": "cus_bob"}, True),
        ],
    )
    def test_is_a_coupon_card_whose_coupon_is_not_to_be_had(
        self, coupon: dict[str, Any], *, void: bool
    ) -> None:
        shown = a_coupon(**{"card": CardRef("crd_1", "tpl_c")} | coupon)

        assert cards.is_void(a_card(), shown, now=NOON) is void

    @pytest.mark.parametrize(("expires_at", "void"), [(None, False), (NOON, True)])
    def test_is_another_card_that_has_ended(self, expires_at: Any, *, void: bool) -> None:
        card = a_card(card_type=CardType.STAMP, expires_at=expires_at)

        assert cards.is_void(card, None, now=NOON) is void

    @pytest.mark.parametrize("kind", CardType)
    def test_is_every_card_that_was_deleted(self, kind: CardType) -> None:
        card = a_card(card_type=kind, status=CardStatus.DELETED)

        assert cards.is_void(card, a_coupon(card=CardRef("crd_1", "tpl_c")), now=NOON)


class TestShownAt:
    @given(st.lists(st.integers(0, 3_000), min_size=2, max_size=20))
    def test_is_a_whole_second_and_later_with_each_change(self, pauses: list[int]) -> None:
        card, now = a_card(), NOON
        for pause in pauses:
            now += timedelta(milliseconds=pause)
            shown_at = cards.next_shown_at(card, now)

            assert shown_at.microsecond == 0
            assert shown_at > card.shown_at
            card = replace(card, shown_at=shown_at)


class TestConversion:
    def test_sets_the_card_and_tells_of_it(self) -> None:
        use = a_use()

        changes = conversions.decide_conversion(
            use,
            Link(STAMPS, credits_visit=True),
            settings=some_settings(),
            event_id="evt_9",
            origin=an_origin(),
        )

        (converted,) = changes.add
        assert converted == CardConverted(
            serial="crd_1",
            converted_by=use.redemption.redemption_id,
            card_type=CardType.STAMP,
            shown_template_id="tpl_s",
            stamps=1,
            expires_at=None,
            shown_at=NOON + timedelta(seconds=1),
        )
        (event,) = changes.create
        assert event.event_type is EventType.CARD_CONVERTED  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        ("coupon", "link"),
        [
            ({"card": None}, Link(STAMPS, credits_visit=False)),
            ({}, None),
            ({"usage_limit": 2}, Link(STAMPS, credits_visit=False)),
        ],
        ids=["no card", "no link", "uses left"],
    )
    def test_is_none_without_what_it_needs(self, coupon: dict[str, Any], link: Any) -> None:
        use = a_use()
        use = replace(use, after=replace(use.after, **coupon))
        if "usage_limit" in coupon:
            use = replace(use, after=replace(use.after, status=CouponStatus.CLAIMED))

        changes = conversions.decide_conversion(
            use, link, settings=some_settings(), event_id="evt_9", origin=an_origin()
        )

        assert changes == Changes()

    def test_ends_the_new_card_by_the_rule_of_its_template(self) -> None:
        link = Link(replace(STAMPS, valid_days=0), credits_visit=False)

        changes = conversions.decide_conversion(
            a_use(), link, settings=some_settings(), event_id="evt_9", origin=an_origin()
        )

        (converted,) = changes.add
        assert converted.expires_at is not None
        assert NOON < converted.expires_at <= NOON + 24 * HOUR

    def test_is_undone_only_with_the_redemption_that_made_it(self) -> None:
        card = a_card(
            card_type=CardType.STAMP,
            shown_template_id="tpl_s",
            converted_by="rdm_1",
            stamps=1,
            credited_stamps=1,
        )

        other = conversions.decide_undo(
            card, redemption_id="rdm_2", event_id="evt_9", origin=an_origin()
        )
        undone = conversions.decide_undo(
            card, redemption_id="rdm_1", event_id="evt_9", origin=an_origin()
        )

        assert other == Changes()
        ((_, after),) = undone.update
        assert after == replace(
            card,
            card_type=CardType.COUPON,
            shown_template_id="tpl_c",
            converted_by=None,
            stamps=0,
            credited_stamps=0,
            shown_at=NOON + timedelta(seconds=1),
        )

    @pytest.mark.parametrize("used", [{"stamps": 2}, {"rewards_given": 1}])
    def test_is_not_undone_once_the_card_was_used(self, used: dict[str, int]) -> None:
        card = a_card(
            card_type=CardType.STAMP,
            converted_by="rdm_1",
            **{"stamps": 1, "credited_stamps": 1} | used,
        )

        with pytest.raises(LinkedCardInUse):
            conversions.decide_undo(
                card, redemption_id="rdm_1", event_id="evt_9", origin=an_origin()
            )


class TestStamps:
    @pytest.mark.parametrize(
        ("has", "gets", "full", "left"),
        [(0, 1, False, 1), (2, 1, True, 0), (2, 3, True, 2), (0, 3, True, 0)],
    )
    def test_fill_the_card_and_what_is_left_over_begins_the_next(
        self, has: int, gets: int, left: int, *, full: bool
    ) -> None:
        card = a_card(card_type=CardType.STAMP, stamps=has)

        assert stamps.filled_by(card, gets, STAMPS) == stamps.Filled(full, left)

    @given(st.lists(st.integers(1, 3), max_size=30))
    def test_are_none_lost_and_none_won(self, visits: list[int]) -> None:
        card, full = a_card(card_type=CardType.STAMP), 0
        for count in visits:
            filled = stamps.filled_by(card, count, STAMPS)
            full += filled.full
            card = replace(card, stamps=filled.stamps)

        assert full * 3 + card.stamps == sum(visits)


class TestValues:
    @pytest.mark.parametrize(
        ("kind", "right", "wrong"),
        [
            (FieldType.NUMBER, ["1", "-1.5"], ["", "1,5", "x", "1.2.3"]),
            (FieldType.DATE, ["2026-02-28"], ["2026-02-30", "28.2.2026", "20260228"]),
            (FieldType.PHONE, ["+49 30 1234567"], ["12", "call me", "1" * 16]),
            (FieldType.EMAIL, ["ada@example.com"], ["ada", "a@b", "@example.com", "a@b.c@d.e"]),
            (FieldType.CHOICE, ["S"], ["s", ""]),
        ],
    )
    def test_are_what_the_field_asks_for(
        self, kind: FieldType, right: list[str], wrong: list[str]
    ) -> None:
        fields = (CustomField("x", "X", kind, choices=("S",)),)
        for value in right:
            values.check({"x": value}, fields)
        for value in wrong:
            with pytest.raises(Invalid):
                values.check({"x": value}, fields)
