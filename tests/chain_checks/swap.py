"""Checkers of the swap vectors: the constant product of v2.0.x and the full-range pool of the V3 era.

A vector whose id or tag is of v2.0 to v3.1.5 is traded in the first, every other one in the second. Its own
reserves may lie below the chain's minimum: the chain's tests run with one of 100.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from chain_checks.formulas import number
from chain_checks.frame import Fields, VectorError, checks
from chain_checks.rows import Row, expect_error, outcome, rows
from chain_checks.swap_ticks import tick_named
from locolab.economy import trade
from locolab.economy.constant_product import MINIMUM_POOL, ConstantProductPool
from locolab.economy.fixed import U64_MAX, U64F64
from locolab.economy.full_range import FullRangePool
from locolab.economy.moves import Pool, max_move
from locolab.economy.sqrt_price import MAX_POOL_TICK, tick_at_sqrt_price
from locolab.economy.swap_step import FEE_RATE
from locolab.economy.units import RAO

MINIMUM_IN_TESTS = 100
ERRORS = {
    error.__name__: error
    for error in (
        trade.PriceLimitExceeded,
        trade.ReservesTooLow,
        trade.InsufficientLiquidity,
        trade.SlippageTooHigh,
        trade.NotEnoughStake,
    )
}

TAO = ("tao_reserve", "tao_in_reserve", "tao_in", "subnet_tao", "tao")
ALPHA = ("alpha_reserve", "alpha_in_reserve", "alpha_in", "subnet_alpha_in", "alpha")
LIMIT = ("limit_price", "price_limit", "limit")
BOUGHT = ("tao_swapped", "tao_staked", "tao_to_stake", "tao_amount")
SOLD = ("alpha_swapped", "alpha_unstaked", "alpha_to_unstake", "alpha_amount")
AMOUNT = ("amount", "amount_in", "delta_in")
REMOVED = ("alpha_removed", "alpha_reduction", "alpha_unstaked")
MOST = ("max_amount", "max_swappable", "max")
MOST_BUY = ("max_tao", "max_stake", "max_buy", "max_amount_add")
MOST_SELL = ("max_alpha", "max_unstake", "max_sell", "max_amount_remove")


def is_constant_product(vector: Fields) -> bool:
    """Return whether the vector is of the constant-product era, by its id or tag."""
    tag = vector.data.get("source_detail", {}).get("tag") or vector.data.get("tag") or ""
    return vector.data.get("id", "").startswith("swap_cpmm") or tag.startswith("v2.0")


def pool_of(row: Row, constant_product: bool, suffix: str = "") -> Pool:
    """Return the row's pool; `suffix` chooses among several."""
    tao, alpha = (row.number(*(name + suffix for name in names)) for names in (TAO, ALPHA))
    outside = row.number(f"alpha_out{suffix}", f"subnet_alpha_out{suffix}", default=None)
    least = row.number("minimum_reserve", "minimum_pool_liquidity", default=None)
    if constant_product:
        return ConstantProductPool(tao, alpha, outside, MINIMUM_POOL if least is None else least)
    fee = row.number("fee_rate_u16", "fee_rate", default=FEE_RATE)
    return FullRangePool.open(tao, alpha, outside, fee, MINIMUM_IN_TESTS if least is None else least)


def side_of(row: Row) -> str:
    """Return the side of the row's order, from its direction, what it expects, or the vector's name."""
    side = row.take("direction", "side", "order_type", default="").lower()
    if side in ("buy", "sell"):
        return side
    if side:
        raise VectorError(f"{row.where}: no such direction: {side!r}")
    if row.wanted("tao_received", *REMOVED):
        return "sell"
    return "sell" if any(word in row.where for word in ("remove", "unstake", "sell")) else "buy"


def order_of(row: Row) -> tuple[str, int] | None:
    """Return the side and the amount of the row's order, None if it has none."""
    for side, names in (("buy", BOUGHT), ("sell", SOLD), (None, AMOUNT)):
        if (value := row.number(*names, default=None)) is not None:
            return side or side_of(row), value
    return None


@checks("cpmm_swap", "cpmm_limit", "v3_swap", "v3_limit")
def check_trades(vector: Fields) -> None:
    """Check orders, the largest orders under a limit, and how a pool is set up."""
    in_tao = vector.take("kind") == "v3_swap"  # whether a limit is in TAO, else in rao
    for row in rows(vector):
        pool = pool_of(row, is_constant_product(vector))
        limit = row.take(*LIMIT, default=None)
        limit = None if limit is None else number(limit, row.where)
        if limit is not None and (in_tao or isinstance(limit, float)):
            limit = min(round(limit * RAO), U64_MAX)
        if not check_most(row, pool, limit):
            check_order(row, pool, limit)


def check_most(row: Row, pool: Pool, limit: int | None) -> bool:
    """Return whether the row asks for the largest order under its limit, after checking it."""
    buys, sells = row.wanted(*MOST_BUY), row.wanted(*MOST_SELL)
    wanted = buys or sells or row.wanted(*MOST)
    if wanted is None and (row.wanted("error") is None or order_of(row) is not None):
        return False
    if limit is None:
        raise VectorError(f"{row.where}: the largest order needs a limit")
    side = "buy" if buys else "sell" if sells else side_of(row)
    most = pool.max_buy if side == "buy" else pool.max_sell
    check_limit(row, wanted or row.wanted("error"), lambda: most(limit))
    return True


def check_limit(row: Row, wanted: tuple[str, Any], run: Callable[[], int]) -> None:
    """Check the largest amount, which `run` returns; an error counts as the 0 that a vector expects."""
    if not expect_error(row, wanted[1], ERRORS, run):
        got = outcome(ERRORS, run)
        refused = isinstance(got, Exception) and wanted[1] == 0
        row.compare(0 if refused else run(), wanted[1], wanted[0], *MOST)


def check_order(row: Row, pool: Pool, limit: int | None) -> None:
    """Check one order if the row has one, else how the pool was set up."""
    order = order_of(row)
    if order is None:
        check_opened(row, pool)
        return
    side, amount = order
    partial = row.take("allow_partial", default=True)
    run = functools.partial(pool.buy if side == "buy" else pool.sell, amount, limit, partial)
    error = row.wanted("error")
    if error is not None:
        assert expect_error(row, error[1], ERRORS, run), f"{row.where}: {error[1]!r} is an unknown error"
        return
    after, receipt = run()
    row.check(True, "ok")
    check_receipt(row, side, amount, receipt)
    check_after(row, pool, after)


def check_receipt(row: Row, side: str, amount: int, receipt: trade.Receipt) -> None:
    """Check what an order paid and received."""
    token, other = ("alpha", "tao") if side == "buy" else ("tao", "alpha")
    row.check(receipt.received, f"{token}_received", "out", "amount_paid_out", "amount_out", token)
    row.check(receipt.fee, "fee", "fee_paid")
    net = receipt.paid - receipt.fee
    row.check(net, "paid_in_reserve_delta", "amount_paid_in", "paid_in")
    row.check(-receipt.received, "paid_out_reserve_delta")
    row.check(receipt.paid, "paid", f"{other}_spent", *(REMOVED if side == "sell" else ()))
    row.check(amount - net, "balance_left_before_fee", "balance")
    row.check(amount - receipt.paid, "balance_left", "balance_after")
    row.check(receipt.spot_after, "price_after", "end_price", "price")
    row.check(math.sqrt(receipt.spot_after), "sqrt_price_after")
    if (grows := row.take("price_should_grow", default=None)) is not None:
        row.compare(receipt.spot_after >= receipt.spot_before, grows, "price_should_grow")


def check_after(row: Row, pool: Pool, after: Pool) -> None:
    """Check the pool's books after an order."""
    row.check(after.tao_rao, "subnet_tao", "tao_reserve", "tao_in")
    row.check(after.alpha_rao, "subnet_alpha_in", "alpha_reserve", "alpha_in")
    row.check(after.tao_rao - pool.tao_rao, "delta_total_stake", "delta_subnet_tao")
    if after.outside_rao is not None:
        row.check(after.outside_rao, "subnet_alpha_out", "alpha_out")
    if isinstance(after, FullRangePool) and isinstance(pool, FullRangePool):
        row.check(after.liquidity == pool.liquidity, "liquidity_unchanged")
        row.check(after.liquidity, "liquidity", "current_liquidity")


def check_opened(row: Row, pool: Pool) -> None:
    """Check how a pool is set up: its price, liquidity, the ends of its one position, fees not yet earned."""
    if not isinstance(pool, FullRangePool):
        raise VectorError(f"{row.where}: no order, and nothing is set up in a constant product")
    row.check(U64F64.to_float(pool.root), "sqrt_price", "current_sqrt_price")
    row.check(pool.price, "price", "current_price")
    row.check(pool.liquidity, "liquidity", "current_liquidity")
    row.check(1, "positions")
    for name in ("fees_tao", "fees_alpha"):
        row.check(0, name)
    row.check(pool.liquidity, "liquidity_net_low")
    row.check(-pool.liquidity, "liquidity_net_high")
    row.check(tick_at_sqrt_price(pool.root), "current_tick")
    for name, edge in (("tick_low", -MAX_POOL_TICK), ("tick_high", MAX_POOL_TICK)):
        if (wanted := row.wanted(name)) is not None:
            assert tick_named(str(wanted[1])) == edge, f"{row.where} {name}: {wanted[1]}"


@checks("move_limit")
def check_moves(vector: Fields) -> None:
    """Check the most alpha that can move between two subnets, of which one or both may have no pool."""
    cpmm = is_constant_product(vector)
    for row in rows(vector):
        ends = []
        for suffix, names in (("_1", ("origin", "from")), ("_2", ("destination", "to"))):
            kind = row.take(*names, default="dynamic")
            if kind not in ("dynamic", "root", "stable"):
                raise VectorError(f"{row.where}: no such subnet: {kind!r}")
            ends.append(None if kind != "dynamic" else pool_of(row, cpmm, moved_suffix(row, suffix)))
        limit = row.number(*LIMIT)
        wanted = row.wanted("max_alpha", *MOST) or row.wanted("error")
        if wanted is None:
            raise VectorError(f"{row.where}: nothing is expected")
        check_limit(row, wanted, functools.partial(max_move, *ends, limit))


def moved_suffix(row: Row, suffix: str) -> str:
    """Return `suffix` if the row numbers its pools, else nothing: it has one pool only."""
    return suffix if any(name + suffix in row.case or name + suffix in row.params for name in TAO) else ""
