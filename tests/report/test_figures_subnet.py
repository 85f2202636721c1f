"""Chapter 10's figures and tables: what they draw, that models say so inside, and what they refuse."""

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from locolab.report import subnet
from locolab.report.figures import subnet as figures
from locolab.report.ledger import load_ledger

LEDGER = load_ledger()


def texts(figure):
    figure.draw_without_rendering()
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def story(seeds=(0, 1)):
    rows = [
        (name, chase, seed, day, 1.0 + day * (1 + chase) + 0.1 * seed, 1.0)
        for name in ("in", "out")
        for chase in (0.0, 0.2)
        for seed in seeds
        for day in range(3)
    ]
    return pd.DataFrame(rows, columns=["story", "chase", "seed", "day", "price", "share"])


def test_the_published_gains_and_the_inflow_they_take():
    gains = subnet.gains(LEDGER)
    assert gains["percent"].tolist() == [444, 440, 280, 230, 166]
    assert ((1 + gains["inflow"]) ** 2).to_numpy() == pytest.approx(gains["multiple"].to_numpy())
    moved = subnet.by_tao_move(gains, (0.0, 4.44))
    assert moved["TAO itself +0%"].to_numpy() == pytest.approx(gains["inflow"].to_numpy())
    assert moved["TAO itself +444%"][0] == pytest.approx(0)


def test_signature_figure_names_every_gain_and_says_model():
    figure = figures.inflow(subnet.gains(LEDGER), {"none": 0.0, "many": 4.0}, "a title")
    found = texts(figure)
    assert {"Templar +444 %", "Targon +166 %", "none", "many"} <= set(found)
    assert any("model, not forecast" in text for text in found)
    low = figure.axes[1].lines[0].get_ydata()
    assert low[0] == pytest.approx(1, abs=1e-3)
    assert low[-1] == pytest.approx(1 / 2.6, abs=1e-3)  # one part in 1 + inflow


def test_every_figure_of_the_chains_pool_tests_is_met():
    tests = subnet.pool_tests()
    assert len(tests) == 7
    assert not tests["missed"].any()


def test_implied_pools_follow_from_the_printed_figures():
    table = subnet.implied_pool(LEDGER, [1.0, 2.0])
    cap_tao = 130e6 / (3.42e9 / 10.78e6)
    assert table["pool_tao"].tolist() == pytest.approx([cap_tao, cap_tao / 2])
    assert table["inflow_tao"][0] == pytest.approx(cap_tao * (1 - 1 / math.sqrt(5.44)))
    assert table["withdrawable"].tolist() == pytest.approx([1 / 2, 1 / 3], rel=1e-3)


def test_caps_and_slippage_in_their_limits():
    table = subnet.caps([1.0, 1000.0])
    assert table["price x outside"].tolist() == pytest.approx([1, 1000])
    assert (table["withdrawable"] < 1).all()
    trades = subnet.slippage([1e-9, 1.0]).set_index(["side", "share"])["worse"]
    assert trades["buying"][1e-9] == pytest.approx(33 / 65_535, rel=1e-2)
    assert (trades["buying"][1.0], trades["selling"][1.0]) == pytest.approx((1.0, 0.5), abs=1e-3)
    assert set(texts(figures.caps(table, "t"))) == {"price x all issued", "price x outside", "withdrawable"}
    drawn = texts(figures.slippage(subnet.slippage([0.01, 0.1]), "t"))
    assert sorted(drawn) == ["buying", "selling"]


def test_paths_pass_the_halving():
    tao, alpha = subnet.issuance_paths(dt.date(2025, 1, 1), dt.date(2026, 7, 1))
    steps = np.diff(tao["halving rule"])
    assert steps[0] == 90 * 7200
    assert steps[-1] == 91 * 3600
    assert (alpha.iloc[:, 1] > alpha.iloc[:, 2]).all()
    assert alpha.iloc[-1, 2] == (dt.date(2026, 7, 1) - dt.date(2025, 2, 13)).days * 7200
    figure = figures.emission_paths(tao, alpha, dt.date(2026, 3, 29), "t")
    assert sum("model, not forecast" in text for text in texts(figure)) == 2
    assert subnet.halvings([1])["tao_per_day"].tolist() == [3600.0]


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_the_loop_draws_means_and_bands_by_story(seeds):
    figure = figures.loop(story(seeds), "t")
    assert [axes.get_title("left") for axes in figure.axes[:2]] == ["in", "out"]
    mean = 1 + np.arange(3) + 0.1 * np.mean(seeds)
    assert figure.axes[0].lines[0].get_ydata() == pytest.approx(mean)
    assert len(figure.axes[0].collections) == (2 if len(seeds) > 1 else 0)
    assert texts(figure).count("model, not forecast") == 2


def test_panels_and_votes():
    panels = subnet.panels([5], epochs=12, miners=4)
    assert panels["habit"].tolist() == ["honest", "copying", "lazy"] * 2
    assert subnet.over_honest(panels, "honest").tolist() == [1.0]
    assert "model, not forecast" in texts(figures.habits(panels, "t"))
    votes = pd.DataFrame({"coalition": [0.4, 0.6], "incentive": [0.0, 1.0], "dividends": [0.0, 1.0]})
    assert "pay in proportion to stake" in texts(figures.coalition(votes, "t"))


def test_destinations_leave_out_dust():
    found = texts(figures.destinations({"owner": 18.0, "peers": 82.0, "rounding": 0.001}, "t"))
    assert found == ["18 (18.0%)", "82 (82.0%)", figures.RULES]
    with pytest.raises(ValueError, match="below half a token"):
        figures.destinations({"owner": 0.1}, "t")


@pytest.mark.parametrize(
    "draw", [figures.loop, figures.caps, figures.coalition, figures.habits, figures.slippage]
)
def test_an_incomplete_table_is_refused(draw):
    with pytest.raises(ValueError, match="draws a tidy table with"):
        draw(pd.DataFrame({"other": [1.0]}), "t")
