"""The article's arithmetic, from the printed figures alone and apart from the library's rules."""

import math
from datetime import date, timedelta
from fractions import Fraction

import pytest

from locolab.report.claims import Measured, judge, load_ledger
from locolab.report.printed import Bounds, printed

LEDGER = load_ledger()


def figure(name):
    """Return the interval of the figure a row prints."""
    return printed(LEDGER[name].value)


def exact(value):
    return Bounds(value, value)


def over(a, b):
    return Bounds(a.low / b.high, a.high / b.low)


def times(factor, a):
    return Bounds(factor * a.low, factor * a.high)


def minus(whole, a):
    return Bounds(whole - a.high, whole - a.low)


CAP, SUPPLY = "article.circulating-cap", "article.circulating-supply"
TABLE = (34.3, 14.9, 8.64, 5.33, 1.26)
SHARE = times(100, over(figure("article.tao-market-cap"), figure("article.sector-market-cap")))
STAKED = times(100, over(figure("article.staked-tao"), figure(SUPPLY)))
SUBSIDY, PREMIUM = (22, 40), (1.6, 3.5)
PARAMETERS, PAYLOAD = 72747327488, 1991406148  # of the 72B shapes; bytes in the paper's format
RECOMPUTED = {
    "article.tao-share": SHARE,
    "article.tao-share-nearly-20": SHARE,
    "article.table-units": times(1e-9, figure("article.tao-market-cap")),
    "article.two-market-caps": figure("article.tao-market-cap"),
    "article.fdv": times(21e6, over(figure(CAP), figure(SUPPLY))),
    "article.annualized-172m": times(4, figure("article.revenue-43m")),
    "article.ps-20x": over(figure(CAP), figure("article.annualized-172m")),
    "article.fdv-revenue-39x": over(figure("article.fdv"), figure("article.annualized-172m")),
    "article.tokens-1.1t": exact(1.09e12 + 14.2e9),
    "article.hundred-mb-to-one": exact(100 / 146.1),
    "article.utilisation-94.5": exact(100 * 20 * 60 / (20 * 60 + 70)),
    "article.templar-over-440": figure("article.templar-444"),
    "article.staking-rate-low": STAKED,
    "article.staking-rate-high": STAKED,
    "article.hundreds-of-millions": figure("article.templar-market-cap"),
    "article.volume-ratio": times(100, over(figure("article.daily-volume"), figure(CAP))),
    "article.revenue-twice": figure("article.annualized-172m"),
    "article.dewatered-ps-low": over(figure(CAP), Bounds(14.5e6, 15.5e6)),
    "article.dewatered-ps-high": over(figure(CAP), Bounds(2.5e6, 3.5e6)),
    "paper.position-bound-7.36": exact(math.log2(math.comb(4096, 64)) / 64),
    "paper.utilisation-8b": exact(100 * 4.5 * 60 / (4.5 * 60 + 12)),
    "paper.utilisation-intellect-1": exact(100 * 38 / (38 + 8.3)),
    "ours.table-exceeds-sector": exact(sum(TABLE)),
    "ours.multiples-ratio": times(21e6, over(figure("article.ps-20x"), figure(SUPPLY))),
    "ours.turnover-below-sector": over(
        over(figure("article.sector-volume"), figure("article.sector-market-cap")),
        over(figure("article.daily-volume"), figure(CAP)),
    ),
    "ours.float-turnover": times(
        100, over(over(figure("article.daily-volume"), figure(CAP)), minus(1, times(0.01, STAKED)))
    ),
    "ours.at-most-seven": exact(figure("article.subnet-cap").high // 200e6),
    "ours.annualised-88-days": times(365 / 88, figure("article.revenue-43m")),
    "ours.window-before-report": exact((date(2026, 3, 10) - date(2026, 3, 29) + timedelta(days=30)).days),
    "ours.network-subsidy": Bounds(100 * 22 * 42.5e6 / 3.425e9, 100 * 40 * 43.5e6 / 3.415e9),
    "ours.time-that-enters": exact(100 * 1200 / 1270 * 16.9 / 24.4),
    "ours.download-share": exact(2 * 19 / 20 * 4 * PARAMETERS / (20 * PAYLOAD)),
    "ours.break-even-72b": exact(8e-9 * PAYLOAD * (20 + 500 / 110) / (20 * 60 * 5 / 95)),
    "ours.payloads-reach-dense": exact(4 * PARAMETERS / PAYLOAD),
    "ours.rounds-5500": exact(1.1e12 / (16.9 * 30 * 192 * 2048)),
    "ours.issuance-at-cutoff": exact(10.5e6 + 105 * 3600),
    "ours.implied-price": Bounds(100 * PREMIUM[0] / (1 + SUBSIDY[1]), 100 * PREMIUM[1] / (1 + SUBSIDY[0])),
    "ours.emission-against-revenue": times(
        90 * 3600, over(over(figure(CAP), figure(SUPPLY)), figure("article.revenue-43m"))
    ),
    "ours.customers-part": Bounds(100 / (1 + SUBSIDY[1]), 100 / (1 + SUBSIDY[0])),
    "ours.price-after-half": Bounds(1 + SUBSIDY[0] / 2, 1 + SUBSIDY[1] / 2),
    "ours.above-at-quarter": Bounds(1.6 * (1 + 40 * 3 / 4) / (1 + 40), 3.5 * (1 + 22 * 3 / 4) / (1 + 22)),
    "ours.parity-subsidy": Bounds(100 * (1 - 1 / 1.6) * (1 + 1 / 40), 100 * (1 - 1 / 3.5) * (1 + 1 / 22)),
    "ours.parity-elastic": Bounds(100 * (1.6 - 1) / 40, 100 * (3.5 - 1) / 22),
    "ours.gathered-share": exact(100 * 30 / (30 + 1 - 2**-10)),  # 20 from 2 to 1; 10 that halve from 1/2
    "ours.scoring-cost-72b": exact((20 * (8 + 8 + 8) + 8) / (3 * 30 * 192)),
    "ours.mmlu-gap-over-questions": Bounds(  # the widest share of questions that only one has right
        0.014 * math.sqrt(14042 / (0.674 - 0.014**2)), 0.016 * math.sqrt(14042 / (0.672 - 0.016**2))
    ),
    "ours.emission-a-year": times(365 * 3600, over(figure(CAP), figure(SUPPLY))),
}


def test_every_arithmetic_row_is_recomputed_here():
    rows = {c.id for c in LEDGER.values() if c.kind == "arithmetic" and not c.readings}
    projected = {"ours.issuance-at-cutoff"}
    assert rows | projected == set(RECOMPUTED)


@pytest.mark.parametrize("name", RECOMPUTED)
def test_the_figures_recomputed_give_the_expected_number_and_verdict(name):
    claim, bounds = LEDGER[name], RECOMPUTED[name]
    middle = (bounds.low + bounds.high) / 2
    if claim.expected is not None:
        assert bounds.low * (1 - 1e-3) <= claim.expected <= bounds.high * (1 + 1e-3)
    assert judge(claim, Measured(middle, bounds.low, bounds.high), "fast").verdict == claim.expected_verdict


def test_the_fully_diluted_valuation_fits_only_at_the_ends_of_its_inputs():
    computed, stated = RECOMPUTED["article.fdv"], figure("article.fdv")
    assert 0 < computed.high - stated.low < 1e6


def test_both_market_caps_of_tao_agree_with_the_volume_ratio():
    for cap in (CAP, "article.tao-market-cap"):
        ratio = times(100, over(figure("article.daily-volume"), figure(cap)))
        assert figure("article.volume-ratio").overlaps(ratio.low, ratio.high)


@pytest.mark.parametrize(
    ("name", "reading", "value"),
    [
        ("article.density-and-ratio", "one-percent", 32 / (0.01 * 14)),
        ("article.density-and-ratio", "as-run", 32 / (64 / 4096 * 14)),
        ("article.density-and-ratio", "three-percent", 32 / (0.03 * 14)),
        ("article.ps-within-range", "circulating", 3.42e9 / 172e6),
        ("article.ps-within-range", "diluted", 6.68e9 / 172e6),
        ("article.ps-within-range", "external-revenue", 3.42e9 / 15e6),
        ("ours.below-competitor", "printed", 100 * 3.5 / (1 + 22)),
        ("ours.below-competitor", "times-higher", 100 * 4.5 / (1 + 22)),
        ("ours.below-competitor", "miners", 100 * 3.5 / (1 + 22 * (1 - 11_796 / 65_535) / 2)),
        ("ours.ratio-fits-revenue", "stated", 3600 * 365 * 3.42e9 / 10.78e6 / 172e6),
        ("ours.ratio-fits-revenue", "external-high", 3600 * 365 * 3.42e9 / 10.78e6 / 15e6),
        ("ours.ratio-fits-revenue", "external-low", 3600 * 365 * 3.42e9 / 10.78e6 / 3e6),
        ("ours.subsidy-measure", "full-supply", 7200 * 1.47e9 / 21e6 / (3600 * 3.42e9 / 10.78e6)),
        ("article.comparable-to-llama", "mmlu", 67.1 - 65.6),
        ("article.comparable-to-llama", "every-task", 44.0 - 49.4),
        ("article.compression-146x", "fp32", float(Fraction(4096 * 32, 64 * (12 + 2)))),
        ("article.compression-146x", "bf16", float(Fraction(4096 * 16, 64 * (12 + 2)))),
        ("article.compression-146x", "public-code", float(Fraction(4096 * 32, 64 * (12 + 8)))),
        ("article.consumer-grade", "one-card", 72_747_327_488 * 20 / 1e9),
    ],
)
def test_the_numbers_of_readings_follow_from_their_conditions(name, reading, value):
    given = {r.id: r.gives for r in LEDGER[name].readings}
    assert given[reading] == pytest.approx(value, rel=1e-3)


PAYLOAD = {"paper": 72_747_327_488 * 64 * 14 / 4096 / 8, "public-code": 72_747_327_488 * 64 * 20 / 4096 / 8}


@pytest.mark.parametrize(
    ("reading", "payload", "peers", "lanes", "upload"),
    [
        ("node-20", "paper", 20, 1, True),
        ("node-16.9", "paper", 16.9, 1, False),
        ("lanes-20", "paper", 20, 8, True),
        ("lanes-16.9", "paper", 16.9, 8, False),
        ("lanes-16.9-public-code", "public-code", 16.9, 8, False),
    ],
)
def test_seconds_of_a_round_follow_from_payload_and_links(reading, payload, peers, lanes, upload):
    bits = 8 * PAYLOAD[payload]
    seconds = peers * bits / (500e6 * lanes) + upload * bits / (110e6 * lanes)
    given = {r.id: r.gives for r in LEDGER["article.seventy-seconds"].readings}
    assert given[reading] == pytest.approx(seconds, rel=2e-3)


@pytest.mark.parametrize(("reading", "lanes"), [("node", 1), ("lanes", 8)])
def test_utilisation_follows_from_the_same_seconds(reading, lanes):
    bits = 8 * PAYLOAD["paper"] / lanes
    seconds = 20 * bits / 500e6 + bits / 110e6
    given = {r.id: r.gives for r in LEDGER["article.bandwidth-bottleneck-broken"].readings}
    assert given[reading] == pytest.approx(100 * 1200 / (1200 + seconds), rel=1e-3)


def test_the_mean_of_the_seven_tasks_of_table_1():
    covenant = (56.8, 80.9, 81.6, 44.0, 80.6, 75.9, 67.1)
    llama = (57.4, 79.6, 82.6, 49.4, 84.3, 80.4, 65.6)
    mean = sum(covenant) / 7 - sum(llama) / 7
    given = {r.id: r.gives for r in LEDGER["article.comparable-to-llama"].readings}
    assert given["mean"] == pytest.approx(mean, abs=0.005)


def test_the_payload_of_72_billion_parameters_is_exact():
    assert LEDGER["ours.payload-72b"].expected == PAYLOAD["paper"]
