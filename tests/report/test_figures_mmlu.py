"""Chapter 09's figures: every model in its look, the paper's tasks apart, what belongs in which panel."""

import pandas as pd
import pytest

from locolab.report.figures import mmlu

TITLE = "a title"
TABLE = pd.DataFrame(
    [
        (arm, seed, suite, split, 0.3 + 0.1 * seed)
        for arm in ("untrained", "sparseloco")
        for seed in (0, 1)
        for suite, split in [("mmlu", "all"), ("facts_continuation", "taught"), ("bits_per_byte", "all")]
    ],
    columns=["arm", "seed", "suite", "split", "value"],
)


def test_only_what_has_a_row_is_drawn_and_in_the_order_of_the_rows():
    drawn = mmlu.labelled(TABLE.iloc[::-1])
    assert list(dict.fromkeys(drawn["panel"])) == ["letter", "facts"]
    assert list(dict.fromkeys(drawn["row"])) == ["MMLU (sample),\nletter form", "taught"]
    assert len(drawn) == 8


def test_mmlu_and_facts_have_axes_of_their_own_and_the_mean_stands_on_its_row():
    figure = mmlu.accuracies(mmlu.labelled(TABLE), TITLE, always=0.27)
    rows = [[label.get_text() for label in axes.get_yticklabels()] for axes in figure.axes]
    assert rows == [["MMLU (sample),\nletter form"], ["taught"]]
    marks = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert marks[0].get_xdata() == pytest.approx([0.35])
    assert abs(marks[0].get_ydata()[0]) < 0.5


def test_every_task_of_the_printed_table_has_its_own_axis():
    frame = pd.DataFrame(
        [(task, model, 50.0) for task in ("MMLU", "PIQA") for model in ("Covenant-72B", "another")],
        columns=["task", "model", "score"],
    )
    figure = mmlu.printed_table(frame, TITLE)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == ["MMLU", "PIQA"]
    assert not shown[0].get_shared_x_axes().joined(*shown)


def test_the_line_of_the_scale_says_what_it_is():
    frame = pd.DataFrame({"model": ["a", "b"], "flops": [1e22, 1e24], "mmlu": [30.0, 60.0]})
    figure = mmlu.scale(frame, frame[["flops", "mmlu"]], TITLE)
    assert "not a forecast" in figure.axes[0].get_legend().get_texts()[0].get_text()
    with pytest.raises(ValueError, match="mmlu"):
        mmlu.scale(frame.drop(columns="mmlu"), frame, TITLE)


def test_pairings_starts_at_zero_and_draws_the_line_that_is_needed():
    frame = pd.DataFrame({"discordant": [0.1, 0.5], "errors": [4.0, 2.2]})
    axes = mmlu.pairings(frame, TITLE, 1.96).axes[0]
    assert axes.get_ylim()[0] == 0
    assert [list(line.get_ydata()) for line in axes.lines][1] == [1.96, 1.96]
    own = mmlu.pairings(frame, TITLE, 1.96, [0.3]).axes[0]
    assert list(own.lines[-1].get_xdata()) == [0.3]


def test_both_forms_show_every_model_with_its_interval_on_an_axis_of_its_own():
    rows = [
        (suite, model, 0.3, 0.29, 0.31)
        for suite in ("mmlu_continuation", "mmlu")
        for model in ("control", "sparseloco")
    ]
    frame = pd.DataFrame(rows, columns=["suite", "model", "share", "low", "high"])
    letter, cloze = mmlu.forms(frame, TITLE, always=0.27).axes
    assert [axes.get_title(loc="left") for axes in (letter, cloze)] == ["letter form", "cloze form"]
    assert not letter.get_shared_x_axes().joined(letter, cloze)
    assert [label.get_text() for label in letter.get_yticklabels()] == [
        "SparseLoCo",
        "SmolLM2-135M-Instruct,\nQ4_1 dequantised",
    ]
