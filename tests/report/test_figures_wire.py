"""Chapter 04's figures: shares above bins, the random curve, quantisers by round, tildes for projections."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest

from locolab.report.figures import wire


def texts(figure):
    figure.draw_without_rendering()
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_projected_payloads_are_marked():
    row = {"positions": 12.0, "values": 2.0, "rest": 0.1, "ratio_fp32": 146.0, "ratio_bf16": 73.0}
    rows = [{"format": name, "payload_bytes": 2**30, "projected": name == "b", **row} for name in "ab"]
    found = texts(wire.bits_per_value(pd.DataFrame(rows), "a title"))
    assert [text for text in found if "GiB" in text] == ["1 GiB", "~1 GiB"]


def test_bins_count_every_value_once():
    values = np.array([-3.0, -1, -1, 1, 1, 1, 1, 0])
    figure = wire.bins({"w": (values, [-2.25, -0.75, 0.75])}, "a title")
    assert texts(figure) == ["12.5%", "25.0%", "12.5%", "50.0%"]
    with pytest.raises(ValueError, match="empty"):
        wire.bins({"w": (values[:0], [0])}, "a title")


def test_a_bin_outside_its_panel_takes_no_room():
    figure = wire.bins({"w": (np.array([-1.0, 1.0, 1.0, 1.0]), [-40, 0, 40])}, "a title")
    assert texts(figure) == ["25.0%", "75.0%"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO())


def test_gaps_integrate_to_one():
    found = np.random.default_rng(0).geometric(1 / 64, 4000).clip(max=200)
    figure = wire.gaps(found, 4096, 64, "a title")
    steps = figure.axes[0].patches[0].get_data()
    assert np.sum(steps.values * np.diff(steps.edges)) == pytest.approx(100)
    with pytest.raises(ValueError, match="there are none"):
        wire.gaps([], 4096, 64, "a title")


def test_errors_draw_seeds_and_means():
    rows = [(q, seed, r, 0.01 * r + 0.001 * seed) for q in wire.LOOKS for seed in (0, 2) for r in (1, 2, 4)]
    frame = pd.DataFrame(rows, columns=["quantiser", "seed", "round", "error"])
    axes = wire.errors(frame, "a title").axes[0]
    drawn = [tuple(np.round(line.get_ydata(), 6)) for line in axes.lines]
    assert drawn.count((0.011, 0.021, 0.041)) == len(wire.LOOKS)
    assert sorted(text.get_text() for text in axes.texts) == sorted(wire.LOOKS)
    with pytest.raises(ValueError, match="lacks error"):
        wire.errors(frame.drop(columns="error"), "a title")
