"""Checkers of the emission vectors that run blocks: injection, split, flows of stakers, the epoch's payout.

Absent settings are those of the chain's test runtime (pallets/subtensor/src/tests/mock.rs): no owner's cut,
no root stake, and subnets whose reserves are not given have the price 1.
"""

import dataclasses
import re

from chain_checks.expectations import Expectations
from chain_checks.frame import Fields, Tolerance, VectorError, checks
from locolab.economy import rules
from locolab.economy.chain import Chain, Subnet
from locolab.economy.coinbase import run_block
from locolab.economy.constant_product import Reserves
from locolab.economy.dividends import Hotkey
from locolab.economy.fixed import I64F64, U64_MAX, U96F32
from locolab.economy.full_range import FullRangePool
from locolab.economy.payout import Pending, pay_out

UNSAID_RESERVE = 10**15  # of pools of which a vector says nothing but what is added
TAO_WEIGHT = ("tao_weight", "tao_weight_u64")

QUANTITIES = {
    "subnet_tao": lambda subnet: subnet.pool.tao_rao,
    "alpha_in": lambda subnet: subnet.pool.alpha_rao,
    "alpha_out": lambda subnet: subnet.outside_rao,
    "price": lambda subnet: subnet.price,
    "moving_price": lambda subnet: subnet.price_ema,
    "pending_owner_cut": lambda subnet: subnet.pending.owner_rao,
    "pending_server": lambda subnet: subnet.pending.miners_rao,
    "pending_validator": lambda subnet: subnet.pending.validators_rao,
    "pending_root_alpha": lambda subnet: subnet.pending.root_rao,
    "liquidity": lambda subnet: getattr(subnet.pool, "liquidity", 0),
}
ALIASES = {
    **dict.fromkeys(("tao_reserve", "tao_reserves", "subnet_tao_after", "tao_in"), "subnet_tao"),
    **dict.fromkeys(("alpha_reserve", "alpha_reserves", "subnet_alpha_in", "alpha_in_after"), "alpha_in"),
    **dict.fromkeys(("subnet_alpha_out", "alpha_out_after"), "alpha_out"),
    **dict.fromkeys(("alpha_price", "current_price", "prices"), "price"),
    **dict.fromkeys(("owner_cut", "pending_owner"), "pending_owner_cut"),
    **dict.fromkeys(("pending_server_emission", "pending_server_alpha"), "pending_server"),
    **dict.fromkeys(("pending_validator_emission", "pending_validator_alpha"), "pending_validator"),
    **dict.fromkeys(("pending_root_alpha_divs", "pending_root_divs", "pending_root"), "pending_root_alpha"),
    **dict.fromkeys(("total_issuance_after", "issuance"), "total_issuance"),
    **dict.fromkeys(("total_stake_after", "stake"), "total_stake"),
}


@checks("tao_injection", "alpha_injection", "alpha_injection_inequality", "emission_split")
def check_blocks(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    chain, emission = chain_of(params), emission_of(params, None)
    blocks, era = params.take("blocks", "runs", "n_blocks", default=1), rules_of(vector)
    for case in vector.cases() if "cases" in vector else [None]:
        if case is not None:
            chain, emission = changed(chain, case), emission_of(case, emission)
        before = chain
        for _ in range(blocks):
            chain = run_block(chain, era, emission)
        expected = vector.inner("expected") if case is None else case
        Expectations(tolerance, quantities(chain), quantities(before), ALIASES).check_all(expected)


def rules_of(vector: Fields) -> rules.Rules:
    """Return the rules of the release that the vector's test belongs to."""
    tag = vector.data.get("source_detail", {}).get("tag", "v3.3.13-393")
    known = [release for release in rules.RELEASES if version(release.release) <= version(tag)]
    if not known:
        raise VectorError(f"{vector.where}: no rules for the release {tag!r}")
    return known[-1]


def version(tag: str) -> list[int]:
    """Return the numbers of a tag such as v3.2.9-326, without the last; none for anything else.

    >>> version("v3.2.9-326") < version("v3.2.10-334"), version("HEAD")
    (True, [])
    """
    return [int(part) for part in re.findall(r"\d+", tag)[:3]]


def emission_of(fields: Fields, default: int | None) -> int | None:
    return fields.take("emission", "tao_emission", "block_emission", default=default)


def listed(fields: Fields, *names: str) -> list | None:
    """Return the list in the first of the fields present; one number stands for one subnet."""
    value = fields.take(*names, default=None)
    return value if isinstance(value, list) or value is None else [value]


def chain_of(params: Fields) -> Chain:
    given = {
        "tao": listed(params, "tao_reserves", "tao_reserve", "subnet_tao", "initial_tao"),
        "alpha": listed(params, "alpha_reserves", "alpha_reserve", "subnet_alpha_in", "initial_alpha"),
        "outside": listed(params, "alpha_out", "subnet_alpha_out", "alpha_outs"),
        "flow": listed(params, "flows", "flow", "tao_flows", "tao_flow", "subnet_tao_flow"),
        "ema": listed(params, "flow_emas", "ema_flows", "ema_tao_flows", "flow_ema"),
        "price": listed(params, "moving_prices", "moving_price", "ema_prices", "ema_price"),
        "started": listed(params, "first_emission_block", "started") or [1],
        "open": listed(params, "registration_allowed"),
    }
    count = {len(values) for values in given.values() if values} | {
        params.take("subnets", "n_subnets", default=0)
    } - {0}
    if len(count) > 1 and 1 in count:
        count.discard(1)
    if len(count) > 1:
        raise VectorError(f"{params.where}: lists of {sorted(count)} entries, one a subnet")
    n = count.pop() if count else 1
    rows = ({name: row(values, index) for name, values in given.items()} for index in range(n))
    if params.take("flow_norm_exponent", "p", default=1) != 1:
        raise VectorError(f"{params.where}: exact blocks know the exponent 1 only")
    fresh = params.take("swap_initialized", "initialized", default=False)
    return Chain(
        {netuid: subnet_of(fields, fresh) for netuid, fields in enumerate(rows, start=1)},
        issuance_rao=params.take("total_issuance", "initial_issuance", default=0),
        root_tao_rao=params.take("root_tao", "root_stake", default=0),
        tao_weight_u64=weight_u64(params.take(*TAO_WEIGHT, default=0)),
        owner_cut_u16=params.take("subnet_owner_cut_u16", "owner_cut_u16", "owner_cut", default=0),
        block=params.take("block", default=0),
    )


def row(values: list | None, index: int):
    return None if values is None else values[index if len(values) > 1 else 0]


def subnet_of(fields: dict, initialized: bool) -> Subnet:
    reserves = [UNSAID_RESERVE if fields[side] is None else fields[side] for side in ("tao", "alpha")]
    pool = (FullRangePool.open if initialized else Reserves)(*reserves, fields["outside"] or 0)
    started = 1 if fields["started"] is True else fields["started"]
    return Subnet(
        pool,
        price_ema=U96F32.of(fields["price"] or 0),
        flow_rao=fields["flow"] or 0,
        flow_ema=I64F64.of(fields["ema"] or 0),
        started_block=None if started is False else started,  # null and false: not started
        registration_open=fields["open"] is not False,
    )


def weight_u64(weight: int | float) -> int:
    """Return the weight of root TAO in 2**-64ths, given so (int) or as a fraction (float)."""
    return weight if isinstance(weight, int) else min(round(weight * U64_MAX), U64_MAX)


def changed(chain: Chain, case: Fields) -> Chain:
    """Return the chain with what a case sets before its block."""
    cut = case.take("subnet_owner_cut_u16", "owner_cut_u16", default=chain.owner_cut_u16)
    root = case.take("root_tao", default=chain.root_tao_rao)
    weight = weight_u64(case.take(*TAO_WEIGHT, default=chain.tao_weight_u64))
    prices, subnets = listed(case, "moving_prices", "moving_price"), dict(chain.subnets)
    if prices is not None:
        for (netuid, subnet), price in zip(chain.subnets.items(), prices, strict=True):
            subnets[netuid] = subnet.replace(price_ema=U96F32.of(price))
    return dataclasses.replace(
        chain, subnets=subnets, owner_cut_u16=cut, root_tao_rao=root, tao_weight_u64=weight
    )


def quantities(chain: Chain) -> dict:
    columns = {name: [read(s) for s in chain.subnets.values()] for name, read in QUANTITIES.items()}
    for name in ("price", "moving_price"):
        columns[name] = [U96F32.to_float(raw) for raw in columns[name]]
    return {**columns, "total_issuance": chain.issuance_rao, "total_stake": chain.staked_rao}


@checks("tao_flow")
def check_tao_flow(vector: Fields) -> None:
    tolerance, params, expected = Tolerance(vector), vector.inner("params"), vector.inner("expected")
    fee = params.take("fee_rate_u16", "fee_rate", default=33)
    pool = FullRangePool.open(
        params.take("tao_reserve"), params.take("alpha_reserve", "alpha_in"), fee_rate=fee
    )
    subnet = Subnet(dataclasses.replace(pool, outside_rao=params.take("alpha_out", default=0)))
    staked = subnet.stake(params.take("stake", "amount"))
    bought = staked.outside_rao - subnet.outside_rao
    unstaked = staked.unstake(params.take("unstake", "alpha_unstaked", default=bought))
    quantities = {"flow_after_stake": staked.flow_rao, "flow_after_unstake": unstaked.flow_rao}
    quantities["alpha_received"] = bought
    Expectations(tolerance, quantities).check_all(expected)


@checks("distribute_emission")
def check_distribute_emission(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    hotkeys = hotkeys_of(params)
    both = params.take("pending_alpha", "emission", default=0)
    pending = Pending(
        params.take("pending_owner_cut", "owner_cut", default=0),
        params.take("pending_server", "pending_server_alpha", default=both // 2),
        params.take("pending_validator", "pending_validator_alpha", default=both - both // 2),
        params.take("pending_root_alpha", "pending_root", "pending_tao", default=0),
    )
    burn = U96F32.of(params.take("ck_burn", "childkey_burn", default=0))
    paid = pay_out(pending, hotkeys, weight_u64(params.take(*TAO_WEIGHT, default=0)), burn=burn)
    before = {
        "stake_after_alpha": [hotkey.alpha_rao for hotkey in hotkeys.values()],
        "stake_after_root": [hotkey.root_rao for hotkey in hotkeys.values()],
    }
    gains = [paid.alpha_gain_rao(name) for name in hotkeys]
    after = {
        "stake_after_alpha": [
            old + gain for old, gain in zip(before["stake_after_alpha"], gains, strict=True)
        ],
        "stake_after_root": before["stake_after_root"],
        "stake_gain_alpha": gains,
        "alpha_dividends": [paid.nominators.get(name, 0) for name in hotkeys],
        "root_claimable": [paid.claimable.get(name, 0) for name in hotkeys],
        "total_alpha": sum(gains),
    }
    Expectations(tolerance, after, before, PAID).check_all(vector.inner("expected"))


PAID = {
    **dict.fromkeys(("stake_after", "alpha_stake_after", "stakes_after", "stake_alpha"), "stake_after_alpha"),
    **dict.fromkeys(("root_after", "root_stake_after", "stake_root"), "stake_after_root"),
    **dict.fromkeys(("gain", "stake_gain"), "stake_gain_alpha"),
}


STAKER = {  # field of Hotkey: what vectors call it, for one staker or as a list of all
    "alpha_rao": ("stake_before_alpha", "stake_before", "alpha_stake", "alpha_stakes", "alpha", "init_stake"),
    "root_rao": ("stake_before_root", "root_stake", "root_stakes", "root"),
    "take_u16": ("delegate_take", "delegate_takes", "take"),
    "childkey_take_u16": ("childkey_take_u16", "childkey_take", "childkey_takes"),
    "coldkey": ("coldkey", "coldkeys"),
    "registered": ("registered",),
}


def hotkeys_of(params: Fields) -> dict[str, Hotkey]:
    """Return the stakers of a vector, named by their position, with what they lend each other."""
    stakers = [*params.each("stakers"), *params.each("hotkeys"), *params.each("stake_map")]
    for staker in stakers:
        staker.take("hotkey", "name", default=None)
    columns = {
        field: [staker.take(*names, default=None) for staker in stakers] or listed(params, *names)
        for field, names in STAKER.items()
    }
    parents: dict[int, list[tuple[str, int]]] = {}
    for link in params.each("children"):
        part = link.take("proportion_u64", "proportion")
        parents.setdefault(link.take("child"), []).append((str(link.take("parent")), part))
    hotkeys = {}
    for index in range(max((len(values) for values in columns.values() if values), default=1)):
        row_ = {field: row(values, index) for field, values in columns.items()}
        given = {field: value for field, value in row_.items() if value is not None}
        hotkeys[str(index)] = Hotkey(**given, parents=tuple(parents.get(index, ())))
    return hotkeys
