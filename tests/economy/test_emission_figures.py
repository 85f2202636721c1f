"""Figures of further tests of the chain's own suite, in the schema of the shared vectors.

Only inputs and asserted figures, from opentensor/subtensor, pallets/subtensor/src/tests/ (coinbase,
emission, subnet_emissions, at the releases of late 2025 and 2026); each is named after its test.
"""

import copy
import itertools

import pytest

from chain_checks import emission  # noqa: F401 (registers the kinds)
from chain_checks.frame import check_vector
from locolab.economy.coinbase import blocks_until_epoch

MAX, BILLION = 2**64 - 1, 10**9
STAKES = [{"hotkey": 0, "alpha_stake": 4_859_302, "root_stake": 2_342_352}]
STAKES += [{"hotkey": 1, "alpha_stake": 23_423, "root_stake": 859_273}]
SHARED = {"stake_map": STAKES, "dividends": [77_783_738, 19_283_940], "tao_weight": 0.18}
TWO = {"stake_before_alpha": [BILLION] * 2, "pending_server": BILLION // 2, "pending_validator": BILLION // 2}
FAMILY = {**TWO, "stake_before_root": [BILLION] * 2, "tao_weight": MAX, "delegate_take": 0}
ALL = [{"parent": 0, "child": 1, "proportion": MAX}]
TENTH = {"alpha_reserve": 10**6, "tao_reserve": 10**6}

INPUTS = ("values", "flows", "p", "block", "first_emission_block", "alpha", "abs_tol", "root_tao")

# test name: kind, params, expected (or cases), tolerance
FIGURES = {
    "coinbase_tao_issuance_base_low": (
        "tao_injection",
        {"emission": 1, "flows": [33_433]},
        {"delta_subnet_tao": [1], "delta_total_issuance": 1, "delta_total_stake": 1},
        {"all": 0},
    ),
    "coinbase_subnet_not_started": (
        "tao_injection",
        {"emission": 1000, "flows": [10, 10], "first_emission_block": [1, None]},
        {"delta_subnet_tao": [1000, 0]},
        {"all": 0},
    ),
    "root_proportion_cases": (
        "root_proportion",
        {"tao_weight": 1.0, "alpha_issuance": 3 * BILLION},
        [{"root_tao": BILLION, "expected_root_proportion": 0.25}],
        {"abs": 1e-9},
    ),
    "coinbase_tao_issuance_multiple": (
        "tao_injection",
        {"emission": 3_333_333, "flows": [10**8] * 3},
        {"delta_subnet_tao": [1_111_111] * 3, "delta_total_issuance": 3_333_333},
        {"delta_subnet_tao": 1, "delta_total_issuance": 3},
    ),
    "coinbase_alpha_issuance_different": (
        "alpha_injection",
        {
            "emission": 10**6,
            "tao_reserves": [10**6, 2 * 10**6],
            "alpha_reserves": [10**6] * 2,
            "flows": [1, 2],
        },
        {"alpha_in": [1_333_333, 1_333_333]},
        {"all": 0},
    ),
    "coinbase_alpha_issuance_with_cap_trigger": (
        "alpha_injection_inequality",
        {"emission": 10**6, "tao_reserves": [1000] * 2, "alpha_reserves": [BILLION] * 2, "flows": [1, 2]},
        {"alpha_in_less_than": [2 * BILLION] * 2, "alpha_out": [BILLION] * 2},
        {"all": 0},
    ),
    "pending_emission": (
        "emission_split",
        {
            "emission": 0,
            "tao_reserve": 10**6,
            "alpha_reserve": 1,
            "alpha_out": 2 * BILLION,
            "root_tao": BILLION,
            "tao_weight": MAX,
            "moving_price": 2,
        },
        {"pending_server": 5 * 10**8, "pending_validator": 375 * 10**6, "pending_root_alpha": 125 * 10**6},
        {"abs": 1},
    ),
    "coinbase_tao_issuance_different_prices": (
        "tao_injection",
        {
            "emission": 10**8,
            "tao_reserves": [10**5] * 2,
            "alpha_reserves": [10**6, 5 * 10**5],
            "moving_prices": [1, 2],
            "swap_initialized": True,
        },
        {
            "subnet_tao": [33_433_333, 66_766_666],
            "total_issuance": 3 * 10**7,
            "delta_total_stake": 10**8,
        },
        {"subnet_tao": 1, "total_issuance": 10, "delta_total_stake": 10},
        "v3.2.9-326",
    ),
    "coinbase_subnet_terms_with_alpha_in_lte_alpha_emission": (
        "subnet_terms",
        {
            "tao_reserve": 10**15,
            "alpha_reserve": 10**15,
            "alpha_emission": BILLION,
            "tao_emission": 34_566_756,
        },
        {"alpha_out": BILLION, "alpha_in": 34_566_756.0, "tao_in": 34_566_756, "excess_tao": 0},
        {"alpha_out": 0.1, "alpha_in": 0.01, "tao_in": 0.01, "excess_tao": 0.01},
    ),
    "update_moving_price_after_time": (
        "moving_price",
        {"tao_reserve": 10**6, "alpha_reserve": 10**6},
        [
            {
                "first_emission_block": 500,
                "block": 144_000_500,
                "alpha": 0.5,
                "expected": 0.5,
                "abs_tol": 0.001,
            }
        ],
        {"per_case": "abs_tol"},
    ),
    "inplace_pow_normalize_all_zero": (
        "flow_shares",
        {},
        [{"values": [0.0, 0.0, 0.0], "p": 1.0, "expected": [0.0, 0.0, 0.0]}],
        {"abs": 1e-18},
    ),
    "inplace_pow_normalize_tiny_values": (
        "flow_shares",
        {},
        [{"values": [1e-9, 2e-9, 3e-9], "p": 2.0, "expected": [1 / 14, 4 / 14, 9 / 14]}],
        {"rel": 0.01},
    ),
    "inplace_pow_normalize_large_values": (
        "flow_shares",
        {},
        [{"values": [1e9, 5e9, 1e10], "p": 2.0, "expected_sum": 1.0}],
        {"sum": 1e-9},
    ),
    "get_shares_low_flows_sum_one_and_ordering": (
        "flow_shares_disabled",
        {"moving_prices": [1.0, 1.0]},
        [{"flows": [1e-9, 2e-9], "expected_property": "sum = 1, each in [0, 1], increasing"}],
        {"sum": 1e-8},
    ),
    "get_shares_both_negative_above_cutoff": (
        "flow_shares_disabled",
        {"cutoff": -1000.0, "p": 1.0},
        [{"flows": [-100.0, -300.0, -400.0], "expected": [0.75, 0.25, 0.0]}],
        {"abs": 0.0025},
    ),
    "get_shares_one_below_cutoff_other_full_emission": (
        "flow_shares_disabled",
        {"cutoff": 2000.0},
        [{"flows": [1000.0, 2000.001], "expected": [0.0, 1.0]}],
        {"abs": 1e-6},
    ),
    "calculate_dividend_distribution_totals": (
        "dividend_distribution",
        {**SHARED, "pending_validator_alpha": 183_123_567_452, "pending_root_alpha": 837_120_949_872},
        {"total_alpha_dividends": 183_123_567_452, "total_root_alpha_dividends": 837_120_949_872},
        {"abs": 1000},
    ),
    "calculate_dividend_distribution_total_only_tao": (
        "dividend_distribution",
        {**SHARED, "pending_validator_alpha": 0, "pending_root_alpha": 837_120_949_872},
        {"total_alpha_dividends": 0, "total_root_alpha_dividends": 837_120_949_872},
        {"abs": 1000},
    ),
    "calculate_dividend_and_incentive_distribution": (
        "dividend_distribution",
        {
            "dividend": 61_728_394,
            "incentive": 61_728_394,
            "pending_validator_alpha": 61_728_394,
            "tao_weight": 0.0,
        },
        {"total": 123_456_789},
        {"abs": 2},
    ),
    "calculate_dividends_and_incentives_only_miners": (
        "dividend_distribution",
        {"dividend": 0, "incentive": 123_456_789},
        {"total_incentives": 123_456_789, "total_dividends": 0},
        {"all": 0},
    ),
    "drain_base_with_subnet_with_single_staker_not_registered": (
        "distribute_emission",
        {"stake_before_alpha": BILLION, "pending_alpha": BILLION, "registered": False},
        {"stake_after_alpha": BILLION},
        {"all": 0},
    ),
    "drain_base_with_subnet_with_two_stakers_registered": (
        "distribute_emission",
        TWO,
        {"stake_after_alpha": [1_500_000_000] * 2},
        {"abs": 10},
    ),
    "drain_base_with_two_stakers_and_root_different_amounts_half_tao_weight": (
        "distribute_emission",
        {
            "stakers": [{"alpha_stake": BILLION, "root_stake": root * BILLION} for root in (2, 1)],
            "pending_alpha": BILLION,
            "tao_weight": MAX // 2,
        },
        {"stake_after_alpha": [1_500_000_000] * 2},
        {"abs": 10},
    ),
    "drain_alpha_childkey_parentkey": (
        "distribute_emission",
        {
            "stake_before_alpha": [BILLION, 0],
            "pending_alpha": BILLION,
            "registered": [False, True],
            "children": ALL,
            "childkey_take_u16": [0, 6553],
        },
        {"stake_after_alpha": [1_900_000_000, 100_000_000]},
        {"abs": 10_000},
    ),
    "get_root_children_drain": (
        "distribute_emission",
        {**FAMILY, "children": ALL},
        {"stake_after_alpha": [1_500_000_000] * 2},
        {"all": 0},
    ),
    "get_root_children_drain_half_proportion": (
        "distribute_emission",
        {**FAMILY, "children": [{"parent": 0, "child": 1, "proportion": MAX // 2}]},
        {"alpha_dividends": [5 * 10**8] * 2},
        {"abs": 10},
    ),
    "get_root_children_drain_with_half_take": (
        "distribute_emission",
        {**FAMILY, "children": ALL, "childkey_take_u16": [0, 32_767]},
        {"alpha_dividends": [250_000_000, 750_000_000]},
        {"abs": 10_000},
    ),
    "drain_pending_emission_no_miners_all_drained": (
        "distribute_emission",
        {"stake_before_alpha": 1, "pending_alpha": 10**6, "tao_weight": 0},
        {"stake_after_alpha": 1_000_001},
        {"abs": 1},
    ),
}


def vector_of(name):
    kind, params, expected, tolerance, *tag = copy.deepcopy(FIGURES[name])
    said = {"cases": expected} if isinstance(expected, list) else {"expected": expected}
    release = {"source_detail": {"tag": tag[0]}} if tag else {}
    return {"kind": kind, "params": params, "tolerance": tolerance, **said, **release}


@pytest.mark.parametrize("name", FIGURES)
def test_the_chains_figure(name):
    check_vector(vector_of(name), name)


@pytest.mark.parametrize("name", FIGURES)
def test_another_figure_is_refused(name):
    vector = vector_of(name)
    blocks = vector["cases"] if "cases" in vector else [vector["expected"]]
    for block, field in itertools.chain.from_iterable(((b, f) for f in b) for b in blocks):
        if field in INPUTS:
            continue
        changed, kept = copy.deepcopy(vector), block[field]
        values = kept if isinstance(kept, list) else [kept]
        block[field] = "all zero" if isinstance(kept, str) else [-5 * 10**9 - 1 - value for value in values]
        with pytest.raises(AssertionError):
            check_vector(vector, name)
        block[field] = kept
        assert vector == changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"params": {"emission": 1, "flows": [1], "season": 3}}, "does not know the field.*season"),
        ({"expected": {"alpha_mood": 1}}, "does not know what to compare 'alpha_mood' with"),
        ({"expected": {"alpha_in": [1, 2]}}, "2 values are expected, there are 1"),
        ({"tolerance": {"strict": "≈"}}, "strict is '≈'"),
        ({"params": {"emission": 1, "flows": [1, 2], "alpha_out": [1, 2, 3]}}, r"lists of \[2, 3\]"),
        ({"source_detail": {"tag": "HEAD"}}, "no rules for the release 'HEAD'"),
        ({"expected": {"delta_subnet_tao": [None]}}, "nothing is expected"),
    ],
)
def test_the_checker_says_what_it_does_not_know(change, message):
    with pytest.raises(AssertionError, match=message):
        check_vector({**vector_of("coinbase_tao_issuance_base_low"), **change}, "changed")


@pytest.mark.parametrize(
    ("netuid", "tempo", "block", "blocks"),
    [
        (1, 0, 100, MAX),
        (1, 10, 5, 3),
        (2, 20, 15, 2),
        (3, 30, 25, 1),
        (65_535, 65_535, MAX, 0),
        (65_535, 65_535, 0, 65_535),
        (65_535, 65_535, MAX - 1, 1),
        (1, 10, 9, 10),
        (2, 20, 21, 17),
        (1, 65_534, 100, 65_535 - 103),
        (1, 10, MAX, 9),
        (1, 10, MAX - 1, 10),
    ],
)
def test_blocks_until_the_next_epoch(netuid, tempo, block, blocks):
    assert blocks_until_epoch(netuid, tempo, block) == blocks
