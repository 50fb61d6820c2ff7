from datetime import timedelta

import pytest

from chalicelib.core.changes import Clash, Contention
from chalicelib.core.coupons import batches
from chalicelib.core.coupons.batches import CouponBatch
from chalicelib.core.coupons.coupons import Coupon, CouponNotFound, CouponStatus
from chalicelib.core.customers.accounts import Standing
from chalicelib.core.errors import ConflictRetry, Unavailable
from chalicelib.core.idempotency import IdempotencyKeyReused, KeyedRequest
from chalicelib.core.rewards.rewards import Reward, RewardNotActive, RewardNotFound, RewardStatus
from chalicelib.usecases.coupons import issuing
from chalicelib.usecases.coupons.issuing import COUPONS_A_CHANGE, Issued, NewCoupon
from chalicelib.wiring import Services
from tests.builders import NOON, an_origin, unique
from tests.usecases.unsteady import fails, unsteady
from tests.usecases.world import (
    a_member,
    a_request,
    account_of,
    an_offer,
    codes_of,
    coupon_of,
    events_of,
    find,
    put,
    redeem,
    some_coupons,
)


def _add(
    services: Services,
    reward: Reward,
    wanted: list[NewCoupon],
    *,
    request: KeyedRequest | None = None,
) -> Issued:
    return issuing.add_coupons(
        services.context, reward.reward_id, wanted, origin=an_origin(), request=request
    )


def _outcomes(issued: Issued) -> list[str]:
    """Return "created" or the code of the refusal, for each position."""
    return [
        "created" if isinstance(outcome.result, Coupon) else outcome.result.code
        for outcome in issued.outcomes
    ]


def _exists(services: Services, code: str) -> bool:
    try:
        return bool(coupon_of(services, code).version)
    except CouponNotFound:
        return False


class TestAddCoupons:
    def test_of_a_thousand_answers_each_in_the_order_of_the_request(
        self, services: Services
    ) -> None:
        reward, ada = an_offer(services), a_member(services)
        excluded, nobody = a_member(services), services.new_id("cus", NOON)
        put(services, account_of(services, excluded), standing=Standing.EXCLUDED)
        (taken,) = some_coupons(services, an_offer(services), [None])
        codes = codes_of(1000)
        wanted = [NewCoupon(code) for code in codes]
        special = {
            3: (NewCoupon(codes[3], ada), "created"),
            500: (NewCoupon(codes[500], ada), "created"),
            7: (NewCoupon(codes[0].lower()), "duplicate_code"),
            8: (NewCoupon(taken), "duplicate_code"),
            9: (NewCoupon("!"), "validation_failed"),
            40: (NewCoupon(codes[40], nobody), "customer_not_found"),
            41: (NewCoupon(codes[41], excluded), "customer_excluded"),
            999: (NewCoupon(codes[999], nobody), "customer_not_found"),
        }
        for position, (new, _) in special.items():
            wanted[position] = new

        issued = _add(services, reward, wanted)

        expected = [
            special[position][1] if position in special else "created" for position in range(1000)
        ]
        assert _outcomes(issued) == expected
        assert [outcome.code for outcome in issued.outcomes] == [new.code for new in wanted]
        assert _exists(services, codes[39])
        assert not _exists(services, codes[40])
        assert coupon_of(services, codes[3]).customer_id == ada
        assert account_of(services, ada).activity_count == len(events_of(services, ada)) == 3
        assert account_of(services, excluded).activity_count == 1

    def test_names_the_place_of_each_refusal(self, services: Services) -> None:
        (taken,) = some_coupons(services, an_offer(services), [None])
        wanted = [
            NewCoupon(codes_of(1)[0]),
            NewCoupon(taken),
            NewCoupon("!"),
            NewCoupon(codes_of(1)[0], "cus_nobody"),
        ]

        issued = _add(services, an_offer(services), wanted)

        pointers = [
            outcome.result.faults[0].pointer
            for outcome in issued.outcomes
            if not isinstance(outcome.result, Coupon)
        ]
        assert pointers == ["/coupons/1/code", "/coupons/2/code", "/coupons/3/customer_id"]

    def test_resets_no_code_that_has_been_used(self, services: Services) -> None:
        customer_id, reward = a_member(services), an_offer(services)
        (code,) = some_coupons(services, reward, [customer_id])
        redeem(services, code)
        before = coupon_of(services, code)

        issued = _add(services, reward, [NewCoupon(code, customer_id)])

        assert _outcomes(issued) == ["duplicate_code"]
        assert coupon_of(services, code) == before

    def test_takes_an_expiry_that_has_passed(self, services: Services) -> None:
        (code,) = codes_of(1)

        issued = _add(
            services, an_offer(services), [NewCoupon(code, None, NOON - timedelta(days=1))]
        )

        assert _outcomes(issued) == ["created"]
        assert coupon_of(services, code).status is CouponStatus.UNASSIGNED

    def test_gives_one_code_to_one_of_two_who_add_it_at_once(self, services: Services) -> None:
        """Both found it free; the table decides, and the rest of the batch goes through."""
        codes = codes_of(10)
        mine, theirs = an_offer(services), an_offer(services)
        slow, line = unsteady(services)
        other: list[Issued] = []
        line.before.append(lambda: other.append(_add(services, theirs, [NewCoupon(codes[4])])))

        issued = _add(slow, mine, [NewCoupon(code) for code in codes])

        assert _outcomes(other[0]) == ["created"]
        assert _outcomes(issued) == ["created"] * 4 + ["duplicate_code"] + ["created"] * 5
        assert coupon_of(services, codes[4]).reward_id == theirs.reward_id

    def test_notes_that_the_reward_has_had_codes(self, services: Services) -> None:
        reward = an_offer(services)
        _add(services, reward, [NewCoupon("!")])
        assert not _reward(services, reward).stocked

        _add(services, reward, [NewCoupon(codes_of(1)[0])])

        assert _reward(services, reward).stocked

    def test_of_an_unknown_reward_adds_nothing(self, services: Services) -> None:
        with pytest.raises(RewardNotFound):
            issuing.add_coupons(
                services.context, "rwd_no", [], origin=an_origin(), request=a_request()
            )

    def test_of_an_archived_reward_adds_nothing(self, services: Services) -> None:
        reward, (code,) = an_offer(services, status=RewardStatus.ARCHIVED), codes_of(1)

        for request in (None, a_request()):
            with pytest.raises(RewardNotActive):
                _add(services, reward, [NewCoupon(code)], request=request)

        assert not _exists(services, code)


class TestBatches:
    def test_count_what_each_transaction_created_and_nothing_else(self, services: Services) -> None:
        reward, customer_id = an_offer(services), a_member(services)
        (taken,) = some_coupons(services, reward, [None])
        codes = [*codes_of(COUPONS_A_CHANGE + 2), taken]
        wanted = [NewCoupon(code, customer_id if at % 2 else None) for at, code in enumerate(codes)]
        recorded, line = unsteady(services)

        _add(recorded, reward, wanted)

        assert len(line.written) == 2
        for changes in line.written:
            created = [each for each in changes.create if isinstance(each, Coupon)]
            (batch,) = [each for each in changes.create if isinstance(each, CouponBatch)]
            assert batch == batches.of(created, batch_id=batch.batch_id, at=NOON)


class TestResume:
    """After a crash the same call, with the same key, goes on where it stopped."""

    @pytest.mark.parametrize("chunks", [0, 1, 2, 3])
    @pytest.mark.parametrize("lost", ["the write", "the answer"])
    def test_adds_nothing_twice_and_answers_all_as_added(
        self, services: Services, chunks: int, lost: str
    ) -> None:
        reward, customer_id = an_offer(services), a_member(services)
        codes = codes_of(3 * COUPONS_A_CHANGE)
        wanted = [NewCoupon(code, customer_id) for code in codes]
        slow, line = unsteady(services)
        # The record of the key comes first, then chunk after chunk.
        steps = [lambda: None] * chunks + [fails(Unavailable("out of reach"))]
        (line.before if lost == "the write" else line.after).extend(steps)
        request = a_request()
        with pytest.raises(Unavailable):
            _add(slow, reward, wanted, request=request)

        issued = _add(services, reward, wanted, request=request)

        assert set(_outcomes(issued)) == {"created"}
        assert issued.replayed == (chunks > 0 or lost == "the answer")
        history = events_of(services, customer_id)
        assert len(history) == 1 + len(codes)
        assert account_of(services, customer_id).activity_count == len(history)

    def test_after_the_end_answers_the_same_again(self, services: Services) -> None:
        reward, request = an_offer(services), a_request()
        (taken,) = some_coupons(services, reward, [None])
        wanted = [NewCoupon(codes_of(1)[0]), NewCoupon(taken), NewCoupon("!")]
        first = _add(services, reward, wanted, request=request)

        again = _add(services, reward, wanted, request=request)

        assert (
            _outcomes(again)
            == _outcomes(first)
            == [
                "created",
                "duplicate_code",
                "validation_failed",
            ]
        )
        assert (first.replayed, again.replayed) == (False, True)

    def test_leaves_alone_what_was_used_meanwhile(self, services: Services) -> None:
        reward, customer_id, request = an_offer(services), a_member(services), a_request()
        wanted = [NewCoupon(codes_of(1)[0], customer_id)]
        _add(services, reward, wanted, request=request)
        redeem(services, wanted[0].code)

        again = _add(services, reward, wanted, request=request)

        assert _outcomes(again) == ["created"]
        assert coupon_of(services, wanted[0].code).status is CouponStatus.REDEEMED

    def test_with_the_key_of_another_call_is_refused(self, services: Services) -> None:
        reward, key = an_offer(services), unique("K")
        _add(services, reward, [NewCoupon(codes_of(1)[0])], request=a_request(key, "this"))
        (code,) = codes_of(1)

        with pytest.raises(IdempotencyKeyReused):
            _add(services, reward, [NewCoupon(code)], request=a_request(key, "that"))

        assert not _exists(services, code)

    def test_within_the_call_tells_its_own_codes_from_others(self, services: Services) -> None:
        """A commit that went through and was reported as lost."""
        reward = an_offer(services)
        wanted = [NewCoupon(code) for code in codes_of(5)]
        slow, line = unsteady(services)
        line.after += [lambda: None, fails(Contention([Clash(None, None)]))]

        issued = _add(slow, reward, wanted, request=a_request())

        assert set(_outcomes(issued)) == {"created"}

    def test_is_given_up_when_the_table_never_answers(self, services: Services) -> None:
        slow, line = unsteady(services)
        line.before += [fails(Contention()) for _ in range(100)]

        with pytest.raises(ConflictRetry):
            _add(slow, an_offer(services), [NewCoupon(codes_of(1)[0])])


def _reward(services: Services, reward: Reward) -> Reward:
    found = find(services, Reward, reward.reward_id)
    assert found is not None
    return found
