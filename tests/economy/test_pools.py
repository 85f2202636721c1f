"""The pools: what a trade may never do, exact against float64, and what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from locolab.economy import curve
from locolab.economy.capitalisation import (
    liquidation_tao,
    market_caps,
    withdrawable_share,
    withdrawable_share_after,
)
from locolab.economy.constant_product import ConstantProductPool
from locolab.economy.fixed import U64F64
from locolab.economy.full_range import FullRangePool
from locolab.economy.moves import max_move, move
from locolab.economy.sqrt_price import (
    MAX_POOL_TICK,
    MAX_TICK,
    TickOutOfRange,
    bounded_sqrt_price_at_tick,
    sqrt_price_at_tick,
    sqrt_ratio_x96,
    tick_at_sqrt_price,
    tick_at_sqrt_ratio,
)
from locolab.economy.trade import (
    InsufficientLiquidity,
    NotEnoughStake,
    PoolError,
    PriceLimitExceeded,
    ReservesTooLow,
    SlippageTooHigh,
)
from locolab.economy.units import RAO, to_rao, to_tokens

POOLS = {"constant product": ConstantProductPool, "full range": FullRangePool.open}
FEES = {"constant product": 0.0, "full range": curve.FEE_SHARE}


@st.composite
def reserve_pairs(draw):
    """Draw 1 to 10 million tokens of either kind, at a price of 1/10000 to 100 TAO per alpha."""
    tao = draw(st.integers(10**9, 10**16))
    alpha = int(tao / 10 ** draw(st.floats(-4, 2)))
    return tao, min(max(alpha, 10**9), 10**16)


reserves = reserve_pairs()
shares = st.floats(1e-6, 3.0)
sides = st.sampled_from(["buy", "sell"])
kinds = st.sampled_from(sorted(POOLS))


def trade(pool, side, paid, **options):
    return (pool.buy if side == "buy" else pool.sell)(paid, **options)


def product(pool):
    return pool.tao_rao * pool.alpha_rao


def roundings(pool):
    """Return by how many units of received the arithmetic of this pool may err."""
    if isinstance(pool, ConstantProductPool):
        return 1
    return 2 + 1e-9 * max(pool.tao_rao, pool.alpha_rao)  # the chain's root is right to about 1e-12


@given(kinds, sides, reserves, shares)
def test_a_trade_moves_the_price_its_way_and_keeps_the_product(kind, side, held, share):
    tao, alpha = held
    pool = POOLS[kind](tao, alpha)
    into = tao if side == "buy" else alpha
    try:
        after, receipt = trade(pool, side, int(into * share))
    except ReservesTooLow:
        assume(False)
    rounding = into + receipt.paid if kind == "constant product" else 1e-9 * product(pool)
    assert product(after) >= product(pool) - rounding
    assert (after.price > pool.price) if side == "buy" else (after.price < pool.price)
    assert receipt.slippage >= -1e-6
    assert receipt.spot_after == after.price


@given(kinds, sides, reserves, shares, st.floats(0.0, 1.0))
def test_neither_a_round_trip_nor_splitting_an_order_gains(kind, side, held, share, part):
    tao, alpha = held
    pool = POOLS[kind](tao, alpha)
    paid = int((tao if side == "buy" else alpha) * share)
    first = int(paid * part)
    back = "sell" if side == "buy" else "buy"
    try:
        after, receipt = trade(pool, side, paid)
        returned = trade(after, back, receipt.received)[1].received
        half, one = trade(pool, side, first)
        two = trade(half, side, paid - first)[1]
    except ReservesTooLow:
        assume(False)
    slack = roundings(pool)
    assert returned <= paid + slack * max(1, paid / max(receipt.received, 1))
    assert one.received + two.received <= receipt.received + slack


@given(kinds, sides, reserves, st.floats(0.01, 0.99))
def test_limits_are_respected(kind, side, held, way):
    tao, alpha = held
    pool = POOLS[kind](tao, alpha)
    limit = int(pool.price * RAO * (1 / way if side == "buy" else way))
    assume(limit > 1000)
    try:
        after, receipt = trade(pool, side, 2**63, limit_rao=limit, partial=True)
    except PoolError:
        assume(False)
    reached = after.price if kind == "full range" else receipt.average_price
    assert reached == pytest.approx(limit / RAO, rel=1e-3)
    most = pool.max_buy(limit) if side == "buy" else pool.max_sell(limit)
    assert receipt.paid == most
    with pytest.raises(SlippageTooHigh):
        trade(pool, side, most + 10**6, limit_rao=limit, partial=False)
    with pytest.raises(PriceLimitExceeded):
        trade(pool, side, 10**6, limit_rao=int(pool.price * RAO * (0.9 if side == "buy" else 1.1)))


@given(kinds, sides, reserves, shares)
def test_exact_and_float_agree(kind, side, held, share):
    tao, alpha = held
    pool = POOLS[kind](tao, alpha)
    paid = int((tao if side == "buy" else alpha) * share)
    try:
        after, receipt = trade(pool, side, paid)
    except ReservesTooLow:
        assume(False)
    floats = (curve.buy if side == "buy" else curve.sell)(tao / RAO, alpha / RAO, paid / RAO, FEES[kind])
    tolerance = roundings(pool) + 1e-9 * max(tao, alpha)
    for exact, approximate in [
        (receipt.received, floats.received),
        (receipt.fee, floats.fee),
        (after.tao_rao, floats.tao),
        (after.alpha_rao, floats.alpha),
    ]:
        assert abs(exact - approximate.item() * RAO) <= tolerance


@given(sides, reserves, st.floats(0.05, 0.95))
def test_exact_and_float_agree_on_the_largest_order(side, held, way):
    tao, alpha = held
    price = tao / alpha
    limit = price / way if side == "buy" else price * way
    assume(1e-4 < limit < 1e9)
    for kind, limit_on in [("full range", "end"), ("constant product", "average")]:
        pool = POOLS[kind](tao, alpha)
        most = pool.max_buy(round(limit * RAO)) if side == "buy" else pool.max_sell(round(limit * RAO))
        floats = curve.most(side, tao, alpha, round(limit * RAO) / RAO, FEES[kind], limit_on)
        assert most == pytest.approx(floats.item(), rel=1e-4, abs=10)


def test_the_limit_order_of_the_articles_date():
    """150/100 at limit 24: 450 TAO enter, 75 alpha leave (test_add_stake_limit_ok, v3.3.13-393)."""
    pool = FullRangePool.open(150 * RAO, 100 * RAO, outside_rao=0)
    after, receipt = pool.buy(900 * RAO, limit_rao=24 * RAO)
    assert receipt.received == pytest.approx(75 * RAO, rel=1e-6)
    assert receipt.paid - receipt.fee == pytest.approx(450 * RAO, rel=1e-6)
    assert after.outside_rao == receipt.received
    assert pool.buy(RAO, free=True)[1].fee == 0


def test_further_figures_of_the_chains_tests():
    """pallets/subtensor/src/tests/staking.rs and pallets/swap/src/pallet/tests.rs, V3 era."""
    even = FullRangePool.open(100 * RAO, 100 * RAO)
    assert even.sell(10 * RAO)[1].received == pytest.approx(
        9_086_000_000, abs=10**6
    )  # remove_stake_full_limit
    after = even.buy(300 * RAO)[0]
    sale = after.sell(after.alpha_rao, limit_rao=int(after.price * 0.99 * RAO))[1]
    assert sale.paid == pytest.approx(138_414_000, abs=13_800_000)  # remove_stake_limit_ok
    for held, paid in [(1_000, 999_500), (10**6, 999_500_000)]:  # swap_precision_edge_case
        assert FullRangePool.open(held, held, minimum_rao=100).sell(paid)[1].received > 0
    with pytest.raises(PriceLimitExceeded):  # add_stake_limit_partial_zero_max_stake_amount_error
        FullRangePool.open(5_032_494_439_940, 186_268_425_402_874).buy(19_980_000_000, limit_rao=26_953_618)


@given(reserves, st.integers(0, 10**15), st.integers(0, 10**15))
def test_an_injection_leaves_the_price_and_deepens_the_pool(held, more_tao, more_alpha):
    pool = FullRangePool.open(*held)
    after = pool.inject(more_tao, more_alpha)
    assert after.price == pool.price
    assert after.liquidity >= pool.liquidity
    assert after.tao_rao == held[0] + more_tao
    assert 0 <= after.scrap_tao_rao <= more_tao
    assert 0 <= after.scrap_alpha_rao <= more_alpha
    assert min(after.scrap_tao_rao, after.scrap_alpha_rao) == 0


def test_an_injection_at_the_price_leaves_no_scrap_and_scrap_is_used_later():
    pool = FullRangePool.open(100 * RAO, 400 * RAO)
    grown = pool.inject(RAO, 5 * RAO)
    assert grown.scrap_alpha_rao == pytest.approx(RAO, abs=100)
    assert grown.liquidity == pytest.approx(202 * RAO, rel=1e-9)
    assert grown.inject(RAO, 3 * RAO).scrap_alpha_rao == pytest.approx(0, abs=200)


@given(reserves, reserves, st.floats(0.05, 0.95))
def test_the_largest_move_has_the_rate_it_was_computed_for(first, second, way):
    origin, destination = ConstantProductPool(*first), ConstantProductPool(*second)
    limit = int(origin.price / destination.price * way * RAO)
    most = max_move(origin, destination, limit)
    assume(limit > 10**6 and 10**6 < most < 2**62)
    try:
        *_, sale, purchase = move(origin, destination, most, limit, partial=True)
    except ReservesTooLow:
        assume(False)
    assume(min(sale.received, purchase.received) > 10**6)
    assert purchase.received / sale.paid == pytest.approx(limit / RAO, rel=1e-4)
    with pytest.raises(SlippageTooHigh):
        move(origin, destination, most + 1, limit)


def test_a_move_pays_one_fee():
    pool = FullRangePool.open(100 * RAO, 100 * RAO)
    _, _, sale, purchase = move(pool, pool, RAO)
    assert sale.fee > 0
    assert purchase.fee == 0
    with pytest.raises(PriceLimitExceeded):
        move(pool, pool, RAO, limit_rao=2 * RAO)


@pytest.mark.parametrize("kind", sorted(POOLS))
@pytest.mark.parametrize("bad", [-1, 2**64, 1.5, math.nan, "1", None, True])
def test_amounts_are_whole_and_fit_64_bits(kind, bad):
    with pytest.raises(ValueError, match="smallest units"):
        POOLS[kind](bad, RAO)
    with pytest.raises(ValueError, match="smallest units"):
        POOLS[kind](RAO, RAO).buy(bad)
    with pytest.raises(ValueError, match="smallest units"):
        POOLS[kind](RAO, RAO).sell(bad)


@pytest.mark.parametrize("kind", sorted(POOLS))
def test_pools_that_cannot_trade(kind):
    make = POOLS[kind]
    for empty in [(0, RAO), (RAO, 0), (0, 0)]:
        with pytest.raises(PoolError):
            make(*empty).buy(RAO)
        with pytest.raises(PoolError):
            make(*empty).sell(RAO)
    with pytest.raises(NotEnoughStake):
        make(RAO, RAO, outside_rao=5).sell(10**8)
    with pytest.raises(ValueError, match="smallest units"):
        make(2**64 - 1, 2**64 - 1).buy(2**60)


def test_saturation_where_the_chain_saturates():
    """(TAO + d) * root leaves 64 bits here, so the chain's step would pay out more than the curve allows."""
    pool = FullRangePool.open(3_357_464_846_484_156, 10**9)
    with pytest.raises(InsufficientLiquidity):
        pool.buy(3 * pool.tao_rao)


def test_chains_own_refusals():
    with pytest.raises(ReservesTooLow):
        ConstantProductPool(RAO, RAO).buy(10**18)  # less than 0.01 alpha would remain
    with pytest.raises(ReservesTooLow):
        FullRangePool.open(999_999, 999_999).buy(1000)
    with pytest.raises(ReservesTooLow):
        FullRangePool.open(10**12, 10**9).buy(1)  # pays out nothing
    drained = FullRangePool.open(10**12, 10**12).moved("sell", 0, 10**12 - 10**6)
    with pytest.raises(InsufficientLiquidity):
        drained.sell(10**11)
    with pytest.raises(ValueError, match="fee_rate"):
        FullRangePool.open(RAO, RAO, fee_rate=10_001)


@given(st.integers(-MAX_TICK, MAX_TICK - 1))
def test_ticks_and_square_roots_invert_each_other(tick):
    ratio = sqrt_ratio_x96(tick)
    assert tick_at_sqrt_ratio(ratio) == tick
    assert ratio < sqrt_ratio_x96(tick + 1)
    assert math.log(ratio / 2**96) == pytest.approx(tick / 2 * math.log(1.0001), abs=1e-9)


@given(st.integers(-MAX_POOL_TICK, MAX_POOL_TICK))
def test_ticks_of_a_pool_invert_too(tick):
    assert tick_at_sqrt_price(sqrt_price_at_tick(tick)) == tick


def test_ends_of_the_scale():
    for call in (
        lambda: sqrt_ratio_x96(MAX_TICK + 1),
        lambda: tick_at_sqrt_ratio(sqrt_ratio_x96(MAX_TICK)),
        lambda: tick_at_sqrt_ratio(sqrt_ratio_x96(-MAX_TICK) - 1),
        lambda: sqrt_price_at_tick(-MAX_POOL_TICK - 1),
        lambda: tick_at_sqrt_price(1),
        lambda: tick_at_sqrt_price(U64F64.maximum),
    ):
        with pytest.raises(TickOutOfRange):
            call()
    assert bounded_sqrt_price_at_tick(MAX_TICK) == sqrt_price_at_tick(MAX_POOL_TICK)


@given(st.floats(0.01, 100.0))
def test_price_multiple_and_its_inverse(multiple):
    share = curve.inflow_share_for(multiple)
    assert curve.price_multiple(share).item() == pytest.approx(multiple)
    if share >= 0:
        after = curve.buy(1.0, 1.0, share / (1 - curve.FEE_SHARE))
        assert (after.tao / after.alpha).item() == pytest.approx(multiple)


def test_the_articles_largest_gain_takes_an_inflow_beyond_the_pools_tao():
    assert curve.inflow_share_for(5.44).item() == pytest.approx(1.3324, abs=1e-4)


@given(st.floats(1.0, 1e6), st.floats(1.0, 1e6), st.floats(0.0, 1e6), st.sampled_from([0.0, curve.FEE_SHARE]))
def test_what_can_leave(tao, alpha, outside, fee):
    caps = market_caps(tao, alpha, outside)
    out = liquidation_tao(tao, alpha, outside, fee)
    assert out < tao
    assert out == pytest.approx(withdrawable_share(outside / alpha, fee) * caps.outside_tao)
    assert caps.outside_tao <= caps.issued_tao
    bought = curve.buy(tao, alpha, tao, fee)
    ratio = (outside + bought.received) / bought.alpha
    multiple = bought.tao / bought.alpha * alpha / tao
    after = withdrawable_share_after(multiple, outside / alpha, fee)
    assert after == pytest.approx(withdrawable_share(ratio, fee))


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_floats_that_are_refused(bad):
    for call in (
        lambda: curve.buy(1.0, 1.0, [0.5, bad]),
        lambda: curve.sell(bad, 1.0, 0.5),
        lambda: curve.most("buy", 1.0, 1.0, bad),
        lambda: withdrawable_share(bad),
        lambda: curve.price_multiple(bad),
        lambda: curve.inflow_share_for(bad),
        lambda: market_caps(1.0, 1.0, bad),
        lambda: curve.buy(1.0, 1.0, 1.0, fee=bad),
        lambda: to_rao(bad),
    ):
        with pytest.raises(ValueError, match=r"finite|give"):
            call()
    with pytest.raises(ValueError, match=r"tao\[\] should be finite and above 0, got 0.0"):
        curve.buy(0.0, 1.0, 1.0)


def test_trades_broadcast():
    trades = curve.buy(np.full(3, 100.0), 100.0, np.array([[0.0], [50.0]]), limit=1.2)
    assert trades.received.shape == trades.fee.shape == trades.tao.shape == (2, 3)
    assert (trades.tao / trades.alpha <= 1.2 + 1e-12).all()
    assert curve.sell(100.0, 100.0, 5.0, limit=1.5).received == 0


@given(st.integers(0, 2**50))
def test_units_invert(rao):
    assert to_rao(to_tokens(rao)) == rao
