"""The totals of a reward, kept by the deployed function that follows the deployed table."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import unique
from tests.stack.deployment import Deployment

pytestmark = pytest.mark.xdist_group("stack")

# Moments on a quiet machine; tests side by side make it wait.
_PATIENCE_SECONDS = 120


def _settled(read: Callable[[], Any], expected: Any) -> Any:
    """Return what ``read`` finds once it is ``expected``, or at last."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        found = read()
        if found == expected or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


class TestTotals:
    def test_follow_what_happens_to_the_coupons(self, deployment: Deployment) -> None:
        with deployment.line() as line:
            customer = line.made("/v1/customers", {"external_id": unique("T")})["id"]
            body = {"name": "One off", "type": "discount", "amount_off_minor": 100}
            reward = line.made("/v1/rewards", body)["id"]
            line.call("POST", f"/v1/rewards/{reward}/activate")
            codes = [unique("T") for _ in range(40)]
            coupons = [
                {"code": code, "customer_id": customer if number % 2 else None}
                for number, code in enumerate(codes)
            ]
            line.made(f"/v1/rewards/{reward}/coupons", {"coupons": coupons})
            for code in codes[1:20:2]:
                line.made(f"/v1/coupons/{code}/redemptions", {"amount_minor": 1000})
            line.call("POST", f"/v1/coupons/{codes[1]}/unredeem", {})

            def kept() -> Any:
                found = line.get(f"/v1/rewards/{reward}/statistics")
                by_use = line.get(f"/v1/rewards/{reward}/coupons?sort=redeemed_at&limit=10")
                used = [each["code"] for each in by_use["items"] if each["redeemed_at"]]
                return {name: found[name] for name in expected if name != "used"} | {"used": used}

            expected = {
                "claims": 20,
                "redemptions": 9,
                "coupons": {
                    "unassigned": 20,
                    "claimed": 11,
                    "redeemed": 9,
                    "expired": 0,
                    "invalid": 0,
                    "total": 40,
                },
                "purchase_minor": 9000,
                "discount_minor": 900,
                "used": codes[3:20:2],
            }
            # On the way the same numbers may be right for other coupons.
            assert _settled(kept, expected) == expected
