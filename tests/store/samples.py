"""One of everything that is stored: with all that it can have, and with no more than it must."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from chalicelib.core.accounts import Account, Standing
from chalicelib.core.activity import ActivityEvent, Channel, EventType
from chalicelib.core.api_keys import ApiKey
from chalicelib.core.callers import Role
from chalicelib.core.changes import Ref, ref
from chalicelib.core.coupons import Coupon, CouponStatus, RedemptionRef
from chalicelib.core.cursors import CursorSecret
from chalicelib.core.customers import Address, Consent, Customer, Handle
from chalicelib.core.idempotency import IdempotencyRecord
from chalicelib.core.orders import Order
from chalicelib.core.redemptions import Line, Redemption, Reversal
from chalicelib.core.rewards import (
    CouponSource,
    Discount,
    PurchaseAmount,
    Reward,
    RewardStatus,
    RewardType,
)
from chalicelib.core.settings import Settings

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
        "key_1", _HASH, "Till 3", Role.CASHIER, NOW, "key_0", expires_at=LATER, revoked_at=LATER
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
    IdempotencyRecord(_HASH, _HASH[::-1], ("rdm_1", "cus_ada"), NOW),
    Order("order 1", "cus_ada", NOW, amount_minor=0, standing=2, counting=2),
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
    ),
    Settings("Café", "EUR", "Europe/Berlin", "de", 24 * 365 * 20),
    CursorSecret("ab" * 32),
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
    Coupon("AAAA", "rwd_1", CouponStatus.UNASSIGNED, NOW),
    Customer("cus_bob", joined_at=NOW, created_at=NOW),
    Handle("phone", "+15551234567", "cus_bob"),
    IdempotencyRecord(_HASH, _HASH, (), NOW),
    Order("order 1", "cus_bob", NOW),
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
)


def ref_of(snapshot: Any) -> Ref[Any]:
    """Return the name that ``snapshot`` is read by."""
    match snapshot:
        case Account() | Customer():
            parts: tuple[str, ...] = (snapshot.customer_id,)
        case ActivityEvent():
            parts = (snapshot.customer_id, snapshot.event_id)
        case ApiKey():
            parts = (snapshot.key_id,)
        case Coupon():
            parts = ("".join(c for c in snapshot.code.upper() if c.isalnum()),)
        case Handle():
            parts = (snapshot.field, snapshot.value)
        case IdempotencyRecord():
            parts = (snapshot.key_hash,)
        case Order():
            parts = (snapshot.order_id,)
        case Redemption():
            parts = (snapshot.customer_id, snapshot.redemption_id)
        case Reward():
            parts = (snapshot.reward_id,)
        case _:
            parts = ()
    return ref(type(snapshot), *parts)
