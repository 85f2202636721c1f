"""Chapter 06's figures draw every span, repetition, line and mark where its number says."""

import numpy as np
import pandas as pd
import pytest

from locolab.report.figures import utilisation


def test_a_timeline_draws_each_span_from_its_cut_on():
    rows = [("a", "compute", 0, 10), ("a", "upload", 10, 12), ("b", "compute", 0, 4), ("b", "wait", 4, 12)]
    frame = pd.DataFrame(rows, columns=["peer", "phase", "start", "end"])
    axes = utilisation.timeline(frame, "a title", {"deadline": 11}, start=5).axes[0]
    bars = [(round(bar.get_y() + 0.31), bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
    assert bars == [(0, 5, 10), (0, 10, 12), (1, 5, 12)]
    assert [text.get_text() for text in axes.texts] == ["deadline"]


def test_errors_draw_every_repetition_and_the_median():
    rows = [("a link", 1, 0.01), ("a link", 1, 0.02), ("a link", 1, 0.06), ("another", 1, -0.03)]
    axes = utilisation.model_error(pd.DataFrame(rows, columns=["link", "mib", "error"]), "t", 0.1).axes[0]
    drawn = [np.round(line.get_ydata(), 6).tolist() for line in axes.lines]
    assert [1, 2, 6] in drawn
    assert [2] in drawn
    assert drawn.count([-3]) == 2


def test_the_map_fills_printed_points_and_leaves_readings_open():
    curves = pd.DataFrame(
        [("a", 10, 0.1, 0.2), ("a", 100, 0.8, 0.9)], columns=["model", "mbps", "low", "high"]
    )
    points = [("printed", 50, 0.9, True, 20, 0), ("", 50, 0.95, True, 1, 0), ("read", 50, 0.5, False, -20, 0)]
    table = pd.DataFrame(points, columns=["label", "mbps", "utilisation", "printed", "dx", "dy"])
    axes = utilisation.bandwidth_map(curves, table, "a title").axes[0]
    marks = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert [line.get_ydata()[0] for line in marks] == pytest.approx([90, 95, 50])
    assert [line.get_markerfacecolor() == "white" for line in marks] == [False, False, True]
    assert {"printed", "read", "a"} == {text.get_text() for text in axes.texts}


def test_break_even_names_the_largest_rate_of_a_method():
    rows = [("slow", "72.7B", 6191.4), ("slow", "8B", 700), ("fast", "72.7B", 100), ("fast", "8B", 90)]
    frame = pd.DataFrame(rows, columns=["method", "model", "mbps"])
    axes = utilisation.break_even(frame, "a title", {"one link": 500}).axes[0]
    assert [text.get_text() for text in axes.texts] == ["6.19 Gb/s", "100 Mb/s", "one link"]
    with pytest.raises(ValueError, match="lacks mbps"):
        utilisation.break_even(frame.drop(columns="mbps"), "a title", {})
