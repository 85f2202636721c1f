"""Chapter 12's figures draw every phase, event and number of bytes where the data say."""

import numpy as np
import pandas as pd
import pytest

from locolab.report.figures import scale_out


def test_every_phase_of_every_process_and_every_event():
    rows = [(0, "compute", 0.0, 2.0), (0, "wait", 2.0, 3.0), (1, "upload", 1.0, 1.5)]
    spans = pd.DataFrame(rows, columns=["peer", "phase", "start", "end"])
    axes = scale_out.processes(spans, "a title", {"kill 1": 1.0, "start 1": 1.1}).axes[0]
    bars = {(bar.get_x(), round(bar.get_x() + bar.get_width(), 6)) for bar in axes.patches}
    assert bars == {(0.0, 2.0), (2.0, 3.0), (1.0, 1.5)}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["peer 0", "peer 1"]
    assert [text.get_text() for text in axes.texts] == ["kill 1", "start 1"]
    assert axes.texts[0].xyann[1] != axes.texts[1].xyann[1]


def test_bytes_of_each_way_by_hand():
    frame = scale_out.downloads(numel=800, payload=10.0, density=0.5, contributors=[1, 2])
    found = frame.pivot(index="way", columns="contributors", values="bytes")
    assert found.loc["payloads"].tolist() == [10, 20]
    assert found.loc["sum"].tolist() == [100 + 2 * 400, 100 + 2 * 600]
    assert found.loc["again"].tolist() == [10, 10]


def test_growth_draws_a_line_for_each_way_and_one_for_the_dense_vector():
    frame = scale_out.downloads(numel=10**9, payload=2e9, density=1 / 64, contributors=[4, 64])
    axes = scale_out.growth(frame, "a title", dense=4e9).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["every payload"].get_ydata() == pytest.approx([8, 128])
    assert lines["their sum, compressed again"].get_ydata() == pytest.approx([2, 2])
    assert np.unique(lines["the dense vector, fp32"].get_ydata()) == pytest.approx([4])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["4", "64"]


def test_a_frame_without_a_column_is_refused():
    with pytest.raises(ValueError, match="phase"):
        scale_out.processes(pd.DataFrame({"peer": [0], "start": [0], "end": [1]}), "a title", {})
