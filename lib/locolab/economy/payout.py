"""At an epoch's end: a subnet's pending alpha to its owner, miners, validators and root stakers.

Rules of subtensor, run_coinbase.rs at v3.3.13-393, in exact rao.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from locolab.economy.dividends import Hotkeys, emission_by_stake, fraction, passed_on, share_pending
from locolab.economy.fixed import U16_MAX, U96F32
from locolab.economy.split import tao_weight
from locolab.economy.units import amount


@dataclass(frozen=True)
class Pending:
    """A subnet's alpha that waits for its next epoch, whole rao."""

    owner_rao: int = 0
    miners_rao: int = 0
    validators_rao: int = 0
    root_rao: int = 0

    def __post_init__(self) -> None:
        for name in ("owner_rao", "miners_rao", "validators_rao", "root_rao"):
            amount(getattr(self, name), name)


@dataclass
class Payout:
    """Where the pending alpha went, whole rao.

    incentives: to miners. takes: to validators' owners, of alpha and root dividends. nominators: to those
    who stake alpha with a validator. claimable: to its root stakers, who claim it later. burned_rao:
    incentives of hotkeys of the subnet's owner. recycled_rao: burnt on lent stake.
    """

    owner_rao: int = 0
    incentives: dict[str, int] = field(default_factory=dict)
    takes: dict[str, int] = field(default_factory=dict)
    nominators: dict[str, int] = field(default_factory=dict)
    claimable: dict[str, int] = field(default_factory=dict)
    burned_rao: int = 0
    recycled_rao: int = 0

    def alpha_gain_rao(self, hotkey: str) -> int:
        """Return by how much the alpha staked with `hotkey` grows."""
        return sum(paid.get(hotkey, 0) for paid in (self.incentives, self.takes, self.nominators))

    @property
    def paid_rao(self) -> int:
        """Return all that was paid, made claimable or burnt: never more than was pending."""
        parts = (self.incentives, self.takes, self.nominators, self.claimable)
        return self.owner_rao + self.burned_rao + sum(sum(part.values()) for part in parts)


def pay_out(
    pending: Pending,
    hotkeys: Hotkeys,
    tao_weight_u64: int,
    emissions: Mapping[str, tuple[int, int]] | None = None,
    owner_hotkeys: Collection[str] = (),
    burn: int = 0,
) -> Payout:
    """Return where `pending` goes.

    emissions: (incentive, dividend) in rao of each hotkey from the consensus epoch, which is given the sum of
    all pending but the owner's; None: nobody set weights. Without any incentive the miners' part goes to the
    validators. owner_hotkeys: keys whose incentives are burnt. burn: raw U96F32 part of dividends on stake
    lent by other owners that is burnt.

    >>> from locolab.economy.dividends import Hotkey
    >>> keys = {"a": Hotkey(alpha_rao=10**9, root_rao=10**9, take_u16=0)}
    >>> paid = pay_out(Pending(miners_rao=500, validators_rao=500, root_rao=200), keys, 2**64 - 1)
    >>> paid.alpha_gain_rao("a"), paid.claimable
    (1000, {'a': 200})
    """
    weight = tao_weight(tao_weight_u64)
    if emissions is None:
        total = pending.miners_rao + pending.validators_rao + pending.root_rao
        emissions = emission_by_stake(total, hotkeys, weight)
    unknown = sorted(set(emissions) - set(hotkeys))
    if unknown:
        raise ValueError(f"emissions name hotkeys of which no stake is given: {', '.join(unknown)}")
    payout, dividends = Payout(owner_rao=pending.owner_rao), dict.fromkeys(hotkeys, 0)
    for name, (incentive, dividend) in emissions.items():
        _incentive(payout, name, amount(incentive, f"incentive of {name}"), owner_hotkeys)
        paid, burnt = passed_on(name, dividend, hotkeys, weight, burn)
        payout.recycled_rao += burnt
        for receiver, rao in paid.items():
            dividends[receiver] += rao
    validators = pending.validators_rao
    if not any(incentive for incentive, _ in emissions.values()):
        validators += pending.miners_rao
    _dividends(payout, hotkeys, *share_pending(validators, pending.root_rao, hotkeys, dividends, weight))
    return payout


def _incentive(payout: Payout, name: str, rao: int, owner_hotkeys: Collection[str]) -> None:
    if name in owner_hotkeys:
        payout.burned_rao += rao
    elif rao:
        payout.incentives[name] = rao


def _dividends(payout: Payout, hotkeys: Hotkeys, alpha: Mapping[str, int], root: Mapping[str, int]) -> None:
    """Write down takes, nominators' and root stakers' parts of raw U96F32 dividends, each truncated."""
    for parts, rest_to in ((alpha, payout.nominators), (root, payout.claimable)):
        for name, part in parts.items():
            take = U96F32.multiply(fraction(hotkeys[name].take_u16, U16_MAX), part)
            payout.takes[name] = payout.takes.get(name, 0) + U96F32.floor(take)
            rest_to[name] = U96F32.floor(U96F32.subtract(part, take))
