from chalicelib.core.coupons import batches
from chalicelib.core.coupons.batches import CouponBatch
from chalicelib.core.coupons.coupons import CouponStatus
from tests.builders import NOON, a_coupon, an_unassigned_coupon


class TestOf:
    def test_counts_the_coupons_by_the_status_they_begin_with(self) -> None:
        coupons = [
            an_unassigned_coupon(code="AAAA1"),
            an_unassigned_coupon(code="AAAA2"),
            a_coupon(code="AAAA3"),
            a_coupon(code="AAAA4", status=CouponStatus.REDEEMED, usages=1),
        ]

        assert batches.of(coupons, batch_id="bat_1", at=NOON) == CouponBatch(
            "bat_1",
            "rwd_1",
            NOON,
            {CouponStatus.UNASSIGNED: 2, CouponStatus.CLAIMED: 1, CouponStatus.REDEEMED: 1},
            claims=2,
            used=1,
        )
