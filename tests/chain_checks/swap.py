"""Checkers of the swap vectors: the constant product of v2.0.x and the full-range pool of the V3 era.

A vector whose release is older than v3.1.6 is traded in the first, every other one in the second. Its own
reserves may lie below the chain's minimum: the chain's tests run with one of 100. Root and stable subnets,
which have no pool, trade at the price 1.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable

from chain_checks.emission_blocks import version
from chain_checks.formulas import number
from chain_checks.frame import Fields, VectorError, checks, confirm
from chain_checks.rows import OK, Row, expect_error, refused, rows
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
    "PriceLimitExceeded": trade.PriceLimitExceeded,
    "ReservesTooLow": trade.ReservesTooLow,
    "SlippageTooHigh": trade.SlippageTooHigh,
    "NotEnoughStake": trade.NotEnoughStake,
    # staking calls every refusal of the pool for want of reserves by this name
    "InsufficientLiquidity": (trade.InsufficientLiquidity, trade.ReservesTooLow),
}
PRICED_AT_ONE = ("root", "stable")

TAO = ("tao_reserve", "tao_in_reserve", "tao_in", "subnet_tao", "tao")
ALPHA = ("alpha_reserve", "alpha_in_reserve", "alpha_in", "subnet_alpha_in", "alpha")
LIMIT = ("limit_price", "price_limit", "limit")
BOUGHT = ("tao_swapped", "tao_staked", "tao_to_stake", "tao_amount")
SOLD = ("alpha_swapped", "alpha_unstaked", "alpha_to_unstake", "alpha_amount", "unstake_amount")
AMOUNT = ("amount", "amount_in", "delta_in")
REMOVED = ("alpha_removed", "alpha_reduction", "alpha_unstaked")
STAKED = ("alpha_before", "stake_before", "stake_amount", "stake", "staked_alpha")
MOST = ("max_amount", "max_swappable", "max")
MOST_BUY = ("max_tao", "max_stake", "max_buy", "max_amount_add")
MOST_SELL = ("max_alpha", "max_unstake", "max_sell", "max_amount_remove")
FLAT_FEE = ("staking_fee", "staking_fee_rao", "flat_fee", "default_staking_fee")  # stays outside the pool


def is_constant_product(vector: Fields) -> bool:
    """Return whether the vector is of the constant-product era, by its id or release."""
    tag = vector.data.get("source_detail", {}).get("tag") or vector.data.get("tag") or ""
    return vector.data.get("id", "").startswith("swap_cpmm") or [] < version(tag) < [3, 1, 6]


def pool_of(row: Row, constant_product: bool, suffix: str = "") -> Pool | None:
    """Return the row's pool, None if its price is fixed at 1; `suffix` chooses among several."""
    if not suffix and priced_at_one(row):
        return None
    tao, alpha = (row.number(*(name + suffix for name in names)) for names in (TAO, ALPHA))
    outside = row.number(f"alpha_out{suffix}", f"subnet_alpha_out{suffix}", default=None)
    least = row.number("minimum_reserve", "minimum_pool_liquidity", default=None)
    if constant_product:
        return ConstantProductPool(tao, alpha, outside, MINIMUM_POOL if least is None else least)
    fee = row.number("fee_rate_u16", "fee_rate", default=FEE_RATE)
    return FullRangePool.open(tao, alpha, outside, fee, MINIMUM_IN_TESTS if least is None else least)


def priced_at_one(row: Row) -> bool:
    """Return whether a row that gives no reserves is of root or a stable subnet."""
    kind = row.take("subnet", "mechanism", "pool", default=None)
    if kind is None and not any(name in row.case or name in row.params for name in TAO):
        kind = next((word for word in PRICED_AT_ONE if f"_{word}" in row.where), None)
    if kind not in (*PRICED_AT_ONE, "dynamic", None):
        raise VectorError(f"{row.where}: no such subnet: {kind!r}")
    return kind in PRICED_AT_ONE


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
        row.take(*FLAT_FEE, default=None)
        pool = pool_of(row, is_constant_product(vector))
        limit = row.take(*LIMIT, default=None)
        limit = None if limit is None else number(limit, row.where)
        if limit is not None and (in_tao or isinstance(limit, float)):
            limit = min(round(limit * RAO), U64_MAX)
        if not check_most(row, pool, limit):
            if pool is None:
                raise VectorError(f"{row.where}: the checker knows no order without a pool")
            check_order(row, pool, limit)


def check_most(row: Row, pool: Pool | None, limit: int | None) -> bool:
    """Return whether the row asks for the largest order under its limit, after checking it."""
    buys, sells = row.wanted(*MOST_BUY), row.wanted(*MOST_SELL)
    bounds = any(f"expected_{name}_" in field for name in MOST_BUY + MOST_SELL for field in row.case.data)
    if not (buys or sells or bounds or row.wanted(*MOST)) and (order_of(row) or not row.refusal()):
        return False
    if limit is None:
        raise VectorError(f"{row.where}: the largest order needs a limit")
    side = "buy" if buys else "sell" if sells else side_of(row)
    if pool is None:
        run = functools.partial(most_at_one, side)
    else:
        run = pool.max_buy if side == "buy" else pool.max_sell
    check_limit(row, lambda: run(limit))
    return True


def most_at_one(side: str, limit: int) -> int:
    """Return the largest order at the fixed price 1 under `limit`: everything or nothing."""
    return U64_MAX if (limit >= RAO if side == "buy" else limit <= RAO) else 0


def check_limit(row: Row, run: Callable[[], int]) -> None:
    """Check the largest amount, which `run` returns; a refusal counts as the 0 that a vector expects."""
    refusal = row.refusal()
    if refusal is not None:
        expect_error(row, refusal, ERRORS, run)
        return
    got = refused(run)
    got = 0 if isinstance(got, Exception) else got
    for name in ("", *MOST_BUY, *MOST_SELL, *MOST):
        if name not in MOST:
            row.check_relations(got, name)
    if wanted := row.wanted(*MOST_BUY, *MOST_SELL, *MOST):
        row.compare(got, wanted[1], wanted[0], *MOST)


def check_order(row: Row, pool: Pool, limit: int | None) -> None:
    """Check one order if the row has one, else how the pool was set up."""
    order = order_of(row)
    if order is None:
        check_opened(row, pool)
        return
    side, amount = order
    partial = row.take("allow_partial", default=True)
    run = pool.buy if side == "buy" else pool.sell
    smaller = row.number("amount_ok", default=None)
    if smaller is not None:
        confirm(run(smaller, limit, partial), f"{row.where}: {smaller} is filled")
    refusal = row.refusal()
    if refusal is not None:
        row.number(*STAKED, default=None)
        expect_error(row, refusal, ERRORS, functools.partial(run, amount, limit, partial))
        return
    after, receipt = run(amount, limit, partial)
    if row.outcome() == OK or row.case.take("ok", default=False):
        confirm(True, f"{row.where}: the order was filled")
    row.check(True, "ok")
    check_receipt(row, side, amount, receipt)
    check_after(row, pool, after)


def check_receipt(row: Row, side: str, amount: int, receipt: trade.Receipt) -> None:
    """Check what an order paid and received."""
    token, other = ("alpha", "tao") if side == "buy" else ("tao", "alpha")
    names = (f"{token}_received", f"{token}_received_before_fee", "out", "amount_paid_out", "amount_out")
    row.check(receipt.received, *names, token)
    row.check(receipt.fee, "fee", "fee_paid")
    net = receipt.paid - receipt.fee
    row.check(net, "paid_in_reserve_delta", "amount_paid_in", "paid_in")
    row.check(-receipt.received, "paid_out_reserve_delta")
    row.check(receipt.paid, "paid", f"{other}_spent", *(REMOVED if side == "sell" else ()))
    if (staked := row.number(*STAKED, default=None)) is not None:
        staked += receipt.received if side == "buy" else -receipt.paid
        row.check(staked, "alpha_after", "stake_after", "alpha_left", "stake_left")
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
        named = re.search(r"_(root|stable|dynamic)_(root|stable|dynamic)\b", row.where)
        ends = []
        for end, (suffix, *names) in enumerate((("_1", "origin", "from"), ("_2", "destination", "to"))):
            kind = row.take(*names, default=named[end + 1] if named else "dynamic")
            if kind not in (*PRICED_AT_ONE, "dynamic"):
                raise VectorError(f"{row.where}: no such subnet: {kind!r}")
            ends.append(None if kind in PRICED_AT_ONE else pool_of(row, cpmm, moved_suffix(row, suffix)))
        check_limit(row, functools.partial(max_move, *ends, row.number(*LIMIT)))


def moved_suffix(row: Row, suffix: str) -> str:
    """Return `suffix` if the row numbers its pools, else nothing: it has one pool only."""
    return suffix if any(name + suffix in row.case or name + suffix in row.params for name in TAO) else ""
