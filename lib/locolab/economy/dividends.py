"""What validators earn and pass on, in exact rao: to keys that lent them stake, to stakers and root stakers.

Rules of subtensor, run_coinbase.rs at v3.3.13-393. A hotkey is the key under which a miner or a validator is
registered; one may lend its stake to another (a parent to its child) and gets dividends for it. Fractions of
rao are raw U96F32 and are truncated where the chain writes an amount down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from locolab.economy.fixed import I32F32, I96F32, U16_MAX, U64_MAX, U96F32
from locolab.economy.units import amount

DELEGATE_TAKE_U16 = 11_796
"""A validator's own part of its stakers' dividends in 65535ths, 18 %, by default."""


@dataclass(frozen=True)
class Hotkey:
    """A hotkey's stake in whole rao, and its terms.

    alpha_rao: stake in the subnet's alpha; root_rao: TAO on root. take_u16: what it keeps of its stakers'
    dividends, in 65535ths. parents: who lends it stake, as (name, part of the parent's stake in 2**-64ths);
    childkey_take_u16: what it keeps of parents' dividends. coldkey: its owner, None for one of its own; take
    and burn fall only on parents of other owners. registered: whether it takes part in the epoch.
    """

    alpha_rao: int = 0
    root_rao: int = 0
    take_u16: int = DELEGATE_TAKE_U16
    parents: tuple[tuple[str, int], ...] = ()
    childkey_take_u16: int = 0
    coldkey: str | None = None
    registered: bool = True

    def __post_init__(self) -> None:
        for name in ("alpha_rao", "root_rao"):
            amount(getattr(self, name), name)
        for name in ("take_u16", "childkey_take_u16"):
            if not 0 <= getattr(self, name) <= U16_MAX:
                raise ValueError(f"{name} = {getattr(self, name)!r}: give 65535ths, 0 to 65535")


Hotkeys = Mapping[str, Hotkey]


def fraction(part: int, whole: int) -> int:
    """Return `part` of `whole` units as raw U96F32, truncated."""
    return U96F32.divide(U96F32.of(part), U96F32.of(whole))


def contributions(name: str, hotkeys: Hotkeys, weight: int) -> tuple[int, dict[str, int]]:
    """Return the stake that works for a hotkey, raw U96F32: what it keeps itself, what each parent lends.

    weight: of root TAO, raw U96F32. Raises ValueError for a parent that is not among `hotkeys`.
    """
    lent = sum(
        fraction(part, U64_MAX) for child in hotkeys.values() for to, part in child.parents if to == name
    )
    kept = U96F32.subtract(U96F32.of(1), lent)
    own = U96F32.of(U96F32.floor(_weighted(hotkeys[name], kept, weight)))
    parents = {}
    for parent, part in hotkeys[name].parents:
        if parent not in hotkeys:
            raise ValueError(f"{name} has the parent {parent}, of which no stake is given")
        parents[parent] = _weighted(hotkeys[parent], fraction(part, U64_MAX), weight)
    return own, parents


def emission_by_stake(total_rao: int, hotkeys: Hotkeys, weight: int) -> dict[str, tuple[int, int]]:
    """Return (incentive, dividend) in rao of each registered hotkey in an epoch without any weights.

    Nobody is a miner then: the whole emission goes by stake, and nothing if there is none.

    >>> emission_by_stake(100, {"a": Hotkey(alpha_rao=30), "b": Hotkey(alpha_rao=10)}, weight=0)
    {'a': (0, 75), 'b': (0, 25)}
    """
    total = I96F32.of(amount(total_rao, "total_rao"))
    stakes = {}
    for name in (name for name, hotkey in hotkeys.items() if hotkey.registered):
        own, parents = contributions(name, hotkeys, weight)
        stakes[name] = own + sum(parents.values())
    everything = sum(stakes.values())
    parts = {name: I32F32.safe_divide(stake, everything) for name, stake in stakes.items()}
    return {name: (0, I96F32.floor(I96F32.multiply(part, total))) for name, part in parts.items()}


def passed_on(
    name: str, dividend_rao: int, hotkeys: Hotkeys, weight: int, burn: int = 0
) -> tuple[dict[str, int], int]:
    """Return a hotkey's dividend in rao as split with its parents, and the rao burnt.

    Each parent gets the part of its stake in all the stake that works for the hotkey, less the hotkey's take
    and `burn` (raw U96F32 part, on parents of other owners).

    >>> lender = Hotkey(alpha_rao=100)
    >>> child = Hotkey(alpha_rao=100, parents=(("lender", 2**63),), childkey_take_u16=0)
    >>> passed_on("child", 900, {"lender": lender, "child": child}, weight=0)
    ({'lender': 299, 'child': 600}, 0)
    """
    own, parents = contributions(name, hotkeys, weight)
    everything = own + sum(parents.values())
    remaining = dividend = U96F32.of(amount(dividend_rao, "dividend_rao"))
    child, paid, burnt, taken = hotkeys[name], {}, 0, 0
    for parent, lent in parents.items():
        part = U96F32.multiply(dividend, U96F32.safe_divide(lent, everything))
        remaining = U96F32.subtract(remaining, part)
        if not _same_owner(parent, name, hotkeys):
            burns = U96F32.multiply(burn, part)
            take = U96F32.multiply(fraction(child.childkey_take_u16, U16_MAX), part)
            part = U96F32.subtract(U96F32.subtract(part, burns), take)
            taken, burnt = U96F32.add(taken, take), burnt + U96F32.floor(burns)
        paid[parent] = U96F32.floor(part)
    paid[name] = paid.get(name, 0) + U96F32.floor(U96F32.add(remaining, taken))
    return paid, burnt


def share_pending(
    validators_rao: int, root_rao: int, hotkeys: Hotkeys, dividends: Mapping[str, int], weight: int
) -> tuple[dict[str, int], dict[str, int]]:
    """Return each hotkey's part of the pending alpha of validators and of root stakers, raw U96F32.

    A hotkey's dividend (rao, from the epoch) is divided by its alpha stake and its weighted root stake; the
    two pending amounts go pro rata to these two parts, so a part that nobody has is paid to nobody.

    >>> keys = {"a": Hotkey(alpha_rao=1, root_rao=1), "b": Hotkey(alpha_rao=1)}
    >>> alpha, root = share_pending(300, 50, keys, {"a": 10, "b": 5}, weight=U96F32.of(1))
    >>> [alpha[name] >> 32 for name in keys], [root[name] >> 32 for name in keys]
    ([150, 150], [50, 0])
    """
    alpha_parts, root_parts = {}, {}
    for name, dividend_rao in dividends.items():
        dividend = U96F32.of(amount(dividend_rao, f"dividend of {name}"))
        root = U96F32.multiply(U96F32.of(hotkeys[name].root_rao), weight)
        stake = U96F32.add(U96F32.of(hotkeys[name].alpha_rao), root)
        root_parts[name] = U96F32.multiply(dividend, U96F32.safe_divide(root, stake))
        alpha_parts[name] = U96F32.subtract(dividend, root_parts[name])
    return _pro_rata(validators_rao, alpha_parts), _pro_rata(root_rao, root_parts)


def _pro_rata(pending_rao: int, parts: Mapping[str, int]) -> dict[str, int]:
    pending, everything = U96F32.of(amount(pending_rao, "pending rao")), U96F32.saturate(sum(parts.values()))
    return {
        name: U96F32.multiply(pending, U96F32.safe_divide(part, everything)) for name, part in parts.items()
    }


def _weighted(hotkey: Hotkey, part: int, weight: int) -> int:
    """Return `part` of a hotkey's alpha and weighted root stake, raw U96F32."""
    alpha = U96F32.multiply(U96F32.of(hotkey.alpha_rao), part)
    return U96F32.add(alpha, U96F32.multiply(U96F32.multiply(U96F32.of(hotkey.root_rao), part), weight))


def _same_owner(left: str, right: str, hotkeys: Hotkeys) -> bool:
    owner = hotkeys[left].coldkey
    return owner is not None and owner == hotkeys[right].coldkey
