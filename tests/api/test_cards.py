"""Cards: issued, changed, converted, stamped, deleted, each with what belongs to it."""

from typing import Any

import pytest

from tests.api.conftest import Contents
from tests.api.shop import Shop
from tests.builders import NOON, unique

FAR = "2099-01-01T00:00:00Z"


def _events(shop: Shop, customer: Any) -> list[str]:
    return [event["type"] for event in shop.history(customer)]


def _card(shop: Shop, serial: str) -> Any:
    return shop.find(f"/v1/cards/{serial}")


def _linked(shop: Shop, **fields: Any) -> tuple[Any, Any]:
    """Return a coupon template whose cards turn into those of the other, a stamp template."""
    stamp = shop.template("stamp")
    return shop.template("coupon", linked_template_id=stamp["id"], **fields), stamp


def _coupon_card(shop: Shop, template: Any, customer: Any) -> Any:
    shop.coupon({"id": template["reward_id"]})
    return shop.card(template, customer=customer)


class TestIssue:
    def test_of_a_coupon_card_claims_a_coupon_and_keeps_the_holder(self, shop: Shop) -> None:
        reward = shop.reward()
        code = shop.coupon(reward)
        customer = shop.customer(first_name="Ada", last_name="Lovelace")

        card = shop.card(
            shop.template(reward=reward),
            customer=customer,
            utm={"utm_source": "flyer"},
        )

        assert card["code"] == code
        assert (card["type"], card["status"], card["void"]) == ("coupon", "not_installed", False)
        assert card["holder"] == {"first_name": "Ada", "last_name": "Lovelace"}
        assert card["utm"] == {"utm_source": "flyer"}
        coupon = shop.find_coupon(code)
        assert (coupon["status"], coupon["customer_id"]) == ("claimed", customer["id"])
        assert _events(shop, customer)[-2:] == ["coupon.claimed", "card.issued"]
        assert shop.find_customer(customer)["activity_count"] == len(shop.history(customer))

    def test_takes_a_coupon_that_the_customer_has(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        code = shop.coupon(reward, customer=customer)

        card = shop.card(shop.template(reward=reward), customer=customer, code=code.lower())

        assert card["code"] == code
        assert _events(shop, customer)[-1] == "card.issued"

    def test_shows_a_coupon_on_one_card_only(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        template = shop.template(reward=reward)
        code = shop.coupon(reward, customer=customer)
        shop.card(template, customer=customer, code=code)

        body = {"template_id": template["id"], "customer_id": customer["id"], "code": code}
        reply = shop.api.post("/v1/cards", body)

        assert (reply.status, reply.code) == (409, "coupon_already_claimed")

    def test_happens_once_per_key(self, shop: Shop) -> None:
        template, customer = shop.template("stamp"), shop.customer()
        body = {"template_id": template["id"], "customer_id": customer["id"]}
        headers = {"Idempotency-Key": unique("key-")}

        first, again = (shop.api.post("/v1/cards", body, headers=headers) for _ in range(2))

        assert first.json == again.json
        assert len(shop.find(f"/v1/customers/{customer['id']}/cards")["items"]) == 1

    @pytest.mark.parametrize(
        ("values", "pointer"),
        [
            ({"size": "XXL"}, "/custom_values/size"),
            ({"born": "2026-02-30"}, "/custom_values/born"),
            ({"unknown": "x"}, "/custom_values/unknown"),
        ],
    )
    def test_refuses_values_that_the_template_does_not_ask_for(
        self, shop: Shop, values: dict[str, str], pointer: str
    ) -> None:
        fields = [
            {"key": "size", "label": "Size", "type": "choice", "choices": ["S", "L"]},
            {"key": "born", "label": "Born", "type": "date"},
        ]
        template = shop.template("stamp", custom_fields=fields)
        customer = shop.customer()

        body = {"template_id": template["id"], "customer_id": customer["id"]}
        reply = shop.api.post("/v1/cards", body | {"custom_values": values})

        assert (reply.status, reply.code) == (422, "validation_failed")
        assert [error["pointer"] for error in reply.json["errors"]] == [pointer]


class TestConversion:
    @pytest.mark.parametrize(("credits_visit", "stamps"), [(False, 0), (True, 1)])
    def test_happens_with_the_redemption(
        self, shop: Shop, *, credits_visit: bool, stamps: int
    ) -> None:
        template, stamp = _linked(shop, conversion_credits_visit=credits_visit)
        customer = shop.customer()
        card = _coupon_card(shop, template, customer)

        redemption = shop.redeemed(card["code"], amount_minor=1000)

        assert redemption["changed"]["card"] == {
            "serial": card["serial"],
            "type": "stamp",
            "shown_template_id": stamp["id"],
            "stamps": stamps,
        }
        after = _card(shop, card["serial"])
        assert (after["type"], after["stamps"]) == ("stamp", stamps)
        assert (after["template_id"], after["shown_template_id"]) == (template["id"], stamp["id"])
        assert not after["void"]
        assert _events(shop, customer)[-2:] == ["coupon.redeemed", "card.converted"]
        assert shop.find_customer(customer)["activity_count"] == len(shop.history(customer))

    def test_is_undone_with_the_redemption(self, shop: Shop) -> None:
        template, _ = _linked(shop, conversion_credits_visit=True)
        customer = shop.customer()
        card = _coupon_card(shop, template, customer)
        shop.redeemed(card["code"])

        assert shop.unredeem(card["code"]).status == 200

        after = _card(shop, card["serial"])
        assert (after["type"], after["stamps"], after["void"]) == ("coupon", 0, False)
        assert after["shown_template_id"] == template["id"]
        assert _events(shop, customer)[-2:] == ["coupon.unredeemed", "card.converted"]
        shop.redeemed(card["code"])
        assert _card(shop, card["serial"])["type"] == "stamp"

    def test_stays_once_the_card_was_used(self, shop: Shop) -> None:
        template, _ = _linked(shop)
        card = _coupon_card(shop, template, shop.customer())
        shop.redeemed(card["code"])
        shop.api.made(f"/v1/cards/{card['serial']}/stamps", {})

        reply = shop.unredeem(card["code"])

        assert (reply.status, reply.code) == (409, "linked_card_in_use")
        assert shop.find_coupon(card["code"])["status"] == "redeemed"
        assert _card(shop, card["serial"])["stamps"] == 1

    def test_happens_in_an_order_of_several_coupons(self, shop: Shop) -> None:
        template, _ = _linked(shop)
        customer = shop.customer()
        card = _coupon_card(shop, template, customer)
        other = shop.coupon(customer=customer)

        reply = shop.api.post(
            f"/v1/orders/{unique('O-')}/redemptions",
            {"amount_minor": 5000, "coupons": [{"code": card["code"]}, {"code": other}]},
        )

        assert reply.status in (200, 201), reply.raw
        assert _card(shop, card["serial"])["type"] == "stamp"
        assert shop.find_customer(customer)["activity_count"] == len(shop.history(customer))

    def test_leaves_a_card_without_a_link_void(self, shop: Shop) -> None:
        template = shop.template()
        card = _coupon_card(shop, template, shop.customer())

        shop.redeemed(card["code"])

        after = _card(shop, card["serial"])
        assert (after["type"], after["void"]) == ("coupon", True)

    def test_costs_a_redemption_no_read_once_the_rules_are_known(self, shop: Shop) -> None:
        template, _ = _linked(shop)
        customer = shop.customer()
        cards = [_coupon_card(shop, template, customer) for _ in range(2)]
        shop.redeemed(cards[0]["code"])

        shop.services.capacity.reset()
        shop.redeemed(cards[1]["code"])

        assert shop.services.capacity.round_trips == 2


class TestSerial:
    """A till scans the card: its serial stands for the code."""

    def test_redeems_the_coupon_of_the_card(self, shop: Shop) -> None:
        card = _coupon_card(shop, shop.template(), shop.customer())

        assert shop.validate(card["serial"])["applicable"]
        redemption = shop.redeemed(card["serial"], amount_minor=1000)

        assert redemption["code"] == card["code"]
        reply = shop.redeem(card["serial"])
        assert (reply.status, reply.code) == (409, "coupon_already_redeemed")

    def test_of_a_card_without_a_coupon_is_no_code(self, shop: Shop) -> None:
        reply = shop.redeem(shop.card(shop.template("stamp"))["serial"])

        assert (reply.status, reply.code) == (404, "coupon_not_found")


class TestStamps:
    def test_fill_the_card_which_gives_its_reward_and_starts_again(self, shop: Shop) -> None:
        reward, customer = shop.reward(), shop.customer()
        code = shop.coupon(reward)
        card = shop.card(shop.template("stamp", reward=reward), customer=customer)
        path = f"/v1/cards/{card['serial']}/stamps"

        two = shop.api.made(path, {"count": 2})
        full = shop.api.made(path, {"count": 2})

        assert (two["stamps"], two["rewards_given"]) == (2, 0)
        assert (full["stamps"], full["rewards_given"]) == (1, 1)
        assert shop.find_coupon(code)["customer_id"] == customer["id"]
        assert _events(shop, customer)[-3:] == ["card.stamped", "coupon.claimed", "card.stamped"]
        assert shop.find_customer(customer)["activity_count"] == len(shop.history(customer))

    def test_are_not_lost_when_there_is_no_reward_to_give(self, shop: Shop) -> None:
        card = shop.card(shop.template("stamp"))
        path = f"/v1/cards/{card['serial']}/stamps"
        shop.api.made(path, {"count": 2})

        reply = shop.api.post(path, {})

        assert (reply.status, reply.code) == (409, "pool_empty")
        assert _card(shop, card["serial"])["stamps"] == 2

    def test_are_given_once_per_key(self, shop: Shop) -> None:
        card = shop.card(shop.template("stamp"))
        headers = {"Idempotency-Key": unique("key-")}

        for _ in range(2):
            reply = shop.api.post(f"/v1/cards/{card['serial']}/stamps", {}, headers=headers)

        assert (reply.status, reply.json["stamps"]) == (200, 1)

    def test_that_would_fill_the_card_twice_are_refused(self, shop: Shop) -> None:
        card = shop.card(shop.template("stamp"))

        reply = shop.api.post(f"/v1/cards/{card['serial']}/stamps", {"count": 6})

        assert (reply.status, reply.code) == (422, "validation_failed")


class TestChange:
    def test_of_the_end_of_a_coupon_card_is_that_of_its_coupon(self, shop: Shop) -> None:
        customer = shop.customer()
        card = _coupon_card(shop, shop.template(), customer)

        reply = shop.api.call("PATCH", f"/v1/cards/{card['serial']}", {"expires_at": FAR})

        assert reply.json["expires_at"] == "2099-01-01T00:00:00Z"
        assert shop.find_coupon(card["code"])["expires_at"] == "2099-01-01T00:00:00Z"
        assert _events(shop, customer)[-1] == "coupon.expiry_changed"

    def test_of_the_end_of_a_redeemed_coupon_card_is_refused(self, shop: Shop) -> None:
        card = _coupon_card(shop, shop.template(), shop.customer())
        shop.redeemed(card["code"])

        reply = shop.api.call("PATCH", f"/v1/cards/{card['serial']}", {"expires_at": FAR})

        assert (reply.status, reply.code) == (409, "coupon_already_redeemed")

    def test_of_the_end_of_a_stamp_card_is_its_own(self, shop: Shop) -> None:
        customer = shop.customer()
        card = shop.card(shop.template("stamp"), customer=customer)

        reply = shop.api.call("PATCH", f"/v1/cards/{card['serial']}", {"expires_at": FAR})

        assert reply.json["expires_at"] == "2099-01-01T00:00:00Z"
        assert _events(shop, customer)[-1] == "card.expiry_changed"

    def test_of_what_is_chosen_names_promotions_of_the_template(self, shop: Shop) -> None:
        promotion = {"id": "sale", "title": "Sale", "text": "Now", "chosen_only": True}
        card = shop.card(shop.template("stamp", promotions=[promotion]))
        path = f"/v1/cards/{card['serial']}"

        right = shop.api.call("PATCH", path, {"promotions": ["sale"]})
        wrong = shop.api.call("PATCH", path, {"promotions": ["none"]})

        assert right.json["promotions"] == ["sale"]
        assert (wrong.status, wrong.code) == (422, "validation_failed")

    def test_on_condition_of_an_older_card_is_refused(self, shop: Shop) -> None:
        card = shop.card(shop.template("stamp"))
        path = f"/v1/cards/{card['serial']}"
        etag = shop.api.get(path).headers["etag"]
        shop.api.made(f"{path}/stamps", {})

        reply = shop.api.call("PATCH", path, {"expires_at": FAR}, headers={"If-Match": etag})

        assert (reply.status, reply.code) == (412, "precondition_failed")


class TestDeletion:
    def test_takes_the_claimed_coupon_out_of_use(self, shop: Shop) -> None:
        customer = shop.customer()
        card = _coupon_card(shop, shop.template(), customer)

        reply = shop.api.call("DELETE", f"/v1/cards/{card['serial']}")

        assert (reply.json["status"], reply.json["void"]) == ("deleted", True)
        assert shop.find_coupon(card["code"])["status"] == "invalid"
        assert _events(shop, customer)[-2:] == ["coupon.invalidated", "card.deleted"]
        assert shop.find_customer(customer)["activity_count"] == len(shop.history(customer))

    def test_leaves_a_used_coupon_what_it_is(self, shop: Shop) -> None:
        template, _ = _linked(shop)
        customer = shop.customer()
        card = _coupon_card(shop, template, customer)
        shop.redeemed(card["code"])

        shop.api.call("DELETE", f"/v1/cards/{card['serial']}")

        assert shop.find_coupon(card["code"])["status"] == "redeemed"
        assert shop.unredeem(card["code"]).status == 200
        assert _card(shop, card["serial"])["status"] == "deleted"
        shop.redeemed(card["code"])

    def test_is_final(self, shop: Shop, contents: Any) -> None:
        card = shop.card(shop.template("stamp"))
        path = f"/v1/cards/{card['serial']}"
        shop.api.call("DELETE", path)
        before: Contents = contents()

        for reply in (
            shop.api.call("DELETE", path),
            shop.api.call("PATCH", path, {"expires_at": FAR}),
            shop.api.post(f"{path}/stamps", {}),
        ):
            assert (reply.status, reply.code) == (409, "card_deleted")
        assert contents() == before


class TestTransfer:
    def test_of_the_coupon_leaves_the_card_of_the_giver_void(self, shop: Shop) -> None:
        template, _ = _linked(shop)
        card = _coupon_card(shop, template, shop.customer())
        receiver = shop.customer()

        shop.api.made(f"/v1/coupons/{card['code']}/transfer", {"customer_id": receiver["id"]})
        shop.redeemed(card["code"])

        after = _card(shop, card["serial"])
        assert (after["type"], after["void"]) == ("coupon", True)


class TestList:
    def test_is_of_one_customer_newest_first(self, shop: Shop) -> None:
        clock = shop.stop_clock(NOON)
        template, customer = shop.template("stamp"), shop.customer()
        serials = []
        for _ in range(3):
            serials.append(shop.card(template, customer=customer)["serial"])
            clock.moment = clock.moment.replace(minute=clock.moment.minute + 1)

        first = shop.find(f"/v1/customers/{customer['id']}/cards?limit=2")
        rest = shop.find(
            f"/v1/customers/{customer['id']}/cards?limit=2&cursor={first['next_cursor']}"
        )

        found = [card["serial"] for page in (first, rest) for card in page["items"]]
        assert found == serials[::-1]
