"""One block of emission for every subnet, in exact rao: shares, injection, purchases, alpha to participants.

Rules of subtensor, run_coinbase.rs, subnet_emissions.rs and block_step.rs at v3.3.13-393; where other dates
differ, `Rules` says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from locolab.economy.chain import Chain, Subnet, traded_free
from locolab.economy.fixed import U16_MAX, U64_MAX, U96F32
from locolab.economy.full_range import FullRangePool
from locolab.economy.issuance import block_emission
from locolab.economy.payout import Pending
from locolab.economy.rules import Rules, rules_at
from locolab.economy.shares import flow_shares, next_flow_ema, next_price_ema, proportions, tao_emissions
from locolab.economy.split import Terms, injection_cap, injection_terms, root_proportion, split_alpha


def run_block(chain: Chain, rules: Rules | None = None, emission_rao: int | None = None) -> Chain:
    """Return the chain one block later, before stakers trade in it.

    rules: default those of 2026-03-29; exact blocks know shares by price and by flow, and root stake only
    where its dividends are claimable. emission_rao: TAO of this block; None: what the issuance implies. What
    a subnet's pool refuses to sell is not bought, but its TAO counts as issued. ValueError for other rules.

    >>> from locolab.economy.constant_product import Reserves
    >>> subnet = Subnet(Reserves(tao_rao=10**12, alpha_rao=10**12), flow_rao=5)
    >>> after = run_block(Chain({1: subnet}, issuance_rao=11 * 10**15))
    >>> after.subnets[1].pool.tao_rao - 10**12, after.subnets[1].pool.alpha_rao - 10**12
    (500000000, 500000000)
    >>> after.subnets[1].outside_rao                    # root's part is not due below a price sum of 1
    1000000000
    """
    rules = _exact(rules or rules_at("2026-03-29"), chain)
    emission = block_emission(chain.issuance_rao) if emission_rao is None else emission_rao
    emitting = {
        netuid: subnet.replace(flow_ema=next_flow_ema(subnet.flow_ema, subnet.flow_rao), flow_rao=0)
        for netuid, subnet in chain.subnets.items()
        if subnet.started_block is not None and subnet.registration_open
    }
    shares = _shares(emitting, rules)
    pays_root = sum(subnet.price_ema for subnet in emitting.values()) > U96F32.of(1)
    issued, block = 0, chain.block + 1
    subnets = dict(chain.subnets)
    for (netuid, subnet), tao in zip(emitting.items(), tao_emissions(emission, shares), strict=True):
        terms = _terms(subnet, tao, chain, rules, emission)
        issued += U96F32.floor(terms.tao_in) + U96F32.floor(terms.excess_tao) * rules.counts_purchases
        paid = _participants(_injected(subnet, terms), U96F32.floor(terms.alpha_out), chain, pays_root)
        age = max(block - max((paid.started_block or 0) - 1, 0), 0)
        subnets[netuid] = paid.replace(price_ema=next_price_ema(paid.price_ema, paid.price, age))
    issuance = min(chain.issuance_rao + issued, U64_MAX)
    return dataclasses.replace(chain, subnets=subnets, issuance_rao=issuance, block=block)


def blocks_until_epoch(netuid: int, tempo: int, block: int) -> int:
    """Return the blocks until a subnet's next epoch, 0: it is in this block; 2**64 - 1 for tempo 0 (never).

    An epoch is due where (block + netuid + 1) mod (tempo + 1) equals the tempo; the sum wraps at 2**64.

    >>> [blocks_until_epoch(1, 10, block) for block in (5, 8, 9)]
    [3, 0, 10]
    """
    if not (0 <= netuid <= U16_MAX and 0 <= tempo <= U16_MAX and 0 <= block <= U64_MAX):
        raise ValueError(f"netuid and tempo are 16-bit, the block 64-bit; got {netuid}, {tempo}, {block}")
    return tempo - (block + netuid + 1) % 2**64 % (tempo + 1) if tempo else U64_MAX


def _exact(rules: Rules, chain: Chain) -> Rules:
    sells = rules.root_dividends != "claimable" and chain.root_tao_rao
    if rules.shares not in ("price", "flow") or sells:
        raise ValueError(
            f"exact blocks do not know {rules} here: shares {rules.shares!r}, root dividends "
            f"{rules.root_dividends!r}; take rules_at a date in 2025-11-06..2026-05-26, or simulate"
        )
    return rules


def _terms(subnet: Subnet, tao_emission: int, chain: Chain, rules: Rules, emission_rao: int) -> Terms:
    """Return how a subnet uses its `tao_emission` (raw U96F32 rao) out of the block's `emission_rao`."""
    issued = min(subnet.alpha_issuance_rao, U64_MAX)
    alpha_emission, root = (
        block_emission(issued),
        root_proportion(chain.root_tao_rao, issued, chain.tao_weight_u64),
    )
    # the later caps ask the issuance again, and do not look at the emission that the block was given
    block = emission_rao if rules.cap == "subsidy" else block_emission(chain.issuance_rao)
    cap = injection_cap(rules.cap, alpha_emission, block, root)
    return injection_terms(tao_emission, subnet.price, alpha_emission, cap, rules.cap == "keep-tao")


def _shares(subnets: Mapping[int, Subnet], rules: Rules) -> list[int]:
    if rules.shares == "price":
        return proportions([subnet.price_ema for subnet in subnets.values()])
    return flow_shares([subnet.flow_ema for subnet in subnets.values()])


def _injected(subnet: Subnet, terms: Terms) -> Subnet:
    """Return the subnet after the injection and the chain's purchase, whose alpha is removed.

    A pool that has never traded is opened by the purchase, at its reserves before the injection.
    """
    tao, alpha, excess = (U96F32.floor(raw) for raw in (terms.tao_in, terms.alpha_in, terms.excess_tao))
    pool, had_traded = subnet.pool, isinstance(subnet.pool, FullRangePool)
    if isinstance(pool, FullRangePool):
        pool = pool.inject(tao, alpha)
    if excess:
        pool, _ = traded_free(pool, "buy", excess)
    if not had_traded:
        pool = dataclasses.replace(pool, tao_rao=pool.tao_rao + tao, alpha_rao=pool.alpha_rao + alpha)
    return subnet.replace(pool=dataclasses.replace(pool, outside_rao=subnet.outside_rao))


def _participants(subnet: Subnet, alpha_rao: int, chain: Chain, pays_root: bool) -> Subnet:
    """Return the subnet after its alpha was created and split; root's part is removed unless it is paid."""
    outside = min(subnet.outside_rao + alpha_rao, U64_MAX)
    issued = min(subnet.pool.alpha_rao + outside, U64_MAX)
    root = root_proportion(chain.root_tao_rao, issued, chain.tao_weight_u64)
    parts, pending = split_alpha(alpha_rao, root, chain.owner_cut_u16), subnet.pending
    added = Pending(
        pending.owner_rao + parts.owner_rao,
        pending.miners_rao + parts.miners_rao,
        pending.validators_rao + parts.validators_rao,
        pending.root_rao + parts.root_rao * pays_root,
    )
    outside -= 0 if pays_root else parts.root_rao
    return subnet.replace(pool=dataclasses.replace(subnet.pool, outside_rao=outside), pending=added)
