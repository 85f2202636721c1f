"""The simulation of many subnets: against exact blocks, its accounts, dated rules, loops and bad input."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.economy import (
    RAO,
    Chain,
    FullRangePool,
    Subnet,
    Subnets,
    alpha_emission_value,
    alpha_issuance,
    flow_shares_of,
    halving_day,
    rules_at,
    run_block,
    simulate,
    tao_emission_value,
    tao_issuance,
    tao_per_day,
)
from locolab.economy.fixed import I64F64, U96F32
from locolab.economy.intervals import Bounds
from locolab.economy.schedule import FIRST_HALVING, MINERS_PART, OWNER_PART


def subnets(n=4, seed=0, **changes):
    draw = np.random.default_rng(seed)
    state = {
        "tao_pool": draw.uniform(1e3, 1e5, n),
        "alpha_pool": draw.uniform(1e5, 4e6, n),
        "alpha_outside": draw.uniform(1e5, 3e6, n),
        "flow_ema": draw.normal(0.1, 0.2, n),
        "age_blocks": 1e5,
    }
    return Subnets(**state | changes)


def test_it_follows_exact_blocks():
    start = subnets(5, flow_ema=[0.3, -0.1, 0.2, 0.0, 0.05])
    exact = Chain(
        {
            n: Subnet(
                FullRangePool.open(
                    *(round(RAO * side[n]) for side in (start.tao_pool, start.alpha_pool)),
                    outside_rao=round(RAO * start.alpha_outside[n]),
                ),
                price_ema=U96F32.of(float(start.price_ema[n])),
                flow_ema=I64F64.of(float(RAO * start.flow_ema[n])),
            )
            for n in range(5)
        },
        issuance_rao=10_499_989_500_000_000,  # TAO's emission halves after 11 blocks
        root_tao_rao=10**6 * RAO,
        block=100_000 - 1,
    )
    flow_tao = np.array([2.0, 0.5, -1.0, 0.0, -0.3])  # a block, net of fees for buyers
    paid = np.where(flow_tao > 0, flow_tao / (1 - 33 / 65535), flow_tao)
    for _ in range(30):
        exact = run_block(exact)
        exact = Chain(
            {n: traded(subnet, flow_tao[n]) for n, subnet in exact.subnets.items()},
            exact.issuance_rao,
            exact.root_tao_rao,
            block=exact.block,
        )
    history = simulate(
        start, 30, paid, period_blocks=1, issuance_tao=10_499_989.5, weighted_root_tao=0.18 * 10**6
    )
    for field, read in (
        ("tao_pool", lambda subnet: subnet.pool.tao_rao / RAO),
        ("alpha_pool", lambda subnet: subnet.pool.alpha_rao / RAO),
        ("alpha_outside", lambda subnet: subnet.outside_rao / RAO),
        ("price_ema", lambda subnet: U96F32.to_float(subnet.price_ema)),
        ("flow_ema", lambda subnet: I64F64.to_float(subnet.flow_ema) / RAO),
    ):
        wanted = [read(subnet) for subnet in exact.subnets.values()]
        assert getattr(history, field)[-1].tolist() == pytest.approx(wanted, rel=2e-6, abs=1e-6), field
    assert history.issuance_tao[-1] == pytest.approx(exact.issuance_rao / RAO, abs=1e-6)
    assert history.issuance_tao[-1] - 10_499_989.5 == pytest.approx(11 + 19 / 2)


def traded(subnet, flow_tao):
    """Return an exact subnet after stakers moved `flow_tao` into or out of its pool, without a fee."""
    if flow_tao > 0:
        return subnet.replace(
            pool=subnet.pool.__class__.buy(free(subnet.pool), round(RAO * flow_tao))[0],
            flow_rao=round(RAO * flow_tao),
        )
    if flow_tao < 0:
        pool = free(subnet.pool)
        alpha = -flow_tao * pool.alpha_rao / (pool.tao_rao / RAO + flow_tao)
        return subnet.replace(pool=pool.sell(round(alpha))[0], flow_rao=round(RAO * flow_tao))
    return subnet


def free(pool):
    return FullRangePool(
        pool.tao_rao, pool.alpha_rao, pool.outside_rao, root=pool.root, liquidity=pool.liquidity, fee_rate=0
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    day=st.sampled_from(["2025-03-01", "2025-07-01", "2025-08-01", "2025-11-05", "2025-11-20", "2026-03-29"]),
    root=st.sampled_from([0.0, 1e6]),
    scale=st.sampled_from([0.0, 1.0, 1e5]),
)
def test_the_accounts_close(seed, day, root, scale):
    start, flows = subnets(seed=seed), scale * np.random.default_rng(seed).normal(size=(3, 4))
    history = simulate(
        start, 60, flows, rules_at(day), period_blocks=20, record_blocks=30, weighted_root_tao=root
    )
    issued = history.issuance_tao[-1] - history.issuance_tao[0]
    pools = history.tao_pool[-1] - history.tao_pool[0]
    accounted = history.staked_tao + history.injected_tao + history.bought_tao - history.root_tao
    assert pools == pytest.approx(accounted[-1], abs=1e-6)
    counted = history.injected_tao + history.bought_tao * rules_at(day).counts_purchases
    assert issued == pytest.approx(counted[-1].sum(), abs=1e-6)
    assert history.share.sum(axis=1).tolist() == pytest.approx([0.0, 1.0, 1.0])
    created = history.end.alpha_issuance - start.alpha_issuance
    assert (created <= 60 * 2 + 1e-6).all()
    for name in ("tao_pool", "alpha_pool"):
        assert (getattr(history, name) > 0).all()
    assert (history.alpha_outside >= 0).all()
    assert history.blocks.tolist() == [0, 30, 60]


def test_shares_are_the_rule_of_the_date():
    start = subnets(price_ema=[0.1, 0.2, 0.3, 0.4], flow_ema=[1.0, -1, 0, 3])
    by_price, by_flow = (
        simulate(start, 1, rules=rules_at(day)).share[-1] for day in ("2025-08-01", "2026-03-29")
    )
    assert by_price.tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert by_flow.tolist() == pytest.approx(flow_shares_of([1, -1, 0, 3]).tolist())


def test_nobody_gets_tao_where_all_flows_are_negative():
    history = simulate(subnets(flow_ema=-1.0), 10)
    assert not history.share.any()
    assert history.issuance_tao[-1] == history.issuance_tao[0]
    assert history.end.alpha_outside == pytest.approx(subnets(flow_ema=-1.0).alpha_outside + 10)


def test_the_cap_halved_what_may_be_injected_beside_half_the_tao():
    start = subnets(1, tao_pool=1e3, alpha_pool=1e5, flow_ema=1.0)  # price 0.01
    before = simulate(start, 1, rules=rules_at("2025-11-20"), issuance_tao=10.4e6)
    after = simulate(start, 1, rules=rules_at("2025-12-14"), issuance_tao=10.5e6)
    kept = simulate(start, 1, rules=rules_at("2025-03-01"), issuance_tao=10.4e6)
    assert before.injected_tao[-1, 0] == pytest.approx(0.01)  # 1 alpha
    assert after.injected_tao[-1, 0] == pytest.approx(0.005)  # half an alpha
    assert before.bought_tao[-1, 0] == pytest.approx(0.99)
    assert after.bought_tao[-1, 0] == pytest.approx(0.495)
    assert (kept.injected_tao[-1, 0], kept.bought_tao[-1, 0]) == pytest.approx((1.0, 0.0))
    assert kept.price[-1, 0] > start.price[0]


def test_root_dividends_are_sold_kept_or_removed():
    start = subnets(price_ema=0.3)  # four of them: the sum is above 1
    sold = simulate(start, 10, rules=rules_at("2025-03-01"), weighted_root_tao=1e6)
    kept = simulate(start, 10, rules=rules_at("2026-03-29"), weighted_root_tao=1e6)
    low = simulate(subnets(price_ema=0.2), 10, rules=rules_at("2026-03-29"), weighted_root_tao=1e6)
    assert (sold.root_tao[-1] > 0).all()
    assert not sold.root_alpha.any()
    assert (kept.root_alpha[-1] > 0).all()
    assert not kept.root_tao.any()
    assert not low.root_alpha.any()
    assert low.end.alpha_outside.tolist() == pytest.approx(
        (kept.end.alpha_outside - kept.root_alpha[-1]).tolist()
    )


def test_an_alpha_halves_at_its_own_issuance():
    start = subnets(1, alpha_pool=5e6, alpha_outside=5.5e6 - 10, flow_ema=-1.0)
    history = simulate(start, 30)
    assert history.end.alpha_issuance[0] - start.alpha_issuance[0] == pytest.approx(10 + 20 / 2)


def test_no_more_can_be_withdrawn_than_the_pool_pays():
    start = subnets()
    history = simulate(start, 3, -1e12, period_blocks=1)
    assert (
        -history.staked_tao[-1] < start.tao_pool + history.injected_tao[-1] + history.bought_tao[-1]
    ).all()
    assert history.end.alpha_outside.tolist() == pytest.approx([0] * 4, abs=1e-6)
    assert -history.staked_tao[-1] == pytest.approx(start.withdrawable_tao, rel=1e-3)


def test_flows_may_be_a_function_of_the_state():
    seen = []

    def chase(now, period):
        seen.append((period, len(now), now.price.copy()))
        return np.where(now.price > now.price_ema, 100.0, -100.0)

    start = subnets(price_ema=[0, 1, 0, 1])
    history = simulate(start, 30, chase, period_blocks=10, record_blocks=10)
    assert [period for period, _, _ in seen] == [0, 1, 2]
    assert seen[1][2].tolist() == history.price[1].tolist()
    assert (history.staked_tao[-1] > 0).tolist() == [True, False, True, False]
    again = simulate(history.end, 1)
    assert again.price[0].tolist() == history.price[-1].tolist()


def test_a_subnet_does_not_depend_on_its_place():
    start, order = subnets(), [2, 0, 3, 1]
    moved = Subnets(*(getattr(start, name)[order] for name in Subnets.__dataclass_fields__))
    one, other = simulate(start, 20, [1, 2, 3, 4]), simulate(moved, 20, np.array([1, 2, 3, 4])[order])
    assert other.price[-1].tolist() == pytest.approx(one.price[-1][order].tolist(), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: subnets(tao_pool=0.0), r"tao_pool\[\] should be finite and above 0"),
        (lambda: subnets(alpha_outside=-1.0), "alpha_outside"),
        (lambda: subnets(price_ema=np.nan), "price_ema"),
        (lambda: subnets(flow_ema=np.inf), "flow_ema"),
        (lambda: subnets(tao_pool=[1.0, 2.0]), "one number each or one for all"),
        (lambda: subnets(tao_pool=[[1.0] * 4]), "one number each, got shape"),
        (lambda: simulate(subnets(), 0), "blocks should be a whole number"),
        (lambda: simulate(subnets(), 1, period_blocks=1.5), "period_blocks should be"),
        (lambda: simulate(subnets(), 1, [1.0, 2.0]), r"flows has shape \(2,\) for 4 subnets"),
        (lambda: simulate(subnets(), 1, [1, 2, 3, np.nan]), r"flows\[3\] should be finite"),
        (lambda: simulate(subnets(), 3, np.zeros((2, 4)), period_blocks=1), "period 2 is missing"),
        (lambda: simulate(subnets(), 1, issuance_tao=22e6), "above the 21000000 TAO"),
        (lambda: simulate(subnets(), 1, weighted_root_tao=-1), "weighted_root_tao"),
        (lambda: simulate(subnets(), 1, rules=rules_at("2026-03-01")), "pool 'balancer'"),
        (lambda: simulate(subnets(), 1, rules=rules_at("2026-06-22")), "root-proportion"),
        (lambda: tao_issuance("2015-01-01"), "nothing was issued"),
        (lambda: tao_per_day(-1), "issuance is 0 to 21000000"),
        (lambda: halving_day(0), "counted from 1"),
        (lambda: alpha_issuance("2026-01-01", 1e6, "2026-01-02"), "goes on from a day"),
        (lambda: alpha_issuance("2026-01-02", 1e6, "2026-01-01", injected=2), "0 <= injected <= 1"),
        (lambda: tao_emission_value(300.0, 3600, share=1.1), "a share is 0 to 1"),
        (lambda: alpha_emission_value(-0.1, 300.0), "a price at least 0"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_issuance_over_dates():
    assert tao_issuance("2026-03-29") == 10_878_000  # ours.issuance-at-cutoff
    assert tao_issuance("2025-12-13") == 10_500_000 - 7200
    assert tao_per_day(tao_issuance("2025-12-13")) == 2 * tao_per_day(tao_issuance(FIRST_HALVING))
    days = [halving_day(count) for count in (1, 2, 3)]
    assert [tao_per_day(tao_issuance(day + dt.timedelta(days=1))) for day in days] == [3600, 1800, 900]
    assert tao_per_day(tao_issuance(days[1] - dt.timedelta(days=1))) == 3600
    assert alpha_issuance("2032-01-01", 20_999_000, "2030-01-01") <= 21e6


def test_what_emission_is_worth_keeps_its_units():
    value = tao_emission_value(Bounds(299.5, 300.5), 3600)
    assert (value.usd_per_day.low, value.usd_per_day.high) == pytest.approx((1_078_200, 1_081_800))
    assert value.usd_per_quarter.high * 4 == pytest.approx(value.usd_per_year.high)
    everyone = alpha_emission_value(0.02, 300.0).usd_per_day
    owner, miners = (
        alpha_emission_value(0.02, 300.0, part=part).usd_per_day for part in (OWNER_PART, MINERS_PART)
    )
    assert owner + 2 * miners == pytest.approx(everyone)
    assert alpha_emission_value(0.02, 300.0, alpha_issued=10.5e6).usd_per_day == everyone / 2
