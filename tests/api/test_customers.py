"""Customers: kept, found by what is theirs alone, and unique under concurrency."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.shop import Shop, at_once, moment
from tests.builders import unique
from tests.http import Reply


def an_email() -> str:
    return f"{unique('ada').lower()}@example.com"


def a_phone() -> str:
    """Return a German number that no other test uses."""
    return f"+4930{int(unique(''), 16) % 10**8:08}"


def looked_up(shop: Shop, **by: str) -> list[Any]:
    ((field, value),) = by.items()
    found = shop.find(f"/v1/customers?{field}={quote(value)}")
    assert found["next_cursor"] is None
    return list(found["items"])


EVERYTHING = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "birthday": "1815-12-10",
    "address": {
        "line1": "12 St James's Square",
        "line2": None,
        "city": "London",
        "postal_code": "SW1Y 4JH",
        "region": None,
        "country": "GB",
    },
    "language": "en-GB",
    "consent": {"email": True, "sms": False, "push": True},
    "tags": ["vip", "été"],
    "custom_fields": {"shoe size": "38"},
    "joined_at": "2019-12-10T08:00:00Z",
}


class TestCreate:
    def test_answers_with_itself_and_where_it_is(self, shop: Shop) -> None:
        ids = {"external_id": unique("shop-"), "email": an_email(), "phone": a_phone()}

        reply = shop.api.post("/v1/customers", EVERYTHING | ids)

        assert reply.status == 201
        customer = reply.json
        assert {name: customer[name] for name in EVERYTHING | ids} == EVERYTHING | ids
        assert customer["id"].startswith("cus_")
        assert (customer["status"], customer["currency"]) == ("active", "USD")
        counters = ("lifetime_value_minor", "visits", "coupons_used", "activity_count")
        assert [customer[name] for name in counters] == [0, 0, 0, 1]
        assert reply.headers["location"].endswith(f"/v1/customers/{customer['id']}")
        assert shop.find(reply.headers["location"]) == customer

    def test_needs_nothing_and_joins_now(self, shop: Shop) -> None:
        customer = shop.customer()

        assert customer["joined_at"] == customer["created_at"]
        assert customer["consent"] == {"email": False, "sms": False, "push": False}

    def test_keeps_each_tag_once(self, shop: Shop) -> None:
        assert shop.customer(tags=["b", "a", "b"])["tags"] == ["b", "a"]

    def test_is_the_first_line_of_the_history(self, shop: Shop) -> None:
        customer = shop.customer(joined_at="2019-12-10T08:00:00Z")

        (event,) = shop.history(customer)

        assert event["type"] == "customer.created"
        assert moment(event["occurred_at"]) == moment("2019-12-10T08:00:00Z")
        assert event["recorded_at"] == customer["created_at"]


class TestLookUp:
    def test_finds_the_one_by_what_is_theirs(self, shop: Shop) -> None:
        ids = {"external_id": unique("shop/ü "), "email": an_email(), "phone": a_phone()}
        customer = shop.customer(**ids)
        shop.customer(external_id=unique("shop-"), email=an_email(), phone=a_phone())

        for field, value in ids.items():
            assert looked_up(shop, **{field: value}) == [customer]

    def test_finds_nobody_where_there_is_nobody(self, shop: Shop) -> None:
        assert looked_up(shop, email=an_email()) == []
        assert looked_up(shop, external_id=unique("none-")) == []

    @pytest.mark.parametrize(
        ("stored", "typed"),
        [
            ("Ada.B+{}@Example.COM", "ada.b+{}@example.com"),
            ("{}@bücher.example", "{}@BÜCHER.example"),
        ],
    )
    def test_takes_an_email_in_any_spelling(self, shop: Shop, stored: str, typed: str) -> None:
        name = unique("x")
        customer = shop.customer(email=stored.format(name))

        assert customer["email"] == typed.format(name).lower()
        assert looked_up(shop, email=typed.format(name)) == [customer]

    @pytest.mark.parametrize("typed", ["+49 30 {}", "+49 (30) {}", "+49-30-{}", "+49/30/{}"])
    def test_takes_a_phone_in_any_spelling(self, shop: Shop, typed: str) -> None:
        phone = a_phone()
        customer = shop.customer(phone=typed.format(phone.removeprefix("+4930")))

        assert customer["phone"] == phone
        assert looked_up(shop, phone=typed.format(phone.removeprefix("+4930"))) == [customer]

    def test_tells_external_ids_apart_by_case(self, shop: Shop) -> None:
        external_id = unique("shop-")
        upper, lower = (
            shop.customer(external_id=each) for each in (external_id, external_id.lower())
        )

        assert looked_up(shop, external_id=external_id) == [upper]
        assert looked_up(shop, external_id=external_id.lower()) == [lower]

    def test_is_by_one_thing_at_a_time(self, shop: Shop) -> None:
        reply = shop.api.get("/v1/customers?email=a@example.com&external_id=1")

        assert reply.code == "validation_failed"

    @pytest.mark.parametrize(("field", "value"), [("email", "ada"), ("phone", "030 1234567")])
    def test_of_what_cannot_be_is_refused(self, shop: Shop, field: str, value: str) -> None:
        reply = shop.api.get(f"/v1/customers?{field}={quote(value)}")

        assert reply.code == "validation_failed"
        assert reply.json["errors"][0]["pointer"] == f"/query/{field}"


def change(shop: Shop, customer: Any, **fields: Any) -> Reply:
    return shop.api.patch(f"/v1/customers/{customer['id']}", fields)


CLEARED: list[tuple[str, Any]] = [
    *[(name, None) for name in ("first_name", "last_name", "birthday", "address", "language")],
    *[(name, None) for name in ("external_id", "email", "phone")],
    ("tags", []),
    ("custom_fields", {}),
    ("consent", {"email": False, "sms": False, "push": False}),
]


class TestChange:
    def test_leaves_what_is_absent(self, shop: Shop) -> None:
        customer = shop.customer(**EVERYTHING)

        changed = change(shop, customer, first_name="Augusta Ada").json

        assert changed == customer | {"first_name": "Augusta Ada", "activity_count": 2}
        assert shop.find_customer(customer) == changed

    @pytest.mark.parametrize(("field", "cleared"), CLEARED)
    def test_clears_what_is_null(self, shop: Shop, field: str, cleared: Any) -> None:
        ids = {"external_id": unique("shop-"), "email": an_email(), "phone": a_phone()}
        customer = shop.customer(**EVERYTHING | ids)

        reply = change(shop, customer, **{field: None})

        assert reply.status == 200, reply.raw
        assert reply.json == customer | {field: cleared, "activity_count": 2}

    def test_to_the_same_changes_nothing(self, shop: Shop) -> None:
        customer = shop.customer(**EVERYTHING)
        same = {name: value for name, value in EVERYTHING.items() if name != "joined_at"}

        assert change(shop, customer, **same).json == customer
        assert len(shop.history(customer)) == 1

    @pytest.mark.parametrize("field", ["id", "joined_at", "lifetime_value_minor", "status"])
    def test_is_not_for_what_is_counted_or_given(self, shop: Shop, field: str) -> None:
        customer = shop.customer()

        refused = change(shop, customer, **{field: customer[field]})

        assert refused.code == "validation_failed"
        assert refused.json["errors"][0]["pointer"] == f"/{field}"

    def test_is_a_line_of_the_history_that_names_fields_and_no_values(self, shop: Shop) -> None:
        customer = shop.customer()
        change(shop, customer, first_name="Augusta", last_name="King")

        event = shop.history(customer)[-1]

        assert event["type"] == "customer.updated"
        assert event["detail"] == {"fields": "first_name,last_name"}

    def test_of_two_fields_by_two_callers_at_once_keeps_both(self, shop: Shop) -> None:
        customer = shop.customer()

        replies = at_once(
            lambda: change(shop, customer, first_name="Ada"),
            lambda: change(shop, customer, last_name="Lovelace"),
        )

        assert [reply.status for reply in replies] == [200, 200]
        now = shop.find_customer(customer)
        assert (now["first_name"], now["last_name"]) == ("Ada", "Lovelace")
        assert now["activity_count"] == len(shop.history(customer)) == 3


HANDLES = [("email", an_email), ("phone", a_phone), ("external_id", lambda: unique("shop-"))]


@pytest.mark.parametrize(("field", "make"), HANDLES, ids=[field for field, _ in HANDLES])
class TestWhatBelongsToOneCustomer:
    def test_is_given_once_to_several_who_join_at_the_same_moment(
        self, shop: Shop, field: str, make: Any
    ) -> None:
        body = {field: make()}

        replies = at_once(*[lambda: shop.api.post("/v1/customers", body)] * 4)

        assert sorted(reply.status for reply in replies) == [201, 409, 409, 409]
        assert {reply.code for reply in replies if reply.status == 409} == {"duplicate_customer"}
        (found,) = looked_up(shop, **body)
        assert found == next(reply.json for reply in replies if reply.status == 201)

    def test_is_given_once_to_several_who_change_at_the_same_moment(
        self, shop: Shop, field: str, make: Any
    ) -> None:
        value = make()
        customers = [shop.customer() for _ in range(4)]

        replies = at_once(
            *[lambda each=each: change(shop, each, **{field: value}) for each in customers]
        )

        assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]
        assert sum(shop.find_customer(each)[field] == value for each in customers) == 1

    def test_is_free_again_when_it_is_changed(self, shop: Shop, field: str, make: Any) -> None:
        old, new = make(), make()
        customer = shop.customer(**{field: old})
        assert change(shop, customer, **{field: new}).status == 200

        assert looked_up(shop, **{field: old}) == []
        assert looked_up(shop, **{field: new})[0]["id"] == customer["id"]
        other = shop.customer(**{field: old})
        assert looked_up(shop, **{field: old}) == [other]

    def test_is_free_again_when_it_is_cleared(self, shop: Shop, field: str, make: Any) -> None:
        value = make()
        customer = shop.customer(**{field: value})
        assert change(shop, customer, **{field: None}).status == 200

        assert shop.customer(**{field: value})["id"] != customer["id"]

    def test_stays_when_a_change_is_refused(self, shop: Shop, field: str, make: Any) -> None:
        taken, own = make(), make()
        shop.customer(**{field: taken})
        customer = shop.customer(**{field: own})

        assert change(shop, customer, **{field: taken}).code == "duplicate_customer"
        assert looked_up(shop, **{field: own}) == [customer]

    def test_may_be_sent_again_by_its_owner(self, shop: Shop, field: str, make: Any) -> None:
        value = make()
        customer = shop.customer(**{field: value})

        assert change(shop, customer, **{field: value}, first_name="Ada").status == 200
