import pytest

from chalicelib.core import settings
from chalicelib.core.errors import Invalid
from tests.builders import some_settings


class TestCurrency:
    @pytest.mark.parametrize("currency", [None, "EUR"])
    def test_may_be_left_out_or_be_the_businesss(self, currency: str | None) -> None:
        settings.check_currency(currency, settings=some_settings(currency="EUR"))

    @pytest.mark.parametrize("currency", ["USD", "eur", ""])
    def test_of_another_country_is_refused(self, currency: str) -> None:
        with pytest.raises(Invalid) as caught:
            settings.check_currency(currency, settings=some_settings(currency="EUR"))

        assert caught.value.code == "currency_mismatch"
        assert caught.value.facts == {"currency": "EUR"}
        assert caught.value.faults[0].pointer == "/currency"


class TestTimeZone:
    @pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"])
    def test_is_a_name_of_the_database(self, name: str) -> None:
        settings.check_time_zone(name)

    @pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "CET+1", "utc "])
    def test_is_nothing_else(self, name: str) -> None:
        with pytest.raises(Invalid) as caught:
            settings.check_time_zone(name)

        assert caught.value.faults[0].pointer == "/time_zone"


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "text"),
        [
            (800, "USD", "8.00"),
            (5, "EUR", "0.05"),
            (0, "EUR", "0.00"),
            (1234567, "USD", "12345.67"),
            (800, "JPY", "800"),
            (800, "KWD", "0.800"),
            (12345, "CLF", "1.2345"),
        ],
    )
    def test_has_as_many_decimals_as_its_currency(
        self, amount: int, currency: str, text: str
    ) -> None:
        assert settings.money(amount, currency=currency) == text
