"""The article's figures and the relations between them, as data for `locolab.report.audit`."""

from __future__ import annotations

from collections.abc import Callable

from locolab.economy import valuation
from locolab.economy.intervals import Bounds
from locolab.report.audit import Figure, Relation

_FIGURES = (
    Figure("sector", "article.sector-market-cap", "$17.46 billion", "AI crypto sector"),
    Figure("cap_1", "article.tao-market-cap", "$3.43B", "TAO cap, section 1"),
    Figure("cap", "article.circulating-cap", "~$3.42B", "TAO cap, section 2"),
    Figure("supply", "article.circulating-supply", "~10.78M", "TAO circulating"),
    Figure("total", "article.supply-cap-21m", "21M", "TAO in total", exact=True),
    Figure("staked", "article.staked-tao", "~7.34M", "TAO staked"),
    Figure("volume", "article.daily-volume", "~$241M", "TAO volume a day"),
    Figure("quarter", "article.revenue-43m", "~$43M", "revenue, a quarter"),
    Figure(
        "external_low",
        "article.dewatered-revenue",
        "$3 million",
        "“de-watered”, lower end",
        part_of="external",
    ),
    Figure(
        "external_high",
        "article.dewatered-revenue",
        "$15 million",
        "“de-watered”, upper end",
        part_of="external",
    ),
    Figure("external", "article.dewatered-revenue", "$3 million to $15 million", "“de-watered” a year"),
    Figure("templar_rise", "article.templar-444", "+444%", "Templar, the table"),
    Figure("templar_cap", "article.templar-market-cap", "$130 million", "Templar, section 4"),
    Figure("seventy", "article.seventy-seconds", "70 seconds", "exchange in a round"),
    Figure("computing", "article.utilisation-94.5", "20 minutes", "computing (paper)", exact=True),
    Figure("ratio", "article.compression-146x", "over 146x", "compression"),
    Figure("hundred", "article.hundred-mb-to-one", "100MB", "before compression"),
    Figure("main_phase", "article.tokens-1.1t", "1.09 trillion", "first phase (paper)"),
    Figure("annealing", "article.tokens-1.1t", "14.2 billion", "annealing (paper)"),
    Figure("density_low", "article.topk-density", "1%", "components sent", part_of="density"),
    Figure("density", "article.topk-density", "1%-3%", "components sent"),
    Figure(
        "density_run", "article.topk-density", "1.5625%", "sent in the run", exact=True, part_of="density"
    ),
    Figure("density_high", "article.topk-density", "3%", "components sent", part_of="density"),
    Figure("bits", "article.two-bit-quantisation", "2-bit", "a value", exact=True),
    # what the others give
    Figure("share", "article.tao-share", "nearly 19.6%", "TAO's share"),
    Figure("share_intro", "article.tao-share-nearly-20", "nearly 20%", "TAO's share, intro"),
    Figure("table", "article.table-units", "34.3", "TAO in the table, bn"),
    Figure("fdv", "article.fdv", "~$6.68B", "fully diluted"),
    Figure("annual", "article.annualized-172m", "~$172M", "revenue, a year"),
    Figure("ps", "article.ps-20x", "~20x", "price/sales"),
    Figure("ps_diluted", "article.fdv-revenue-39x", "~39x", "diluted/sales"),
    Figure("comparables", "article.comparables-15-25x", "15-25x", "comparable firms"),
    Figure("stake_low", "article.staking-rate-low", "68%", "staked, lower end"),
    Figure("stake_high", "article.staking-rate-high", "75%", "staked, upper end"),
    Figure("turnover", "article.volume-ratio", "~7.03%", "volume over cap"),
    Figure("ps_low", "article.dewatered-ps-low", "175x", "price/sales, risk three"),
    Figure("ps_high", "article.dewatered-ps-high", "400x", "price/sales, risk three"),
    Figure("templar_text", "article.templar-over-440", "over 440%", "Templar, the text"),
    Figure("templar_many", "article.hundreds-of-millions", "hundreds of millions", "Templar, section 5"),
    Figure("tokens", "article.tokens-1.1t", "1.1 trillion", "tokens"),
    Figure("after", "article.hundred-mb-to-one", "less than 1MB", "after compression"),
    Figure("utilisation", "article.utilisation-94.5", "94.5%", "time computing"),
)
FIGURES = {figure.name: figure for figure in _FIGURES}
"""The figures that constrain each other, by a short name of ours."""

POSITION_BITS, DENSE_BITS = 12, 32
"""Bits of a position and of an uncompressed value (fp32) in the paper's format, 2603.08163 section 2.1."""


def _same(figure: Bounds) -> Bounds:
    return figure


def _in_billions(figure: Bounds) -> Bounds:
    return figure * 1e-9


def _diluted_multiple(ps: Bounds, supply: Bounds, total: Bounds) -> Bounds:
    return ps / supply * total


def _utilisation(computing_minutes: Bounds, exchange_seconds: Bounds) -> Bounds:
    return 100.0 / (1.0 + exchange_seconds / (60.0 * computing_minutes))


def _compression(density_percent: Bounds, value_bits: Bounds) -> Bounds:
    return DENSE_BITS / (density_percent / 100.0 * (POSITION_BITS + value_bits))


def _relation(
    claim: str, states: str, inputs: str, compute: Callable[..., Bounds], formula: str, reading: str = ""
) -> Relation:
    figures = tuple(FIGURES[name] for name in inputs.split())
    return Relation(claim, FIGURES[states], figures, compute, formula, reading)


_SHARE, _PS = valuation.share_percent, valuation.price_to_sales
_RANGE, _DENSITY = "article.ps-within-range", "article.density-and-ratio"

RELATIONS = (
    _relation("article.tao-share", "share", "cap_1 sector", _SHARE, "cap / sector"),
    _relation("article.tao-share-nearly-20", "share_intro", "cap_1 sector", _SHARE, "cap / sector"),
    _relation("article.table-units", "table", "cap_1", _in_billions, "cap of section 1, in billions"),
    _relation("article.two-market-caps", "cap", "cap_1", _same, "cap of section 1"),
    _relation("article.fdv", "fdv", "cap supply total", valuation.fully_diluted_usd, "cap / supply x total"),
    _relation(
        "article.annualized-172m", "annual", "quarter", valuation.annualised_usd_per_year, "4 quarters"
    ),
    _relation("article.ps-20x", "ps", "cap annual", _PS, "cap / revenue of a year"),
    _relation("article.fdv-revenue-39x", "ps_diluted", "fdv annual", _PS, "diluted / revenue of a year"),
    _relation(
        "ours.multiples-ratio", "ps_diluted", "ps supply total", _diluted_multiple, "20x / supply x total"
    ),
    _relation(_RANGE, "comparables", "cap annual", _PS, "cap / revenue of a year", "circulating"),
    _relation(_RANGE, "comparables", "fdv annual", _PS, "diluted / revenue of a year", "diluted"),
    _relation(_RANGE, "comparables", "cap external_high", _PS, "cap / 15 million", "external-revenue"),
    _relation("article.revenue-twice", "external", "annual", _same, "revenue of a year, section 2"),
    _relation("article.dewatered-ps-low", "ps_low", "cap external_high", _PS, "cap / 15 million"),
    _relation("article.dewatered-ps-high", "ps_high", "cap external_low", _PS, "cap / 3 million"),
    _relation("article.staking-rate-low", "stake_low", "staked supply", _SHARE, "staked / supply"),
    _relation("article.staking-rate-high", "stake_high", "staked supply", _SHARE, "staked / supply"),
    _relation("article.volume-ratio", "turnover", "volume cap", _SHARE, "volume / cap"),
    _relation("article.templar-over-440", "templar_text", "templar_rise", _same, "the table's rise"),
    _relation("article.hundreds-of-millions", "templar_many", "templar_cap", _same, "cap of section 4"),
    _relation("article.tokens-1.1t", "tokens", "main_phase annealing", Bounds.__add__, "both phases"),
    _relation(_DENSITY, "ratio", "density_low bits", _compression, "1 % sent, 12 + 2 bits", "one-percent"),
    _relation(_DENSITY, "ratio", "density_run bits", _compression, "64 of 4096, 12 + 2 bits", "as-run"),
    _relation(_DENSITY, "ratio", "density_high bits", _compression, "3 % sent, 12 + 2 bits", "three-percent"),
    _relation("article.hundred-mb-to-one", "after", "hundred ratio", Bounds.__truediv__, "100 MB / 146"),
    _relation(
        "article.utilisation-94.5",
        "utilisation",
        "computing seventy",
        _utilisation,
        "20 min / (20 min + 70 s)",
    ),
)
"""Every arithmetic relation among the article's printed figures, one for each
reading of a row that has several."""
