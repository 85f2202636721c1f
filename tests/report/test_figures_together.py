"""Chapter 05's figures and the small tables behind them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from locolab.report import style
from locolab.report.figures import settings, together

TITLE = "a title"


def finished(rows):
    return pd.DataFrame(rows, columns=together.QUALITY)


RUNS = finished(
    [
        ("adamw_dp", 0, 15, 1e9, 2.0), ("adamw_dp", 1, 15, 1e9, 2.2),
        ("averaging", 0, 15, 1e8, 2.3), ("averaging", 0, 5, 3e8, 2.2),
        ("diloco_published", 0, 15, 1e8, 2.6),
        ("sparseloco", 0, 15, 1e6, 2.5), ("sparseloco", 0, 5, 3e6, 2.4),
    ]
)  # fmt: skip


def test_h_stands_over_the_bytes_it_leads_to_and_data_parallel_at_one():
    figure = together.quality_per_byte(RUNS, TITLE)
    figure.draw_without_rendering()
    top = figure.axes[0].child_axes[0]
    named = {
        label.get_text(): place for label, place in zip(top.get_xticklabels(), top.get_xticks(), strict=True)
    }
    assert named["1"] == 1e9
    assert sorted(top.get_xticks()) == [1e6, 3e6, 1e8, 3e8, 1e9]


def test_the_staircase_goes_down_and_leaves_out_what_is_undercut():
    figure = together.quality_per_byte(RUNS, TITLE)
    line = next(line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post")
    assert line.get_xdata().tolist() == [1e6, 3e6, 1e8, 3e8, 1e9]
    assert line.get_ydata() == pytest.approx([2.5, 2.4, 2.3, 2.2, 2.1])


def test_the_band_is_one_standard_deviation_of_data_parallel():
    axes = together.quality_per_byte(RUNS, TITLE).axes[0]
    box = axes.patches[0].get_bbox()
    assert (box.y0, box.y1) == pytest.approx((2.1 - 0.1 * 2**0.5, 2.1 + 0.1 * 2**0.5))
    without = together.quality_per_byte(RUNS[RUNS["method"] != "adamw_dp"], TITLE).axes[0]
    assert not without.patches


@pytest.mark.parametrize(
    ("costs", "losses", "kept"),
    [([3, 1, 2], [1.0, 3.0, 2.0], [1, 2, 0]), ([1, 1], [2.0, 1.0], [1]), ([1, 2], [1.0, 1.0], [0])],
)
def test_pareto_keeps_what_nothing_as_cheap_undercuts(costs, losses, kept):
    assert together.pareto(costs, losses) == kept


def test_sparse_and_dense_runs_of_one_length_part_on_the_axis_of_visits():
    rows = [("diloco_tuned", 0, 64, 64.0, 0.1), ("sparseloco", 0, 64, 1.0, 0.3)]
    frame = pd.DataFrame(rows, columns=["method", "seed", "rounds", "visits", "gap"])
    left, right = together.gap_over_rounds(frame, TITLE, band=0.01).axes
    marks = [
        [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1] for axes in (left, right)
    ]
    assert set(marks[0]) == {64.0}
    assert set(marks[1]) == {1.0, 64.0}


def test_clocks_leave_out_rounds_without_validation():
    rows = [("sparseloco", 0, r, 10 * r, 100 * r, r, None if r == 2 else 5 - r) for r in (1, 2, 3)]
    frame = pd.DataFrame(rows, columns=["method", "seed", "round", *together.CLOCKS, "validation_loss"])
    for axes, factor in zip(together.clocks(frame, TITLE).axes, (10, 100, 1), strict=True):
        assert axes.lines[0].get_xdata().tolist() == [factor, 3 * factor]


TRIALS = pd.DataFrame(
    [
        ("adamw_dp", 0.002, 1.0, 0.0, None, 3.1),
        ("adamw_dp", 0.004, 1.0, 0.0, None, 3.2),
        ("diloco_tuned", 0.004, 0.7, 0.5, None, 3.5),
        ("sparseloco", 0.008, 1.4, 0.0, 0.95, 3.4),
    ],
    columns=["arm", "inner_lr", "outer_lr", "outer_momentum", "decay", "validation_loss"],
)


def test_settings_are_named_where_there_are_any():
    assert settings.setting_text(TRIALS) == [
        "", "", "outer (0.7, 0.5)", "outer lr 1.4, decay 0.95"
    ]  # fmt: skip


def test_the_best_trial_of_every_method_has_a_frame_and_every_trial_its_number():
    frame = TRIALS.assign(setting=settings.setting_text(TRIALS))
    axes = settings.trial_table(frame, TITLE).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == ["3.100", "3.200", "3.400", "3.500"]
    frames = [patch for patch in axes.patches if patch.get_edgecolor() == to_rgba(style.INK)]
    assert len(frames) == 3
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["AdamW data-parallel", "DiLoCo, tuned  outer (0.7, 0.5)",
                     "SparseLoCo  outer lr 1.4, decay 0.95"]  # fmt: skip


def test_a_payload_stands_under_its_k():
    rows = [(64, 2, 0, 2048, 3.0), (64, 2, 1, 2048, 3.2), (4096, 2, 0, 2**17, 2.9), (64, 1, 0, 2048, 3.1)]
    frame = pd.DataFrame(rows, columns=["k", "outer_lr", "seed", "payload_bytes", "validation_loss"])
    axes = settings.density_sweep(frame, TITLE, 4096, 64).axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["outer learning rate 2", "outer learning rate 1"]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "64\n1.56 %\n2 KiB",
        "4096\n100 %\n128 KiB",
    ]


def test_changes_are_grouped_by_knob_and_long_ones_are_arrows():
    gaps = pd.DataFrame(
        [("decay=0", seed, 0.1 + seed / 100) for seed in range(3)]
        + [("positions=random", seed, 0.8) for seed in range(3)]
        + [("k=4", 0, 0.3), ("decay=0.5", 0, -0.9)],
        columns=["arm", "seed", "gap"],
    )
    frame = settings.changed(gaps, settings.SENT)
    assert "k" not in set(frame["knob"])
    axes = settings.changes(frame, TITLE, margin=0.02, limit=0.4).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [
        "positions (the largest)", "drawn at random", "decay of the memory (0.95)", "0: no memory", "0.5"
    ]  # fmt: skip
    assert [text.get_text() for text in axes.texts] == ["+0.80", "-0.90"]
    means = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert means == pytest.approx([0.11])
    assert {line.get_marker() for line in axes.lines} >= {">", "<"}
    assert np.isclose(axes.lines[-1].get_xdata()[0], -0.388)
