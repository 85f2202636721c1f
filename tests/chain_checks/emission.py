"""Checkers of the emission vectors: halving, averages, shares, injection terms, root's part, dividends."""

from fractions import Fraction
from itertools import pairwise
from math import floor

from chain_checks import emission_blocks  # noqa: F401 (registers its kinds)
from chain_checks.expectations import Expectations
from chain_checks.frame import REQUIRED, Fields, Tolerance, VectorError, checks
from locolab.economy import shares, split
from locolab.economy.dividends import Hotkey, passed_on, share_pending
from locolab.economy.fixed import U96F32
from locolab.economy.issuance import MAXIMUM_RAO, block_emission, halving_threshold

ISSUANCE = ("total_issuance_rao", "total_issuance", "alpha_issuance", "issuance_rao", "issuance")
EMISSION = ("block_emission_rao", "block_emission", "emission_rao", "emission", "expected")


@checks("block_emission")
def check_block_emission(vector: Fields) -> None:
    tolerance, params, expected = Tolerance(vector), vector.inner("params"), vector.inner("expected")
    if "property" in expected:
        expected.take("property")
        check_closed_form(params)
    elif vector.data.get("expected"):
        got = block_emission(params.take(*ISSUANCE))
        tolerance.check(EMISSION, got, expected.take(*EMISSION), expected.where)
    for case in vector.each("cases"):
        got = block_emission(case.take(*ISSUANCE))
        tolerance.check(EMISSION, got, case.take(*EMISSION), case.where)


def check_closed_form(params: Fields) -> None:
    """Compare with floor(first * 2**-floor(log2(1/(1 - issuance/supply)))) along the whole path."""
    supply, first = params.take("total_supply_rao"), params.take("original_emission_rao")
    stop = params.take("stop_issuance_rao", default=supply)
    assert supply == MAXIMUM_RAO
    borders = [halving_threshold(count) + off for count in range(1, 33) for off in (-1, 0, 1)]
    for issued in (point for point in (*range(0, stop, stop // 9973), *borders) if point < stop):
        multiple, count = Fraction(supply, supply - issued), 0
        while multiple >= 2 ** (count + 1):
            count += 1
        assert block_emission(issued) == floor(first / 2**count), issued


@checks("moving_price")
def check_moving_price(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    tolerance.fields.take("per_case", default=None)
    price = price_of(params)
    ramp = params.take("ema_halving_blocks", default=shares.PRICE_RAMP_BLOCKS)
    for case in vector.each("cases"):
        ema = U96F32.of(case.take("start", "start_price", "moving_price", default=0))
        smoothing = case.take("alpha", "moving_alpha", default="default")
        weight = shares.PRICE_SMOOTHING if smoothing == "default" else U96F32.of(smoothing)
        start_call = max(case.take("first_emission_block", default=0) - 1, 0)
        age = max(case.take("block") - start_call, 0)
        spot = U96F32.of(case.take("price")) if "price" in case else price
        for _ in range(case.take("updates", default=1)):
            ema = shares.next_price_ema(ema, spot, age, weight, ramp)
        got = Fraction(ema, 2**U96F32.fraction)
        Expectations(tolerance, {"expected": got}, aliases=MOVING_PRICE).check_all(case)


MOVING_PRICE = dict.fromkeys(("moving_price", "ema", "ema_price"), "expected")


def price_of(fields: Fields) -> int:
    """Return the price that a vector gives, or that of its reserves, raw U96F32."""
    tao = fields.take("tao_reserve", "tao_in", default=None)
    alpha = fields.take("alpha_reserve", "alpha_in", default=None)
    price = fields.take("price", "spot_price", default=None)
    if price is not None:
        return U96F32.of(price)
    return U96F32.of(1) if tao is None else shares.alpha_price(tao, alpha)


@checks("flow_shares", "flow_shares_disabled")
def check_flow_shares(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    common = {
        "cutoff": params.take("cutoff", "flow_cutoff", "tao_flow_cutoff", default=0.0),
        "p": params.take("p", "exponent", "flow_norm_exponent", default=1.0),
        "values": params.take("values", "flows", "ema_flows", "flow_ema", default=None),
    }
    cases = list(vector.each("cases"))
    if vector.data.get("expected"):
        cases.append(vector.inner("expected"))
    for case in cases:
        check_shares(case, common, tolerance)


def check_shares(case: Fields, common: dict, tolerance: Tolerance) -> None:
    values = case.take("values", "flows", "ema_flows", "flow_ema", default=common["values"])
    exponent = case.take("p", "exponent", "flow_norm_exponent", default=common["p"])
    cutoff = case.take("cutoff", "flow_cutoff", "tao_flow_cutoff", default=common["cutoff"])
    got = shares.flow_shares_of(values, cutoff, exponent)
    limit = tolerance.of("abs_sum", "sum", "shares_sum") if has_sum(tolerance) else 1e-12
    assert not got.any() or abs(got.sum() - 1) <= limit, case.where
    ordered = sorted(range(len(values)), key=lambda index: values[index])
    assert all(got[low] <= got[high] for low, high in pairwise(ordered)), case.where
    quantities = {"expected": list(got), "sum": float(got.sum()), "in_unit_interval": bool((got <= 1).all())}
    quantities["increasing"] = bool((got[1:] > got[:-1]).all())
    Expectations(tolerance, quantities, aliases=SHARES).check_all(case)


def has_sum(tolerance: Tolerance) -> bool:
    return any(name in tolerance.fields for name in ("abs_sum", "sum", "shares_sum"))


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
    for case in vector.each("cases"):
        Expectations(tolerance, terms_of(case, params)).check_all(case)


def terms_of(case: Fields, params: Fields) -> dict[str, Fraction]:
    """Return the terms of a case, whose fields go before those of the vector's params."""

    def value(*names, default=REQUIRED):
        return (case if set(names) & set(case.data) else params).take(*names, default=default)

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
    tolerance, params, expected = Tolerance(vector), vector.inner("params"), vector.inner("expected")
    root, weight = params.take("root_tao", "root_tao_rao"), params.take("tao_weight_u64", "tao_weight")
    weight = weight if isinstance(weight, int) else round(weight * (2**64 - 1))
    issued = params.take("alpha_issuance", default=None)
    if issued is None:
        issued = params.take("alpha_in", default=0) + params.take("alpha_out", default=0)
    else:
        params.take("alpha_in", default=None), params.take("alpha_out", default=None)
    got = Fraction(split.root_proportion(root, issued, weight), 2**U96F32.fraction)
    if expected.take("formula", default=None):
        exact = Fraction(weight, 2**64 - 1) * root
        ideal = exact / (exact + issued) if exact else 0
        assert 0 <= ideal - got <= Fraction(3, 2**32), f"{expected.where}: {float(got)} is not {float(ideal)}"
    quantities = dict.fromkeys(("value", "value_if_alpha_out_is_zero", "root_proportion", "root_prop"), got)
    Expectations(tolerance, quantities).check_all(expected)


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
    weight = params.take("tao_weight", "tao_weight_u64", default=0)
    return split.tao_weight(weight) if isinstance(weight, int) else U96F32.of(weight)
