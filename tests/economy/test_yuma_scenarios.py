"""Scenarios of the chain's own epoch tests beyond the shared vectors, written in the same form.

Figures: opentensor/subtensor, pallets/subtensor/src/tests/epoch.rs and math.rs. They run through the
checkers of the vectors, so they try those on other operations as well.
"""

import pytest

from chain_checks import yuma  # noqa: F401 (registers the kinds)
from chain_checks.frame import check_vector

FULL, HALF = 65535, 32767


def check(kind, **fields):
    check_vector({"kind": kind, "tolerance": {"all": 0}, **fields}, kind)


def weights(uid, uids, values):
    return {"op": "set_weights", "uid": uid, "uids": uids, "weights_u16": values}


def test_ten_uids_that_weigh_only_themselves_share_by_stake():
    zeros = [[uid, 0] for uid in range(10)]
    check(
        "yuma_epoch",
        params={"n": 10, "stakes": [1] * 10, "tempo": 65534, "registration_block_all": 0},
        steps=[
            *(weights(uid, [uid], [FULL]) for uid in range(10)),
            {"op": "epoch"},
            {
                "op": "expect_after_epoch",
                "rank_u16": zeros,
                "consensus_u16": zeros,
                "incentive_u16": zeros,
                "dividends_u16": zeros,
                "emission_rao": [99_999_999] * 10,
            },
        ],
    )


def test_stake_without_recent_weights_stops_counting():
    both = [weights(uid, [2, 3], [HALF, HALF]) for uid in (0, 1)]
    check(
        "yuma_epoch",
        params={"n": 4, "stakes": [1] * 4, "max_validators": 4, "tempo": 1, "start_block": 0},
        steps=[
            {"op": "epoch"},
            {"op": "goto_block", "block": 1},
            *both,
            {"op": "epoch"},
            {
                "op": "expect_after_epoch",
                "dividends_u16": [[0, 32767], [1, 32767]],
                "emission_rao": [250_000_000] * 4,
                "bonds_u16": [[0, 0, 0], [0, 1, 0], [0, 2, FULL], [0, 3, FULL], [1, 2, FULL], [1, 3, FULL]],
            },
            {"op": "goto_block", "block": 5002},
            both[0],
            {"op": "epoch"},
            {
                "op": "expect_after_epoch",
                "dividends_u16": [[0, 36044], [1, 29490]],
                "emission_rao": [274_999_999, 224_999_999, 250_000_000, 250_000_000],
                "bonds_u16": [[0, 2, FULL], [0, 3, FULL], [1, 2, 53619], [1, 3, 53619]],
                "pruning_score_u16": [0, 0, 0, 0],
            },
            both[1],
            {"op": "goto_block", "block": 5003},
            {"op": "epoch"},
            {
                "op": "expect_after_epoch",
                "dividends_u16": [[0, 35716], [1, 29818]],
                "emission_rao": [[0, 272_501_132], [1, 227_498_866]],
                "bonds_u16": [[0, 2, FULL], [0, 3, FULL], [1, 2, 54712], [1, 3, 54712]],
            },
        ],
    )


def test_weights_older_than_the_miner_do_not_count():
    split = [2 * 21845, 21845]
    check(
        "yuma_epoch",
        params={"n": 4, "stakes": [1] * 4, "max_validators": 4, "tempo": 0},
        steps=[
            {"op": "epoch"},
            {"op": "advance_blocks", "by": 1},
            *(weights(uid, [2, 3], split) for uid in (0, 1)),
            *(weights(uid, [uid], [FULL]) for uid in (2, 3)),
            {"op": "epoch"},
            {"op": "replace_uid", "uid": 3, "new_stake": 0},
            {"op": "advance_blocks", "by": 1},
            weights(0, [2, 3], split),
            {"op": "epoch"},
            {
                "op": "expect_after_epoch",
                "dividends_u16": [[0, 32767]],
                "emission_rao": [250_000_000, 250_000_000, 500_000_000, 0],
                "bonds_u16": [[0, 2, FULL], [0, 3, FULL]],
            },
        ],
    )


def test_only_the_owners_weight_on_itself_counts():
    def script(owner):
        return {
            "params": {"stakes": [5 * 10**12, 0], "owner_uid": owner},
            "steps": [
                {"op": "set_permits", "permits": [True, False]},
                {"op": "advance_blocks", "by": 1},
                weights(0, [0, 1], [HALF, HALF]),
                {"op": "epoch"},
            ],
        }

    halves = {"op": "expect_after_epoch", "incentive_rao": [250_000_000, 250_000_000]}
    other = {"op": "expect_after_epoch", "incentive_rao": [0, 500_000_000]}
    for owner, expected in ((0, halves), (1, other), (None, other)):
        vector = script(owner)
        check("yuma_epoch", params=vector["params"], steps=[*vector["steps"], expected])


@pytest.mark.parametrize(("commit_reveal", "incentive"), [(False, [0, HALF, HALF]), (True, [0, FULL, 0])])
def test_weights_committed_before_the_miner_came_do_not_count(commit_reveal, incentive):
    check(
        "yuma_epoch",
        params={"stakes": [10_000, 0, 0], "commit_reveal": commit_reveal},
        steps=[
            {"op": "set_permit", "uid": 0},
            {"op": "advance_blocks", "by": 1},
            {"op": "commit", "uid": 0},
            {"op": "advance_blocks", "by": 1},
            {"op": "replace_uid", "uid": 2},
            {"op": "advance_blocks", "by": 1},
            weights(0, [1, 2], [FULL, FULL]),
            {"op": "epoch"},
            {"op": "expect_after_epoch", "incentive_u16": incentive},
        ],
    )


YUMA3 = {
    "kappa_u16": HALF,
    "bonds_moving_average": 975_000,
    "bonds_penalty_u16": 0,
    "yuma3": True,
    "liquid_alpha": True,
    "alpha_low": 0.1,
    "alpha_high": 0.3,
    "alpha_sigmoid_steepness": 1000,
    "max_validators": 3,
    "tempo": 1,
}


def scenario(stakes, choices, dividends, bonds, **changes):
    """Check a Yuma 3 scenario; `choices` says for each epoch which server (1, 2) each validator backs."""
    epochs = []
    for number, chosen in enumerate(choices):
        epoch = {"epoch": number, "weights": None}
        if chosen:
            rows = [[FULL, 0] if server == 1 else [0, FULL] for server in chosen]
            epoch["weights"] = [
                {"uid": uid, "uids": [3, 4], "weights_u16": row} for uid, row in enumerate(rows)
            ]
        if number in dividends:
            row = [*dividends[number], 0.0, 0.0]
            epoch["expected"] = {"dividends": row, "bonds_validator_x_miner": bonds[number]}
        epochs.append(epoch)
    for number, uid in changes.pop("resets", {}).items():
        epochs[number]["reset_bonds"] = uid
    check(
        "yuma3_scenario",
        params={"n": 5, "stakes": stakes, **YUMA3, **changes},
        epochs=epochs,
        tolerance={"dividends": 0.001, "bonds": 0.001, "bonds_are_asserted_by_rust": False},
    )


def test_yuma3_the_large_validator_moves_second():
    scenario(
        [8, 1, 1, 0, 0],
        [(1, 1, 1), (1, 2, 1), (2, 2, 1), (2, 2, 2), None, None],
        dict(
            enumerate(
                [
                    [0.8, 0.1, 0.1],
                    [0.8446, 0.0498, 0.1056],
                    [0.6868, 0.3132, 0.0],
                    [0.7421, 0.2090, 0.0489],
                    [0.7625, 0.1706, 0.0669],
                    [0.7730, 0.1508, 0.0762],
                ]
            )
        ),
        [
            [[0.1013, 0], [0.1013, 0], [0.1013, 0]],
            [[0.1924, 0], [0.0908, 0.2987], [0.1924, 0]],
            [[0.1715, 0.1013], [0.0815, 0.3697], [0.4336, 0]],
            [[0.1531, 0.1924], [0.0731, 0.4336], [0.3608, 0.1013]],
            [[0.1369, 0.2742], [0.0656, 0.4910], [0.3103, 0.1924]],
            [[0.1225, 0.3478], [0.0588, 0.5426], [0.2712, 0.2742]],
        ],
    )


def test_yuma3_the_large_validator_moves_last():
    scenario(
        [8, 1, 1, 0, 0],
        [(1, 1, 1), (1, 2, 1), (1, 2, 2), (2, 2, 2), None, None],
        {2: [0.8966, 0.0333, 0.0701], 3: [0.4663, 0.3210, 0.2127], 5: [0.6592, 0.1932, 0.1475]},
        {
            2: [[0.2742, 0], [0.0815, 0.5081], [0.1715, 0.2987]],
            3: [[0.2416, 0.1013], [0.0731, 0.5580], [0.1531, 0.3697]],
            5: [[0.1903, 0.2742], [0.0588, 0.6430], [0.1225, 0.4910]],
        },
    )


def test_yuma3_without_liquid_alpha_all_bonds_move_at_one_speed():
    scenario(
        [33, 33, 34, 0, 0],
        [(1, 1, 1), (1, 1, 1), (1, 1, 2), (1, 1, 1), (1, 1, 1), (1, 1, 1)],
        {0: [0.33, 0.33, 0.34], 2: [0.3734, 0.3734, 0.2532], 5: [0.3495, 0.3495, 0.3009]},
        {  # three columns: the last validator's and the two servers'
            0: [[0, 0.0250, 0]] * 3,
            2: [[0, 0.0731, 0], [0, 0.0731, 0], [0, 0.0481, 0.0250]],
            5: [[0, 0.1409, 0], [0, 0.1409, 0], [0, 0.1178, 0.0232]],
        },
        liquid_alpha=False,
    )


def test_yuma3_bonds_to_a_server_can_be_reset():
    later = [(2, 2, 2)] * 19 + [(2, 1, 1)] + [(1, 1, 1)] * 19
    scenario(
        [8, 1, 1, 0, 0],
        [(1, 1, 1), (1, 2, 2), *later],
        {
            0: [0.8, 0.1, 0.1],
            1: [0.8944, 0.0528, 0.0528],
            2: [0.5230, 0.2385, 0.2385],
            19: [0.7919, 0.1040, 0.1040],
            20: [0.7928, 0.1036, 0.1036],
            21: [0.8467, 0.0766, 0.0766],
            40: [0.7928, 0.1036, 0.1036],
        },
        {
            0: [[0.1013, 0], [0.1013, 0], [0.1013, 0]],
            1: [[0.1924, 0], [0.0908, 0.2987], [0.0908, 0.2987]],
            2: [[0.1715, 0.1013], [0.0815, 0.3697], [0.0815, 0.3697]],
            19: [[0.0269, 0.8539], [0.0131, 0.8975], [0.0131, 0.8975]],
            20: [[0, 0.8687], [0, 0.9079], [0, 0.9079]],
            21: [[0, 0.8820], [0.2987, 0.6386], [0.2987, 0.6386]],
            40: [[0.8687, 0.0578], [0.9079, 0.0523], [0.9079, 0.0523]],
        },
        resets={20: 3},
    )


def test_yuma3_a_server_that_all_keep_backing():
    half = HALF
    rows = {
        0: [[half, 0, half]] * 3,
        1: [[half, 0, half], [0, half, half], [half, 0, half]],
        2: [[0, half, half], [0, half, half], [half, 0, half]],
        3: [[0, half, half]] * 3,
    }
    expected = {
        0: ([0.8, 0.1, 0.1], [[0.0507, 0, 0.0507]] * 3),
        1: (
            [0.8226, 0.0745, 0.1028],
            [[0.0962, 0, 0.0962], [0.0455, 0.1, 0.0962], [0.0962, 0, 0.0962]],
        ),
        2: (
            [0.7750, 0.1685, 0.0565],
            [[0.0863, 0.0507, 0.1371], [0.0408, 0.1405, 0.1371], [0.1770, 0, 0.1371]],
        ),
        5: (
            [0.7937, 0.1173, 0.0890],
            [[0.0623, 0.1739, 0.2366], [0.0296, 0.2391, 0.2366], [0.1263, 0.1371, 0.2366]],
        ),
    }
    epochs = []
    for number in range(6):
        given = [
            {"uid": uid, "uids": [3, 4, 5], "weights_u16": row}
            for uid, row in enumerate(rows.get(number, []))
        ]
        epoch = {"weights": given or None}
        if number in expected:
            dividends, bonds = expected[number]
            epoch["expected"] = {"dividends": [*dividends, 0, 0, 0], "bonds_validator_x_miner": bonds}
        epochs.append(epoch)
    check(
        "yuma3_scenario",
        params={"n": 6, "stakes": [8, 1, 1, 0, 0, 0], **YUMA3},
        epochs=epochs,
        tolerance={"dividends": 0.001, "bonds": 0.001},
    )


GRID = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [10.0, 11.0, 12.0]]
HOLES = [[[1, 2.0], [2, 3.0]], [[0, 4.0], [2, 6.0]], [[0, 7.0], [1, 8.0]], [[1, 10.0], [2, 11.0]]]
EMA = {"new": [[[0, 1.0]], [[1, 4.0]]], "old": [[[0, 5.0]], [[1, 8.0]]], "alpha_all": 0.5}
MASK = {"matrix": GRID[:3], "first_vector": [1, 2, 3], "second_vector": [1, 2, 3], "mask_fn": "a < b"}
ENDS = {"inputs": ["I32F32::MIN", 0.4, "I32F32::MAX"], "rho": "I32F32::MAX", "kappa": "I32F32::MAX"}
SLOPE = {"inputs": [0.0, 0.4, 0.5, 0.6, 1], "rho": 30, "kappa": 0.5}
CLIP = {"matrix": [[7, 8, 9]], "threshold": 8, "upper": 100, "lower": 1}
MEDIAN = {
    "stake": [0.0, 0.75, 0.25, 0.0],
    "weights": [[0, 0.1, 0], [0, 0.2, 0.4], [0, 0.3, 0.1], [0, 0.4, 0.5]],
}


@pytest.mark.parametrize(
    ("name", "case"),
    [
        ("sum", {"vector": [-1.0, 10.0, 30.0], "expected": 39.0}),
        ("vecdiv", {"x": [0.0, 1.0, 0.0, 1.0], "y": [0.0, 1.0, 1.0, 0.0], "expected": [0.0, 1.0, 0.0, 0.0]}),
        ("col_sum", {"matrix": GRID, "expected": [22.0, 26.0, 30.0]}),
        ("col_sum_sparse", {"matrix": HOLES, "columns": 3, "expected": [11.0, 20.0, 20.0]}),
        ("row_sum_sparse", {"matrix": HOLES, "expected": [5.0, 10.0, 15.0, 21.0]}),
        ("mask_cols", {"matrix": [[1, 2]], "mask": [True, False], "rows": 1, "expected_row_major": [0, 2]}),
        ("matmul_transpose", {"matrix": GRID[:2], "vector": [1.0, 2.0, 3.0], "expected": [14.0, 32.0]}),
        ("sparse_matmul", {"matrix": GRID, "vector": [1.0, 2.0, 3.0, 4.0], "expected": [70.0, 80.0, 90.0]}),
        ("weighted_median_col", MEDIAN | {"majority": 0.24, "expected": [0.0, 0.3, 0.4]}),
        ("weighted_median_col", MEDIAN | {"majority": 0.26, "expected": [0.0, 0.2, 0.4]}),
        ("weighted_median_col_sparse", MEDIAN | {"majority": 0.76, "expected": [0.0, 0.2, 0.1]}),
        ("weighted_median_col", {"stake": [0.0], "weights": [[0.5]], "majority": 0.5, "expected": [0.0]}),
        ("clip", CLIP | {"expected": [[1, 100, 100]]}),
        ("interpolate", {"mat1": [[0.0]], "mat2": [[1.0]], "ratio": 1e-9, "expected": [[1e-9]]}),
        ("interpolate", {"mat1": [[0.0]], "mat2": [[1.0]], "ratio": 0.9999998808, "expected": [[0.9999999]]}),
        ("mat_ema_alpha_sparse", EMA | {"expected": [[[0, 1.0]], [[1, 1.0]]]}),
        ("mask_diag", {"matrix": GRID[:3], "expected": [[0, 2.0, 3.0], [4.0, 0, 6.0], [7.0, 8.0, 0]]}),
        ("mask_rows", {"matrix": GRID[:2], "mask": [True, False], "expected": [[0] * 3, GRID[1]]}),
        ("vec_mask_sparse_matrix", MASK | {"expected": [[1, 0, 0], [4, 5, 0], [7, 8, 9]]}),
        ("col_max_upscale", {"matrix": [[0.0, 1.0], [4.0, 0.0]], "expected": [[0, 1], [1, 0]]}),
        ("col_normalize", {"columns": [[1.0, 3.0], [0, 0]], "expected_columns": [[0.25, 0.75], [0, 0]]}),
        ("hadamard", {"rows": 1, "a_row_major": [2, 3], "b_row_major": [4, 5], "expected": [[8, 15]]}),
        ("is_topk_nonzero", {"vector": [0.0, 5.0, 5.0, 0.0], "k": 3, "expected": [False, True, True, False]}),
        ("check_vec_max_limited", {"vector": [0, FULL, FULL], "max_limit": HALF, "expected": False}),
        ("check_vec_max_limited", {"vector": [0, FULL, FULL], "max_limit": HALF + 1, "expected": True}),
        ("checked_sum", {"vector": [1, 2, 2**64 - 1], "expected": None}),
        ("fixed_proportion_to_u16", {"value": 65535.0, "expected": 65535}),
        ("fixed64_to_fixed32", {"value": 2**32 - 1, "expected": "I32F32::MAX"}),
        ("fixed64_to_u64", {"value": 2**63 - 1, "expected": 2**63 - 1}),
        ("sigmoid_safe", ENDS | {"expected": [1.9e-9, 1.9e-9, 0.5]}),
        ("sigmoid_safe", SLOPE | {"expected": [3.057e-7, 0.0474258729, 0.5, 0.952574127, 0.9999996943]}),
    ],
)  # fmt: skip
def test_single_functions(name, case):
    check("yuma_math", id=f"yuma_math_{name}", cases=[case])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op": "slash", "uid": 0}, "does not know the op 'slash'"),
        ({"op": "set_volume", "value": 0}, "does not know the op 'set_volume'"),
        ({"op": "epoch", "dense": True}, "does not know the field.*dense"),
        ({"op": "expect_after_epoch", "beauty_u16": [0]}, "no quantity 'beauty_u16'"),
        ({"op": "set_weights", "uid": 9, "uids": [0], "weights_u16": [1]}, "uid 9 is not on this subnet"),
        ({"op": "expect_bond_greater_than", "pairs": [[0, 0]], "value": 0}, "0 is not greater than 0"),
        ({"op": "expect_emission_equal", "uids": [0], "value": 5}, "is not equal 5"),
        ({"op": "expect_permits", "values": [True]}, "permits.*got False"),
    ],
)
def test_checkers_say_what_they_do_not_know_or_find(change, message):
    permits = [] if change["op"] == "expect_permits" else [{"op": "epoch"}]
    with pytest.raises((AssertionError, ValueError), match=message):
        check("yuma_epoch", params={"stakes": [1]}, steps=[*permits, change])


def test_a_function_with_one_case_may_stand_in_the_parameters():
    check("yuma_math", id="yuma_math_sum", params={"vector": [1.0, 2.0]}, expected=3.0)
    with pytest.raises(AssertionError, match="got 12884901888"):
        check("yuma_math", id="yuma_math_sum", params={"vector": [1.0, 2.0]}, expected=4.0)


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"sum_emission_rao": 10**9}, None),
        ({"sum_incentive_plus_dividends": 10**9}, None),
        ({"property": "sum(emission) == rao_emission, max(stake) <= 0.6"}, None),
        ({"total_stake": 3}, "total_stake.*got 2"),
        ({"property": "min(stake) > 0.6"}, "0.5 is not greater 0.6"),
        ({"property": "validators are happy"}, "does not understand the property"),
        ({"property": "sum(emission) == plenty"}, "does not know the value 'plenty'"),
    ],
)
def test_properties_in_numbers_and_words(expected, message):
    vector = {"params": {"stakes": [1, 1]}, "expected": expected, "tolerance": {"abs": 1e-6}}
    if message is None:
        check("yuma_property", **vector)
    else:
        with pytest.raises(AssertionError, match=message):
            check("yuma_property", **vector)


def test_an_unknown_function_or_property_is_an_error():
    with pytest.raises(AssertionError, match="knows no function"):
        check("yuma_math", id="yuma_math_eigenvalue", cases=[{}])
    with pytest.raises(AssertionError, match="no quantity 'beauty'"):
        check("yuma_property", params={"stakes": [1]}, expected={"beauty": 1})
