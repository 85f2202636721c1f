"""The chain's rules as values: which pool, shares, injection cap and root dividends applied at a date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

Pool = Literal["cpmm", "v3", "balancer"]
Shares = Literal["price", "flow", "net-flow", "price-unburned"]
Cap = Literal["keep-tao", "subsidy", "alpha-emission", "block-emission", "root-proportion"]
RootDividends = Literal["sold", "sold-unless-subsidised", "claimable"]


@dataclass(frozen=True)
class Rules:
    """What one release of the chain's public code does with a block's emission.

    release, released: the tag in opentensor/subtensor and the date of the tag. Mainnet switched hours to
    days later, and the chain's own settings can be changed without a release; neither is recorded here.

    pool: "cpmm" constant product without proportional fee; "v3" one position over the full range, which
    trades as a constant product with a fee of 33/65535; "balancer" weighted product.
    shares: "price" moving average of the alpha price; "flow" moving average of net TAO staked;
    "net-flow" the same less the chain's own purchases; "price-unburned" price times (1 - burned share).
    cap: what bounds the alpha put into a pool each block. "keep-tao" the subnet's alpha emission, and the
    TAO stays in the pool though there is no alpha for it; in all others the excess TAO buys alpha:
    "subsidy" the TAO block emission; "alpha-emission" the subnet's alpha emission; "block-emission" the
    smaller of these two; "root-proportion" root's proportion of the alpha emission.
    root_dividends: what becomes of root stakers' part: "sold" for TAO in the pool every block,
    "sold-unless-subsidised" the same except where the cap binds, "claimable" kept as alpha.
    """

    release: str
    released: dt.date
    pool: Pool
    shares: Shares
    cap: Cap
    root_dividends: RootDividends

    @property
    def counts_purchases(self) -> bool:
        """Return whether TAO that buys alpha counts as issued; under "subsidy" the chain's tests say no."""
        return self.cap != "subsidy"

    def __str__(self) -> str:
        return f"{self.release} ({self.released})"


def _rules(tag: str, day: str, pool: Pool, shares: Shares, cap: Cap, root: RootDividends) -> Rules:
    return Rules(tag, dt.date.fromisoformat(day), pool, shares, cap, root)


RELEASES = (
    _rules("v2.0.0", "2025-02-13", "cpmm", "price", "keep-tao", "sold"),
    _rules("v3.1.6", "2025-06-30", "v3", "price", "keep-tao", "sold"),
    _rules("v3.2.3", "2025-07-29", "v3", "price", "subsidy", "sold-unless-subsidised"),
    _rules("v3.2.10-334", "2025-11-04", "v3", "flow", "subsidy", "sold-unless-subsidised"),
    _rules("v3.2.12-342", "2025-11-06", "v3", "flow", "alpha-emission", "claimable"),
    _rules("v3.3.1-362", "2025-12-12", "v3", "flow", "block-emission", "claimable"),
    _rules("v3.3.10-380", "2026-02-20", "balancer", "flow", "block-emission", "claimable"),
    _rules("v3.3.11-385", "2026-03-11", "v3", "flow", "block-emission", "claimable"),
    _rules("v3.3.13-393", "2026-03-25", "v3", "flow", "block-emission", "claimable"),
    _rules("v3.4.0-411", "2026-05-27", "v3", "net-flow", "block-emission", "claimable"),
    _rules("v3.4.6-421", "2026-06-22", "v3", "price-unburned", "root-proportion", "claimable"),
    _rules("v3.4.8-423", "2026-06-25", "balancer", "price-unburned", "root-proportion", "claimable"),
)
"""Every release that changed one of the rules, and the one of the article's date (v3.3.13-393)."""


def rules_at(day: str | dt.date) -> Rules:
    """Return the rules of the latest release on or before `day` ("YYYY-MM-DD").

    Raises ValueError before 2025-02-13, when subnets had no alpha token, or for a malformed date.

    >>> rules_at("2026-03-29").release, rules_at("2026-03-29").shares, rules_at("2026-03-29").cap
    ('v3.3.13-393', 'flow', 'block-emission')
    >>> rules_at("2025-10-01").shares
    'price'
    """
    when = date_of(day)
    known = [rules for rules in RELEASES if rules.released <= when]
    if not known:
        raise ValueError(
            f"no rules before {RELEASES[0]}: until then subnets had no alpha token (asked: {when})"
        )
    return known[-1]


def date_of(day: str | dt.date) -> dt.date:
    """Return a date given as such or as YYYY-MM-DD; anything else raises ValueError."""
    if isinstance(day, dt.date):
        return day
    try:
        return dt.date.fromisoformat(day)
    except (TypeError, ValueError):
        raise ValueError(f"a date is written YYYY-MM-DD, got {day!r}") from None
