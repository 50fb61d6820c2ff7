"""Every refusal that the API documents: how it is provoked, and what its problem must say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.core.callers import tries
from chalicelib.core.callers.callers import Role
from chalicelib.core.changes import Changes, Contention, ref
from chalicelib.core.coupons.coupons import CouponStatus, HeldUse
from chalicelib.core.customers.accounts import Standing
from chalicelib.core.outbox import deliveries
from chalicelib.core.outbox.deliveries import Delivery
from chalicelib.core.outbox.messages import Subscriber
from chalicelib.core.pages import Page, PageRequest
from chalicelib.core.webhooks.webhooks import WEBHOOKS_MAX, Webhook
from chalicelib.usecases.ports import Store
from tests.api.googles import PATH as CALLBACKS
from tests.api.googles import Google
from tests.api.shop import Shop, from_now, with_key
from tests.builders import NOON, unique
from tests.conftest import ORIGIN, a_key, services_on
from tests.http import Api, Reply
from tests.twins import LocalFiles
from tools.dynamodb_local import free_port

FAR = "2099-01-01T00:00:00.000Z"
PAST = "2020-01-01T00:00:00.000Z"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request that is refused. ``api`` None is the shop's own."""

    method: str
    path: str
    body: Any = None
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    api: Api | None = None

    def send(self, shop: Shop) -> Reply:
        return (self.api or shop.api).call(
            self.method, self.path, self.body, raw=self.raw, headers=self.headers
        )


def post(path: str, body: Any = None, **more: Any) -> Sent:
    return Sent(method="POST", path=path, body=body, **more)


def get(path: str, **more: Any) -> Sent:
    return Sent(method="GET", path=path, **more)


def redemption(code: str, **body: Any) -> Sent:
    return post(f"/v1/coupons/{code}/redemptions", body)


def generation(reward: Any, body: Any) -> Sent:
    path = f"/v1/rewards/{reward['id']}/coupons/generate"
    return post(path, body, headers={"Idempotency-Key": unique("key-")})


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What must be said: ``pointer`` where a field is to blame, ``facts`` that decided it."""

    code: str
    status: int
    case: str
    provoke: Callable[[Shop], Sent]
    pointer: str | None
    facts: tuple[str, ...]
    headers: tuple[str, ...]
    redeems: bool

    @property
    def name(self) -> str:
        return f"{self.code}: {self.case}"


REFUSALS: list[Refusal] = []


def refused(  # noqa: PLR0913 # a refusal has as many sides
    status: int,
    code: str,
    *,
    pointer: str | None = None,
    facts: tuple[str, ...] = (),
    headers: tuple[str, ...] = (),
    redeems: bool = False,
) -> Callable[[Callable[[Shop], Sent]], Callable[[Shop], Sent]]:
    """Note that what the function returns, when it is sent, is refused with ``code``.

    ``redeems``: it is a redemption, and a rule of the domain says no to it.
    """

    def note(provoke: Callable[[Shop], Sent]) -> Callable[[Shop], Sent]:
        case = provoke.__name__.replace("_", " ")
        REFUSALS.append(
            Refusal(
                code=code,
                status=status,
                case=case,
                provoke=provoke,
                pointer=pointer,
                facts=facts,
                headers=headers,
                redeems=redeems,
            )
        )
        return provoke

    return note


# 400


@refused(400, "malformed_body")
def no_json(shop: Shop) -> Sent:
    return post("/v1/customers", raw=b"{")


@refused(400, "malformed_body")
def no_object(shop: Shop) -> Sent:
    return post("/v1/customers", raw=b"[]")


@refused(400, "malformed_body")
def no_utf_8(shop: Shop) -> Sent:
    return post("/v1/customers", raw=b'{"first_name": "\xff"}')


@refused(400, "malformed_body")
def nested_too_deeply(shop: Shop) -> Sent:
    return post("/v1/customers", raw=b'{"first_name":' + b"[" * 9000 + b"]" * 9000 + b"}")


@refused(400, "invalid_cursor", pointer="/query/cursor")
def a_forged_cursor(shop: Shop) -> Sent:
    for _ in range(2):
        shop.reward(status="draft")
    cursor = shop.find("/v1/rewards?limit=1")["next_cursor"]
    forged = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    return get(f"/v1/rewards?cursor={forged}")


# 401, 403, 405


@refused(401, "unauthenticated", headers=("www-authenticate",))
def no_key(shop: Shop) -> Sent:
    return get("/v1/rewards", api=shop.api.with_token(None))


@refused(401, "unauthenticated", headers=("www-authenticate",))
def a_key_that_nobody_has(shop: Shop) -> Sent:
    return get("/v1/rewards", api=shop.api.with_token("cpk_00000000000000000000000000_x"))


@refused(401, "unauthenticated", headers=("www-authenticate",))
def a_revoked_key(shop: Shop) -> Sent:
    key = shop.api.made("/v1/api-keys", {"name": "till", "role": "cashier"})
    assert shop.api.delete(f"/v1/api-keys/{key['id']}").status == 200
    return get("/v1/rewards", api=shop.api.with_token(key["key"]))


@refused(403, "forbidden")
def a_role_that_may_not(shop: Shop) -> Sent:
    key = shop.api.made("/v1/api-keys", {"name": "till", "role": "cashier"})
    return post("/v1/customers", {}, api=shop.api.with_token(key["key"]))


@refused(405, "method_not_allowed", headers=("allow",))
def a_method_that_the_path_does_not_take(shop: Shop) -> Sent:
    return Sent(method="DELETE", path="/v1/customers")


# 404


@refused(404, "customer_not_found")
def an_unknown_customer(shop: Shop) -> Sent:
    return get("/v1/customers/cus_nobody")


@refused(404, "customer_not_found", pointer="/customer_id")
def a_claim_by_nobody(shop: Shop) -> Sent:
    return post(f"/v1/coupons/{shop.coupon()}/claim", {"customer_id": "cus_nobody"})


def _transferred(code: str, **receiver: Any) -> Sent:
    return post(f"/v1/coupons/{code}/transfer", receiver)


@refused(404, "customer_not_found", pointer="/customer_id")
def a_transfer_to_nobody(shop: Shop) -> Sent:
    return _transferred(shop.coupon(customer=shop.customer()), customer_id="cus_nobody")


@refused(404, "customer_not_found", pointer="/email")
def a_transfer_to_nobodys_email(shop: Shop) -> Sent:
    return _transferred(shop.coupon(customer=shop.customer()), email="nobody@example.com")


@refused(404, "customer_not_found", pointer="/customer_id", redeems=True)
def a_printed_coupon_for_nobody(shop: Shop) -> Sent:
    code = shop.coupon(shop.reward(claim_on_redeem=True))
    return redemption(code, customer_id="cus_nobody")


@refused(404, "coupon_not_found", redeems=True)
def an_unknown_code(shop: Shop) -> Sent:
    return redemption(unique("NOBODYS-"))


@refused(404, "coupon_not_found")
def what_cannot_be_a_code(shop: Shop) -> Sent:
    return get("/v1/coupons/%C3%BC%2F..")


@refused(404, "reward_not_found")
def an_unknown_reward(shop: Shop) -> Sent:
    return get("/v1/rewards/rwd_none")


@refused(404, "reward_not_found")
def coupons_for_an_unknown_reward(shop: Shop) -> Sent:
    return post("/v1/rewards/rwd_none/coupons", {"coupons": [{"code": unique("CODE")}]})


@refused(404, "redemption_not_found")
def an_unknown_redemption(shop: Shop) -> Sent:
    return get(f"/v1/coupons/{shop.coupon()}/redemptions/rdm_none")


@refused(404, "redemption_not_found", pointer="/redemption_id")
def taking_back_a_redemption_of_another_coupon(shop: Shop) -> Sent:
    customer, reward = shop.customer(), shop.reward()
    one, other = (shop.coupon(reward, customer=customer) for _ in range(2))
    shop.redeemed(one)
    redeemed = shop.redeemed(other)
    return post(f"/v1/coupons/{one}/unredeem", {"redemption_id": redeemed["id"]})


@refused(404, "api_key_not_found")
def an_unknown_api_key(shop: Shop) -> Sent:
    return Sent(method="DELETE", path="/v1/api-keys/key_none")


# Imports and exports


def a_draft(shop: Shop) -> str:
    body = {"reward_id": shop.reward()["id"]}
    return f"/v1/imports/{shop.api.made('/v1/imports', body)['import']['id']}"


def an_upload(shop: Shop, data: bytes = b"code\nABCD-1\n") -> str:
    path = a_draft(shop)
    files = shop.services.files
    assert isinstance(files, LocalFiles)
    files.put(f"imports/{path.rpartition('/')[2]}/upload.csv", data)
    return path


def a_running_import(shop: Shop) -> str:
    path = an_upload(shop)
    shop.api.post(f"{path}/start", headers=with_key(unique("key")))
    return path


@refused(404, "import_not_found")
def an_import_that_does_not_exist(shop: Shop) -> Sent:
    return get("/v1/imports/imp_none")


@refused(404, "import_not_found")
def the_start_of_an_import_that_does_not_exist(shop: Shop) -> Sent:
    return post("/v1/imports/imp_none/start", headers=with_key(unique("key")))


@refused(404, "reward_not_found")
def an_import_into_nothing(shop: Shop) -> Sent:
    return post("/v1/imports", {"reward_id": "rwd_none"})


@refused(409, "reward_not_active", facts=("reward_status",))
def an_import_into_an_archived_reward(shop: Shop) -> Sent:
    return post("/v1/imports", {"reward_id": shop.reward(status="archived")["id"]})


@refused(409, "file_not_uploaded", facts=("import_status",))
def a_start_without_a_file(shop: Shop) -> Sent:
    return post(f"{a_draft(shop)}/start", headers=with_key(unique("key")))


@refused(409, "file_not_uploaded", facts=("import_status",))
def a_preview_without_a_file(shop: Shop) -> Sent:
    return get(f"{a_draft(shop)}/preview")


@refused(422, "column_not_found", pointer="/mapping/code", facts=("columns",))
def a_mapping_to_a_column_that_is_not_there(shop: Shop) -> Sent:
    path = an_upload(shop)
    shop.api.call("PATCH", path, {"mapping": {"code": "Voucher"}})
    return get(f"{path}/preview")


@refused(409, "import_started", facts=("import_status",))
def other_options_for_an_import_that_runs(shop: Shop) -> Sent:
    return Sent(method="PATCH", path=a_running_import(shop), body={"delimiter": ";"})


@refused(409, "import_started", facts=("import_status",))
def another_file_for_an_import_that_runs(shop: Shop) -> Sent:
    return post(f"{a_running_import(shop)}/upload")


@refused(409, "import_started", facts=("import_status",))
def a_second_start(shop: Shop) -> Sent:
    return post(f"{a_running_import(shop)}/start", headers=with_key(unique("key")))


@refused(409, "import_finished", facts=("import_status",))
def a_second_cancellation(shop: Shop) -> Sent:
    path = a_draft(shop)
    shop.api.post(f"{path}/cancel")
    return post(f"{path}/cancel")


@refused(409, "import_not_finished", facts=("import_status",))
def refused_rows_of_an_import_that_runs(shop: Shop) -> Sent:
    return get(f"{a_running_import(shop)}/refused")


@refused(404, "export_not_found")
def an_export_that_does_not_exist(shop: Shop) -> Sent:
    return get("/v1/exports/exp_none")


@refused(404, "reward_not_found")
def an_export_of_nothing(shop: Shop) -> Sent:
    return post("/v1/exports", {"kind": "coupons", "reward_id": "rwd_none"})


# 409: the coupon


@refused(
    409,
    "coupon_already_redeemed",
    facts=("coupon_status", "redeemed_at", "redemption_id", "order_id"),
    redeems=True,
)
def a_coupon_used_before(shop: Shop) -> Sent:
    code = shop.coupon(customer=shop.customer())
    shop.redeemed(code, order_id=unique("order-"))
    return redemption(code)


@refused(409, "coupon_expired", facts=("coupon_status", "expires_at"), redeems=True)
def a_coupon_past_its_expiry(shop: Shop) -> Sent:
    return redemption(shop.coupon(customer=shop.customer(), expires_at=PAST))


@refused(409, "coupon_expired", facts=("coupon_status", "expires_at"))
def a_claim_past_the_expiry(shop: Shop) -> Sent:
    customer = shop.customer()
    code = shop.coupon(expires_at=PAST)
    return post(f"/v1/coupons/{code}/claim", {"customer_id": customer["id"]})


@refused(409, "coupon_expired", facts=("coupon_status", "expires_at"))
def another_expiry_past_the_expiry(shop: Shop) -> Sent:
    code = shop.coupon(expires_at=PAST)
    return Sent(method="PATCH", path=f"/v1/coupons/{code}", body={"expires_at": FAR})


@refused(409, "coupon_invalid", facts=("coupon_status",), redeems=True)
def a_coupon_taken_out_of_use(shop: Shop) -> Sent:
    code = shop.coupon(customer=shop.customer())
    shop.set_coupon(code, status=CouponStatus.INVALID)
    return redemption(code)


@refused(409, "coupon_unassigned", facts=("coupon_status",), redeems=True)
def a_coupon_that_nobody_has(shop: Shop) -> Sent:
    customer = shop.customer()
    return redemption(shop.coupon(), customer_id=customer["id"])


@refused(409, "coupon_unassigned", pointer="/customer_id", facts=("coupon_status",), redeems=True)
def a_printed_coupon_without_a_customer(shop: Shop) -> Sent:
    return redemption(shop.coupon(shop.reward(claim_on_redeem=True)))


@refused(409, "coupon_not_redeemed", facts=("coupon_status",))
def taking_back_what_was_not_used(shop: Shop) -> Sent:
    return post(f"/v1/coupons/{shop.coupon(customer=shop.customer())}/unredeem", {})


@refused(409, "coupon_not_redeemed", pointer="/redemption_id", facts=("redemption_id",))
def taking_back_twice(shop: Shop) -> Sent:
    reward = shop.reward(usage_limit=2)
    code = shop.coupon(reward, customer=shop.customer())
    first, _ = shop.redeemed(code), shop.redeemed(code)
    assert shop.unredeem(code, redemption_id=first["id"]).status == 200
    return post(f"/v1/coupons/{code}/unredeem", {"redemption_id": first["id"]})


@refused(409, "coupon_already_claimed", facts=("coupon_status",))
def a_second_claim(shop: Shop) -> Sent:
    customer = shop.customer()
    code = shop.coupon(customer=customer)
    return post(f"/v1/coupons/{code}/claim", {"customer_id": customer["id"]})


@refused(409, "coupon_held", facts=("lapses_at", "held"))
def a_transfer_of_what_an_order_counts_on(shop: Shop) -> Sent:
    code = shop.coupon(customer=shop.customer())
    lapses_at = shop.services.now() + timedelta(minutes=5)
    shop.set_coupon(code, holds=(HeldUse("hld_1", lapses_at, "order-1"),))
    return _transferred(code, customer_id=shop.customer()["id"])


@refused(409, "coupon_already_claimed", pointer="/customer_id", facts=("coupon_status",))
def a_transfer_to_the_customer_who_has_it(shop: Shop) -> Sent:
    customer = shop.customer()
    return _transferred(shop.coupon(customer=customer), customer_id=customer["id"])


@refused(409, "coupon_already_claimed", pointer="/email", facts=("coupon_status",))
def a_transfer_to_the_email_of_who_has_it(shop: Shop) -> Sent:
    email = f"{unique('ada').lower()}@example.com"
    return _transferred(shop.coupon(customer=shop.customer(email=email)), email=email.upper())


# 409: the customer


@refused(409, "wrong_customer", pointer="/customer_id", redeems=True)
def the_coupon_of_somebody_else(shop: Shop) -> Sent:
    code, other = shop.coupon(customer=shop.customer()), shop.customer()
    return redemption(code, customer_id=other["id"])


def _of_a_customer_who_is(shop: Shop, standing: Standing) -> Sent:
    customer = shop.customer()
    code = shop.coupon(customer=customer)
    shop.set_standing(customer, standing)
    return redemption(code)


@refused(409, "customer_excluded", facts=("customer_status",), redeems=True)
def redeeming_while_excluded(shop: Shop) -> Sent:
    return _of_a_customer_who_is(shop, Standing.EXCLUDED)


@refused(409, "customer_deleted", facts=("customer_status",), redeems=True)
def redeeming_when_deleted(shop: Shop) -> Sent:
    return _of_a_customer_who_is(shop, Standing.DELETED)


@refused(409, "customer_excluded", facts=("customer_status",))
def claiming_while_excluded(shop: Shop) -> Sent:
    customer = shop.customer()
    shop.set_standing(customer, Standing.EXCLUDED)
    return post(f"/v1/coupons/{shop.coupon()}/claim", {"customer_id": customer["id"]})


def _transfer_when(
    shop: Shop, standing: Standing, *, giver: bool = False, by_email: bool = False
) -> Sent:
    has, gets = shop.customer(), shop.customer(email=f"{unique('bob').lower()}@example.com")
    code = shop.coupon(customer=has)
    shop.set_standing(has if giver else gets, standing)
    named = {"email": gets["email"]} if by_email else {"customer_id": gets["id"]}
    return _transferred(code, **named)


@refused(409, "customer_excluded", pointer="/customer_id", facts=("customer_status",))
def receiving_while_excluded(shop: Shop) -> Sent:
    return _transfer_when(shop, Standing.EXCLUDED)


@refused(409, "customer_excluded", pointer="/email", facts=("customer_status",))
def receiving_by_email_while_excluded(shop: Shop) -> Sent:
    return _transfer_when(shop, Standing.EXCLUDED, by_email=True)


@refused(409, "customer_deleted", pointer="/customer_id", facts=("customer_status",))
def receiving_when_deleted(shop: Shop) -> Sent:
    return _transfer_when(shop, Standing.DELETED)


@refused(409, "customer_excluded", facts=("customer_status",))
def giving_while_excluded(shop: Shop) -> Sent:
    return _transfer_when(shop, Standing.EXCLUDED, giver=True)


@refused(409, "customer_deleted", facts=("customer_status",))
def giving_when_deleted(shop: Shop) -> Sent:
    return _transfer_when(shop, Standing.DELETED, giver=True)


@refused(409, "duplicate_customer", pointer="/email", facts=("field",))
def an_email_that_is_taken(shop: Shop) -> Sent:
    email = f"{unique('ada').lower()}@example.com"
    shop.customer(email=email)
    return post("/v1/customers", {"email": email.upper()})


@refused(409, "duplicate_customer", pointer="/phone", facts=("field",))
def a_phone_that_is_taken(shop: Shop) -> Sent:
    shop.customer(phone="+49 30 901820")
    other = shop.customer()
    body = {"phone": "+4930901820"}
    return Sent(method="PATCH", path=f"/v1/customers/{other['id']}", body=body)


@refused(409, "duplicate_customer", pointer="/external_id", facts=("field",))
def an_external_id_that_is_taken(shop: Shop) -> Sent:
    external_id = unique("shop-")
    shop.customer(external_id=external_id)
    return post("/v1/customers", {"external_id": external_id})


# 409: the reward


def _of_a_reward(shop: Shop, **reward: Any) -> Sent:
    return redemption(shop.coupon(shop.reward(**reward), customer=shop.customer()))


REWARD_FACTS = ("reward_status", "active_from", "active_until")


@refused(409, "reward_not_active", facts=REWARD_FACTS, redeems=True)
def the_reward_is_a_draft(shop: Shop) -> Sent:
    return _of_a_reward(shop, status="draft")


@refused(409, "reward_not_active", facts=REWARD_FACTS, redeems=True)
def the_reward_is_paused(shop: Shop) -> Sent:
    return _of_a_reward(shop, status="paused")


@refused(409, "reward_not_active", facts=REWARD_FACTS, redeems=True)
def the_reward_is_archived(shop: Shop) -> Sent:
    reward = shop.reward()
    code = shop.coupon(reward, customer=shop.customer())
    shop.api.made(f"/v1/rewards/{reward['id']}/archive", None)
    return redemption(code)


@refused(409, "reward_not_active", facts=REWARD_FACTS, redeems=True)
def the_reward_has_not_begun(shop: Shop) -> Sent:
    return _of_a_reward(shop, active_from=FAR)


@refused(409, "reward_not_active", facts=REWARD_FACTS, redeems=True)
def the_reward_has_ended(shop: Shop) -> Sent:
    return _of_a_reward(shop, active_until=PAST)


@refused(409, "reward_not_active", facts=("reward_status",))
def a_draft_cannot_be_paused(shop: Shop) -> Sent:
    return post(f"/v1/rewards/{shop.reward(status='draft')['id']}/pause")


@refused(409, "reward_not_active", facts=("reward_status",))
def an_archived_reward_gets_no_codes(shop: Shop) -> Sent:
    reward = shop.reward(status="archived")
    return post(f"/v1/rewards/{reward['id']}/coupons", {"coupons": [{"code": unique("CODE")}]})


@refused(409, "pool_empty", facts=("reward_status",))
def activating_without_uploaded_codes(shop: Shop) -> Sent:
    reward = shop.reward(status="draft", coupon_source="uploaded")
    return post(f"/v1/rewards/{reward['id']}/activate")


@refused(409, "pool_empty", facts=("reward_status",))
def claiming_from_an_empty_pool(shop: Shop) -> Sent:
    body = {"customer_id": shop.customer()["id"]}
    return post(f"/v1/rewards/{shop.reward()['id']}/claim", body)


@refused(409, "reward_not_active", facts=("reward_status",))
def claiming_from_the_pool_of_an_archived_reward(shop: Shop) -> Sent:
    body = {"customer_id": shop.customer()["id"]}
    return post(f"/v1/rewards/{shop.reward(status='archived')['id']}/claim", body)


@refused(409, "pattern_exhausted", facts=("codes", "ordered_before", "count_max"))
def more_codes_than_the_pattern_has(shop: Shop) -> Sent:
    body = {"count": 11, "pattern": f"{unique('P')}-#", "force": True}
    return generation(shop.reward(), body)


@refused(422, "pattern_too_weak", pointer="/pattern", facts=("codes", "count_max"))
def a_pattern_whose_codes_could_be_guessed(shop: Shop) -> Sent:
    return generation(shop.reward(), {"count": 10, "pattern": f"{unique('P')}-####"})


@refused(422, "validation_failed", pointer="/pattern")
def a_pattern_with_nothing_random(shop: Shop) -> Sent:
    return generation(shop.reward(), {"count": 1, "pattern": "SUMMER"})


@refused(422, "validation_failed", pointer="/pattern")
def a_pattern_and_a_length(shop: Shop) -> Sent:
    return generation(shop.reward(), {"count": 1, "pattern": "SUMMER####", "length": 4})


@refused(422, "validation_failed", pointer="/length")
def codes_that_are_too_short(shop: Shop) -> Sent:
    return generation(shop.reward(), {"count": 1, "length": 3})


@refused(422, "validation_failed", facts=("coupon_source",))
def generating_uploaded_codes(shop: Shop) -> Sent:
    return generation(shop.reward(status="draft", coupon_source="uploaded"), {"count": 1})


@refused(409, "reward_not_active", facts=("reward_status",))
def generating_for_an_archived_reward(shop: Shop) -> Sent:
    return generation(shop.reward(status="archived"), {"count": 1})


@refused(404, "generation_not_found")
def an_unknown_generation(shop: Shop) -> Sent:
    return get("/v1/generations/gen_none")


# 409: the order, the key, the race


@refused(
    409,
    "order_amount_mismatch",
    pointer="/amount_minor",
    facts=("order_id", "order_amount_minor"),
    redeems=True,
)
def another_amount_for_the_order(shop: Shop) -> Sent:
    customer, reward, order_id = shop.customer(), shop.reward(), unique("order-")
    one, other = (shop.coupon(reward, customer=customer) for _ in range(2))
    shop.redeemed(one, order_id=order_id, amount_minor=1000)
    return redemption(other, order_id=order_id, amount_minor=1001)


@refused(409, "order_of_another_customer", pointer="/order_id", facts=("order_id",), redeems=True)
def the_order_of_somebody_else(shop: Shop) -> Sent:
    reward, order_id = shop.reward(), unique("order-")
    one, other = (shop.coupon(reward, customer=shop.customer()) for _ in range(2))
    shop.redeemed(one, order_id=order_id)
    return redemption(other, order_id=order_id)


@refused(409, "idempotency_key_reused", pointer="/header/Idempotency-Key")
def the_key_of_another_request(shop: Shop) -> Sent:
    code = shop.coupon(customer=shop.customer())
    assert shop.redeem(code, key="once").status == 201
    path = f"/v1/coupons/{code}/redemptions"
    return post(path, {"comment": "another"}, headers=with_key("once"))


class Crowded:
    """A store with as many webhooks as there may be."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def webhooks(self, request: PageRequest) -> Page[Webhook]:
        one = Webhook("whk_1", "https://shop.example/", "whsec_AAAA", NOON, "key_1")
        return Page((one,) * WEBHOOKS_MAX, None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Busy:
    """A store on which every commit fails with ``error``."""

    def __init__(self, store: Store, error: Exception) -> None:
        self._store = store
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, changes: Changes) -> None:
        raise self._error


def _while_every_commit_fails(shop: Shop, error: Exception) -> Sent:
    code = shop.coupon(customer=shop.customer())
    context = shop.services.context
    store: Any = Busy(context.store, error)
    context = replace(context, store=store, pause=lambda _: None)
    shop.use(replace(shop.services, context=context))
    return redemption(code)


@refused(409, "conflict_retry", facts=("retry_after",), headers=("retry-after",))
def every_race_is_lost(shop: Shop) -> Sent:
    return _while_every_commit_fails(shop, Contention())


@refused(409, "coupon_not_usable")
def what_a_stranger_is_told(shop: Shop) -> Sent:
    page = shop.api.with_token(a_key(shop.services, Role.STOREFRONT))
    path = f"/v1/coupons/{unique('NOBODYS-')}/redemptions"
    return post(path, {}, api=page, headers={"Origin": ORIGIN})


# 412, 413, 415, 422


@refused(412, "precondition_failed", pointer="/header/If-Match")
def changed_since_it_was_read(shop: Shop) -> Sent:
    path = f"/v1/customers/{shop.customer()['id']}"
    read = shop.api.get(path).headers["etag"]
    assert shop.api.patch(path, {"first_name": "Ada"}).status == 200
    return Sent(method="PATCH", path=path, body={"last_name": "B"}, headers={"If-Match": read})


@refused(413, "payload_too_large", facts=("size_max",))
def a_body_over_the_limit(shop: Shop) -> Sent:
    return post("/v1/customers", raw=b'{"first_name": "' + b"x" * 512 * 1024 + b'"}')


@refused(415, "unsupported_media_type")
def a_form(shop: Shop) -> Sent:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return post("/v1/customers", raw=b"first_name=Ada", headers=headers)


@refused(422, "validation_failed", pointer="/amount_minor")
def cents_with_a_fraction(shop: Shop) -> Sent:
    return redemption(shop.coupon(customer=shop.customer()), amount_minor=20.5)


@refused(422, "validation_failed", pointer="/redeemed_at")
def a_time_without_a_zone(shop: Shop) -> Sent:
    code = shop.coupon(customer=shop.customer())
    return redemption(code, redeemed_at="2026-11-24T09:00:00")


@refused(422, "validation_failed", pointer="/amont")
def an_unknown_field(shop: Shop) -> Sent:
    return redemption(shop.coupon(customer=shop.customer()), amont=1)


@refused(422, "validation_failed", pointer="/first_name")
def a_name_without_end(shop: Shop) -> Sent:
    return post("/v1/customers", {"first_name": "x" * 121})


@refused(422, "validation_failed", pointer="/email")
def no_email_address(shop: Shop) -> Sent:
    return post("/v1/customers", {"email": "ada at home"})


@refused(422, "validation_failed", pointer="/customer_id")
def a_transfer_that_names_nobody(shop: Shop) -> Sent:
    return _transferred(shop.coupon(customer=shop.customer()))


@refused(422, "validation_failed", pointer="/email")
def a_transfer_to_two_customers(shop: Shop) -> Sent:
    one, other = shop.customer(), shop.customer(email=f"{unique('bob').lower()}@example.com")
    code = shop.coupon(customer=shop.customer())
    return _transferred(code, customer_id=one["id"], email=other["email"])


@refused(422, "validation_failed", pointer="/phone")
def a_phone_without_a_country(shop: Shop) -> Sent:
    return post("/v1/customers", {"phone": "030 901820"})


@refused(422, "validation_failed", pointer="/joined_at")
def joining_in_the_future(shop: Shop) -> Sent:
    return post("/v1/customers", {"joined_at": FAR})


@refused(422, "validation_failed", pointer="/percent_off_basis_points")
def a_percentage_without_percent(shop: Shop) -> Sent:
    return post("/v1/rewards", {"name": "An offer", "type": "percentage_discount"})


@refused(422, "validation_failed", pointer="/time_zone")
def no_time_zone(shop: Shop) -> Sent:
    body = shop.find("/v1/settings") | {"time_zone": "Mars/Olympus"}
    return Sent(method="PUT", path="/v1/settings", body=body)


@refused(422, "validation_failed", pointer="/query/limit")
def a_page_of_everything(shop: Shop) -> Sent:
    return get("/v1/customers?limit=101")


@refused(422, "validation_failed", pointer="/query/nmae")
def an_unknown_filter(shop: Shop) -> Sent:
    return get("/v1/customers?nmae=Ada")


@refused(422, "validation_failed", pointer="/header/Idempotency-Key")
def a_key_of_256_characters(shop: Shop) -> Sent:
    return post("/v1/customers", {}, headers=with_key("x" * 256))


@refused(422, "currency_mismatch", pointer="/currency", facts=("currency",), redeems=True)
def another_currency(shop: Shop) -> Sent:
    code = shop.coupon(customer=shop.customer())
    return redemption(code, amount_minor=1, currency="EUR")


@refused(422, "currency_mismatch", pointer="/currency", facts=("currency",))
def a_reward_in_another_currency(shop: Shop) -> Sent:
    body = {"name": "x", "type": "value", "amount_off_minor": 1, "currency": "EUR"}
    return post("/v1/rewards", body)


@refused(422, "purchase_amount_required", pointer="/amount_minor", redeems=True)
def a_purchase_of_unknown_amount(shop: Shop) -> Sent:
    return _of_a_reward(shop, purchase_amount="required")


@refused(
    422,
    "minimum_purchase_not_met",
    pointer="/amount_minor",
    facts=("minimum_purchase_minor", "missing_minor", "currency"),
    redeems=True,
)
def a_purchase_that_is_too_small(shop: Shop) -> Sent:
    code = shop.coupon(shop.reward(minimum_purchase_minor=2000), customer=shop.customer())
    return redemption(code, amount_minor=1200)


@refused(
    422,
    "redeemed_at_out_of_range",
    pointer="/redeemed_at",
    facts=("earliest", "latest"),
    redeems=True,
)
def used_in_the_future(shop: Shop) -> Sent:
    return redemption(shop.coupon(customer=shop.customer()), redeemed_at=from_now(shop, hours=1))


@refused(
    422,
    "redeemed_at_out_of_range",
    pointer="/redeemed_at",
    facts=("earliest", "latest"),
    redeems=True,
)
def used_too_long_ago(shop: Shop) -> Sent:
    return redemption(shop.coupon(customer=shop.customer()), redeemed_at=from_now(shop, hours=-73))


# Limits, holds and several coupons


def _a_used_up_shared_code(shop: Shop, **limits: Any) -> tuple[str, Any]:
    """Return a shared code with one use, made, and who made it."""
    reward = shop.reward(status="draft", coupon_source="shared", **limits)
    code, customer = shop.coupon(reward), shop.customer()
    shop.api.made(f"/v1/rewards/{reward['id']}/activate", None)
    shop.redeemed(code, customer_id=customer["id"])
    return code, customer


@refused(409, "reward_limit_reached", facts=("limit", "period", "until"), redeems=True)
def a_use_beyond_the_limit_of_the_reward(shop: Shop) -> Sent:
    code, _ = _a_used_up_shared_code(shop, limits={"total": 1})
    return redemption(code, customer_id=shop.customer()["id"])


@refused(409, "customer_limit_reached", facts=("limit", "period", "until"), redeems=True)
def a_second_use_of_a_shared_code(shop: Shop) -> Sent:
    code, customer = _a_used_up_shared_code(shop)
    return redemption(code, customer_id=customer["id"])


def _a_held_coupon(shop: Shop) -> tuple[str, str]:
    """Return a code that is held, and the hold's id."""
    code = shop.coupon(customer=shop.customer())
    return code, shop.api.made(f"/v1/coupons/{code}/holds", {})["id"]


@refused(409, "coupon_held", facts=("lapses_at", "held"), redeems=True)
def a_coupon_that_is_held_for_an_order(shop: Shop) -> Sent:
    return redemption(_a_held_coupon(shop)[0])


@refused(404, "hold_not_found", pointer="/hold_id", redeems=True)
def an_unknown_hold(shop: Shop) -> Sent:
    return redemption(shop.coupon(customer=shop.customer()), hold_id="hld_nothing")


@refused(404, "hold_not_found")
def a_hold_that_was_released(shop: Shop) -> Sent:
    path = f"/v1/holds/{_a_held_coupon(shop)[1]}"
    assert shop.api.delete(path).status == 204
    return Sent(method="DELETE", path=path)


@refused(409, "hold_lapsed", pointer="/hold_id", facts=("lapses_at",), redeems=True)
def a_hold_whose_time_is_over(shop: Shop) -> Sent:
    code, hold_id = _a_held_coupon(shop)
    shop.stop_clock(shop.services.now() + timedelta(minutes=15))
    return redemption(code, hold_id=hold_id)


@refused(422, "not_eligible", pointer="/lines", facts=("restriction",), redeems=True)
def a_purchase_of_other_things(shop: Shop) -> Sent:
    code = shop.coupon(shop.reward(products=["tea"]), customer=shop.customer())
    return redemption(code, lines=[{"product": "cup", "amount_minor": 500}], amount_minor=500)


@refused(422, "not_combinable", pointer="/order_id", facts=("order_id",), redeems=True)
def an_exclusive_coupon_beside_another(shop: Shop) -> Sent:
    customer, order_id = shop.customer(), unique("O")
    shop.redeemed(shop.coupon(customer=customer), order_id=order_id)
    exclusive = shop.coupon(shop.reward(stacking="exclusive"), customer=customer)
    return redemption(exclusive, order_id=order_id)


@refused(409, "too_many_coupons", pointer="/coupons", facts=("coupons_max",))
def sixteen_coupons_in_one_order(shop: Shop) -> Sent:
    coupons = [{"code": unique("C")} for _ in range(16)]
    return post(f"/v1/orders/{unique('O')}/redemptions", {"coupons": coupons})


# Webhooks


def _a_webhook(shop: Shop, **changes: Any) -> str:
    """Return the path of a webhook."""
    body = {"url": f"https://{unique('h').lower()}.example/"}
    path = f"/v1/webhooks/{shop.api.made('/v1/webhooks', body)['id']}"
    if changes:
        assert shop.api.patch(path, changes).status == 200
    return path


@refused(404, "webhook_not_found")
def an_unknown_webhook(shop: Shop) -> Sent:
    return get("/v1/webhooks/whk_nothing")


@refused(404, "webhook_not_found")
def a_webhook_that_was_deleted(shop: Shop) -> Sent:
    path = _a_webhook(shop)
    assert shop.api.delete(path).status == 204
    return post(f"{path}/test")


@refused(409, "webhook_disabled", facts=("disabled_at",))
def a_webhook_that_is_disabled(shop: Shop) -> Sent:
    return post(f"{_a_webhook(shop, status='disabled')}/test")


@refused(422, "validation_failed", pointer="/url")
def a_webhook_in_a_network_of_ours(shop: Shop) -> Sent:
    return post("/v1/webhooks", {"url": "https://169.254.169.254/latest/meta-data"})


@refused(409, "too_many_webhooks", facts=("webhooks_max",))
def one_webhook_more_than_there_may_be(shop: Shop) -> Sent:
    context = shop.services.context
    store: Any = Crowded(context.store)
    shop.use(replace(shop.services, context=replace(context, store=store)))
    return post("/v1/webhooks", {"url": "https://shop.example/"})


@refused(404, "delivery_not_found")
def an_unknown_delivery(shop: Shop) -> Sent:
    return post(f"{_a_webhook(shop)}/deliveries/dlv_nothing/replay")


@refused(409, "delivery_under_way")
def a_delivery_that_is_being_sent(shop: Shop) -> Sent:
    path = _a_webhook(shop)
    delivery_id = shop.api.made(f"{path}/test", None)["id"]
    event_id = delivery_id.replace("dlv_", "evt_")
    name = ref(Delivery, event_id, Subscriber.WEBHOOKS, path.rpartition("/")[2])
    before = shop.services.store.read(name).find(name)
    assert before is not None
    held = deliveries.replayed(before, at=shop.services.now())
    shop.services.store.commit(Changes(update=((before, held),)))
    return post(f"{path}/deliveries/{delivery_id}/replay")


# 429


@refused(429, "rate_limited", facts=("retry_after",), headers=("retry-after",))
def too_many_codes_that_nobody_has(shop: Shop) -> Sent:
    cashier = a_key(shop.services, Role.CASHIER)
    caller = shop.services.authenticate(cashier)
    assert caller is not None
    guesser = tries.guesser_of(caller, network="")
    for _ in range(guesser.tries_max):
        shop.services.watch.missed(guesser, 1, now=shop.services.now())
    return get(f"/v1/coupons/{shop.coupon()}", api=shop.api.with_token(cashier))


# 500, 503


@refused(500, "internal_error")
def a_mistake_of_ours(shop: Shop) -> Sent:
    return _while_every_commit_fails(shop, RuntimeError("secret"))


@refused(503, "temporarily_unavailable", facts=("retry_after",), headers=("retry-after",))
def no_table_to_be_reached(shop: Shop) -> Sent:
    code = shop.coupon(customer=shop.customer())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{free_port()}")
        shop.use(services_on("nowhere"))
    return redemption(code)


# Cards


@refused(404, "card_not_found")
def a_card_that_nobody_has(shop: Shop) -> Sent:
    return get("/v1/cards/crd_none")


@refused(404, "template_not_found")
def a_card_of_no_template(shop: Shop) -> Sent:
    customer = shop.customer()["id"]
    return post("/v1/cards", {"template_id": "tpl_none", "customer_id": customer})


@refused(409, "template_archived", facts=("template_status",))
def a_card_of_an_archived_template(shop: Shop) -> Sent:
    template = shop.template("stamp")
    shop.api.made(f"/v1/card-templates/{template['id']}/archive", None)
    customer = shop.customer()["id"]
    return post("/v1/cards", {"template_id": template["id"], "customer_id": customer})


@refused(409, "card_deleted", facts=("card_status",))
def a_card_that_was_deleted(shop: Shop) -> Sent:
    card = shop.card(shop.template("stamp"))
    shop.api.call("DELETE", f"/v1/cards/{card['serial']}")
    return post(f"/v1/cards/{card['serial']}/stamps", {})


@refused(409, "card_expired")
def a_card_that_has_ended(shop: Shop) -> Sent:
    card = shop.card(shop.template("stamp"))
    shop.api.call("PATCH", f"/v1/cards/{card['serial']}", {"expires_at": PAST})
    return post(f"/v1/cards/{card['serial']}/stamps", {})


@refused(409, "no_stamp_card", facts=("card_type",))
def stamps_on_a_card_of_points(shop: Shop) -> Sent:
    card = shop.card(shop.template("points"))
    return post(f"/v1/cards/{card['serial']}/stamps", {})


@refused(409, "linked_card_in_use", facts=("serial", "stamps"))
def a_reversal_after_the_linked_card_was_used(shop: Shop) -> Sent:
    reward, customer = shop.reward(), shop.customer()
    shop.coupon(reward)
    linked = shop.template("stamp")["id"]
    card = shop.card(shop.template(reward=reward, linked_template_id=linked), customer=customer)
    shop.redeemed(card["code"])
    shop.api.made(f"/v1/cards/{card['serial']}/stamps", {})
    return post(f"/v1/coupons/{card['code']}/unredeem", {})


@refused(403, "callback_refused", facts=("reason",))
def a_callback_that_is_not_google_s(shop: Shop) -> Sent:
    Google(shop)
    return post(CALLBACKS, raw=b"{}")


@refused(404, "no_google_wallet")
def a_callback_to_a_business_without_google_wallet(shop: Shop) -> Sent:
    return post(CALLBACKS, raw=b"{}")
