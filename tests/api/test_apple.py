"""Apple's web service, walked through by a phone; see wallet protocols of Apple."""

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.cards.cards import CardStatus
from chalicelib.core.changes import ref
from chalicelib.core.customers.accounts import Account, Standing
from chalicelib.core.wallets.devices import Device, Registration
from tests.api import phones
from tests.api.phones import Phone, issue, opened
from tests.api.shop import Shop, at_once

SECOND = timedelta(seconds=1)


@pytest.fixture
def phone(shop: Shop) -> Phone:
    """A phone at a business that has a certificate."""
    phones.sign_passes(shop)
    return Phone(shop.api)


def device_of(shop: Shop, phone: Phone) -> Device | None:
    name = ref(Device, phone.device_id)
    return shop.services.store.read(name).find(name)


def events(shop: Shop, customer: Any) -> list[str]:
    return [each["type"] for each in shop.history(customer) if each["type"].startswith("card.")]


class TestProtocol:
    def test_from_the_first_pass_to_the_last(self, shop: Shop, phone: Phone) -> None:
        card = issue(shop)

        first = phone.get(card)
        assert opened(first.raw)["serialNumber"] == card.serial
        assert phone.register(card).status == 201
        assert phone.list().json["serialNumbers"] == [card.serial]
        assert phone.list().status == 204
        assert phone.get(card).status == 304

        changed = phones.stamp(shop, card, 3)
        assert phone.list().json["serialNumbers"] == [card.serial]
        again = phone.get(changed)
        assert again.status == 200
        assert opened(again.raw)["storeCard"]["headerFields"][0]["value"] == "3/10"
        assert phone.list().status == 204
        assert phone.get(card).status == 304

        assert phone.unregister(card).status == 200
        assert phone.list().status == 204

    def test_of_a_coupon_card_that_turns_into_another(self, shop: Shop, phone: Phone) -> None:
        customer, stamps = shop.customer(), shop.template("stamp")
        reward = shop.reward()
        code = shop.coupon(reward, customer=customer)
        template = shop.template(reward=reward, linked_template_id=stamps["id"])
        serial = shop.card(template, customer=customer, code=code)["serial"]
        card = phones.find(shop, serial)
        phone.register(card)
        phone.list()
        before = opened(phone.get(card).raw)

        shop.stop_clock(card.shown_at + 2 * SECOND)
        shop.redeemed(code)

        assert phone.list().json["serialNumbers"] == [serial]
        after = opened(phone.get(card).raw)
        assert "coupon" in before
        assert "storeCard" in after
        assert "voided" not in after
        same = ("serialNumber", "authenticationToken", "passTypeIdentifier", "webServiceURL")
        assert [before[name] for name in same] == [after[name] for name in same]


class TestRegister:
    def test_is_new_once(self, shop: Shop, phone: Phone) -> None:
        card = issue(shop)

        assert [phone.register(card).status for _ in range(3)] == [201, 200, 200]
        assert phones.find(shop, card.serial).installations == 1

    def test_keeps_the_newest_push_token(self, shop: Shop, phone: Phone) -> None:
        card = issue(shop)
        phone.register(card)
        phone.push_token = "c0ffee"

        assert phone.register(card).status == 200
        device = device_of(shop, phone)
        assert device is not None
        assert (device.push_token, device.passes) == ("c0ffee", 1)

    def test_with_another_pass_names_one_device(self, shop: Shop, phone: Phone) -> None:
        first, second = issue(shop), issue(shop)
        phone.register(first)
        phone.push_token = "c0ffee"

        assert phone.register(second).status == 201
        device = device_of(shop, phone)
        assert device is not None
        assert (device.push_token, device.passes) == ("c0ffee", 2)

    def test_installs_the_card(self, shop: Shop, phone: Phone) -> None:
        customer = shop.customer()
        card = issue(shop, customer=customer)
        before = shop.services.store.read(ref(Account, customer["id"]))

        phone.register(card)

        assert phones.find(shop, card.serial).status is CardStatus.INSTALLED
        (event,) = [e for e in shop.history(customer) if e["type"] == "card.installed"]
        assert event["channel"] == "wallet"
        assert event["detail"]["serial"] == card.serial
        assert event["detail"]["wallet"] == "apple"
        name = ref(Account, customer["id"])
        account, was = shop.services.store.read(name).find(name), before.find(name)
        assert account is not None
        assert was is not None
        assert account.activity_count == was.activity_count + 1

    def test_from_a_second_phone_installs_nothing_new(self, shop: Shop, phone: Phone) -> None:
        customer = shop.customer()
        card = issue(shop, customer=customer)
        phone.register(card)

        assert Phone(shop.api).register(card).status == 201
        assert phones.find(shop, card.serial).installations == 2
        assert events(shop, customer) == ["card.issued", "card.installed"]

    @pytest.mark.parametrize("standing", [Standing.EXCLUDED, Standing.DELETED])
    def test_goes_on_for_customers_who_take_no_part(
        self, shop: Shop, phone: Phone, standing: Standing
    ) -> None:
        customer = shop.customer()
        card = issue(shop, customer=customer)
        shop.set_standing(customer, standing)

        assert phone.register(card).status == 201

    def test_of_a_deleted_card_leaves_it_deleted(self, shop: Shop, phone: Phone) -> None:
        customer = shop.customer()
        card = issue(shop, customer=customer)
        assert shop.api.delete(f"/v1/cards/{card.serial}").status == 200

        assert phone.register(card).status == 201
        found = phones.find(shop, card.serial)
        assert (found.status, found.installations) == (CardStatus.DELETED, 1)
        assert phone.unregister(card).status == 200
        assert phones.find(shop, card.serial).status is CardStatus.DELETED
        assert events(shop, customer) == ["card.issued", "card.deleted"]

    def test_of_many_passes_at_once_counts_them_all(self, shop: Shop, phone: Phone) -> None:
        cards = [issue(shop) for _ in range(4)]

        replies = at_once(*((lambda card=card: phone.register(card)) for card in cards))

        assert {reply.status for reply in replies} == {201}
        device = device_of(shop, phone)
        assert device is not None
        assert device.passes == 4
        assert set(phone.list().json["serialNumbers"]) == {card.serial for card in cards}

    @pytest.mark.parametrize(
        "raw",
        [b"", b"{", b"[]", b'"x"', b"{}", b'{"pushToken": 7}', b'{"pushToken": "xyz"}', b"\xff"],
    )
    def test_without_a_token_of_a_device_is_refused(
        self, shop: Shop, phone: Phone, raw: bytes
    ) -> None:
        card = issue(shop)

        assert phone.register(card, raw=raw).status in {400, 422}
        assert device_of(shop, phone) is None

    def test_takes_what_apple_may_add(self, shop: Shop, phone: Phone) -> None:
        raw = json.dumps({"pushToken": "00ff", "future": [1]}).encode()

        assert phone.register(issue(shop), raw=raw).status == 201


class TestUnregister:
    def test_said_twice_is_the_same(self, shop: Shop, phone: Phone) -> None:
        customer = shop.customer()
        card = issue(shop, customer=customer)
        phone.register(card)

        assert [phone.unregister(card).status for _ in range(2)] == [200, 200]
        assert device_of(shop, phone) is None
        found = phones.find(shop, card.serial)
        assert (found.status, found.installations) == (CardStatus.NOT_INSTALLED, 0)
        assert events(shop, customer) == ["card.issued", "card.installed", "card.removed"]

    def test_before_it_was_registered_is_nothing(self, shop: Shop, phone: Phone) -> None:
        card = issue(shop)

        assert phone.unregister(card).status == 200
        assert phone.register(card).status == 201

    def test_of_one_pass_leaves_the_others(self, shop: Shop, phone: Phone) -> None:
        first, second = issue(shop), issue(shop)
        phone.register(first)
        phone.register(second)

        phone.unregister(first)

        assert phone.list().json["serialNumbers"] == [second.serial]
        device = device_of(shop, phone)
        assert device is not None
        assert device.passes == 1

    def test_of_one_phone_leaves_the_card_installed(self, shop: Shop, phone: Phone) -> None:
        card, other = issue(shop), Phone(shop.api)
        phone.register(card)
        other.register(card)

        phone.unregister(card)

        found = phones.find(shop, card.serial)
        assert (found.status, found.installations) == (CardStatus.INSTALLED, 1)
        assert other.list().status == 200


class TestToken:
    def test_of_another_card_opens_nothing(self, shop: Shop, phone: Phone) -> None:
        card, other = issue(shop), issue(shop)

        for reply in (
            phone.register(card, token=other.secret),
            phone.unregister(card, token=other.secret),
            phone.get(card, token=other.secret),
        ):
            assert (reply.status, reply.code) == (401, "unauthenticated")
        assert phones.find(shop, card.serial).installations == 0

    def test_that_is_wrong_and_a_serial_that_nobody_has_look_alike(
        self, shop: Shop, phone: Phone
    ) -> None:
        card = issue(shop)
        wrong = phone.get(card, token="wrong")
        unknown = phone.get(replace(card, serial="crd_none"))

        assert wrong.status == unknown.status == 401
        assert without_id(wrong.json) == without_id(unknown.json)

    @pytest.mark.parametrize(
        "header", ["", "ApplePass", "ApplePass ", "ApplePass é", "Bearer {}", "{}", "WalletPass {}"]
    )
    def test_in_another_shape_is_none(self, shop: Shop, phone: Phone, header: str) -> None:
        card = issue(shop)
        sent = {"Authorization": header.format(card.secret)}

        assert phone.get(card, headers=sent).status == 401

    def test_is_of_one_pass_type(self, shop: Shop, phone: Phone) -> None:
        card = issue(shop)
        phone.pass_type_id = "pass.com.example.other"

        assert phone.register(card).status == 401
        assert phone.get(card).status == 401
        assert phone.list().status == 204

    def test_opens_nothing_without_a_certificate(self, shop: Shop) -> None:
        phone, card = Phone(shop.api), issue(shop)

        assert phone.register(card).status == 401
        assert phone.get(card).status == 401
        assert phone.list().status == 204


class TestList:
    @pytest.mark.parametrize("tag", ["", "x", "-1", "1.5", "9" * 40, "%C3%A9", "%00", "1e9"])
    def test_takes_a_tag_that_is_none_of_ours_for_none(
        self, shop: Shop, phone: Phone, tag: str
    ) -> None:
        card = issue(shop)
        phone.register(card)

        assert phone.list(since=tag).json["serialNumbers"] == [card.serial]

    def test_names_what_changed_only(self, shop: Shop, phone: Phone) -> None:
        first, second = issue(shop), issue(shop)
        phone.register(first)
        phone.register(second)
        phone.list()

        phones.change(shop, second, shown_at=max(first.shown_at, second.shown_at) + SECOND)

        reply = phone.list()
        assert reply.json["serialNumbers"] == [second.serial]
        assert reply.json["lastUpdated"].isdigit()

    def test_of_a_device_that_nobody_knows_is_empty(self, phone: Phone) -> None:
        assert phone.list().status == 204

    def test_asks_for_no_token(self, shop: Shop, phone: Phone) -> None:
        card = issue(shop)
        phone.register(card)
        path = f"/devices/{phone.device_id}/registrations/{phone.pass_type_id}"

        assert phone.call("GET", path).status == 200
        assert phone.call("GET", path, token="wrong").status == 200

    def test_goes_on_past_a_page(self, shop: Shop, phone: Phone) -> None:
        card = issue(shop)
        phone.register(card)
        serials = [f"{card.serial}_{n:03}" for n in range(101)]
        more = [replace(card, serial=serial, version=0) for serial in serials]
        rows = [Registration(phone.device_id, each.serial, card.issued_at) for each in more]
        for each, row in zip(more, rows, strict=True):
            shop.services.store.note(each)
            shop.services.store.note(row)

        assert len(phone.list().json["serialNumbers"]) == 102


class TestPass:
    def test_says_where_the_phone_asks(self, shop: Shop, phone: Phone) -> None:
        card = issue(shop)
        found = opened(phone.get(card, headers={"Host": "api.example"}).raw)

        assert found["webServiceURL"] == "http://api.example/v1/wallets/apple"
        assert found["authenticationToken"] == card.secret
        secure = {"Host": "api.example", "X-Forwarded-Proto": "https"}
        again = opened(Phone(shop.api).get(card, headers=secure).raw)
        assert again["webServiceURL"] == "https://api.example/v1/wallets/apple"

    def test_of_a_coupon_is_void_once_it_is_redeemed(self, shop: Shop, phone: Phone) -> None:
        customer = shop.customer()
        code = shop.coupon(customer=customer)
        card = issue(shop, customer=customer, code=code)
        found = opened(phone.get(card).raw)
        assert "voided" not in found
        assert found["barcodes"][0]["message"] == code

        shop.redeemed(code)

        assert opened(Phone(shop.api).get(card).raw)["voided"] is True

    def test_has_the_name_of_the_business(self, own_shop: Shop) -> None:
        phones.sign_passes(own_shop)
        own_shop.set_settings(business_name="Café Ada")

        found = opened(Phone(own_shop.api).get(issue(own_shop)).raw)

        assert found["organizationName"] == "Café Ada"

    def test_is_dated_by_the_second(self, shop: Shop, phone: Phone) -> None:
        shown_at = shop.services.now().replace(microsecond=250_000)
        card = phones.change(shop, issue(shop), shown_at=shown_at)

        reply = phone.get(card)

        date = parsedate_to_datetime(reply.headers["last-modified"])
        assert date == shown_at.replace(microsecond=0)
        assert phone.get(card).status == 304
        assert phone.get(card).headers["last-modified"] == reply.headers["last-modified"]

    def test_of_before_is_not_what_the_phone_has(self, shop: Shop, phone: Phone) -> None:
        card = issue(shop)
        date = "Sat, 01 Jan 2022 00:00:00 GMT"

        assert phone.get(card, headers={"If-Modified-Since": date}).status == 200

    @pytest.mark.parametrize(
        "date", ["", "x", "0", "1700000000", "Sun, 99 Nov 9999 99:99:99 GMT", "2026-11-22", "é"]
    )
    def test_does_not_mind_a_date_that_is_none(self, shop: Shop, phone: Phone, date: str) -> None:
        assert phone.get(issue(shop), headers={"If-Modified-Since": date}).status == 200

    @pytest.mark.parametrize("accept", ["*/*", "", "application/json", "text/html, */*;q=0.1"])
    def test_is_sent_whatever_is_accepted(self, shop: Shop, phone: Phone, accept: str) -> None:
        reply = phone.get(issue(shop), headers={"Accept": accept})

        assert opened(reply.raw)


class TestLog:
    def test_is_taken_without_credentials(
        self, shop: Shop, phone: Phone, capsys: pytest.CaptureFixture[str]
    ) -> None:
        said = f"Register task (device {phone.device_id}) encountered error: Authentication failure"

        assert phone.log(json.dumps({"logs": [said]}).encode()).status == 200

        (line,) = said_in(capsys)
        assert line["said"].endswith("encountered error: Authentication failure")
        assert phone.device_id not in line["said"]

    def test_takes_the_bare_list_of_other_clients(
        self, phone: Phone, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert phone.log(b'["one", 2, "three"]').status == 200

        assert [line["said"] for line in said_in(capsys)] == ["one", "three"]

    @pytest.mark.parametrize(
        "raw",
        [b"", b"{", b"\xff", b"7", b"null", b'{"logs": 7}', b'{"logs": [[]]}', b"[" * 100_000],
        ids=str,
    )
    def test_takes_anything(self, phone: Phone, raw: bytes) -> None:
        assert phone.log(raw).status == 200

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
    def test_takes_any_type(self, phone: Phone, kind: str) -> None:
        assert phone.log(b'{"logs": ["x"]}', **{"Content-Type": kind}).status == 200

    def test_keeps_no_more_than_somewhat(
        self, phone: Phone, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = ["word " * 1000] * 100

        assert phone.log(json.dumps(lines[:10]).encode()).status == 200
        assert {len(line["said"]) for line in said_in(capsys)} == {500}
        assert phone.log(json.dumps(["x"] * 1000).encode()).status == 200
        assert len(said_in(capsys)) == 20
        assert phone.log(json.dumps(lines).encode()).status == 200
        assert [line["said"] for line in said_in(capsys)] == ["(too much)"]


class TestGarbage:
    @pytest.mark.parametrize("value", ["%00", "%FF", "a%2Fb", "%F0%9F%98%80", "x" * 600, "%20"])
    def test_in_a_path_is_never_our_fault(self, phone: Phone, value: str) -> None:
        for method, path in (
            ("POST", f"/devices/{value}/registrations/{phone.pass_type_id}/{value}"),
            ("DELETE", f"/devices/{value}/registrations/{value}/{value}"),
            ("GET", f"/devices/{value}/registrations/{phone.pass_type_id}"),
            ("GET", f"/passes/{phone.pass_type_id}/{value}"),
        ):
            raw = b'{"pushToken": "00"}'
            assert phone.call(method, path, token="x", raw=raw).status in {204, 401, 422}


def without_id(problem: Any) -> Any:
    return {name: value for name, value in problem.items() if name != "instance"}


def said_in(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line["event"] == "wallet.apple_said"]
