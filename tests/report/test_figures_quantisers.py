"""Chapter 04's fronts and trainings: rings, lines, order by size; seconds fall towards sending alone."""

import numpy as np
import pandas as pd
import pytest

from locolab.compress import CompressionSpec
from locolab.report import payloads
from locolab.report.figures import quantisers


def texts(figure):
    figure.draw_without_rendering()
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_names_of_quantisers_and_arms_mean_what_they_say():
    thrifty = CompressionSpec(codec="entropy").replace(**payloads.QUANTISERS[payloads.THRIFTY])
    assert thrifty == CompressionSpec.thrifty()
    assert {family for family, _, _ in payloads.ARMS.values()} <= set(quantisers.FAMILIES)
    for _, _, fields in payloads.ARMS.values():
        CompressionSpec().replace(**fields)


def test_fronts_ring_the_chosen_one_in_every_panel():
    rows = [
        (panel, family, family, seed, bits, error)
        for panel in ("real", "drawn")
        for family, bits, error in (("1 bit", 8.5, 0.2), ("2 bits", 9.5, 0.1), ("public", 8.6, 0.3))
        for seed in (0, 1)
    ]
    frame = pd.DataFrame(rows, columns=quantisers.FRONT)
    figure = quantisers.fronts(frame, "a title", "1 bit", {"230x": 8.9})
    assert texts(figure) == ["230x", "230x"]
    for axes in figure.axes:
        ring = axes.lines[-2]  # the vertical line comes last
        assert (*ring.get_xdata(), *ring.get_ydata(), ring.get_fillstyle()) == (8.5, 0.2, "none")
    with pytest.raises(ValueError, match="lacks error"):
        quantisers.fronts(frame.drop(columns="error"), "a title", "1 bit", {})


def test_trainings_are_ordered_by_size_and_mark_the_public_code():
    rows = [
        ("50 rounds", *arm, seed, 4 + seed / 10)
        for arm in (("fp32", "fp32", 50.0), ("public", "public", 218.0))
        for seed in (0, 1)
    ]
    frame = pd.DataFrame(rows, columns=["panel", "family", "setting", "ratio", "seed", "loss"])
    axes = quantisers.trained(frame, "a title").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["public, 218x", "fp32, 50x"]
    verticals = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert [line.get_xdata()[0] for line in verticals] == [pytest.approx(4.05)]


def test_seconds_of_coding_are_divided_by_cores():
    frame = pd.DataFrame({"format": ["packed", "entropy"], "sending": [90.0, 60.0], "coding": [0.0, 256.0]})
    axes = quantisers.exchange(frame, "a title", 70).axes[0]
    curves = [line.get_ydata() for line in axes.lines if line.get_marker() == "o"]
    assert np.allclose(curves[0], 90)
    assert (curves[1][0], curves[1][-1]) == (316, 61)
    assert "70 s" in texts(axes.figure)
