"""From a subnet's emission to its pool and to owner, miners, validators and root stakers, in exact rao.

Rules of subtensor, run_coinbase.rs and block_step.rs at v3.3.13-393. Amounts with a fraction are raw U96F32;
each is truncated to whole rao only where the chain writes it down.
"""

from __future__ import annotations

from dataclasses import dataclass

from locolab.economy.fixed import U16_MAX, U64_MAX, U96F32
from locolab.economy.rules import Cap
from locolab.economy.units import amount

OWNER_CUT_U16 = 11_796
"""The owner's part of the alpha emission in 65535ths, 18 %, by default."""

MAINNET_TAO_WEIGHT_U64 = 3_320_413_933_267_719_290
"""0.18 in units of 2**-64: what one TAO staked on root counts in alpha, as mainnet had it set."""

_HALF = U96F32.of(0.5)


@dataclass(frozen=True)
class Terms:
    """What one block brings to a subnet, raw U96F32 rao.

    tao_in, alpha_in enter the pool, excess_tao buys alpha from it, alpha_out goes to the participants.
    """

    tao_in: int
    alpha_in: int
    alpha_out: int
    excess_tao: int


def injection_terms(
    tao_emission: int, price: int, alpha_emission_rao: int, cap: int, keep_tao: bool = False
) -> Terms:
    """Return how a subnet's part of the TAO emission is used.

    tao_emission, price, cap: raw U96F32. Beside the TAO goes alpha of the same worth, but at most `cap`; the
    TAO above it is excess. With `keep_tao` (the rules before v3.2.3) it goes into the pool all the same, and
    at price 0 the whole cap does; otherwise at price 0 no alpha goes in.

    >>> terms = injection_terms(U96F32.of(30), U96F32.of(0.25), 150, cap=U96F32.of(100))
    >>> [raw >> 32 for raw in (terms.tao_in, terms.alpha_in, terms.alpha_out, terms.excess_tao)]
    [25, 100, 150, 5]
    """
    alpha_out = U96F32.of(amount(alpha_emission_rao, "alpha_emission_rao"))
    matching = U96F32.safe_divide(tao_emission, price)
    if keep_tao:
        return Terms(tao_emission, min(matching, cap) if price else cap, alpha_out, 0)
    if matching <= cap:
        return Terms(tao_emission, matching, alpha_out, 0)
    tao_in = U96F32.multiply(cap, price)
    return Terms(tao_in, cap, alpha_out, U96F32.subtract(tao_emission, tao_in))


def injection_cap(
    rule: Cap, alpha_emission_rao: int, block_emission_rao: int, root_proportion: int = 0
) -> int:
    """Return the most alpha that one block may put into a pool, raw U96F32 like `root_proportion`.

    >>> [injection_cap(rule, 10**9, 5 * 10**8) >> 32 for rule in ("block-emission", "alpha-emission")]
    [500000000, 1000000000]
    """
    alpha = U96F32.of(amount(alpha_emission_rao, "alpha_emission_rao"))
    block = U96F32.of(amount(block_emission_rao, "block_emission_rao"))
    caps = {
        "subsidy": block,
        "block-emission": min(alpha, block),
        "root-proportion": U96F32.multiply(root_proportion, alpha),
    }
    return caps.get(rule, alpha)


def root_proportion(root_tao_rao: int, alpha_issuance_rao: int, tao_weight_u64: int) -> int:
    """Return the part of validators' alpha that belongs to root stakers, raw U96F32.

    w * root TAO / (w * root TAO + alpha issuance), w = tao_weight_u64/(2**64 - 1); each step truncates.

    >>> U96F32.to_float(root_proportion(10**9, 3 * 10**9, 2**64 - 1))
    0.25
    """
    root = U96F32.multiply(U96F32.of(amount(root_tao_rao, "root_tao_rao")), tao_weight(tao_weight_u64))
    issued = U96F32.of(amount(alpha_issuance_rao, "alpha_issuance_rao"))
    return U96F32.safe_divide(root, U96F32.add(root, issued))


def tao_weight(tao_weight_u64: int) -> int:
    """Return the stored weight of root TAO over 2**64 - 1, raw U96F32."""
    return U96F32.divide(U96F32.of(amount(tao_weight_u64, "tao_weight_u64")), U96F32.of(U64_MAX))


@dataclass(frozen=True)
class Split:
    """A block's alpha for the participants of one subnet, whole rao.

    unpaid_rao: what the four truncations leave over, created but given to nobody.

    >>> split_alpha(10**9, root_proportion=U96F32.of(0.25))
    Split(owner_rao=179995422, miners_rao=410002288, validators_rao=307501716, root_rao=102500572,
          unpaid_rao=2)
    """

    owner_rao: int
    miners_rao: int
    validators_rao: int
    root_rao: int
    unpaid_rao: int


def split_alpha(alpha_out_rao: int, root_proportion: int = 0, owner_cut_u16: int = OWNER_CUT_U16) -> Split:
    """Return how `alpha_out_rao` is split: the owner's cut, then half to miners, half to validators and root.

    root_proportion: raw U96F32, of the validators' half. Raises ValueError for a cut above 65535.
    """
    if not 0 <= owner_cut_u16 <= U16_MAX:
        raise ValueError(f"owner_cut_u16 = {owner_cut_u16}: give 65535ths, 0 to 65535")
    out = U96F32.of(amount(alpha_out_rao, "alpha_out_rao"))
    owner = U96F32.multiply(out, U96F32.divide(U96F32.of(owner_cut_u16), U96F32.of(U16_MAX)))
    rest = U96F32.subtract(out, owner)
    root = U96F32.multiply(U96F32.multiply(root_proportion, rest), _HALF)
    miners = U96F32.multiply(rest, _HALF)
    validators = U96F32.subtract(U96F32.subtract(rest, miners), root)
    owner, miners, validators, root = (U96F32.floor(part) for part in (owner, miners, validators, root))
    return Split(owner, miners, validators, root, alpha_out_rao - owner - miners - validators - root)
