"""Checkers of the swap vectors about ticks: square roots, positions between two of them, single steps."""

from __future__ import annotations

import math
import re
from typing import Any

from chain_checks.frame import Fields, VectorError, checks, confirm
from chain_checks.rows import Row, expect_error, rows
from locolab.economy.fixed import U64F64
from locolab.economy.full_range import FullRangePool
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
from locolab.economy.swap_step import paid_in_to, paid_out, position_amounts, root_after

TICK_ERRORS = {"TickOutOfBounds": TickOutOfRange, "SqrtPriceOutOfBounds": TickOutOfRange}


ENDS = {"MIN": -1, "MAX": 1}
NAMED_TICKS = {f"{stem}{end}": sign * MAX_POOL_TICK for stem in ("", "TICK_") for end, sign in ENDS.items()}


def tick_named(text: str) -> int:
    """Return the tick in a text such as "MIN (-443636 after clamping)", "MAX + 1" or "443636"."""
    parts = re.fullmatch(r"([A-Z_]+|-?[\d_]+)(?: *([+-]) *(\d+))?(?: *\(.*\))?", text.strip())
    if parts is None or (not parts[1].lstrip("-")[0].isdigit() and parts[1] not in NAMED_TICKS):
        raise VectorError(f"{text!r} is no tick that this checker knows; there is {', '.join(NAMED_TICKS)}")
    tick = NAMED_TICKS[parts[1]] if parts[1] in NAMED_TICKS else int(parts[1])
    return tick + int(f"{parts[2]}{parts[3]}") if parts[2] else tick


UPDATES = ("expect_to_update", "expected_to_update", "expected_update", "current_liquidity_updates")


@checks("v3_liquidity")
def check_positions(vector: Fields) -> None:
    """Check what a position of some liquidity holds between two prices or ticks."""
    for row in rows(vector):
        pool = FullRangePool.open(
            row.number("tao_reserve", "tao_in"), row.number("alpha_reserve", "alpha_in")
        )
        liquidity = row.number("liquidity", "position_liquidity")
        low, high = (end_of_position(row, end, pool.root) for end in ("low", "high"))
        if (refusal := row.refusal()) is not None:
            if "InvalidTickRange" not in refusal:
                raise VectorError(f"{row.where}: {refusal!r} is an unknown error")
            valid = -MAX_POOL_TICK <= low < high <= MAX_POOL_TICK
            confirm(not valid, f"{row.where}: {low}..{high} is a range")
            continue
        low, high = root_at(low), root_at(high)
        tao, alpha = position_amounts(liquidity, pool.root, low, high)
        row.check(tao, "tao")
        row.check(alpha, "alpha")
        inside = low <= pool.root < high
        row.check(pool.liquidity + inside * liquidity, "current_liquidity")
        if (updates := row.take(*UPDATES, default=None)) is not None:
            row.compare(inside, updates, "expect_to_update")


def root_at(end: int) -> int:
    """Return an end of a position as a square root: itself, or that of a tick of a pool."""
    return sqrt_price_at_tick(end) if abs(end) <= MAX_TICK else end


def end_of_position(row: Row, end: str, root: int) -> int:
    """Return the tick at an end of a position, or the pool's root for "CURRENT"."""
    given = row.take(f"tick_{end}", default=None)
    if given is not None:
        return tick_named(str(given))
    price = row.take(f"price_{end}")
    if isinstance(price, str):
        return root if price.startswith("CURRENT") else tick_named(price)
    try:
        return tick_at_sqrt_price(U64F64.of(math.sqrt(price)))
    except TickOutOfRange:
        return MAX_POOL_TICK if price > 1 else -MAX_POOL_TICK


@checks("v3_step")
def check_steps(vector: Fields) -> None:
    """Check what an amount takes out at a square root of the price, without fee, either way."""
    for row in rows(vector):
        for end in ("min", "max"):
            tick = ENDS[end.upper()] * MAX_POOL_TICK
            if row.number(f"sqrt_price_tick_{end}", default=tick) != tick:
                raise VectorError(f"{row.where}: a pool's {end} tick is {tick}")
        liquidity = row.number("liquidity", "current_liquidity")
        root = root_named(row.take("sqrt_price", "current_sqrt_price"))
        if (delta := row.number("delta_in", "amount_in", default=None)) is not None:
            row.check(paid_out("buy", liquidity, root, delta) if delta else 0, "buy_alpha", "buy")
            row.check(paid_out("sell", liquidity, root, delta) if delta else 0, "sell_tao", "sell")
            for side in ("buy", "sell"):
                end = U64F64.to_float(root_after(side, liquidity, root, delta))
                row.check(end, f"{side}_sqrt_price", f"sqrt_price_{side}")
        if (target := row.take("sqrt_price_target", "target_sqrt_price", default=None)) is not None:
            for side in ("buy", "sell"):
                row.check(paid_in_to(side, liquidity, root, root_named(target)), f"{side}_delta_in")


def root_named(value: Any) -> int:
    """Return a square root given as a number or as the name of an outermost tick."""
    return bounded_sqrt_price_at_tick(tick_named(value)) if isinstance(value, str) else U64F64.of(value)


@checks("v3_ticks")
def check_ticks(vector: Fields) -> None:
    """Check ticks against square roots, either way and back again."""
    for row in rows(vector):
        tick = row.number("tick", "tick_index", default=None)
        ratio, root = row.number("sqrt_ratio_x96", default=None), row.number("sqrt_price", default=None)
        if (refusal := row.refusal()) is not None:
            expect_error(row, refusal, TICK_ERRORS, tick_conversion(row, tick, ratio, root))
            continue
        if tick is None:
            row.check(tick_conversion(row, tick, ratio, root)(), "tick", "tick_index")
            continue
        if ratio is not None:
            row.compare(sqrt_ratio_x96(tick), ratio, "sqrt_ratio_x96")
        if abs(tick) <= MAX_POOL_TICK:
            price = U64F64.to_float(sqrt_price_at_tick(tick))
            row.check(price, "sqrt_price")
            row.check(price**2, "price")
            for got, name in ((price, "sqrt_price"), (price**2, "price")):
                if (given := row.number(name, default=None)) is not None:
                    row.compare(got, given, name)
            back = tick_at_sqrt_price(sqrt_price_at_tick(tick))
        else:
            back = tick_at_sqrt_ratio(sqrt_ratio_x96(tick)) if tick < MAX_TICK else tick
        row.check(sqrt_ratio_x96(tick), "sqrt_ratio_x96")
        row.check(back, "round_trip", "roundtrip", "round_trip_tick", "roundtrip_tick", "tick", "tick_index")


def tick_conversion(row: Row, tick: int | None, ratio: int | None, root: float | None) -> Any:
    """Return a call of the conversion whose result or error the row expects."""
    if ratio is not None:
        return lambda: tick_at_sqrt_ratio(int(ratio))
    if root is not None:
        return lambda: tick_at_sqrt_price(U64F64.of(root))
    if tick is None:
        raise VectorError(f"{row.where}: no tick, sqrt_ratio_x96 or sqrt_price")
    # of the ticks in the table only a pool refuses some
    return lambda: (sqrt_price_at_tick if abs(tick) <= MAX_TICK else sqrt_ratio_x96)(tick)
