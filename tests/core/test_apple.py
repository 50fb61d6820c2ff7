"""The contents of a pass, as Apple's documentation wants them."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.core.cards.cards import Card, CardStatus, Holder
from chalicelib.core.cards.templates import (
    CardTemplate,
    CardType,
    Design,
    Location,
    Promotion,
)
from chalicelib.core.coupons.coupons import CardRef, Coupon, CouponStatus
from chalicelib.core.wallets import apple
from chalicelib.core.wallets.apple import Issuer
from chalicelib.core.wallets.showing import Showing
from tests import builders
from tests.builders import JOINED, NOON, some_settings

ISSUER = Issuer("pass.com.example.shop", "TEAM123456")
URL = "https://api.example/v1/wallets/apple"
SECOND = timedelta(seconds=1)


def a_card(**changes: Any) -> Card:
    """Ada's card of a coupon."""
    card = Card(
        serial="crd_1",
        template_id="tpl_1",
        shown_template_id="tpl_1",
        card_type=CardType.COUPON,
        customer_id="cus_ada",
        issued_at=JOINED,
        shown_at=JOINED,
        secret="s" * 43,
        code="SPRING-10",
        version=1,
    )
    return replace(card, **changes)


def a_coupon(**changes: Any) -> Coupon:
    """The coupon of Ada's card."""
    return builders.a_coupon(**{"card": CardRef("crd_1", "tpl_1"), **changes})


def a_template(**changes: Any) -> CardTemplate:
    template = CardTemplate("tpl_1", "Spring", CardType.COUPON, JOINED, reward_id="rwd_1")
    return replace(template, **changes)


def a_showing(**changes: Any) -> Showing:
    showing = Showing(
        a_card(), a_template(), a_coupon(), some_settings(business_name="Café Ada"), NOON
    )
    return replace(showing, **changes)


def a_stamp_showing(**changes: Any) -> Showing:
    card = a_card(card_type=CardType.STAMP, code=None, **changes)
    template = a_template(card_type=CardType.STAMP, stamps_needed=10)
    return a_showing(card=card, template=template, coupon=None)


def contents(showing: Showing) -> Any:
    return apple.contents(showing, issuer=ISSUER, service_url=URL)


def fields(found: Any) -> dict[str, Any]:
    style = found.get("coupon") or found["storeCard"]
    return {field["key"]: field for part in style.values() for field in part}


class TestContents:
    def test_have_every_required_key(self) -> None:
        found = contents(a_showing())

        assert found["formatVersion"] == 1
        assert found["passTypeIdentifier"] == "pass.com.example.shop"
        assert found["teamIdentifier"] == "TEAM123456"
        assert found["serialNumber"] == "crd_1"
        assert found["organizationName"] == "Café Ada"
        assert found["description"] == "Spring"
        assert json.loads(json.dumps(found)) == found

    @pytest.mark.parametrize("card_type", list(CardType))
    def test_have_exactly_one_style(self, card_type: CardType) -> None:
        found = contents(a_showing(card=a_card(card_type=card_type)))

        wanted = "coupon" if card_type is CardType.COUPON else "storeCard"
        assert [style for style in ("coupon", "storeCard") if style in found] == [wanted]

    def test_say_where_to_ask_for_changes_and_with_what(self) -> None:
        found = contents(a_showing())

        assert found["webServiceURL"] == URL
        assert found["authenticationToken"] == "s" * 43

    def test_show_the_code_of_the_coupon(self) -> None:
        (barcode,) = contents(a_showing())["barcodes"]

        assert barcode["format"] == "PKBarcodeFormatQR"
        assert (barcode["message"], barcode["messageEncoding"]) == ("SPRING-10", "iso-8859-1")

    @pytest.mark.parametrize("card_type", [CardType.STAMP, CardType.POINTS])
    def test_show_the_card_itself_once_it_is_no_coupon(self, card_type: CardType) -> None:
        (barcode,) = contents(a_showing(card=a_card(card_type=card_type)))["barcodes"]

        assert barcode["message"] == "crd_1"

    def test_write_colours_as_wallet_does(self) -> None:
        design = Design("#1f3a5f", "#ffffff", "#c9d6e6", "ADA")
        found = contents(a_showing(template=a_template(design=design)))

        assert found["backgroundColor"] == "rgb(31, 58, 95)"
        assert found["foregroundColor"] == "rgb(255, 255, 255)"
        assert found["labelColor"] == "rgb(201, 214, 230)"
        assert found["logoText"] == "ADA"

    def test_name_ten_places_at_most(self) -> None:
        places = tuple(Location(float(n), 13.4, "Near" if n else None) for n in range(12))
        found = contents(a_showing(template=a_template(locations=places)))

        assert len(found["locations"]) == 10
        assert found["locations"][0] == {"latitude": 0.0, "longitude": 13.4}
        assert found["locations"][1]["relevantText"] == "Near"

    def test_count_the_stamps(self) -> None:
        found = contents(a_stamp_showing(stamps=3))

        stamps = found["storeCard"]["headerFields"][0]
        assert stamps["value"] == "3/10"
        assert "%@" in stamps["changeMessage"]

    def test_name_the_holder(self) -> None:
        found = contents(a_showing(card=a_card(holder=Holder("Ada", "Lovelace"))))

        assert fields(found)["holder"]["value"] == "Ada Lovelace"

    @given(
        card_type=st.sampled_from(CardType),
        status=st.sampled_from(CouponStatus),
        state=st.sampled_from([CardStatus.DELETED, CardStatus.INSTALLED]),
        texts=st.text(max_size=5),
    )
    def test_give_each_field_a_key_of_its_own(
        self, card_type: CardType, status: CouponStatus, state: CardStatus, texts: str
    ) -> None:
        card = a_card(card_type=card_type, status=state, expires_at=NOON, holder=Holder("A"))
        template = a_template(description=texts, terms=texts, stamps_needed=5)
        found = contents(a_showing(card=card, template=template, coupon=a_coupon(status=status)))

        style = found.get("coupon") or found["storeCard"]
        keys = [field["key"] for part in style.values() for field in part]
        assert len(keys) == len(set(keys))
        assert len(style["primaryFields"]) == 1
        assert len(style["secondaryFields"] + style["auxiliaryFields"]) <= 4
        assert all("%@" in field.get("changeMessage", "%@") for field in fields(found).values())


class TestExpiry:
    def test_is_that_of_the_coupon_without_fractions(self) -> None:
        end = NOON + timedelta(days=3, milliseconds=250)
        found = contents(a_showing(coupon=a_coupon(expires_at=end)))

        assert found["expirationDate"] == "2026-04-01T12:00:00Z"

    def test_is_that_of_a_card_that_is_no_coupon(self) -> None:
        found = contents(a_stamp_showing(expires_at=NOON + SECOND))

        assert found["expirationDate"] == "2026-03-29T12:00:01Z"

    def test_is_left_out_where_there_is_none(self) -> None:
        found = contents(a_showing())

        assert "expirationDate" not in found
        assert "expires" not in fields(found)

    def test_is_shown_on_the_clock_of_the_business(self) -> None:
        coupon, settings = a_coupon(expires_at=NOON), some_settings(time_zone="Europe/Berlin")
        field = fields(contents(a_showing(coupon=coupon, settings=settings)))["expires"]

        assert field["value"] == "2026-03-29T14:00:00+02:00"
        assert re.search(r"[+-]\d\d:\d\d$", field["value"])
        assert field["ignoresTimeZone"] is True
        assert "%@" in field["changeMessage"]


class TestVoid:
    @pytest.mark.parametrize(
        ("status", "word"),
        [
            (CouponStatus.REDEEMED, "Redeemed"),
            (CouponStatus.EXPIRED, "Expired"),
            (CouponStatus.INVALID, "Withdrawn"),
        ],
    )
    def test_is_a_coupon_that_cannot_be_used(self, status: CouponStatus, word: str) -> None:
        found = contents(a_showing(coupon=a_coupon(status=status)))

        assert found["voided"] is True
        assert fields(found)["status"]["value"] == word
        assert "%@" in fields(found)["status"]["changeMessage"]

    def test_is_a_coupon_whose_end_nobody_recorded_yet(self) -> None:
        assert contents(a_showing(coupon=a_coupon(expires_at=NOON)))["voided"] is True
        assert "voided" not in contents(a_showing(coupon=a_coupon(expires_at=NOON + SECOND)))

    def test_is_a_coupon_that_somebody_else_has(self) -> None:
        assert contents(a_showing(coupon=a_coupon(customer_id="cus_bob")))["voided"] is True
        assert contents(a_showing(coupon=None))["voided"] is True

    def test_is_a_deleted_card(self) -> None:
        found = contents(a_showing(card=a_card(status=CardStatus.DELETED)))

        assert found["voided"] is True
        assert fields(found)["status"]["value"] == "Withdrawn"

    def test_is_a_card_that_ended(self) -> None:
        assert contents(a_stamp_showing(expires_at=NOON))["voided"] is True
        assert "voided" not in contents(a_stamp_showing(expires_at=NOON + SECOND))

    def test_is_not_the_card_that_a_redeemed_coupon_card_became(self) -> None:
        card = a_card(card_type=CardType.STAMP, converted_by="rdm_1")
        found = contents(a_showing(card=card, coupon=a_coupon(status=CouponStatus.REDEEMED)))

        assert "voided" not in found

    def test_is_nothing_that_can_still_be_used(self) -> None:
        found = contents(a_showing())

        assert "voided" not in found
        assert "status" not in fields(found)


class TestPromotions:
    def test_are_shown_on_the_back_while_they_last(self) -> None:
        template = a_template(
            promotions=(
                Promotion("p1", "Now", "Half price", NOON, NOON + SECOND),
                Promotion("p2", "Later", "x", NOON + SECOND),
                Promotion("p3", "Over", "x", None, NOON),
            )
        )
        back = contents(a_showing(template=template))["coupon"]["backFields"]

        assert [(field["label"], field["value"]) for field in back[:-1]] == [("Now", "Half price")]
        assert "%@" in back[0]["changeMessage"]

    def test_for_chosen_cards_are_on_those_only(self) -> None:
        template = a_template(promotions=(Promotion("p1", "Sale", "x", chosen_only=True),))

        others = contents(a_showing(template=template))
        chosen = contents(a_showing(template=template, card=a_card(promotions=("p1",))))
        assert "promotion.p1" not in fields(others)
        assert "promotion.p1" in fields(chosen)
