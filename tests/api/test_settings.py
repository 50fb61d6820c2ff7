"""The settings of the business."""

from typing import Any

import pytest

from tests.api.shop import Shop

DEFAULTS = {
    "business_name": "My business",
    "currency": "USD",
    "time_zone": "UTC",
    "language": "en",
    "late_upload_limit_hours": 72,
}
OTHERS = {
    "business_name": "Café Ada",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "language": "de-DE",
    "late_upload_limit_hours": 20 * 366 * 24,
}


class TestSettings:
    def test_have_defaults_until_somebody_sets_them(self, own_shop: Shop) -> None:
        assert own_shop.find("/v1/settings") == DEFAULTS

    def test_are_replaced_as_a_whole(self, own_shop: Shop) -> None:
        reply = own_shop.api.put("/v1/settings", OTHERS)

        assert (reply.status, reply.json) == (200, OTHERS)
        assert own_shop.find("/v1/settings") == OTHERS

    def test_are_in_force_at_once(self, own_shop: Shop) -> None:
        own_shop.set_settings(currency="EUR")

        assert own_shop.customer()["currency"] == "EUR"
        assert own_shop.reward(currency="EUR")["currency"] == "EUR"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("currency", "eur"),
            ("currency", "EURO"),
            ("time_zone", "Mars/Olympus"),
            ("time_zone", "../../etc/passwd"),
            ("late_upload_limit_hours", -1),
            ("late_upload_limit_hours", 10**9),
            ("late_upload_limit_hours", 1.5),
            ("business_name", ""),
            ("language", "en\n"),
            ("quiet", True),
        ],
    )
    def test_refuse_what_they_cannot_be(self, shop: Shop, field: str, value: Any) -> None:
        reply = shop.api.put("/v1/settings", DEFAULTS | {field: value})

        assert reply.code == "validation_failed"
        assert [fault["pointer"] for fault in reply.json["errors"]] == [f"/{field}"]
        assert shop.find("/v1/settings") == DEFAULTS
