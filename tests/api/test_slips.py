"""A typing slip in a code that we made is told from the code alone, before anything is read."""

import pytest

from chalicelib.core.callers.callers import Role
from chalicelib.core.coupons import codes
from tests.api.shop import Shop, with_key
from tests.api.test_storefront import Page
from tests.builders import unique
from tests.conftest import a_key


def a_generated_code(shop: Shop) -> str:
    """Return a code of our own form, with letters enough to be none of another system's numbers."""
    reward = shop.reward()
    path = f"/v1/rewards/{reward['id']}/coupons"
    reply = shop.api.post(f"{path}/generate", {"count": 20}, headers=with_key(unique("key-")))
    assert reply.status == 201, reply.raw
    found = [coupon["code"] for coupon in shop.find(path)["items"]]
    return str(next(code for code in found if sum(each.isalpha() for each in code) > 2))


def slip_of(code: str) -> str:
    """Return the code with two characters that changed places."""
    at = next(at for at in range(len(code)) if code[at] != code[at + 1])
    return code[:at] + code[at + 1] + code[at] + code[at + 2 :]


class TestASlip:
    def test_is_told_before_any_read(self, own_shop: Shop) -> None:
        shop = own_shop
        code = a_generated_code(shop)
        # The settings are kept since.
        shop.redeem(code)

        for typed in (slip_of(code), slip_of(code).lower(), "-".join(slip_of(code))):
            reply = shop.api.get(f"/v1/coupons/{typed}")
            assert (reply.status, reply.code) == (404, "coupon_not_found")
            assert "slip" in reply.json["fix"]
            assert shop.services.capacity.round_trips == 0
            assert shop.redeem(typed).code == "coupon_not_found"
            assert shop.services.capacity.round_trips == 0
            assert shop.validate(typed)["refusal"]["code"] == "coupon_not_found"
            assert shop.services.capacity.round_trips == 0

    def test_is_told_to_a_stranger_like_every_other_refusal(self, own_shop: Shop) -> None:
        shop = own_shop
        code = a_generated_code(shop)
        assert shop.find_coupon(code)["status"] == "unassigned"
        page = Page(shop.api.with_token(a_key(shop.services, Role.STOREFRONT)))

        replies = [page.redeem(typed) for typed in (slip_of(code), "NO-SUCH-CODE")]

        assert [reply.code for reply in replies] == ["coupon_not_usable"] * 2
        said = [{**reply.json, "instance": None} for reply in replies]
        assert said[0] == said[1]

    def test_does_not_hide_codes_of_another_system_that_look_like_one(self, own_shop: Shop) -> None:
        shop = own_shop
        ours = a_generated_code(shop)
        assert shop.api.get(f"/v1/coupons/{slip_of(ours)}").code == "coupon_not_found"
        foreign = slip_of(ours)
        assert codes.is_slip(foreign)

        shop.coupon(code=foreign)

        assert shop.find_coupon(foreign.lower())["code"] == foreign
        shop.api.get(f"/v1/coupons/{slip_of(slip_of(ours)[::-1])}")
        assert shop.services.capacity.round_trips > 0

    @pytest.mark.parametrize("code", ["CODE-THAT-NOBODY-HAS", "234567892345"])
    def test_is_not_seen_in_codes_of_another_form(self, own_shop: Shop, code: str) -> None:
        own_shop.find("/v1/settings")

        assert own_shop.api.get(f"/v1/coupons/{code}").code == "coupon_not_found"
        assert own_shop.services.capacity.round_trips > 0

    def test_changes_no_settings_that_are_shown(self, own_shop: Shop) -> None:
        before = own_shop.find("/v1/settings")

        own_shop.coupon(code=slip_of(a_generated_code(own_shop)))

        assert own_shop.find("/v1/settings") == before
        own_shop.set_settings(language="de")
        settings = own_shop.services.context.rules.settings(now=own_shop.services.now())
        assert settings.foreign_codes
