"""One of everything that is stored: with all that it can have, and with no more than it must."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.core.activity import ActivityEvent, Channel, EventType
from chalicelib.core.callers.api_keys import ApiKey
from chalicelib.core.callers.callers import Role
from chalicelib.core.callers.tries import Tries
from chalicelib.core.cards.cards import Card, CardStatus, Holder
from chalicelib.core.cards.templates import (
    CardTemplate,
    CardType,
    CustomField,
    Design,
    FieldType,
    Location,
    Promotion,
    TemplateStatus,
)
from chalicelib.core.changes import Ref, ref
from chalicelib.core.coupons.attempts import Attempt
from chalicelib.core.coupons.baskets import Line
from chalicelib.core.coupons.batches import CouponBatch
from chalicelib.core.coupons.coupons import (
    CardRef,
    Coupon,
    CouponStatus,
    HeldUse,
    Invalidation,
    RedemptionRef,
)
from chalicelib.core.coupons.exports import Export, ExportKind, ExportStatus
from chalicelib.core.coupons.generations import Generation, GenerationStatus
from chalicelib.core.coupons.holds import Hold
from chalicelib.core.coupons.import_rows import Columns, Layout, Options, Reason, RefusedRow
from chalicelib.core.coupons.imports import Failure, Import, ImportStatus, RefusedRows
from chalicelib.core.coupons.patterns import PatternUse
from chalicelib.core.coupons.redemptions import CardAfter, Redemption, Reversal
from chalicelib.core.cursors import CursorSecret
from chalicelib.core.customers.accounts import Account, Standing
from chalicelib.core.customers.customers import Address, Consent, Customer, Handle
from chalicelib.core.customers.orders import Order
from chalicelib.core.files.csvs import Encoding
from chalicelib.core.idempotency import IdempotencyRecord
from chalicelib.core.outbox.deliveries import Attempt as DeliveryAttempt
from chalicelib.core.outbox.deliveries import Delivery, DeliveryStatus
from chalicelib.core.outbox.messages import Message, Subscriber
from chalicelib.core.rewards.limits import LimitCounter, Limits, Period, UnitTaken
from chalicelib.core.rewards.reconciliations import ReconcilePosition, Reconciliation
from chalicelib.core.rewards.rewards import (
    CouponSource,
    Discount,
    PurchaseAmount,
    Reward,
    RewardStatus,
    RewardType,
    Stacking,
)
from chalicelib.core.rewards.totals import CouponShadow, DayTotals, RedemptionShadow, Totals
from chalicelib.core.settings import Settings
from chalicelib.core.stream import ParkedRecord
from chalicelib.core.wallets.devices import Device, Registration
from chalicelib.core.wallets.google import ObjectKind
from chalicelib.core.wallets.saves import CallbackNonce, SavedObject
from chalicelib.core.webhooks.webhooks import Webhook, WebhookStatus

# Milliseconds are the finest that is kept.
NOW = datetime(2026, 3, 29, 1, 59, 59, 999000, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
_USE = RedemptionRef("rdm_0", "cus_ada", "order 0")
_HASH = "9f" * 32

FULL: Sequence[Any] = (
    Account(
        "cus_ada",
        Standing.EXCLUDED,
        NOW,
        lifetime_value_minor=-12345678901,
        visits=3,
        coupons_used=2,
        last_visit_at=LATER,
        activity_count=9,
    ),
    ActivityEvent(
        "evt_1",
        EventType.COUPON_REDEEMED,
        "cus_ada",
        occurred_at=NOW,
        recorded_at=LATER,
        actor="key_1",
        channel=Channel.SCANNER,
        code="ete-10",
        reward_id="rwd_1",
        redemption_id="rdm_1",
        detail={"status": "redeemed", "amount_minor": 0, "order_id": None, "note": "é \U0001f381"},
    ),
    ApiKey(
        "key_1",
        _HASH,
        "Till 3",
        Role.CASHIER,
        NOW,
        "key_0",
        expires_at=LATER,
        revoked_at=LATER,
        origins=("https://shop.example", "http://localhost:3000"),
    ),
    Attempt(
        "att_1",
        "SPRING10X",
        "rwd_1",
        "minimum_purchase_not_met",
        LATER,
        "key_1",
        Channel.CHECKOUT,
        facts={"missing_minor": 800, "currency": "EUR", "open": True, "until": None},
        customer_named="cus_bob",
        customer_holding="cus_ada",
        location_id="loc_1",
        key_hash=_HASH,
    ),
    Coupon(
        "spring_10-X",
        "rwd_1",
        CouponStatus.CLAIMED,
        NOW,
        usage_limit=5,
        usages=2,
        customer_id="cus_ada",
        claimed_at=NOW,
        redeemed_at=LATER,
        expires_at=LATER,
        last_redemption=_USE,
        made_by=_HASH[:32],
        invalidation=Invalidation(LATER, "key_2", "lost"),
        balance_minor=250,
        shared=True,
        holds=(HeldUse("hld_1", LATER, "order 2"), HeldUse("hld_2", NOW)),
        metadata={"fair": "été"},
        card=CardRef("crd_1", "tpl_1"),
    ),
    CouponBatch(
        "bat_1",
        "rwd_1",
        LATER,
        {CouponStatus.UNASSIGNED: 97, CouponStatus.CLAIMED: 2},
        claims=2,
        used=1,
        counted=True,
    ),
    Customer(
        "cus_ada",
        joined_at=NOW,
        created_at=LATER,
        external_id="shop/42",
        email="ada@example.com",
        phone="+15551234567",
        first_name="Ada",
        last_name="Łovelace",
        birthday=date(1815, 12, 10),
        address=Address("1 St", "Flat 2", "London", "W1", "London", "GB"),
        language="en-GB",
        consent=Consent(email=True, sms=True, push=True),
        tags=("vip", "early bird"),
        custom_fields={"shoe size": "38"},
    ),
    Handle("email", "ada@example.com", "cus_ada"),
    Generation(
        "gen_1",
        "rwd_1",
        "SUMMER-####",
        1_000_000,
        "key_1",
        NOW,
        status=GenerationStatus.STOPPED,
        made=9,
        finished_at=LATER,
    ),
    PatternUse("SUMMER####", 1_000_000),
    IdempotencyRecord(_HASH, _HASH[::-1], ("rdm_1", "cus_ada"), NOW),
    Hold("hld_1", "SPRING-10", NOW, LATER, order_id="order 2"),
    LimitCounter("rwd_1", "2026-W13", 3, customer_id="cus_ada", shard=2, share=5),
    Order(
        "order 1",
        "cus_ada",
        NOW,
        amount_minor=0,
        standing=2,
        counting=2,
        taken_off_minor=150,
        exclusive=1,
    ),
    Import(
        "imp_1",
        "rwd_1",
        NOW,
        "key_1",
        status=ImportStatus.RUNNING,
        options=Options("\t", Encoding.WINDOWS_1252, True, Columns("Code", 2, None, ("n",))),  # noqa: FBT003
        size_bytes=10**9,
        etag='"e"',
        layout=Layout(Encoding.UTF_8, ";", True, 3, 1, ("n", "Code"), 0, 1, (0,)),  # noqa: FBT003
        started_at=NOW,
        started_by="key_2",
        finished_at=LATER,
        offset=17,
        line=2,
        created=3,
        duplicate=4,
        invalid=5,
        refused_file=True,
        failure=Failure.FILE_CHANGED,
        worker="run_1",
        lease_until=LATER,
        takeovers=2,
    ),
    RefusedRows("imp_1", NOW, (RefusedRow(12, "été", Reason.BAD_CODE),)),
    CardTemplate(
        "tpl_1",
        "Ten percent",
        CardType.COUPON,
        NOW,
        status=TemplateStatus.ARCHIVED,
        title="Ten percent off",
        description="Everything",
        terms="While it lasts",
        design=Design("#000000", "#ffffff", "#cccccc", "Café"),
        reward_id="rwd_1",
        linked_template_id="tpl_2",
        conversion_credits_visit=True,
        stamps_needed=10,
        valid_days=90,
        custom_fields=(
            CustomField("size", "Size", FieldType.CHOICE, required=True, choices=("S", "L")),
        ),
        locations=(Location(52.5, 13.4, "Near"),),
        promotions=(Promotion("prm_1", "Sale", "Now", NOW, LATER, chosen_only=True),),
    ),
    Card(
        "crd_1",
        "tpl_1",
        "tpl_2",
        CardType.STAMP,
        "cus_ada",
        NOW,
        LATER,
        "secret",
        status=CardStatus.INSTALLED,
        installations=2,
        holder=Holder("Ada", "Lovelace"),
        code="SPRING-10",
        converted_by="rdm_1",
        stamps=3,
        rewards_given=1,
        credited_stamps=1,
        expires_at=LATER,
        custom_values={"size": "L"},
        utm={"utm_source": "flyer"},
        promotions=("prm_1",),
    ),
    Device("b33f", "c0ffee", NOW, 2),
    Registration("b33f", "crd_1", NOW),
    SavedObject("crd_1", ObjectKind.OFFER, is_saved=True, said_until=NOW),
    CallbackNonce("a nonce", NOW),
    Delivery(
        "evt_1",
        Subscriber.WEBHOOKS,
        "whk_1",
        NOW,
        Message(
            id="evt_1",
            type="coupon.redeemed",
            occurred_at=NOW,
            recorded_at=LATER,
            customer_id="cus_ada",
            actor="key_1",
            channel="scanner",
            code="ete-10",
            reward_id="rwd_1",
            redemption_id="rdm_1",
            detail={"amount_minor": 0, "order_id": None, "note": "é"},
        ),
        status=DeliveryStatus.SENDING,
        due_at=LATER,
        tries=2,
        attempts=(
            DeliveryAttempt(NOW, 503, None, 12),
            DeliveryAttempt(LATER, None, "timed_out", 8000),
        ),
        finished_at=LATER,
    ),
    Webhook(
        "whk_1",
        "https://shop.example/webhooks?a=b",
        "whsec_" + "A" * 43 + "=",
        NOW,
        "key_1",
        description="The shop",
        event_types=(EventType.COUPON_REDEEMED, EventType.CARD_ISSUED),
        status=WebhookStatus.DISABLED,
        previous_secret="whsec_" + "B" * 43 + "=",
        previous_secret_until=LATER,
        failing_since=NOW,
        disabled_at=LATER,
    ),
    Export(
        "exp_1",
        ExportKind.REDEMPTIONS,
        "rwd_1",
        NOW,
        "key_1",
        statuses=(CouponStatus.CLAIMED, CouponStatus.REDEEMED),
        status=ExportStatus.FAILED,
        finished_at=LATER,
        rows=3,
        position=1,
        after="x#y",
        parts=("a", "b"),
        worker="run_1",
        lease_until=LATER,
        takeovers=2,
    ),
    Redemption(
        "rdm_1",
        "SPRING-10",
        "rwd_1",
        "cus_ada",
        redeemed_at=NOW,
        recorded_at=LATER,
        actor="key_1",
        channel=Channel.CHECKOUT,
        currency="EUR",
        discount=Discount(RewardType.PERCENTAGE_DISCOUNT, 1000, 199),
        coupon_status=CouponStatus.CLAIMED,
        coupon_usages=2,
        coupon_claimed=True,
        counted_minor=1999,
        counted_visits=1,
        newest_visit=True,
        amount_minor=1999,
        order_id="order 1",
        comment="two left",
        location_id="loc_1",
        lines=(Line("tea", "drinks", 2, 800), Line("cake")),
        previous=_USE,
        reversal=Reversal(LATER, "key_2", "returned"),
        units=(UnitTaken("rwd_1", Period.DAY, "2026-03-29", 7, shard=3),),
        exclusive=True,
        coupon_balance_minor=250,
        card=CardAfter("crd_1", "stamp", "tpl_2", 1),
    ),
    Reward(
        "rwd_1",
        "Ten percent",
        RewardType.PERCENTAGE_DISCOUNT,
        NOW,
        status=RewardStatus.PAUSED,
        description="off everything",
        image_url="https://example.com/a.png",
        percent_off_basis_points=1000,
        amount_off_minor=500,
        coupon_source=CouponSource.UPLOADED,
        usage_limit=3,
        valid_until=LATER,
        valid_days_after_claim=30,
        active_from=NOW,
        active_until=LATER,
        purchase_amount=PurchaseAmount.HIDDEN,
        minimum_purchase_minor=800,
        claim_on_redeem=True,
        cost_in_points=100,
        tax_value_minor=19,
        stocked=True,
        code_pattern="SUMMER-####-????",
        low_stock_at=100,
        top_up_to=1000,
        top_up_id="gen_1",
        limits=Limits(total=1000, per_week=10),
        limits_per_customer=Limits(per_day=1),
        guests_allowed=True,
        maximum_discount_minor=900,
        products=("tea", "cup"),
        categories=("ware",),
        location_ids=("loc_1",),
        stacking=Stacking.EXCLUSIVE,
        application_order=-3,
    ),
    Settings("Café", "EUR", "Europe/Berlin", "de", 24 * 365 * 20, foreign_codes=True),
    CursorSecret("ab" * 32),
    ParkedRecord("e1", "totals", NOW, "KeyError", '{"eventID": "e1"}'),
    Reconciliation("rwd_1", NOW, {"claimed": -1, "redeemed": 1}),
    ReconcilePosition("rwd_1"),
    Totals("rwd_1", "3", -1, 2, 3, 4, 5, 6, 7, 8, 9000000000, 10),
    DayTotals("rwd_1", "3", date(2026, 3, 29), -1, 2, 3, 4),
    CouponShadow(
        "spring_10-X",
        "rwd_1",
        7,
        CouponStatus.CLAIMED,
        used=True,
        claimed_on=date(2026, 3, 29),
        redeemed_at=NOW,
        expires_at=LATER,
    ),
    RedemptionShadow("rdm_1", "rwd_1", 2, date(2026, 3, 29), True, 1999, 199),  # noqa: FBT003
    Tries("key_1#" + _HASH[:32], 2956000, 10),
)

BARE: Sequence[Any] = (
    Account("cus_bob", Standing.ACTIVE, NOW),
    ActivityEvent(
        "evt_1",
        EventType.CUSTOMER_CREATED,
        "cus_bob",
        occurred_at=NOW,
        recorded_at=NOW,
        actor="key_1",
        channel=Channel.API,
    ),
    ApiKey("key_1", _HASH, "Till", Role.OWNER, NOW, "setup"),
    Attempt("att_1", "AAAA", "rwd_1", "coupon_unassigned", NOW, "key_1", Channel.API),
    Coupon("AAAA", "rwd_1", CouponStatus.UNASSIGNED, NOW),
    CouponBatch("bat_1", "rwd_1", NOW, {CouponStatus.UNASSIGNED: 1}),
    Customer("cus_bob", joined_at=NOW, created_at=NOW),
    Handle("phone", "+15551234567", "cus_bob"),
    Generation("gen_1", "rwd_1", "####", 1, "key_1", NOW),
    PatternUse("SUMMER####", 0),
    IdempotencyRecord(_HASH, _HASH, (), NOW),
    Hold("hld_1", "AAAA", NOW, LATER),
    LimitCounter("rwd_1", "2026-W13", 0, customer_id="cus_ada"),
    Order("order 1", None, NOW),
    Import("imp_1", "rwd_1", NOW, "key_1"),
    RefusedRows("imp_1", NOW, (RefusedRow(12, "", Reason.CODE_MISSING),)),
    CardTemplate("tpl_1", "Stamps", CardType.STAMP, NOW),
    Card("crd_1", "tpl_1", "tpl_1", CardType.STAMP, "cus_ada", NOW, NOW, "secret"),
    Device("b33f", "c0ffee", NOW, 1),
    Registration("b33f", "crd_1", NOW),
    SavedObject("crd_1", ObjectKind.OFFER, is_saved=True, said_until=NOW),
    CallbackNonce("a nonce", NOW),
    Delivery(
        "evt_1",
        Subscriber.WEBHOOKS,
        "whk_1",
        NOW,
        Message(
            id="evt_1",
            type="webhook.test",
            occurred_at=NOW,
            recorded_at=NOW,
            customer_id=None,
            actor="key_1",
            channel="api",
        ),
    ),
    Webhook("whk_1", "https://shop.example/", "whsec_AAAA", NOW, "key_1"),
    Export("exp_1", ExportKind.COUPONS, "rwd_1", NOW, "key_1"),
    Redemption(
        "rdm_1",
        "AAAA",
        "rwd_1",
        "cus_bob",
        redeemed_at=NOW,
        recorded_at=NOW,
        actor="key_1",
        channel=Channel.API,
        currency="USD",
        discount=Discount(RewardType.GIFT, None, None),
        coupon_status=CouponStatus.REDEEMED,
        coupon_usages=1,
    ),
    Reward("rwd_1", "Gift", RewardType.GIFT, NOW),
    Settings(),
    CursorSecret("cd" * 32),
    ParkedRecord("e1", "totals", NOW, "KeyError", "{}"),
    Reconciliation("rwd_1", NOW, {}),
    ReconcilePosition(""),
    Totals("rwd_1", "3"),
    DayTotals("rwd_1", "3", date(2026, 3, 29)),
    CouponShadow("AAAA", "rwd_1", 1, CouponStatus.UNASSIGNED),
    RedemptionShadow("rdm_1", "rwd_1", 1, date(2026, 3, 29), stands=False),
    Tries("key_1", 0),
)


_NAMED_BY: dict[type, tuple[str, ...]] = {
    Card: ("serial",),
    CardTemplate: ("template_id",),
    Device: ("device_id",),
    Registration: ("device_id", "serial"),
    SavedObject: ("serial", "object_kind"),
    CallbackNonce: ("nonce",),
    Account: ("customer_id",),
    Delivery: ("event_id", "subscriber", "target"),
    Webhook: ("webhook_id",),
    ActivityEvent: ("customer_id", "event_id"),
    ApiKey: ("key_id",),
    CouponBatch: ("batch_id",),
    Generation: ("generation_id",),
    PatternUse: ("pattern_key",),
    Customer: ("customer_id",),
    Handle: ("field", "value"),
    Export: ("export_id",),
    Hold: ("hold_id",),
    Import: ("import_id",),
    IdempotencyRecord: ("key_hash",),
    LimitCounter: ("reward_id", "bucket", "customer_id", "shard"),
    Order: ("order_id",),
    Redemption: ("customer_id", "redemption_id"),
    Reward: ("reward_id",),
    ParkedRecord: ("record_id", "applier"),
    Reconciliation: ("reward_id",),
    Tries: ("guesser", "window"),
    Totals: ("reward_id", "shard"),
    DayTotals: ("reward_id", "shard", "day"),
    RedemptionShadow: ("redemption_id",),
}


def ref_of(snapshot: Any) -> Ref[Any]:
    """Return the name that ``snapshot`` is read by."""
    if isinstance(snapshot, Attempt):
        return ref(Attempt, snapshot.code, snapshot.key_hash or snapshot.attempt_id)
    if isinstance(snapshot, Coupon | CouponShadow):
        return ref(type(snapshot), "".join(c for c in snapshot.code.upper() if c.isalnum()))
    if isinstance(snapshot, RefusedRows):
        return ref(RefusedRows, snapshot.import_id, str(snapshot.rows[0].line))
    names = _NAMED_BY.get(type(snapshot), ())
    return ref(type(snapshot), *(_part(getattr(snapshot, name)) for name in names))


def _part(value: object) -> str:
    return "" if value is None else str(value)
