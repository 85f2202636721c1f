"""Issuance over dates, and what emission is worth at a given price; the names carry the units.

Derived, not read from the chain: the day of the first halving, 10.5 million TAO on it, 7200 blocks a day and
the halving rule. TAO that is recycled lowers the real issuance. Paths beyond the last known day are a model,
not a forecast, and nothing here knows a price.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Generic

from locolab.economy.issuance import BLOCKS_PER_DAY, block_emission, halving_threshold, issuance_after
from locolab.economy.rules import date_of
from locolab.economy.split import OWNER_CUT_U16
from locolab.economy.units import MAX_SUPPLY, RAO
from locolab.economy.valuation import DAYS_PER_YEAR, QUARTERS_PER_YEAR, Quantity

FIRST_HALVING = dt.date(2025, 12, 14)
"""The day on which 10.5 million TAO were issued, as taostats and the press had it."""

Day = str | dt.date


def tao_issuance(day: Day) -> float:
    """Return the TAO issued by the start of `day`: 10.5 million on the day of the first halving.

    Before it one TAO a block; ValueError for days on which that gives less than nothing.

    >>> tao_issuance("2025-12-14"), tao_issuance("2026-03-29")      # 105 days at 3600
    (10500000.0, 10878000.0)
    """
    blocks = (date_of(day) - FIRST_HALVING).days * BLOCKS_PER_DAY
    issued = halving_threshold(1)
    issued = issuance_after(issued, blocks) if blocks >= 0 else issued + blocks * block_emission(0)
    if issued < 0:
        raise ValueError(f"at one TAO a block nothing was issued by {day}")
    return issued / RAO


def tao_per_day(issuance_tao: float) -> float:
    """Return the TAO emitted a day, at most, once `issuance_tao` are issued.

    >>> tao_per_day(10_400_000), tao_per_day(10_878_000)
    (7200.0, 3600.0)
    """
    return BLOCKS_PER_DAY * _emission(issuance_tao)


def halving_day(count: int) -> dt.date:
    """Return the day of the `count`-th halving if every block issues all it may.

    >>> halving_day(1), halving_day(2)
    (datetime.date(2025, 12, 14), datetime.date(2029, 12, 11))
    """
    if count < 1:
        raise ValueError(f"halvings are counted from 1, got {count}")
    days = 0.0
    for done in range(1, count):
        missing = halving_threshold(done + 1) - halving_threshold(done)
        days += missing / block_emission(halving_threshold(done)) / BLOCKS_PER_DAY
    return FIRST_HALVING + dt.timedelta(days=math.floor(days))


def alpha_issuance(day: Day, start_alpha: float, start_day: Day, injected: float = 1.0) -> float:
    """Return a subnet's alpha, in the pool and outside, on `day`, from `start_alpha` on `start_day`.

    Each block creates the subnet's alpha emission for its participants, and for the pool the part `injected`
    (0 to 1) of what may be put there: at most the TAO block emission, from 2025-12-14 on 0.5. Alpha that the
    chain buys and removes is left out, so this is an upper end.

    >>> alpha_issuance("2026-03-29", 3_000_000, "2026-03-19", injected=0)      # 7200 a day
    3072000.0
    >>> alpha_issuance("2026-03-29", 3_000_000, "2026-03-19")                  # and 3600 into the pool
    3108000.0
    """
    first, last = date_of(start_day), date_of(day)
    if last < first or not 0 <= injected <= 1 or not 0 <= start_alpha <= MAX_SUPPLY:
        raise ValueError(
            f"alpha_issuance goes on from a day with 0 to {MAX_SUPPLY} alpha, with 0 <= injected <= 1; "
            f"got {start_alpha} on {first} to {last}, injected {injected}"
        )
    issued = start_alpha
    for offset in range((last - first).days):
        emission = _emission(issued)
        tao = _emission(tao_issuance(first + dt.timedelta(days=offset)))
        issued += BLOCKS_PER_DAY * (emission + injected * min(emission, tao))
    return min(issued, float(MAX_SUPPLY))


@dataclass(frozen=True)
class EmissionValue(Generic[Quantity]):
    """What an emission is worth in US dollars at one price: nothing that anybody was paid."""

    usd_per_day: Quantity

    @property
    def usd_per_year(self) -> Quantity:
        """Return a year of 365 days at the same price and emission."""
        return self.usd_per_day * float(DAYS_PER_YEAR)

    @property
    def usd_per_quarter(self) -> Quantity:
        """Return a quarter of that year."""
        return self.usd_per_day * (DAYS_PER_YEAR / QUARTERS_PER_YEAR)


def tao_emission_value(
    tao_price_usd: Quantity, tao_emitted_per_day: float, share: float = 1.0
) -> EmissionValue[Quantity]:
    """Return what the TAO emission is worth, of the whole network or of a subnet with a `share` of it.

    >>> value = tao_emission_value(300.0, 3600, share=0.01)
    >>> value.usd_per_day, value.usd_per_quarter, value.usd_per_year
    (10800.0, 985500.0, 3942000.0)
    """
    if not 0 <= share <= 1 or not 0 <= tao_emitted_per_day <= BLOCKS_PER_DAY:
        raise ValueError(
            f"a share is 0 to 1 and at most {BLOCKS_PER_DAY} TAO are emitted a day; "
            f"got {share} of {tao_emitted_per_day}"
        )
    return EmissionValue(tao_price_usd * (tao_emitted_per_day * share))


def alpha_emission_value(
    alpha_price_tao: float, tao_price_usd: Quantity, alpha_issued: float = 0.0, part: float = 1.0
) -> EmissionValue[Quantity]:
    """Return what a subnet's participants get, at the spot price of alpha; its pool could not pay it all.

    part: see OWNER_PART and MINERS_PART; 1 for all participants. alpha_issued sets the alpha emission.

    >>> alpha_emission_value(0.02, 300.0).usd_per_day                          # 7200 alpha of 6 USD
    43200.0
    """
    if not 0 <= part <= 1 or not 0 <= alpha_price_tao < math.inf:
        raise ValueError(f"a part is 0 to 1 and a price at least 0; got {part} and {alpha_price_tao}")
    return EmissionValue(tao_price_usd * (BLOCKS_PER_DAY * _emission(alpha_issued) * alpha_price_tao * part))


OWNER_PART = OWNER_CUT_U16 / 65535
"""The owner's part of a subnet's alpha emission, 18 %."""

MINERS_PART = (1 - OWNER_PART) / 2
"""The miners' part, 41 %; validators and root stakers share as much."""


def _emission(issued: float) -> float:
    """Return the tokens of one block at an issuance in whole tokens."""
    if not 0 <= issued <= MAX_SUPPLY:
        raise ValueError(f"issuance is 0 to {MAX_SUPPLY} tokens, got {issued}")
    return block_emission(round(issued * RAO)) / RAO
