"""Classes and objects of Google Wallet, held against Google's published schema."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.cards.cards import CardStatus, Holder
from chalicelib.core.cards.templates import CardType, Location, Promotion
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.wallets import google
from chalicelib.core.wallets.google import Issuer, ObjectKind
from chalicelib.core.wallets.showing import Showing
from tests.builders import NOON, some_settings
from tests.core.test_apple import a_card, a_coupon, a_showing, a_stamp_showing, a_template
from tests.gateways import google_schema

ISSUER = Issuer("3388000000000000001", "https://shop.example/logo.png")
URL = "https://api.example/v1/wallets/google/callbacks"
SECOND = timedelta(seconds=1)


def class_of(**template: Any) -> dict[str, Any]:
    settings = some_settings(business_name="Café Ada")
    made = google.class_of(a_template(**template), settings, issuer=ISSUER, callback_url=URL)
    assert made.resource_id == made.body["id"]
    kind = "OfferClass" if made.body.get("title") else "LoyaltyClass"
    google_schema.check(kind, without_none(made.body))
    google_schema.check(kind, made.body, whole=False)
    return made.body


def object_of(showing: Showing) -> dict[str, Any]:
    made = google.object_of(showing, issuer=ISSUER)
    assert made.resource_id == made.body["id"]
    kind = "OfferObject" if google.kind_of(showing.card) is ObjectKind.OFFER else "LoyaltyObject"
    google_schema.check(kind, without_none(made.body))
    google_schema.check(kind, made.body, whole=False)
    return made.body


def ended(showing: Showing) -> dict[str, Any] | None:
    made = google.ended_object_of(showing, issuer=ISSUER)
    if made is None:
        return None
    kind = "LoyaltyObject" if made.resource_id.endswith("loyalty") else "OfferObject"
    google_schema.check(kind, made.body, whole=False)
    return made.body


def without_none(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


def a_converted_showing(**card: Any) -> Showing:
    """Ada's coupon card, redeemed and by that a stamp card."""
    changes = {"card_type": CardType.STAMP, "shown_template_id": "tpl_2", "converted_by": "rdm_1"}
    return a_showing(
        card=a_card(**changes | card),
        template=a_template(template_id="tpl_2", card_type=CardType.STAMP, stamps_needed=10),
        coupon=a_coupon(status=CouponStatus.REDEEMED),
    )


class TestClass:
    def test_of_coupons_is_an_offer(self) -> None:
        found = class_of(title="Ten off", description="All tea", terms="Once")

        assert found == {
            "id": "3388000000000000001.tpl_1",
            "issuerName": "Café Ada",
            "reviewStatus": "UNDER_REVIEW",
            "hexBackgroundColor": "#1f3a5f",
            "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
            "callbackOptions": {"url": URL},
            "title": "Ten off",
            "provider": "Café Ada",
            "redemptionChannel": "BOTH",
            "details": "All tea",
            "finePrint": "Once",
        }

    @pytest.mark.parametrize("card_type", [CardType.STAMP, CardType.POINTS])
    def test_of_other_cards_is_loyalty(self, card_type: CardType) -> None:
        found = class_of(card_type=card_type, title="Tea club", terms="Free")

        assert found["programName"] == "Tea club"
        assert found["programLogo"] == {"sourceUri": {"uri": ISSUER.logo_url}}
        assert found["textModulesData"] == [{"id": "terms", "header": "Terms", "body": "Free"}]

    def test_names_no_locations(self) -> None:
        assert "merchantLocations" not in class_of(locations=(Location(52.5, 13.4, "Near"),))


class TestObject:
    def test_of_a_coupon_card(self) -> None:
        end = NOON + timedelta(days=3)
        found = object_of(a_showing(coupon=a_coupon(expires_at=end)))

        assert found == {
            "id": "3388000000000000001.crd_1.offer",
            "classId": "3388000000000000001.tpl_1",
            "state": "ACTIVE",
            "barcode": {"type": "QR_CODE", "value": "SPRING-10", "alternateText": "SPRING-10"},
            "validTimeInterval": {"end": {"date": "2026-04-01T12:00:00.000Z"}},
            "textModulesData": [],
        }

    def test_of_a_stamp_card(self) -> None:
        holder = Holder("Ada", "Lovelace")
        found = object_of(a_stamp_showing(stamps=3, rewards_given=2, holder=holder))

        assert found["id"] == "3388000000000000001.crd_1.loyalty"
        assert found["barcode"]["value"] == "crd_1"
        assert (found["accountId"], found["accountName"]) == ("crd_1", "Ada Lovelace")
        assert found["loyaltyPoints"] == {"label": "Stamps", "balance": {"string": "3/10"}}
        assert found["secondaryLoyaltyPoints"] == {"label": "Rewards", "balance": {"int": 2}}

    def test_of_a_points_card(self) -> None:
        card, template = a_card(card_type=CardType.POINTS), a_template(card_type=CardType.POINTS)
        found = object_of(a_showing(card=card, template=template, coupon=None))

        assert found["state"] == "ACTIVE"
        assert "loyaltyPoints" not in found

    def test_takes_an_end_away_that_it_has_no_more(self) -> None:
        found = object_of(a_showing())

        assert "validTimeInterval" in found
        assert found["validTimeInterval"] is None

    def test_announces_promotions(self) -> None:
        promotions = (
            Promotion("p1", "Now", "Half price", NOON, NOON + SECOND),
            Promotion("p2", "Later", "x", NOON + SECOND),
            Promotion("p3", "Chosen", "x", chosen_only=True),
        )
        found = object_of(a_showing(template=a_template(promotions=promotions)))

        assert found["textModulesData"] == [
            {"id": "promotion_p1", "header": "Now", "body": "Half price"}
        ]
        assert re.fullmatch(r"[A-Za-z0-9_-]+", found["textModulesData"][0]["id"])

    @given(
        card_type=st.sampled_from(CardType),
        status=st.sampled_from([CouponStatus.CLAIMED, CouponStatus.REDEEMED, CouponStatus.INVALID]),
        state=st.sampled_from(CardStatus),
        text=st.text(max_size=5),
        days=st.none() | st.integers(-5, 5),
    )
    def test_is_what_google_takes(
        self,
        card_type: CardType,
        status: CouponStatus,
        state: CardStatus,
        text: str,
        days: int | None,
    ) -> None:
        end = None if days is None else NOON + timedelta(days=days)
        card = a_card(card_type=card_type, status=state, expires_at=end, holder=Holder(text))
        needed = 5 if card_type is CardType.STAMP else None
        template = a_template(card_type=card_type, terms=text, title=text, stamps_needed=needed)
        coupon = a_coupon(status=status, expires_at=end)
        showing = a_showing(card=card, template=template, coupon=coupon)

        class_of(card_type=card_type, terms=text, description=text)
        object_of(showing)
        ended(showing)


class TestState:
    @pytest.mark.parametrize(
        ("status", "state"),
        [
            (CouponStatus.CLAIMED, "ACTIVE"),
            (CouponStatus.REDEEMED, "COMPLETED"),
            (CouponStatus.EXPIRED, "EXPIRED"),
            (CouponStatus.INVALID, "INACTIVE"),
        ],
    )
    def test_of_an_offer_is_that_of_its_coupon(self, status: CouponStatus, state: str) -> None:
        assert object_of(a_showing(coupon=a_coupon(status=status)))["state"] == state

    def test_expires_from_the_instant_on(self) -> None:
        assert object_of(a_showing(coupon=a_coupon(expires_at=NOON)))["state"] == "EXPIRED"
        assert object_of(a_showing(coupon=a_coupon(expires_at=NOON + SECOND)))["state"] == "ACTIVE"
        assert object_of(a_stamp_showing(expires_at=NOON))["state"] == "EXPIRED"
        assert object_of(a_stamp_showing(expires_at=NOON + SECOND))["state"] == "ACTIVE"

    def test_of_a_coupon_that_somebody_else_has_is_inactive(self) -> None:
        assert object_of(a_showing(coupon=a_coupon(customer_id="cus_bob")))["state"] == "INACTIVE"
        assert object_of(a_showing(coupon=None))["state"] == "INACTIVE"

    def test_of_a_deleted_card_is_inactive(self) -> None:
        assert object_of(a_stamp_showing(status=CardStatus.DELETED))["state"] == "INACTIVE"
        deleted = a_card(status=CardStatus.DELETED)
        assert object_of(a_showing(card=deleted))["state"] == "INACTIVE"


class TestConversion:
    def test_makes_a_card_of_loyalty_of_the_template_that_it_shows(self) -> None:
        found = object_of(a_converted_showing(stamps=1))

        assert found["id"] == "3388000000000000001.crd_1.loyalty"
        assert found["classId"] == "3388000000000000001.tpl_2"
        assert found["state"] == "ACTIVE"
        assert found["barcode"]["value"] == "crd_1"

    def test_completes_the_offer_with_a_link_to_it(self) -> None:
        assert ended(a_converted_showing()) == {
            "id": "3388000000000000001.crd_1.offer",
            "state": "COMPLETED",
            "linkedObjectIds": ["3388000000000000001.crd_1.loyalty"],
        }

    def test_of_a_card_that_was_deleted_links_nothing(self) -> None:
        found = ended(a_converted_showing(status=CardStatus.DELETED))

        assert found == {"id": "3388000000000000001.crd_1.offer", "state": "INACTIVE"}

    def test_that_was_undone_ends_the_card_of_loyalty(self) -> None:
        showing = a_showing(template=a_template(linked_template_id="tpl_2"))

        assert object_of(showing)["state"] == "ACTIVE"
        assert ended(showing) == {"id": "3388000000000000001.crd_1.loyalty", "state": "INACTIVE"}

    def test_of_cards_that_never_were_anything_else_ends_nothing(self) -> None:
        assert ended(a_showing()) is None
        assert ended(a_stamp_showing()) is None
