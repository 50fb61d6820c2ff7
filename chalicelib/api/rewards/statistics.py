"""What a reward's coupons and redemptions add up to, for all time and over time."""

from datetime import date

import msgspec

from chalicelib.api.web.blueprint import Answer, Call, JsonBlueprint
from chalicelib.core.coupons.coupons import CouponStatus
from chalicelib.core.rewards import statistics
from chalicelib.core.rewards.rewards import RewardNotFound
from chalicelib.core.rewards.statistics import Period, Span
from chalicelib.usecases.rewards import totals as usecases

blueprint = JsonBlueprint()


class StatisticsQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days are those of the business; by default the last 30, today included."""

    day_from: date | None = None
    day_until: date | None = None
    by: Period = Period.DAY


class CouponCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Coupons by status; what ran out counts as expired once that is recorded."""

    unassigned: int
    claimed: int
    redeemed: int
    expired: int
    invalid: int
    total: int


class StatisticsView(msgspec.Struct, frozen=True, kw_only=True):
    """All time but for ``over_time``. Only redemptions that stand count.

    ``claims``: coupons that anybody ever had. ``redemption_rate_basis_points``: of these, how many
    have a use, in hundredths of a percent; null where nobody had any. ``purchase_minor``: the
    purchases that the coupons were used at, each counted for each use; ``discount_minor``: what was
    taken off them.
    """

    reward_id: str
    coupons: CouponCounts
    claims: int
    redemptions: int
    redemption_rate_basis_points: int | None
    purchase_minor: int
    discount_minor: int
    currency: str
    over_time: list[Span]


@blueprint.operation(
    "GET",
    "/v1/rewards/{reward_id}/statistics",
    query=StatisticsQuery,
    answer=StatisticsView,
    refusals=(RewardNotFound,),
)
def get_statistics(call: Call[None, StatisticsQuery], reward_id: str) -> Answer:
    """Return how a reward is doing.

    Kept by what follows the table, so they are some moments old. A week begins on Monday; the first
    and the last span end where the range does.
    """
    found = usecases.statistics_of(
        call.services.context,
        reward_id,
        first=call.query.day_from,
        until=call.query.day_until,
        by=call.query.by,
        now=call.now,
    )
    totals = found.totals
    # While a coupon moves from one share to another, a sum can be short of it.
    counts = {status.value: max(0, getattr(totals, status)) for status in CouponStatus}
    return Answer(
        StatisticsView(
            reward_id=reward_id,
            coupons=CouponCounts(**counts, total=sum(counts.values())),
            claims=totals.claims,
            redemptions=totals.redemptions,
            redemption_rate_basis_points=statistics.rate_basis_points(totals),
            purchase_minor=totals.purchase_minor,
            discount_minor=totals.discount_minor,
            currency=found.currency,
            over_time=list(found.over_time),
        )
    )
