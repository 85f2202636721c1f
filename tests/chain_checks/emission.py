"""Checkers of the emission vectors: halving, averages, shares, injection terms, root's part, dividends."""

import functools
import re
from fractions import Fraction
from itertools import pairwise
from math import floor

from chain_checks import emission_blocks
from chain_checks.emission_blocks import TAO_WEIGHT
from chain_checks.expectations import Expectations
from chain_checks.frame import REQUIRED, Fields, Tolerance, VectorError, checks, confirm
from locolab.economy import shares, split
from locolab.economy.dividends import Hotkey, passed_on, share_pending
from locolab.economy.fixed import U96F32
from locolab.economy.issuance import MAXIMUM_RAO, block_emission, halving_threshold

ISSUANCE = tuple(f"{stem}issuance{unit}" for stem in ("total_", "alpha_", "") for unit in ("_rao", ""))
EMISSION = tuple(f"{stem}emission{unit}" for stem in ("block_", "alpha_", "") for unit in ("_rao", ""))
EMISSION += (*(f"expected_{name}" for name in EMISSION), "expected")


@checks("block_emission")
def check_block_emission(vector: Fields) -> None:
    tolerance, params, expected = Tolerance(vector), vector.inner("params"), vector.inner("expected")
    if "property" in expected:
        expected.take("property")
        check_closed_form(params)
    elif vector.data.get("expected"):
        got = block_emission(params.take(*ISSUANCE))
        tolerance.check(EMISSION, got, expected.take(*EMISSION), expected.where)
    for case in vector.cases():
        got = block_emission(case.take(*ISSUANCE))
        tolerance.check(EMISSION, got, case.take(*EMISSION), case.where)


def check_closed_form(params: Fields) -> None:
    """Compare with floor(first * 2**-floor(log2(1/(1 - issuance/supply)))) along the whole path."""
    supply, first = params.take("total_supply_rao"), params.take("original_emission_rao")
    stop = params.take("stop_issuance_rao", default=supply)
    if supply != MAXIMUM_RAO:
        raise VectorError(f"{params.where}: the supply is {MAXIMUM_RAO}, not {supply}")
    borders = [halving_threshold(count) + off for count in range(1, 33) for off in (-1, 0, 1)]
    for issued in (point for point in (*range(0, stop, stop // 9973), *borders) if point < stop):
        multiple, count = Fraction(supply, supply - issued), 0
        while multiple >= 2 ** (count + 1):
            count += 1
        confirm(block_emission(issued) == floor(first / 2**count), f"the emission at {issued}")


@checks("moving_price")
def check_moving_price(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    price = price_of(params)
    ramp = params.take("ema_halving_blocks", default=shares.PRICE_RAMP_BLOCKS)
    for case in vector.cases() if "cases" in vector else [vector.inner("expected")]:
        ema = U96F32.of(either(case, params, "start", "start_price", "moving_price", default=0))
        smoothing = either(case, params, "alpha", "moving_alpha", default="default")
        weight = shares.PRICE_SMOOTHING if smoothing == "default" else U96F32.of(smoothing)
        start_call = max(either(case, params, "first_emission_block", default=0) - 1, 0)
        age = max(either(case, params, "block") - start_call, 0)
        spot = U96F32.of(case.take("price")) if "price" in case else price
        for _ in range(either(case, params, "updates", default=1)):
            ema = shares.next_price_ema(ema, spot, age, weight, ramp)
        got = Fraction(ema, 2**U96F32.fraction)
        Expectations(tolerance, {"expected": got}, aliases=MOVING_PRICE).check_all(case)


def either(case: Fields, params: Fields, *names: str, default=REQUIRED):
    """Return the first field by one of `names`, of the case before the parameters."""
    return (case if set(names) & set(case.data) else params).take(*names, default=default)


MOVING_PRICE = dict.fromkeys(("moving_price", "ema", "ema_price"), "expected")


def price_of(fields: Fields) -> int:
    """Return the price that a vector gives, or that of its reserves, raw U96F32."""
    tao = fields.take("tao_reserve", "tao_in", default=None)
    alpha = fields.take("alpha_reserve", "alpha_in", default=None)
    price = fields.take("price", "spot_price", default=None)
    if price is not None:
        return U96F32.of(price)
    return U96F32.of(1) if tao is None else shares.alpha_price(tao, alpha)


FLOWS = ("values", "flows", "ema_flows", "flow_ema", "flow_emas", "ema_tao_flows")
CUTOFF = ("cutoff", "flow_cutoff", "tao_flow_cutoff")
EXPONENT = ("p", "exponent", "flow_norm_exponent")
PRICES = ("moving_prices", "prices", "ema_prices")  # which shares by flow do not look at
SUM = ("abs_sum", "sum", "shares_sum", "sum_abs")


@checks("flow_shares", "flow_shares_disabled")
def check_flow_shares(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    for name in PRICES:
        params.take(name, default=None)
    for case in vector.cases() if "cases" in vector else [vector.inner("expected")]:
        check_shares(case, params, tolerance)


def check_shares(case: Fields, params: Fields, tolerance: Tolerance) -> None:
    for name in PRICES:
        case.take(name, default=None)
    values = either(case, params, *FLOWS)
    cutoff, exponent = (
        either(case, params, *CUTOFF, default=0.0),
        either(case, params, *EXPONENT, default=1.0),
    )
    got = shares.flow_shares_of(values, cutoff, exponent)
    limit = tolerance.of(*SUM) if set(SUM) & set(tolerance.fields.data) else 1e-12
    ordered = sorted(range(len(values)), key=lambda index: values[index])
    quantities = {
        "expected": list(got),
        "sum": float(got.sum()),
        "in_unit_interval": bool(((got >= 0) & (got <= 1)).all()),
        "increasing": bool((got[1:] > got[:-1]).all()),
    }
    sums_to_one = not got.any() or abs(got.sum() - 1) <= limit
    in_order = all(got[low] <= got[high] for low, high in pairwise(ordered))
    if not (sums_to_one and in_order):
        raise AssertionError(f"{case.where}: {got} does not sum to 1 in the order of {values}")
    for name in [name for name in case.unread() if isinstance(case.data[name], str)]:
        check_words(case, name, quantities, sums_to_one)
    Expectations(tolerance, quantities, aliases=SHARES).check_all(case)


def check_words(case: Fields, name: str, got: dict, sums_to_one: bool) -> None:
    """Check what a case says of its shares in words, as "sum = 1, each in [0,1], increasing"."""
    facts = {
        r"sums? *(to|=|==|~|is|equals?)? *(~|about)? *(1|1\.0|one)": sums_to_one and got["sum"] > 0,
        r"(each|all|every|shares?)? *(finite *(and)?)? *(with)?in *\[?(0, *1|0\.\.1)\]?": got[
            "in_unit_interval"
        ],
        r"(strictly )?(increasing|monotone|monotonic|ordered|ascending)": got["increasing"],
        r"(all )?(zeros?|unchanged)|no (panic|emission)": got["sum"] == 0,
        r"(all )?finite": True,
    }
    for clause in re.split(r"[;,](?![^\[]*\])| and ", case.take(name).lower()):
        holds = [fact for words, fact in facts.items() if re.fullmatch(words, clause.strip())]
        if not holds:
            raise VectorError(f"{case.where}.{name}: the checker does not understand {clause.strip()!r}")
        confirm(holds[0], f"{case.where}.{name}: {clause.strip()!r} does not hold: {got}")


SHARES = {
    **dict.fromkeys(("shares", "share", "relative", "normalized"), "expected"),
    **dict.fromkeys(("shares_sum", "sum_of_shares", "total"), "sum"),
    **dict.fromkeys(("each_in_unit_interval", "all_in_unit_interval", "in_range"), "in_unit_interval"),
    **dict.fromkeys(("ordering", "monotonic", "ordered", "monotone"), "increasing"),
}


@checks("subnet_terms")
def check_subnet_terms(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    if vector.data.get("expected"):
        Expectations(tolerance, terms_of(params, params)).check_all(vector.inner("expected"))
    for case in vector.cases():
        Expectations(tolerance, terms_of(case, params)).check_all(case)


def terms_of(case: Fields, params: Fields) -> dict[str, Fraction]:
    """Return the terms of a case, whose fields go before those of the vector's params."""
    value = functools.partial(either, case, params)

    issued = value("total_issuance", "total_issuance_rao", default=0)
    block = value("tao_block_emission", "block_emission", default=block_emission(issued))
    alpha = value("alpha_emission", "alpha_block_emission", default=None)
    if alpha is None:
        alpha = block_emission(value("alpha_issuance", default=0))
    price, spot = price_of(params), value("price", "spot_price", default=None)
    price = price if spot is None else U96F32.of(spot)
    root = U96F32.of(value("root_proportion", default=0))
    rule = "root-proportion" if root else "block-emission"
    cap = split.injection_cap(rule, alpha, block, root)
    terms = split.injection_terms(U96F32.of(value("tao_emission", "emission")), price, alpha, cap)
    return {name: Fraction(raw, 2**U96F32.fraction) for name, raw in vars(terms).items()}


@checks("root_proportion")
def check_root_proportion(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    tolerance.fields.take("exact_formula", default=None)
    for case in vector.cases() if "cases" in vector else [vector.inner("expected")]:
        value = functools.partial(either, case, params)
        root, weight = value("root_tao", "root_tao_rao"), emission_blocks.weight_u64(value(*TAO_WEIGHT))
        parts = value("alpha_in", default=0), value("alpha_out", default=0)
        issued = value("alpha_issuance", default=sum(parts))
        got = Fraction(split.root_proportion(root, issued, weight), 2**U96F32.fraction)
        if case.take("formula", default=None):
            exact = Fraction(weight, 2**64 - 1) * root
            ideal = exact / (exact + issued) if exact else 0
            near = 0 <= ideal - got <= Fraction(3, 2**32)
            confirm(near, f"{case.where}: {float(got)} is not {float(ideal)}")
        Expectations(tolerance, dict.fromkeys(ROOT_PROPORTION, got)).check_all(case)


ROOT_PROPORTION = ("value", "value_if_alpha_out_is_zero", "root_proportion", "root_prop", "expected")


@checks("dividend_distribution")
def check_dividend_distribution(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    if "stake_map" in params:
        quantities = shared_by_stake(params)
    elif "dividend" in params or "incentive" in params or "dividends" in params:
        quantities = single_neuron(params)
    else:
        raise VectorError(f"{params.where} has neither a stake_map nor a dividend: {sorted(params.data)}")
    Expectations(tolerance, quantities, aliases=DIVIDENDS).check_all(vector.inner("expected"))


DIVIDENDS = {
    **dict.fromkeys(("dividends_total", "total_dividend", "dividends"), "total_dividends"),
    **dict.fromkeys(("incentives_total", "total_incentive", "incentives"), "total_incentives"),
    **dict.fromkeys(("total_tao_dividends", "root_alpha_dividends_total"), "total_root_alpha_dividends"),
    "total_emission": "total",
}


def shared_by_stake(params: Fields) -> dict:
    stakes = list(params.each("stake_map"))
    keys = [str(stake.take("hotkey")) for stake in stakes]
    hotkeys = {
        key: Hotkey(stake.take("alpha_stake", "alpha"), stake.take("root_stake", "root"))
        for key, stake in zip(keys, stakes, strict=True)
    }
    dividends = dict(zip(keys, params.take("dividends"), strict=True))
    pending = params.take("pending_validator_alpha", "pending_alpha"), params.take(*ROOT_PENDING, default=0)
    alpha, root = share_pending(*pending, hotkeys, dividends, weight_of(params))
    return {
        "alpha_dividends": [U96F32.floor(alpha[key]) for key in keys],
        "root_alpha_dividends": [U96F32.floor(root[key]) for key in keys],
        "total_alpha_dividends": U96F32.floor(sum(alpha.values())),
        "total_root_alpha_dividends": U96F32.floor(sum(root.values())),
    }


ROOT_PENDING = ("pending_root_alpha", "pending_tao", "pending_root_divs", "pending_root")


def single_neuron(params: Fields) -> dict:
    """Return the totals of one registered hotkey with one rao of stake, the only one that earns."""
    dividend = params.take("dividend", "dividends", default=0)
    incentive = params.take("incentive", "incentives", default=0)
    stake = params.take("stake", "alpha_stake", "stake_alpha", "init_stake", default=1)
    hotkeys, weight = {"0": Hotkey(stake)}, weight_of(params)
    paid = passed_on("0", dividend, hotkeys, weight)[0]["0"]
    pending = params.take("pending_validator_alpha", default=None)
    if pending is not None:
        root = params.take(*ROOT_PENDING, default=0)
        paid = U96F32.floor(share_pending(pending, root, hotkeys, {"0": paid}, weight)[0]["0"])
        params.take("pending_alpha", default=None)
    return {"total_dividends": paid, "total_incentives": incentive, "total": paid + incentive}


def weight_of(params: Fields) -> int:
    """Return the weight of root TAO as raw U96F32: given as a fraction (float) or in 2**-64ths (int)."""
    weight = params.take(*TAO_WEIGHT, default=0)
    return split.tao_weight(weight) if isinstance(weight, int) else U96F32.of(weight)
