"""Block emission and halving by issuance in exact rao (subtensor, block_emission.rs at v3.3.13-393)."""

from __future__ import annotations

from locolab.economy.units import MAX_SUPPLY, RAO, amount

BLOCKS_PER_DAY = 7200  # one block every 12 seconds

MAXIMUM_RAO = MAX_SUPPLY * RAO
"""No more is ever issued: 21 million TAO, and 21 million alpha in each subnet."""

FIRST_EMISSION_RAO = RAO
"""Emission of a block before the first halving: one TAO, and one alpha in each subnet."""

_FRACTION = 32  # the chain computes with I96F32


def halvings(issuance_rao: int) -> int:
    """Return how often the block emission has halved once `issuance_rao` are issued.

    The chain floors log2(1 / (1 - issuance / 21e15)), the fraction truncated to 32 binary digits; the
    floored logarithm of a truncated quotient of powers of two is a count of binary digits.

    >>> halvings(10_500_000 * 10**9 - 1), halvings(10_500_000 * 10**9), halvings(15_750_000 * 10**9)
    (0, 1, 2)
    """
    issued = (amount(issuance_rao, "issuance_rao") << _FRACTION) // MAXIMUM_RAO
    remaining = (1 << _FRACTION) - issued
    if remaining <= 0:
        raise ValueError(f"at {issuance_rao} rao everything is issued: no halving is left to count")
    return _FRACTION - (remaining - 1).bit_length()


def block_emission(issuance_rao: int) -> int:
    """Return the rao of one block: 1e9 halved `halvings` times and truncated, 0 once 21e15 are issued.

    With TAO's total issuance it is the TAO emission of a block, shared by all subnets. With the alpha
    issuance of one subnet (pool and outside together) it is that subnet's alpha emission.

    >>> block_emission(0), block_emission(10_880_000 * 10**9), block_emission(21_000_000 * 10**9)
    (1000000000, 500000000, 0)
    """
    if amount(issuance_rao, "issuance_rao") >= MAXIMUM_RAO:
        return 0
    return FIRST_EMISSION_RAO >> halvings(issuance_rao)


def halving_threshold(count: int) -> int:
    """Return the smallest issuance in rao after which the emission has halved at least `count` times.

    >>> [halving_threshold(count) // 10**9 for count in (1, 2, 3)]
    [10500000, 15750000, 18375000]
    """
    if not 0 <= count <= _FRACTION:
        raise ValueError(f"the chain counts 0 to {_FRACTION} halvings, got {count}")
    issued = (1 << _FRACTION) - (1 << (_FRACTION - count))
    return -(-issued * MAXIMUM_RAO // (1 << _FRACTION))


def blocks_to_next_halving(issuance_rao: int) -> int | None:
    """Return the blocks until the emission halves next if each block issues all of it; None if it is 0."""
    emission = block_emission(issuance_rao)
    if not emission:
        return None
    missing = halving_threshold(halvings(issuance_rao) + 1) - issuance_rao
    return -(-missing // emission)


def issuance_after(issuance_rao: int, blocks: int) -> int:
    """Return the issuance in rao after `blocks` blocks that each issue their whole emission.

    Exact, era by era. Recycled TAO (registrations) lowers the chain's issuance; it is not in this path.

    >>> issuance_after(10_500_000 * 10**9 - 1, 2) - 10_500_000 * 10**9      # one block of 1 TAO, one of 0.5
    1499999999
    """
    issued, left = amount(issuance_rao, "issuance_rao"), amount(blocks, "blocks")
    while left and (era := blocks_to_next_halving(issued)) is not None:
        steps = min(left, era)
        issued += steps * block_emission(issued)
        left -= steps
    return issued
