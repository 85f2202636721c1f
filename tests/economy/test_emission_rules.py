"""Properties of emission in exact rao: halving, shares, injection, split, payout; and what bad input says."""

import dataclasses
import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locolab.economy import (
    RAO,
    RELEASES,
    Chain,
    FullRangePool,
    Hotkey,
    Pending,
    Subnet,
    block_emission,
    blocks_to_next_halving,
    flow_shares_of,
    halving_threshold,
    halvings,
    issuance_after,
    pay_out,
    rules_at,
    run_block,
    split_alpha,
)
from locolab.economy.constant_product import Reserves
from locolab.economy.fixed import I64F64, U64_MAX, U64F64, U96F32
from locolab.economy.issuance import MAXIMUM_RAO
from locolab.economy.shares import (
    FLOW_SMOOTHING,
    flow_shares,
    next_flow_ema,
    next_price_ema,
    proportions,
    tao_emissions,
)
from locolab.economy.split import injection_cap, injection_terms, root_proportion

amounts = st.integers(0, U64_MAX)
issuances = st.integers(0, MAXIMUM_RAO)
raw = st.integers(0, 2**40 * 2**32)


@given(issuances, issuances)
def test_emission_never_rises_and_never_passes_what_is_left(left, right):
    low, high = sorted((left, right))
    assert block_emission(low) >= block_emission(high)
    assert high + block_emission(high) <= MAXIMUM_RAO


@given(st.integers(1, 30))
def test_a_threshold_is_the_first_issuance_of_its_halving(count):
    threshold = halving_threshold(count)
    assert halvings(threshold) == count
    assert halvings(threshold - 1) == count - 1


@given(st.integers(0, MAXIMUM_RAO - 1), st.integers(0, 5))
def test_issuance_over_blocks_is_block_by_block(issued, blocks):
    step = issued
    for _ in range(blocks):
        step += block_emission(step)
    assert issuance_after(issued, blocks) == step


def test_the_whole_path_ends_where_the_ledger_says():
    end = issuance_after(0, 10**12)
    assert end / RAO == pytest.approx(20_999_999.98, abs=0.01)
    assert blocks_to_next_halving(end) is None
    assert blocks_to_next_halving(0) == 10_500_000
    assert issuance_after(U64_MAX, 5) == U64_MAX


@given(st.lists(st.integers(0, 2**100), max_size=20))
def test_shares_are_truncated_parts_of_one(weights):
    shares = proportions(weights)
    lost = 2**64 - sum(shares)
    assert (0 <= lost < len(weights)) if any(weights) else not any(shares)
    emission = 5 * 10**8
    assert sum(tao_emissions(emission, shares)) <= U96F32.of(emission)


@given(st.lists(st.integers(-(10**18), 10**18), min_size=1, max_size=20))
def test_flow_shares_follow_positive_flows_only(flows):
    exact = flow_shares([I64F64.of(flow) for flow in flows])
    floats = flow_shares_of(flows)
    assert [share > 0 for share in exact] == [flow > 0 for flow in flows]
    assert [U64F64.to_float(share) for share in exact] == pytest.approx(floats.tolist(), abs=1e-12)
    assert floats.sum() == pytest.approx(1.0 if max(flows) > 0 else 0.0)


def test_a_cutoff_below_zero_lets_negative_flows_count():
    flows, cutoff = [I64F64.of(flow) for flow in (-100, -300, -400)], I64F64.of(-1000)
    assert [U64F64.to_float(share) for share in flow_shares(flows, cutoff)] == [0.75, 0.25, 0.0]
    assert flow_shares_of([-100, -300], cutoff=-200).tolist() == [1.0, 0.0]


def test_the_flow_average_halves_in_thirty_days():
    ema = I64F64.of(10**9)
    weight = I64F64.to_float(FLOW_SMOOTHING)
    assert (1 - weight) ** 216_000 == pytest.approx(0.5, rel=1e-4)
    assert I64F64.to_float(next_flow_ema(ema, 0)) == pytest.approx(1e9 * (1 - weight))
    assert next_flow_ema(I64F64.minimum, -(2**63)) >= I64F64.minimum


@given(raw, raw, st.integers(0, 10**9))
def test_the_price_average_stays_between_what_it_averages(ema, price, age):
    ema, price = min(ema, U96F32.of(1)), min(price, U96F32.of(1))
    after = next_price_ema(ema, price, age)
    assert min(ema, price) - 2 <= after <= max(ema, price)


@given(
    tao=st.integers(0, 10**9),
    price=st.integers(1, 2**36),
    alpha=st.integers(0, RAO),
    block=st.integers(0, RAO),
    rule=st.sampled_from(["subsidy", "alpha-emission", "block-emission"]),
)
def test_injection_stays_below_its_cap_and_uses_every_rao_of_tao(tao, price, alpha, block, rule):
    cap = injection_cap(rule, alpha, block)
    terms = injection_terms(U96F32.of(tao), price, alpha, cap)
    assert terms.alpha_in <= cap
    assert terms.tao_in + terms.excess_tao == U96F32.of(tao)
    assert terms.alpha_out == U96F32.of(alpha)
    assert (terms.excess_tao > 0) <= (terms.alpha_in == cap)


def test_the_dated_caps_on_one_subnet():
    # 0.4 TAO at a price of 0.1: 4 alpha to match; the subnet emits 1, the chain 0.5, root has a quarter
    tao, price, root = U96F32.of(4 * 10**8), U96F32.of(0.1), U96F32.of(0.25)
    matched = {
        rule: injection_terms(tao, price, RAO, injection_cap(rule, RAO, RAO // 2, root)).alpha_in >> 32
        for rule in ("subsidy", "alpha-emission", "block-emission", "root-proportion")
    }
    assert matched == {
        "subsidy": RAO // 2,
        "alpha-emission": RAO,
        "block-emission": RAO // 2,
        "root-proportion": RAO // 4,
    }
    kept = injection_terms(tao, price, RAO, injection_cap("keep-tao", RAO, RAO // 2), keep_tao=True)
    assert (kept.tao_in, kept.alpha_in, kept.excess_tao) == (tao, U96F32.of(RAO), 0)
    assert injection_terms(tao, 0, RAO, U96F32.of(RAO)).alpha_in == 0


@given(st.integers(0, RAO), st.integers(0, 2**32), st.integers(0, 65_535))
def test_a_split_adds_up_to_what_was_emitted(alpha, root, cut):
    parts = split_alpha(alpha, root, cut)
    assert sum(dataclasses.astuple(parts)) == alpha
    assert 0 <= parts.unpaid_rao <= 3
    assert parts.root_rao <= parts.miners_rao + 1


def test_the_nominal_split_is_18_41_41():
    parts = split_alpha(7200 * RAO)
    assert [round(rao / RAO) for rao in dataclasses.astuple(parts)] == [1296, 2952, 2952, 0, 0]
    assert split_alpha(RAO, owner_cut_u16=65_535).owner_rao == RAO


@given(amounts, amounts, amounts)
def test_roots_proportion_is_a_part_of_one(root, issued, weight):
    assert 0 <= root_proportion(root, issued, weight) <= U96F32.of(1)
    assert root_proportion(0, issued, weight) == 0


stakes = st.integers(0, 10**15)
hotkeys_of = st.dictionaries(
    st.sampled_from("abcde"),
    st.builds(Hotkey, stakes, stakes, st.integers(0, 65_535)),
    min_size=1,
)


@given(hotkeys_of, *[st.integers(0, 10**12)] * 4, amounts)
def test_a_payout_never_passes_what_was_pending(hotkeys, owner, miners, validators, root, weight):
    paid = pay_out(Pending(owner, miners, validators, root), hotkeys, weight)
    assert paid.paid_rao <= owner + miners + validators + root
    if all(hotkey.alpha_rao > 10**9 for hotkey in hotkeys.values()):
        assert sum(map(paid.alpha_gain_rao, hotkeys)) >= (miners + validators) * (1 - 1e-4) - 50


def test_incentives_of_the_owners_hotkeys_are_burnt_and_a_lone_validator_keeps_its_part():
    hotkeys = {"owner": Hotkey(), "miner": Hotkey(), "validator": Hotkey(RAO)}
    pending = Pending(owner_rao=18, miners_rao=400, validators_rao=400)
    emissions = {"owner": (100, 0), "miner": (300, 0), "validator": (0, 400)}
    paid = pay_out(pending, hotkeys, 0, emissions, owner_hotkeys={"owner"})
    assert (paid.owner_rao, paid.burned_rao, paid.incentives) == (18, 100, {"miner": 300})
    assert paid.takes["validator"] + paid.nominators["validator"] == 399  # truncated twice
    assert paid.takes["validator"] == 71  # 18 % of 400


def chain_of(*flows, price_ema=0.0, **changes):
    pool = FullRangePool.open(10**12, 4 * 10**12, outside_rao=10**12)
    subnets = {
        netuid: Subnet(pool, flow_rao=flow, price_ema=U96F32.of(price_ema))
        for netuid, flow in enumerate(flows, start=1)
    }
    return Chain(subnets, issuance_rao=11 * 10**15, **changes)


def test_one_block_issues_its_emission_and_splits_it_by_flow():
    before = chain_of(10**9, 3 * 10**9, -(10**9))
    after = run_block(before)
    assert 0 <= before.issuance_rao + RAO // 2 - after.issuance_rao <= 4
    gained = [after.subnets[n].pool.tao_rao - before.subnets[n].pool.tao_rao for n in (1, 2, 3)]
    assert gained == pytest.approx([RAO // 8, 3 * RAO // 8, 0], abs=2)
    assert [after.subnets[n].flow_rao for n in (1, 2, 3)] == [0, 0, 0]
    assert all(after.subnets[n].outside_rao == 10**12 + RAO for n in (1, 2, 3))
    # price 1/4: 0.125 TAO go with 0.5 alpha, the cap; what is above buys alpha and lifts the price
    added = [after.subnets[n].pool.alpha_rao - 4 * 10**12 for n in (1, 2, 3)]
    assert added[0] == pytest.approx(RAO // 2, abs=10)
    assert added[1] < 0 == added[2]
    assert after.subnets[2].price > after.subnets[1].price


def test_without_any_inflow_no_tao_is_issued_but_alpha_is():
    after = run_block(chain_of(-5, 0))
    assert after.issuance_rao == 11 * 10**15
    assert after.subnets[1].outside_rao == 10**12 + RAO


def test_root_is_paid_only_while_the_average_prices_sum_above_one():
    root = {"root_tao_rao": 10**15, "owner_cut_u16": 0}
    low, high = (run_block(chain_of(1, 1, price_ema=ema, **root)) for ema in (0.5, 0.500001))
    assert low.subnets[1].pending.root_rao == 0
    due = high.subnets[1].pending.root_rao
    assert due > 0
    assert high.subnets[1].outside_rao - low.subnets[1].outside_rao == due
    assert high.subnets[1].pending.miners_rao == RAO // 2


def test_a_subnet_that_has_not_started_or_takes_nobody_gets_nothing():
    chain = chain_of(5, 5, 5)
    subnets = dict(chain.subnets)
    subnets[1] = subnets[1].replace(started_block=None)
    subnets[2] = subnets[2].replace(registration_open=False)
    after = run_block(dataclasses.replace(chain, subnets=subnets))
    assert [after.subnets[n] == subnets[n] for n in (1, 2, 3)] == [True, True, False]


def test_the_price_era_takes_shares_from_the_average_price():
    rules = dataclasses.replace(rules_at("2026-03-29"), shares="price")
    chain = chain_of(1, 1, price_ema=0.5)
    after = run_block(chain, rules)
    gained = [after.subnets[n].pool.tao_rao - chain.subnets[n].pool.tao_rao for n in (1, 2)]
    assert gained == pytest.approx([RAO // 4] * 2, abs=1)


def test_rules_follow_the_calendar():
    days = [release.released for release in RELEASES]
    assert days == sorted(days)
    assert rules_at("2025-12-13").release == "v3.3.1-362"
    assert rules_at(dt.date(2026, 3, 10)).pool == "balancer"
    assert rules_at("2026-03-29").pool == "v3"
    assert rules_at("2025-11-05").shares == "flow"
    assert rules_at("2025-11-03").root_dividends == "sold-unless-subsidised"
    assert str(rules_at("2026-03-29")) == "v3.3.13-393 (2026-03-25)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: block_emission(-1), "issuance_rao = -1"),
        (lambda: block_emission(2**64), "issuance_rao = 18446744073709551616"),
        (lambda: block_emission(0.5), "issuance_rao = 0.5"),
        (lambda: halvings(MAXIMUM_RAO), "everything is issued"),
        (lambda: halving_threshold(33), "0 to 32 halvings, got 33"),
        (lambda: issuance_after(0, -1), "blocks = -1"),
        (lambda: proportions([1, -1]), "at least 0, got -1"),
        (lambda: flow_shares_of([1, np.nan]), r"flow_emas\[1\] should be finite"),
        (lambda: flow_shares_of([1], exponent=0.5), "at least 1, got 0.5"),
        (lambda: next_price_ema(0, 0, -1), "age_blocks = -1"),
        (lambda: split_alpha(-1), "alpha_out_rao = -1"),
        (lambda: split_alpha(1, owner_cut_u16=65_536), "owner_cut_u16 = 65536"),
        (lambda: root_proportion(2**64, 0, 0), "root_tao_rao = "),
        (lambda: U96F32.of(float("nan")), "holds no nan"),
        (lambda: Pending(miners_rao=-1), "miners_rao = -1"),
        (lambda: Hotkey(take_u16=70_000), "take_u16 = 70000"),
        (lambda: Hotkey(alpha_rao=0.5), "alpha_rao = 0.5"),
        (lambda: pay_out(Pending(), {}, 0, {"x": (0, 0)}), "no stake is given: x"),
        (lambda: pay_out(Pending(), {"a": Hotkey(parents=(("b", 1),))}, 0), "a has the parent b"),
        (lambda: pay_out(Pending(), {"a": Hotkey()}, 2**64), "tao_weight_u64 = "),
        (lambda: Chain({}, issuance_rao=-1), "issuance_rao = -1"),
        (lambda: run_block(chain_of(1, root_tao_rao=1), rules_at("2025-03-01")), "do not know v2.0.0"),
        (lambda: run_block(chain_of(1), emission_rao=-1), "block_emission_rao = -1"),
        (lambda: Subnet(Reserves(0, 0)).stake(10**9), "holds less than"),
        (lambda: rules_at("2024-01-01"), "no rules before v2.0.0"),
        (lambda: rules_at("29.3.2026"), "YYYY-MM-DD"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_saturation_is_where_the_chain_saturates():
    assert block_emission(U64_MAX) == 0
    full = Subnet(Reserves(10**12, 10**12, U64_MAX - 10**12), flow_rao=1)
    chain = run_block(Chain({1: full}, issuance_rao=U64_MAX - 1), emission_rao=5 * 10**8)
    assert chain.issuance_rao == U64_MAX
    assert chain.subnets[1].outside_rao == U64_MAX - 10**12  # 21 million alpha are long issued
