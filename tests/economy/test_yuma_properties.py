"""Properties of Yuma consensus and of the arithmetic under it, and what bad input says."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locolab.config import ConfigError
from locolab.economy import i32f32
from locolab.economy.fixed import I32F32, U64_MAX
from locolab.economy.yuma import Metagraph, YumaSettings, epoch, run_epoch, run_epochs
from locolab.economy.yuma.consensus import consensus_of, weighted_median

RAW = st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**33), 2**33)
FAST = settings(max_examples=60, deadline=None)


# --- the arrays do what the single numbers do ---


@given(st.lists(st.tuples(RAW, RAW), min_size=1, max_size=20))
def test_products_and_quotients_are_those_of_single_numbers(pairs):
    left, right = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    assert i32f32.multiply(left, right).tolist() == [I32F32.multiply(a, b) for a, b in pairs]
    assert i32f32.divide(left, right).tolist() == [I32F32.safe_divide(a, b) for a, b in pairs]


@given(st.lists(st.floats(-(2.0**40), 2.0**40) | st.integers(-(2**70), 2**70), max_size=10))
def test_numbers_are_read_as_single_numbers_are(values):
    assert i32f32.of(values).tolist() == [I32F32.of(value) for value in np.asarray(values).tolist()]


@given(st.lists(st.lists(RAW, min_size=3, max_size=3), min_size=1, max_size=6))
def test_sums_saturate(rows):
    sums = i32f32.total(np.array(rows, np.int64), axis=1).tolist()
    for row, got in zip(rows, sums, strict=True):
        if abs(sum(row)) < 2**62 or abs(sum(row)) > 2**63 + 2**12:  # in between a float cannot tell
            assert got == I32F32.saturate(sum(row))


@given(st.floats(-12, 12))
def test_the_chains_exponential_is_near_the_function(x):
    assert i32f32.to_float(i32f32.exp(i32f32.of([x]))).item() == pytest.approx(
        math.exp(i32f32.to_float(i32f32.of(x)).item()), rel=2e-6, abs=2e-9
    )


def test_the_chains_exponential_falls_short_at_the_ends_of_its_range():
    ends = i32f32.to_float(i32f32.exp(i32f32.of([20, 25]))) / math.exp(20)
    assert ends.tolist() == [pytest.approx(0.9919, abs=1e-3)] * 2  # 31 terms; clamped to 20


# --- the weighted median ---


def median_by_halving(stake, score, among, minority, low, high):
    """Return the weighted median as the chain finds it, dividing around the middle entry (math.rs)."""
    if not among:
        return 0
    pivot = score[among[len(among) // 2]]
    lower, upper = [i for i in among if score[i] < pivot], [i for i in among if score[i] > pivot]
    below, above = sum(stake[i] for i in lower), sum(stake[i] for i in upper)
    if len(among) > 1 and minority < low + below and lower:
        return median_by_halving(stake, score, lower, minority, low, low + below)
    if len(among) > 1 and high - above <= minority and upper:
        return median_by_halving(stake, score, upper, minority, high - above, high)
    return pivot


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=9),
    st.integers(-2, 40),
)
def test_the_median_is_the_one_that_halving_finds(votes, minority):
    stake, score = ([vote[side] for vote in votes] for side in (0, 1))
    expected = median_by_halving(stake, score, list(range(len(votes))), minority, 0, sum(stake))
    got = weighted_median(np.array(stake, np.int64), np.array(score, np.int64)[:, None], minority)
    assert got.tolist() == [expected]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4)), min_size=1, max_size=8))
def test_consensus_is_the_largest_weight_that_a_majority_supports(votes):
    stake, score = (np.array([vote[side] for vote in votes], np.int64) for side in (0, 1))
    majority = 2**31 - 2**16  # just below one half, as kappa is
    got = consensus_of(stake << 32, i32f32.of(score)[:, None], majority).item() >> 32
    support = {value: stake[score >= value].sum() / stake.sum() for value in {0, *score.tolist()}}
    assert got == max(value for value, share in support.items() if share > 0.4999)


# --- an epoch ---


@st.composite
def metagraphs(draw, **settings):
    """Return a metagraph of 2-4 validators and 1-4 miners after its permits, with random weights set."""
    validators, miners = draw(st.integers(2, 4)), draw(st.integers(1, 4))
    stake = draw(st.lists(st.integers(1, 10**6), min_size=validators, max_size=validators))
    chosen = YumaSettings(
        yuma3=draw(st.booleans()),
        liquid_alpha=draw(st.booleans()),
        bonds_penalty=draw(st.sampled_from([0, 20_000, 65_535])),
    )
    metagraph = Metagraph([*stake, *[0] * miners], chosen.replace(**settings))
    run_epoch(metagraph)
    for _ in range(draw(st.integers(1, 3))):
        metagraph.advance(361)
        for uid in range(validators):
            row = draw(st.lists(st.integers(0, 9), min_size=miners, max_size=miners))
            metagraph.set_weights(uid, {validators + miner: weight for miner, weight in enumerate(row)})
        metagraph.advance()
        result = run_epoch(metagraph)
    return metagraph, result


@FAST
@given(metagraphs())
def test_shares_add_up_and_no_rao_is_made(run):
    _, result = run
    n = len(result.stake)
    for name in ("incentive", "dividends", "combined_emission"):
        share = result.fraction(name)
        assert share.min() >= 0
        assert share.sum() == pytest.approx(1, abs=2 * n * 2**-32) or not share.any()
    assert 10**9 - n <= int(result.emission_rao.sum()) <= 10**9
    assert int(result.server_rao.sum()) + int(result.validator_rao.sum()) <= 10**9
    assert (result.consensus[result.incentive == 0] == 0).all() or result.incentive.any()


@FAST
@given(metagraphs(), st.randoms(use_true_random=False))
def test_the_order_of_the_uids_does_not_matter(run, random):
    metagraph, _ = run
    order = list(range(metagraph.n))
    random.shuffle(order)
    other = Metagraph([metagraph.stake[uid] for uid in order], metagraph.settings, block=metagraph.block)
    for name in ("registered", "last_update", "permits"):
        setattr(other, name, getattr(metagraph, name)[order])
    for name in ("weights", "listed", "bonds"):
        setattr(other, name, getattr(metagraph, name)[order][:, order])
    left, right = epoch(metagraph), epoch(other)
    for name in ("consensus", "incentive", "dividends", "emission_rao", "validator_trust"):
        np.testing.assert_array_equal(getattr(left, name)[order], getattr(right, name))
    np.testing.assert_array_equal(left.bonds[order][:, order], right.bonds)


@FAST
@given(metagraphs(), st.integers(-20, 20), st.integers(1, 1000))
def test_the_scale_of_weights_and_of_stake_does_not_matter(run, power, factor):
    metagraph, _ = run
    scaled = Metagraph(
        [stake * factor for stake in metagraph.stake], metagraph.settings, block=metagraph.block
    )
    for name in ("registered", "last_update", "permits", "bonds", "listed"):
        setattr(scaled, name, getattr(metagraph, name).copy())
    for uid in range(metagraph.n):
        miners = np.flatnonzero(metagraph.listed[uid]).tolist()
        scaled.set_weights(uid, {m: float(metagraph.weights[uid, m]) * 2.0**power for m in miners})
    scaled.last_update = metagraph.last_update
    np.testing.assert_array_equal(scaled.weights, metagraph.weights)
    np.testing.assert_array_equal(epoch(scaled).emission_rao, epoch(metagraph).emission_rao)


def yuma2_in_floats(stake, weights, kappa=0.5 - 1e-5):
    """Return (incentive, dividends) of a first Yuma 2 epoch by the paper's formulas in floating point."""
    stake, weights = stake / stake.sum(), weights / weights.sum(axis=1, keepdims=True)
    consensus = [
        max((w for w in column if stake[column >= w].sum() >= kappa), default=0) for column in weights.T
    ]
    clipped = np.minimum(weights, consensus)
    ranks = stake @ clipped
    bonds = clipped * stake[:, None]
    bonds = np.divide(bonds, bonds.sum(axis=0), out=np.zeros_like(bonds), where=bonds.sum(axis=0) > 0)
    incentive = ranks / ranks.sum()
    return incentive, bonds @ incentive


@FAST
@given(st.integers(0, 10**6))
def test_a_first_epoch_agrees_with_the_formulas_in_floats(seed):
    rng = np.random.default_rng(seed)
    stake, weights = rng.integers(1, 1000, 5), rng.integers(1, 65536, (5, 6))
    weights[range(5), rng.integers(0, 6, 5)] = 65535
    metagraph = Metagraph([*stake.tolist(), *[0] * 6])
    run_epoch(metagraph)
    metagraph.advance(361)
    for uid, row in enumerate(weights.tolist()):
        metagraph.set_weights(uid, dict(enumerate(row, 5)))
    result = epoch(metagraph)
    incentive, dividends = yuma2_in_floats(stake, weights)
    np.testing.assert_allclose(result.fraction("incentive")[5:], incentive, atol=1e-7)
    np.testing.assert_allclose(result.fraction("dividends")[:5], dividends, atol=1e-7)


# --- what half the stake can do, and runs of several epochs ---


@pytest.mark.parametrize(("share", "paid"), [(49, 0.0), (50, 0.5), (51, 1.0)])
def test_a_bloc_decides_from_half_the_stake_on(share, paid):
    """At exactly one half both blocs carry, as kappa is 32767 / 65535."""
    metagraph = Metagraph([share, 100 - share, 0, 0])
    table = run_epochs(metagraph, [{0: {2: 1}, 1: {3: 1}}] * 3)
    last = table[table.epoch == 2]
    assert last.incentive.tolist()[2] == pytest.approx(paid, abs=1e-9)
    assert last.dividends.tolist()[0] == pytest.approx(paid, abs=1e-9)


def test_a_function_of_the_last_result_can_copy_the_consensus():
    metagraph = Metagraph([60, 40, 0, 0], names=["honest", "copier", "a", "b"])

    def plan(number, last):
        consensus = dict(enumerate(last.fraction("consensus").tolist()))
        return {0: {2: 3, 3: 1}, 1: {miner: consensus[miner] for miner in (2, 3)}}

    table = run_epochs(metagraph, plan, epochs=3)
    copier = table[table.name == "copier"]
    assert copier.dividends.tolist() == [0.0, pytest.approx(0.04, abs=2e-5), pytest.approx(0.076, abs=2e-5)]
    assert table.epoch.max() == 2
    assert len(table) == 12
    with pytest.raises(ValueError, match="give epochs"):
        run_epochs(metagraph, plan)


def test_an_epoch_changes_nothing_and_run_epoch_stores_permits_and_bonds():
    metagraph = Metagraph([1, 0])
    assert epoch(metagraph).permits.tolist() == [True, False]
    assert not metagraph.permits.any()
    run_epoch(metagraph)
    metagraph.advance(361)
    metagraph.set_weights(0, {1: 1})
    assert run_epoch(metagraph).emission_rao.tolist() == [500_000_000, 500_000_000]
    assert metagraph.bonds.tolist() == [[0, 65535], [0, 0]]
    metagraph.settings = metagraph.settings.replace(
        stake_threshold=2
    )  # the permit goes, and its bonds with it
    assert not run_epoch(metagraph).bonds.any()


def test_the_largest_amounts_stay_exact():
    result = epoch(Metagraph([U64_MAX, 0]), emission=U64_MAX)
    assert result.emission_rao.tolist() == [U64_MAX, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.set_weights(0, {7: 1}), "uid 7 is not on this subnet; it has 0..2"),
        (lambda s: s.set_weights(-1, {1: 1}), "uid -1 is not"),
        (lambda s: s.set_weights(0, {1: math.nan}), "weights of uid 0 must be finite numbers >= 0"),
        (lambda s: s.set_weights(0, {1: math.inf}), "must be finite"),
        (lambda s: s.set_weights(0, {1: -1, 2: 1}), "must be finite numbers >= 0"),
        (lambda s: s.set_weights(0, {1: "all"}), "must be finite"),
        (lambda s: s.set_stake(1, 2**64), "stake of uid 1 is 18446744073709551616 rao"),
        (lambda s: s.set_stake(1, -1), "must lie in 0.."),
        (lambda s: s.set_stake(1, 0.5), "give whole rao"),
        (lambda s: s.advance(-1), "cannot go back"),
        (lambda s: epoch(s, 2**64), "the emission is 18446744073709551616 rao"),
        (lambda s: Metagraph([1], owner=1), "uid 1 is not"),
        (lambda s: Metagraph([1, 2], names=["a"]), "1 names for 2 uids"),
        (lambda s: Metagraph([1, math.nan]), "stake of uid 1 is nan; give whole rao"),
    ],
)
def test_bad_input_says_what_where_and_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call(Metagraph([1, 1, 0]))


@pytest.mark.parametrize(
    "change", [{"kappa": 65536}, {"bonds_moving_average": 1_000_001}, {"alpha_low": 60_000}, {"rho": 10}]
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ConfigError):
        YumaSettings().replace(**change)
