"""The swap checkers on further figures of the chain's own tests, and on vectors they must refuse.

Figures: opentensor/subtensor, pallets/subtensor/src/tests/staking.rs (v2.0.x: test_max_amount_remove_dynamic;
V3 era: test_max_amount_{add,remove}_dynamic) and pallets/swap/src/tick.rs (test_get_tick_at_sqrt_ratio,
test_roundtrip_tick_index_sqrt_price).
"""

import pytest

from chain_checks import swap, swap_ticks  # noqa: F401 (each registers its kinds)
from chain_checks.formulas import allowance, evaluate, number
from chain_checks.frame import VectorError, check_vector

MAX = 2**64 - 1
BILLION = 10**9


def most_cases(field, rows):
    return [
        {
            "tao_in": tao,
            "alpha_in": alpha,
            "limit_price": limit,
            field if expected != "E" else "expected_error": to,
        }
        for tao, alpha, limit, expected in rows
        for to in ["PriceLimitExceeded" if expected == "E" else expected]
    ]


VECTORS = [
    {
        "id": "swap_cpmm_max_amount_remove",
        "kind": "cpmm_limit",
        "cases": most_cases(
            "expected_max_alpha",
            [
                (0, BILLION, 100, 0),
                (BILLION, 0, 100, 0),
                (BILLION, BILLION, 0, MAX),
                (1, 1, 1, 999_999_999),
                (1, 1, 2, 499_999_999),
                (1, 1, 250_000_000, 3),
                (200 * BILLION, 100 * BILLION, 500_000_000, 300 * BILLION),
                (200 * BILLION, 100 * BILLION, 2_000_000_000, 0),
                (200 * BILLION, 100 * BILLION, 1_999_999_999, 50),
                (10**6, 10**18, 1, 0),
                (21 * 10**15, 10**6, 21 * 10**15, 999_000_000),
                (21 * 10**15, 10**6, MAX, 138_412),
                (21 * 10**15, 10**18, 20_000_000, 50 * 10**15),
            ],
        ),
    },
    {
        "id": "swap_v3_max_amount_add",
        "kind": "v3_limit",
        "tolerance": {"all": "v // 10000"},
        "cases": most_cases(
            "expected_max_tao",
            [
                (BILLION, BILLION, 0, "E"),
                (100, 100, 1_100_000_000, 4),
                (10_000, 10_000, 1_100_000_000, 488),
                (10**6, 10**6, 4 * BILLION, 1_000_500),
                (10**12, 10**12, 16 * BILLION, 3_001_500_000_000),
                (150 * BILLION, 100 * BILLION, 1_499_999_999, "E"),
                (150 * BILLION, 100 * BILLION, 6 * BILLION, 150_075_000_000),
                (MAX // 2, MAX, MAX, MAX),
            ],
        ),
    },
    {
        "id": "swap_v3_max_amount_remove",
        "kind": "v3_limit",
        "tolerance": {"expected_max_alpha": "expected_max_alpha // 100"},
        "cases": [
            {"tao_in": 0, "alpha_in": BILLION, "limit_price": 100, "expected_error": "ReservesTooLow"},
            *most_cases(
                "expected_max_alpha",
                [
                    (BILLION, 0, 100, "E"),
                    (10 * BILLION, 10 * BILLION, 0, MAX),
                    (10**6, 10**6, 62_500_000, 3_030_000),
                    (200 * BILLION, 100 * BILLION, 125_000_000, 303 * BILLION),
                    (200 * BILLION, 100 * BILLION, 2 * BILLION, "E"),
                    (200 * BILLION, 100 * BILLION, 1_999_999_999, 24),
                    (21 * 10**15, 10**6, MAX, 67_000),
                    (21 * 10**15, 21 * 10**15, 999_999_999, 10_605_000),
                ],
            ),
        ],
    },
    {
        "id": "swap_v3_fill_or_kill",
        "kind": "v3_limit",
        "params": {"tao_reserve": 150 * BILLION, "alpha_reserve": 100 * BILLION, "direction": "buy"},
        "cases": [
            {
                "amount": 900 * BILLION,
                "limit_price": 24 * BILLION,
                "allow_partial": False,
                "expected_error": "SlippageTooHigh",
            },
            {
                "amount": 150 * BILLION,
                "limit_price": 24 * BILLION,
                "allow_partial": False,
                "expected_ok": True,
            },
        ],
    },
    {
        "id": "swap_cpmm_add_stake_limit",
        "kind": "cpmm_limit",
        "params": {"tao_reserve": 150 * BILLION, "alpha_reserve": 100 * BILLION, "allow_partial": True},
        "tolerance": {"price_after": 1e-6},
        "cases": [
            {
                "amount": 900 * BILLION,
                "limit_price": 6 * BILLION,
                "expected_alpha_received": 75 * BILLION,
                "expected_balance_left": 450 * BILLION,
                "expected_price_after": 24.0,
            },
        ],
    },
    {
        "id": "swap_v3_moves_without_a_pool",
        "kind": "move_limit",
        "params": {"tao_in": 50 * BILLION, "alpha_in": 100 * BILLION},
        "cases": [
            {"origin": "root", "destination": "stable", "limit_price": BILLION, "expected_max_alpha": "MAX"},
            {
                "origin": "root",
                "destination": "root",
                "limit_price": BILLION + 1,
                "expected_error": "ZeroMaxStakeAmount",
            },
            {"origin": "stable", "limit_price": 0, "expected_max_alpha": MAX},
            {"origin": "stable", "limit_price": 3 * BILLION, "expected_error": "PriceLimitExceeded"},
            {
                "origin": "stable",
                "limit_price": BILLION // 2,
                "expected_max_alpha": 50_150_000_000,
                "abs_tol": 5 * 10**8,
            },
            {"destination": "root", "limit_price": 0, "expected_max_alpha": MAX},
        ],
    },
    {
        "id": "swap_cpmm_max_amount_add_stable",
        "kind": "cpmm_limit",
        "cases": [
            {"limit_price": BILLION - 1, "expected_max_tao": 0},
            {"limit_price": BILLION, "expected_max_tao": MAX},
        ],
    },
    {
        "id": "swap_cpmm_max_amount_move_dynamic_stable",
        "kind": "move_limit",
        "params": {"tao_reserve": 150 * BILLION, "alpha_reserve": 100 * BILLION},
        "cases": [
            {"limit_price": 1, "expected_max_alpha_greater_than": 0},
            {"limit_price": 1_500_000_000, "expected_max_alpha": 0},
            {"limit_price": 750_000_000, "expected_max_alpha": 100 * BILLION, "abs_tol": 10_000},
        ],
    },
    {
        "id": "swap_cpmm_remove_stake_limit",
        "kind": "cpmm_limit",
        "params": {
            "tao_reserve": 150 * BILLION,
            "alpha_reserve": 100 * BILLION,
            "stake_before": 300 * BILLION,
        },
        "tolerance": {"alpha": 11_111_111},
        "cases": [
            {
                "unstake_amount": 150 * BILLION,
                "limit_price": 1_350_000_000,
                "staking_fee": 50_000,
                "expected_alpha_reduction": 11_111_111_111,
            }
        ],
    },
    {
        "id": "swap_v3_add_stake_at_the_price",
        "kind": "v3_limit",
        "params": {"tao_in": 150 * BILLION, "alpha_in": 100 * BILLION},
        "cases": [
            {"limit_price": 1_500_000_000, "expected_max_tao": 5},
            {"limit_price": 1_500_000_001, "expected_max_tao": 51},
        ],
    },
    {
        "id": "swap_v3_add_stake_insufficient_liquidity",
        "kind": "v3_swap",
        "params": {"tao_reserve": 99, "alpha_reserve": 99, "direction": "buy"},
        "cases": [{"amount": 20_000_000, "expected_error": "InsufficientLiquidity"}],
    },
    {
        "id": "swap_v3_add_liquidity_out_of_bounds",
        "kind": "v3_liquidity",
        "params": {"tao_reserve": 10**12, "alpha_reserve": 4 * 10**12, "liquidity": BILLION},
        "cases": [{"tick_low": "MIN - 1", "tick_high": "MAX", "expected_error": "InvalidTickRange"}],
    },
    {
        "id": "swap_v3_tick_bounds",
        "kind": "v3_ticks",
        "tolerance": {"sqrt_price": 1e-10},
        "cases": [
            {"tick": -887_273, "expected_error": "TickOutOfBounds"},
            {"tick": -887_272, "expected_error": "TickOutOfBounds"},
            {"sqrt_ratio_x96": "4295128738", "expected_error": "SqrtPriceOutOfBounds"},
            {"sqrt_ratio_x96": "4295128739", "expected_tick": -887_272},
            {"sqrt_ratio_x96": "4295343490", "expected_tick": -887_271},
            {"tick": 10, "sqrt_price": 1.0001**5, "expected_round_trip": 10},
            {"tick": -443_636, "expected_round_trip": -443_636},
            {"tick": 443_636, "expected_round_trip": 443_636},
            {"sqrt_price": 1.0, "expected_tick": 0},
        ],
    },
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_figures_of_further_tests(vector):
    check_vector(vector, vector["id"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_another_figure_fails(vector):
    case = next(case for case in reversed(vector["cases"]) if any("expected" in name for name in case))
    field = next(name for name in case if name.startswith("expected"))
    changed = {"expected_ok": False, "expected_error": "SlippageTooHigh"}.get(field, 12_345)
    changed = 2 * MAX if "greater" in field else changed
    cases = [{**case, field: changed} if one is case else one for one in vector["cases"]]
    with pytest.raises(AssertionError):
        check_vector({**vector, "cases": cases}, vector["id"])


@pytest.mark.parametrize(
    "changes",
    [
        {"tick_spacing": 1},
        {"tolerance": {"expected_out": "1 %", "velocity": 1}},
        {"cases": [{"direction": "hold", "amount": 1}]},
    ],
)
def test_what_is_unknown_is_an_error(changes):
    vector = {
        "kind": "v3_swap",
        "params": {"tao_reserve": 10**12, "alpha_reserve": 4 * 10**12},
        "cases": [{"direction": "buy", "amount_in": 1000, "expected_out": 3990}],
        "tolerance": {"expected_out": "1 %"},
    }
    check_vector(vector, "swap_v3_sample")
    with pytest.raises(VectorError):
        check_vector({**vector, **changes}, "swap_v3_sample")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (2, 2),
        (0.5, 0.5),
        ("expected / 4", 25),
        ("1 %", 1),
        ({"rel": 0.02}, 2),
        ({"abs": 3}, 3),
        ("max(a, 2)*3", 9),
    ],
)
def test_forms_of_a_tolerance(form, expected):
    assert allowance(form, 100, 90, {"a": 3}) == expected


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.b", "a[0]", "unknown + 1", "2 **", "'x'", "(lambda: 1)()", "2**9"]
)
def test_formulas_are_arithmetic_alone(text):
    with pytest.raises(VectorError):
        evaluate(text, {"a": 1})


@pytest.mark.parametrize("value", [None, True, "twelve", [1]])
def test_only_numbers_are_numbers(value):
    with pytest.raises(VectorError):
        number(value)
